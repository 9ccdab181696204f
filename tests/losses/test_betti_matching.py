"""Betti matching: formula, the published module, options, and what descending it reaches."""

import importlib.util
from functools import partial

import numpy as np
import pytest
import torch

from topoeval import Topology, UserError
from topoeval.losses import BettiMatchingLoss, SparseBettiMatchingLoss
from topoeval.metrics import betti_numbers
from topoeval.persistence import backends, match
from topoeval.persistence.backends.betti_matching import _library
from topoeval.testing.fixtures import IMAGES, VOLUMES

SHAPES = [(2, 2, 9, 8), (1, 2, 5, 4, 5)]


def case(shape, seed=0):
    """A map without ties, away from 0 and 1, and masks that resemble it."""
    rng = np.random.default_rng([seed, *shape])
    n = int(np.prod(shape))
    p = (rng.permutation(n).reshape(shape) + 1) / (n + 1)
    g = (p + 0.7 * rng.random(shape) > 0.9).astype(float)
    return torch.from_numpy(p), torch.from_numpy(g)


def value(image, index, beyond):
    """Value of a voxel, or of the end of the range."""
    return beyond if index == -1 else image.reshape(-1)[index].item()


def formula(p, g, topology, push=False, min_length=0.0, weights=(1, 1), **options):
    """The sum over rows of the matching, written as a person would."""
    empty, full = (0.0, 1.0) if topology.superlevel else (1.0, 0.0)
    found = match(p[None].numpy(), g[None].numpy(), topology, spatial_dims=p.ndim, **options)
    total = 0.0
    columns = (found.p_birth, found.p_death, found.g_birth, found.g_death)
    for p_birth, p_death, g_birth, g_death in zip(*columns, strict=True):
        b, d = value(p, max(p_birth, -1), full), value(p, max(p_death, -1), empty)
        b_g, d_g = value(g, max(g_birth, -1), full), value(g, max(g_death, -1), empty)
        if p_birth == -2:
            total += (b_g - d_g) ** 2
        elif g_birth != -2:
            total += 2 * weights[0] * ((b - b_g) ** 2 + (d - d_g) ** 2)
        elif abs(b - d) > min_length:
            cost = 2 * ((b - empty) ** 2 + (d - full) ** 2) if push else (b - d) ** 2
            total += weights[1] * cost
    return total


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("construction", ["V", "T"])
@pytest.mark.parametrize("direction", ["superlevel", "sublevel"])
@pytest.mark.parametrize("border", ["plain", "framed"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"comparison": "intersection"},
        {"proper": True},
        {"push_unmatched": True, "min_length": 0.2, "unmatched_weight": 0.5},
    ],
)
def test_value_is_the_formula(shape, construction, direction, border, options):
    """Every option, image by image and class by class."""
    topology = Topology(construction, direction, border)
    p, g = case(shape)
    loss = BettiMatchingLoss(topology=topology, reduction="none", **options)
    found = loss(p, g)
    assert found.shape == shape[:2]
    by_hand = {
        "push": options.get("push_unmatched", False),
        "min_length": options.get("min_length", 0.0),
        "weights": (1, options.get("unmatched_weight", 1)),
        "comparison": options.get("comparison", "union"),
        "proper": options.get("proper", False),
    }
    for b in range(shape[0]):
        for c in range(shape[1]):
            expected = formula(p[b, c], g[b, c], topology, **by_hand)
            assert found[b, c].item() == pytest.approx(expected)


@pytest.mark.parametrize("shape", [(9, 8), (30, 31), (6, 5, 7)])
@pytest.mark.parametrize("push", [False, True])
def test_value_is_that_of_the_published_module(shape, push):
    """V, superlevel: its matching in its formula, but for the class that never dies."""
    if importlib.util.find_spec("topolosses") is None:
        pytest.skip("topolosses is not installed (pip install --no-deps topolosses)")
    peer = _library()  # loaded once a process; its package imports what it does not declare
    p, _ = case((1, 1, *shape))
    g, _ = case((1, 1, *shape), seed=1)
    g = 0.5 * g + 0.5 * p
    mine = BettiMatchingLoss(push_unmatched=push, min_length=0.1)(p, g).item()

    dark_p, dark_g = 1 - p[0, 0].numpy(), 1 - g[0, 0].numpy()
    found = peer.compute_matching(dark_p, dark_g)
    theirs = 0.0
    for dim in range(len(shape)):
        sides = {}
        for side, image in ((1, dark_p), (2, dark_g)):
            for kind in ("matched", "unmatched"):
                ends = [
                    np.asarray(getattr(found, f"input{side}_{kind}_{end}_coordinates")[dim], int)
                    for end in ("birth", "death")
                ]
                sides[side, kind] = [image[tuple(e.reshape(-1, len(shape)).T)] for e in ends]
        (b, d), (b_g, d_g) = sides[1, "matched"], sides[2, "matched"]
        theirs += 2 * ((b - b_g) ** 2 + (d - d_g) ** 2).sum()
        b, d = sides[1, "unmatched"]
        cost = 2 * ((b - 1) ** 2 + d**2) if push else (b - d) ** 2
        theirs += cost[d - b > 0.1].sum()
        b, d = sides[2, "unmatched"]
        theirs += ((b - d) ** 2).sum()
    essential = 2 * (p.max() - g.max()).item() ** 2
    assert mine == pytest.approx(theirs + essential)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("construction", ["V", "T"])
@pytest.mark.parametrize("border", ["plain", "framed"])
def test_gradient_equals_finite_differences(shape, construction, border):
    """Away from ties the loss is smooth and autograd is right."""
    topology = Topology(construction, border=border)
    p, g = case(shape, seed=3)
    for options in (
        {},
        {"push_unmatched": True, "min_length": 0.05},
        {"comparison": "intersection"},
    ):
        loss = BettiMatchingLoss(topology=topology, **options)
        assert torch.autograd.gradcheck(loss, (p.requires_grad_(), g), eps=1e-7, fast_mode=True)


def test_hand_computed_row_of_pixels():
    """Two peaks and a gap over a target without the gap."""
    p = torch.tensor([[[[0.0, 0.9, 0.4, 0.7, 0.1]]]], dtype=torch.float64, requires_grad=True)
    g = torch.tensor([[[[0.0, 1.0, 1.0, 1.0, 0.0]]]], dtype=torch.float64)
    parts = BettiMatchingLoss().parts(p, g)
    assert parts["matched"].item() == pytest.approx(2 * 0.1**2)  # the class that never dies
    assert parts["unmatched_prediction"].item() == pytest.approx(0.3**2)
    assert parts["unmatched_target"].item() == 0
    BettiMatchingLoss()(p, g).backward()
    expected = torch.tensor([0, -0.4, -0.6, 0.6, 0], dtype=torch.float64)
    torch.testing.assert_close(p.grad.flatten(), expected)


def test_push_closes_the_gap_beyond_the_diagonal():
    """With push the peak goes down and the gap up, even where both are equal already."""
    p = torch.tensor([[[[0.0, 0.9, 0.4, 0.7, 0.1]]]], dtype=torch.float64, requires_grad=True)
    g = torch.tensor([[[[0.0, 1.0, 1.0, 1.0, 0.0]]]], dtype=torch.float64)
    loss = BettiMatchingLoss(push_unmatched=True)
    value = loss(p, g)
    assert value.item() == pytest.approx(2 * 0.1**2 + 2 * (0.7**2 + 0.6**2))
    assert BettiMatchingLoss(push_unmatched=True, min_length=0.3)(p, g).item() == pytest.approx(
        2 * 0.1**2
    )


def descend(name, topology, images, steps, rate):
    """Descend from noise over a faint fixture; return medians of the loss and final maps."""
    mask, _ = {**IMAGES, **VOLUMES}[name]
    target = torch.from_numpy(mask).float().expand(images, 1, *mask.shape)
    noise = np.random.default_rng(len(name)).random(target.shape)
    p = (0.15 + 0.3 * target + 0.4 * torch.from_numpy(noise).float()).requires_grad_()
    loss = BettiMatchingLoss(topology=topology, reduction="none")
    medians = []
    for _ in range(steps):
        per_image = loss(p, target)
        (gradient,) = torch.autograd.grad(per_image.sum(), p)
        with torch.no_grad():
            p.sub_(rate * gradient).clamp_(0, 1)
        medians.append(per_image.detach().median().item())
    return medians, p.detach()


@pytest.mark.parametrize("construction", ["V", "T"])
@pytest.mark.parametrize("name", ["cut ring", "eight", "ball"])
def test_median_falls_in_each_of_50_steps(name, construction):
    """Small steps on random maps; single images may rise where the matching changes."""
    medians, _ = descend(name, Topology(construction), images=16, steps=51, rate=0.01)
    assert (np.diff(medians) < 0).all()


@pytest.mark.parametrize("construction", ["V", "T"])
@pytest.mark.parametrize(
    "name", ["ring", "eight", "two discs", "cut ring", "hollow sphere", "solid torus", "two bars"]
)
def test_descent_reaches_the_topology_of_the_fixture(name, construction):
    """The maps end with the Betti numbers of the target."""
    topology = Topology(construction)
    mask, _ = {**IMAGES, **VOLUMES}[name]
    _, maps = descend(name, topology, images=3, steps=100, rate=0.05)
    found = betti_numbers((maps > 0.5).numpy(), topology, spatial_dims=mask.ndim)
    wanted = betti_numbers(mask, topology)
    assert (found == wanted).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"matched_weight": -1}, "weights"),
        ({"min_length": 2}, "min_length"),
        ({"comparison": "both"}, "'both'"),
        ({"dims": [2]}, "dims"),
    ],
)
def test_bad_options_are_one_line(options, message):
    """The error names the option."""
    with pytest.raises(UserError, match=message):
        BettiMatchingLoss(**options)(*case((1, 1, 5, 5)))


@pytest.mark.parametrize("make", [BettiMatchingLoss, SparseBettiMatchingLoss])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"topology": Topology("T", border="framed"), "push_unmatched": True},
        {"topology": Topology("V", "sublevel"), "proper": True, "min_length": 0.1},
    ],
    ids=["paper", "framed", "sublevel"],
)
def test_the_device_path_has_the_values_and_gradients_of_the_host(
    make, dtype, options, monkeypatch
):
    """Batch and channels, no square, not contiguous: what "auto" means on CUDA, here on a CPU."""
    p, g = case((2, 2, 17, 12))
    results = []
    for backend in ("native", "torch"):
        monkeypatch.setitem(backends._AUTO_ON, "cpu", backend)
        x = p.to(dtype).transpose(2, 3).requires_grad_()
        loss = make(reduction="none", **options)(x, g.transpose(2, 3))
        loss.sum().backward()
        results.append((loss.detach(), x.grad))
    torch.testing.assert_close(results[0], results[1])
    assert (results[0][0] > 0).all()
    assert results[0][1].abs().sum() > 0


def gathered_pair_by_pair(loss, p, g):
    """The parts of a loss on ``(B, C, H, W)`` maps, every end looked up in its image."""
    p, g = loss.maps(p, g)
    found = loss.matching(p, g)
    p, g = p.flatten(0, 1).flatten(1), g.flatten(0, 1).flatten(1)
    empty, full = (0.0, 1.0) if loss.topology.superlevel else (1.0, 0.0)

    def at(x, rows, index, beyond):
        values = x[found.image[rows], index[rows].clamp(min=0)]
        return torch.where(index[rows] == -1, torch.full_like(values, beyond), values)

    def length(x, rows, birth, death):
        return (at(x, rows, birth, full) - at(x, rows, death, empty)).square()

    both, only_p, only_g = (x.nonzero()[:, 0] for x in (found.matched, found.only_p, found.only_g))
    p_ends = at(p, both, found.p_birth, full), at(p, both, found.p_death, empty)
    g_ends = at(g, both, found.g_birth, full), at(g, both, found.g_death, empty)
    matched = (p_ends[0] - g_ends[0]).square() + (p_ends[1] - g_ends[1]).square()
    costs = (
        (both, matched),
        (only_p, length(p, only_p, found.p_birth, found.p_death)),
        (only_g, length(g, only_g, found.g_birth, found.g_death)),
    )
    factors = 2 * loss.matched_weight, loss.unmatched_weight, 1.0
    sums = (p.new_zeros(len(p)).index_add(0, found.image[rows], cost) for rows, cost in costs)
    return [f * x.reshape(found.batch_shape) for f, x in zip(factors, sums, strict=True)]


@pytest.mark.parametrize("loss_type", [BettiMatchingLoss, SparseBettiMatchingLoss])
@pytest.mark.parametrize("construction", ["V", "T"])
@pytest.mark.parametrize("direction", ["superlevel", "sublevel"])
@pytest.mark.parametrize("border", ["plain", "framed"])
def test_gathering_changes_no_bit(loss_type, construction, direction, border):
    """Of values and of gradients, on noise in float32 where a voxel ends several bars."""
    loss = loss_type(topology=Topology(construction, direction, border), unmatched_weight=0.7)
    generator = torch.Generator().manual_seed(1)
    p, g = torch.rand(2, 3, 2, 33, 29, generator=generator)
    weights = torch.arange(1.0, 7.0).reshape(3, 2)
    results = []
    for parts in (
        lambda p, g: list(loss.parts(p, g).values()),
        partial(gathered_pair_by_pair, loss),
    ):
        leaf = p.clone().requires_grad_()
        found = parts(leaf, (g > 0.5).float())
        (sum(found) * weights).sum().backward()
        results.append([*found, leaf.grad])
    for one, other in zip(*results, strict=True):
        assert torch.equal(one, other)
