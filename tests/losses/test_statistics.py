"""Statistics of barcodes, by hand and by torch_topological."""

import math

import pytest
import torch

from topoeval import Topology, UserError
from topoeval.losses import PersistentEntropyLoss, TotalPersistenceLoss
from topoeval.persistence import compute


def row(*values):
    """A one-row image; its bars of dimension 0 can be read off."""
    return torch.tensor(values, dtype=torch.float64)[None, None, None]


# lengths of the map: 0.8 (essential), 0.6, 0.2; of the target: 1, 1
MAP = row(0.8, 0.0, 0.6, 0.2, 0.4)
TARGET = row(1.0, 0.0, 1.0, 1.0, 0.0)


@pytest.mark.parametrize("power", [1.0, 2.0, 3.0])
@pytest.mark.parametrize("exponent", [1.0, 2.0])
def test_total_persistence_by_hand(power, exponent):
    """Sum of powers of lengths, a power of the difference."""
    total = 0.8**power + 0.6**power + 0.2**power
    loss = TotalPersistenceLoss(power=power, exponent=exponent)
    parts = loss.parts(MAP, TARGET)
    assert parts["b0"].item() == pytest.approx(abs(total - 2) ** exponent)
    assert parts["b1"].item() == 0


def entropy(*lengths):
    total = sum(lengths)
    return -sum(length / total * math.log2(length / total) for length in lengths)


@pytest.mark.parametrize("exponent", [1.0, 2.0])
def test_persistent_entropy_by_hand(exponent):
    """Entropy of the shares of the lengths, in each dimension and of all bars."""
    expected = abs(entropy(0.8, 0.6, 0.2) - 1) ** exponent
    parts = PersistentEntropyLoss(exponent=exponent).parts(MAP, TARGET)
    assert parts["b0"].item() == pytest.approx(expected)
    assert parts["b1"].item() == 0
    assert parts["all"].item() == pytest.approx(expected)
    ring = torch.ones(1, 1, 3, 3)
    ring[..., 1, 1] = 0.5
    parts = PersistentEntropyLoss(exponent=exponent).parts(ring, torch.ones(1, 1, 3, 3))
    assert {name: part.item() for name, part in parts.items()} == pytest.approx(
        {"b0": 0, "b1": 0, "all": entropy(1, 0.5) ** exponent}
    )


@pytest.mark.parametrize("scale", [0.5, 0.01])
def test_entropy_does_not_see_the_scale(scale):
    """Maps of small range have the entropy of large ones; total persistence has not."""
    torch.manual_seed(0)
    x, target = torch.rand(1, 1, 8, 8).double(), (torch.rand(1, 1, 8, 8) > 0.5).double()
    small = scale * x
    torch.testing.assert_close(
        PersistentEntropyLoss()(small, target), PersistentEntropyLoss()(x, target)
    )
    assert TotalPersistenceLoss()(small, target) != TotalPersistenceLoss()(x, target)


@pytest.mark.parametrize("logit", [-20.0, -60.0, -200.0])
def test_bars_of_rounding_do_not_count(logit):
    """A map that is 0 but for its last bits has entropy 0 and a gradient that is a number."""
    torch.manual_seed(0)
    logits = (logit + torch.randn(1, 1, 8, 8)).requires_grad_()
    target = torch.zeros(1, 1, 8, 8)
    target[..., 2, 2] = target[..., 5, 5] = 1
    value = PersistentEntropyLoss(sigmoid=True)(logits, target)
    assert value.item() == 1 + 1  # one bit is missing, in dimension 0 and in all
    if value.requires_grad:
        value.backward()
        assert torch.isfinite(logits.grad).all()


@pytest.mark.parametrize("shape", [(1, 1, 9, 8), (1, 1, 4, 5, 4)])
def test_agrees_with_torch_topological(shape):
    """Its statistics on our diagrams, essential classes ended at 0."""
    peer = pytest.importorskip("torch_topological.utils.summary_statistics")
    torch.manual_seed(0)
    x, target = torch.rand(shape).double(), (torch.rand(shape) > 0.5).double()
    topology = Topology("V")
    persistence = TotalPersistenceLoss(topology=topology).parts(x, target)
    entropies = PersistentEntropyLoss(topology=topology, exponent=1.0).parts(x, target)
    for k in range(len(shape) - 2):
        diagrams = []
        for image in (x, target):
            bars = compute(image, topology, spatial_dims=len(shape) - 2).select(dim=k)
            diagrams.append(torch.stack([bars.birth, bars.death.clamp(min=0)], dim=1))
        ours, theirs = (peer.total_persistence(diagram) for diagram in diagrams)
        torch.testing.assert_close(persistence[f"b{k}"].squeeze(), (ours - theirs).abs())
        ours, theirs = (peer.persistent_entropy(diagram) for diagram in diagrams)
        torch.testing.assert_close(entropies[f"b{k}"].squeeze(), (ours - theirs).abs())


def test_descent_brings_the_statistic_to_the_target():
    """A noisy map ends with the total persistence of the target."""
    torch.manual_seed(0)
    logits = torch.randn(1, 1, 10, 10, requires_grad=True)
    target = torch.zeros(1, 1, 10, 10)
    target[..., 2:8, 2:8], target[..., 4:6, 4:6] = 1, 0
    loss = TotalPersistenceLoss(sigmoid=True)
    optimiser = torch.optim.Adam([logits], lr=0.05)
    first = loss(logits, target).item()
    for _ in range(150):
        optimiser.zero_grad()
        loss(logits, target).backward()
        optimiser.step()
    assert loss(logits, target).item() < 0.1 * first


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: TotalPersistenceLoss(power=0.5), "power.*0.5"),
        (lambda: TotalPersistenceLoss(exponent=0), "exponent.*0"),
        (lambda: PersistentEntropyLoss(exponent=0.9), "exponent.*0.9"),
    ],
)
def test_bad_arguments_are_refused_in_words(make, words):
    """What is wrong, the value."""
    with pytest.raises(UserError, match=words):
        make()
