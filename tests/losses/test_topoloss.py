"""TopoLoss in both readings: values by hand, and what sets the readings apart."""

import pytest
import torch

from topoeval import Topology, UserError
from topoeval.losses import TopoLoss
from topoeval.persistence import compute


def row(*values):
    """A one-row image; its bars of dimension 0 can be read off."""
    return torch.tensor(values, dtype=torch.float64)[None, None, None]


# bars of the map: (0.9, never), (0.7, 0.1), (0.5, 0.2); of the target: (1, never), (1, 0)
MAP = row(0.9, 0.1, 0.7, 0.2, 0.5)
TARGET = row(1.0, 0.0, 1.0, 1.0, 0.0)


@pytest.mark.parametrize("reading", ["longest", "optimal"])
def test_value_by_hand(reading):
    """Matched to (1, 0), the essential class to its own, the rest to the diagonal."""
    expected = (1 - 0.9) ** 2 + (1 - 0.7) ** 2 + 0.1**2 + (0.5 - 0.2) ** 2 / 2
    parts = TopoLoss(reading=reading).parts(MAP, TARGET)
    assert parts["b0"].item() == pytest.approx(expected)
    assert parts["b1"].item() == 0


def test_the_readings_differ_on_short_bars():
    """A bar nearer to the diagonal than to the target is raised by one, removed by the other."""
    weak = row(0.9, 0.1, 0.2, 0.0, 0.0)
    raised = (1 - 0.9) ** 2 + (1 - 0.2) ** 2 + 0.1**2
    removed = (1 - 0.9) ** 2 + (0.2 - 0.1) ** 2 / 2 + 1 / 2
    assert TopoLoss()(weak, TARGET).item() == pytest.approx(raised)
    assert TopoLoss(reading="optimal")(weak, TARGET).item() == pytest.approx(removed)
    moves = {}
    for reading in ("longest", "optimal"):
        x = weak.clone().requires_grad_()
        TopoLoss(reading=reading)(x, TARGET).backward()
        moves[reading] = -x.grad[..., 2].item()
    assert moves["longest"] > 0 > moves["optimal"]


@pytest.mark.parametrize("direction", ["superlevel", "sublevel"])
def test_bars_to_the_corner(direction):
    """A grey target gives the number of bars alone; its essential class stays as it is."""
    sublevel = direction == "sublevel"
    x, grey = (1 - t if sublevel else t for t in (MAP, row(0.8, 0.3, 0.6, 0.6, 0.3)))
    loss = TopoLoss(to_corner=True, topology=Topology("T", direction))
    expected = (0.8 - 0.9) ** 2 + (1 - 0.7) ** 2 + 0.1**2 + (0.5 - 0.2) ** 2 / 2
    assert loss(x, grey).item() == pytest.approx(expected)
    assert TopoLoss(to_corner=True)(MAP, TARGET) == TopoLoss()(MAP, TARGET)


def test_short_bars_may_be_left_alone():
    """What is unmatched and shorter than `min_length` costs nothing; what is matched still does."""
    full = TopoLoss()(MAP, TARGET).item()
    removed = (0.5 - 0.2) ** 2 / 2
    assert TopoLoss(min_length=0.29)(MAP, TARGET).item() == pytest.approx(full)
    assert TopoLoss(min_length=0.31)(MAP, TARGET).item() == pytest.approx(full - removed)
    assert TopoLoss(min_length=0.7)(MAP, TARGET).item() == pytest.approx(full - removed)


def test_missing_features_count_and_have_no_gradient():
    """An empty map lacks all bars of the target: half a unit each, and nothing to move."""
    x = torch.zeros(1, 1, 1, 5, requires_grad=True)
    value = TopoLoss()(x, TARGET.float())
    value.backward()
    assert value.item() == 1 + 0.5
    # the essential class alone has a voxel to raise
    assert (x.grad != 0).sum() == 1


@pytest.mark.parametrize("border", ["plain", "framed"])
def test_equals_the_formula_on_random_maps(border):
    """Sorted by hand, image by image, against a binary target."""
    torch.manual_seed(0)
    x, target = torch.rand(2, 2, 9, 8).double(), (torch.rand(2, 2, 9, 8) > 0.6).double()
    topology = Topology("V", border=border)
    value = TopoLoss(topology=topology, reduction="none")(x, target)
    for i in range(4):
        bars = compute(x.flatten(0, 1)[i : i + 1], topology).multiset()
        wanted = compute(target.flatten(0, 1)[i : i + 1], topology).multiset()
        total = 0.0
        for k in (0, 1):
            finite = [(b, d) for _, dim, b, d in bars if dim == k and b < 9 and d > -9]
            n = sum(1 for _, dim, b, d in wanted if dim == k and b < 9 and d > -9)
            finite.sort(key=lambda bar: bar[1] - bar[0])
            total += sum((1 - b) ** 2 + d**2 for b, d in finite[:n])
            total += sum((b - d) ** 2 / 2 for b, d in finite[n:])
            total += max(0, n - len(finite)) / 2
            for ends in (lambda b, d: b < 9 and d < -9, lambda b, d: b > 9 and d > -9):
                ours = [
                    max(b if b < 9 else d, 0) for _, dim, b, d in bars if dim == k and ends(b, d)
                ]
                its = [b if b < 9 else d for _, dim, b, d in wanted if dim == k and ends(b, d)]
                total += sum((a - b) ** 2 for a, b in zip(ours, its, strict=True))
        assert value.flatten()[i].item() == pytest.approx(total)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: TopoLoss(reading="best"), "'longest' or 'optimal', got 'best'"),
        (lambda: TopoLoss(min_length=1.0), r"min_length.*\[0, 1\)"),
        (lambda: TopoLoss(dims=[2])(MAP, TARGET), r"dims.*\(2,\)"),
    ],
)
def test_bad_arguments_are_refused_in_words(make, words):
    """What is wrong, the value, what to do."""
    with pytest.raises(UserError, match=words):
        make()
