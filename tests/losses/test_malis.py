"""MALIS: every pair of voxels at every threshold, cases by hand, and what descending it does."""

import itertools

import numpy as np
import pytest
import torch
from scipy.ndimage import generate_binary_structure, label

from topoeval import Topology, UserError
from topoeval.losses import MalisLoss
from topoeval.metrics import betti_numbers


def maximin(values, structure):
    """Return a function of two voxels: the highest threshold at which they are connected."""
    thresholds = np.unique(values)[::-1]
    components = [label(values >= threshold, structure)[0] for threshold in thresholds]

    def of_pair(i, j):
        return next(
            threshold
            for threshold, its in zip(thresholds, components, strict=True)
            if its[i] == its[j] > 0
        )

    return of_pair


def slow(values, mask, topology, *, constrained, margin):
    """Return the two means over pairs of one image, by the definition."""
    if not topology.superlevel:
        values, mask = 1 - values, ~mask
    ndim = values.ndim
    structure = generate_binary_structure(ndim, ndim if topology.construction == "T" else 1)
    objects, _ = label(mask, structure)
    inside, outside = values, values
    if constrained:
        inside, outside = np.where(mask, values, 0), np.where(mask, 1, values)
    inside, outside = maximin(inside, structure), maximin(outside, structure)
    within, between = [], []
    for i, j in itertools.combinations(map(tuple, np.argwhere(mask)), 2):
        if objects[i] == objects[j]:
            within.append(max(0, 1 - inside(i, j) - margin) ** 2)
        else:
            between.append(max(0, outside(i, j) - margin) ** 2)
    return [float(np.mean(x)) if x else 0.0 for x in (within, between)]


TEXTS = ["V", "T", "V-sublevel", "T-sublevel"]


@pytest.mark.parametrize("constrained", [True, False])
@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("shape", [(2, 2, 5, 6), (1, 1, 3, 3, 3)])
def test_value_is_the_mean_over_all_pairs(shape, text, constrained):
    """Each image and channel by itself, with a margin and without."""
    rng = np.random.default_rng(sum(shape))
    p, mask = rng.random(shape), rng.random(shape) > 0.6
    mask[0, 0] = rng.random(shape[2:]) > 0.8  # several objects
    topology = Topology.parse(text)
    for margin in (0.0, 0.3):
        loss = MalisLoss(constrained=constrained, margin=margin, topology=topology)
        parts = loss.parts(torch.from_numpy(p), torch.from_numpy(mask.astype(float)))
        for at in np.ndindex(shape[:2]):
            expected = slow(p[at], mask[at], topology, constrained=constrained, margin=margin)
            found = [parts[name][at].item() for name in ("splits", "merges")]
            assert found == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("constrained", [True, False])
@pytest.mark.parametrize("text", ["V", "T-sublevel"])
def test_gradient_is_that_of_the_slow_value(text, constrained):
    """By differences, of which the slow value knows no gradient."""
    rng = np.random.default_rng(3)
    p, mask = rng.random((4, 5)), rng.random((4, 5)) > 0.6
    topology = Topology.parse(text)
    leaf = torch.from_numpy(p)[None, None].requires_grad_()
    target = torch.from_numpy(mask.astype(float))[None, None]
    MalisLoss(constrained=constrained, topology=topology)(leaf, target).backward()
    for at in np.ndindex(p.shape):
        ends = []
        for step in (1e-6, -1e-6):
            moved = p.copy()
            moved[at] += step
            ends.append(sum(slow(moved, mask, topology, constrained=constrained, margin=0)))
        assert leaf.grad[0, 0][at].item() == pytest.approx((ends[0] - ends[1]) / 2e-6, abs=1e-6)


@pytest.mark.parametrize("shape", [(2, 2, 6, 7), (1, 2, 4, 3, 4)])
def test_gradcheck(shape):
    """While no two voxels change their order."""
    generator = torch.Generator().manual_seed(1)
    logits = torch.randn(shape, generator=generator, dtype=torch.float64, requires_grad=True)
    target = (torch.rand(shape, generator=generator) > 0.6).double()
    for constrained in (True, False):
        loss = MalisLoss(sigmoid=True, constrained=constrained, margin=0.1)
        assert torch.autograd.gradcheck(lambda z, loss=loss: loss(z, target), logits)


def row(*values):
    return torch.tensor([[[values]]], dtype=torch.float64)


def test_cases_by_hand():
    """A broken object, a bridge, a missed object, and an invented one, which costs nothing."""
    target = row(1, 1, 1, 0, 0, 1)
    for prediction, splits, merges in (
        (row(1, 1, 1, 0, 0, 1), 0, 0),
        (row(1, 0.2, 1, 0, 0, 1), 0.8**2, 0),  # all three pairs of the first object
        (row(0.2, 1, 1, 0, 0, 1), 0.8**2 * 2 / 3, 0),  # two of the three
        (row(1, 1, 1, 0.3, 0.7, 1), 0, 0.3**2),
        (row(0, 0, 0, 0, 0, 1), 1, 0),
        (row(1, 1, 1, 0, 0, 0), 0, 0),  # one voxel is no pair
        (row(1, 1, 1, 0, 1, 1), 0, 0),
    ):
        parts = MalisLoss().parts(prediction, target)
        assert parts["splits"].item() == pytest.approx(splits)
        assert parts["merges"].item() == pytest.approx(merges)


def test_a_path_through_the_background_counts_only_where_it_is_let():
    """A ring that is broken and mended by a detour: the detour serves the unconstrained loss."""
    target = torch.ones(1, 1, 3, 5, dtype=torch.float64)
    target[..., 2, 1:4] = 0
    prediction = target.clone()
    prediction[..., 0, 2] = prediction[..., 1, 2] = 0  # broken across
    prediction[..., 2, 1:4] = 0.9  # below it, the detour
    topology = Topology("V")
    free = MalisLoss(constrained=False, topology=topology)(prediction, target)
    bound = MalisLoss(topology=topology)(prediction, target)
    assert 0 < free < bound


@pytest.mark.parametrize("text", ["V", "T", "V-sublevel", "T-sublevel"])
@pytest.mark.parametrize("ndim", [2, 3])
def test_descent_separates_what_is_merged_and_mends_what_is_broken(ndim, text):
    """Two plates of a map that has them joined, and one of them cut."""
    topology = Topology.parse(text)
    target = torch.zeros(1, 1, *(7,) * ndim, dtype=torch.float64)
    target[..., 1:3], target[..., 4:6] = 1, 1
    start = torch.zeros_like(target)
    start[..., 1:6] = 1
    start[:, :, 3] = 0
    start[:, :, 3, ..., 4:6] = 1
    if not topology.superlevel:
        target, start = 1 - target, 1 - start
    logits = (4 * start - 2 + 0.01 * torch.rand(start.shape)).requires_grad_()
    loss = MalisLoss(sigmoid=True, topology=topology)
    optimiser = torch.optim.Adam([logits], lr=0.3)
    values = []
    for _ in range(120):
        optimiser.zero_grad()
        value = loss(logits, target)
        value.backward()
        optimiser.step()
        values.append(value.item())
    assert values[-1] < 0.5 * values[0]
    objects = (logits.detach() >= 0) == topology.superlevel
    assert betti_numbers(objects, Topology(topology.construction), ndim)[0, 0, 0] == 2


@pytest.mark.parametrize("margin", [-0.1, 1.0])
def test_a_margin_out_of_range_is_refused(margin):
    """When the loss is built."""
    with pytest.raises(UserError, match=r"margin must lie in \[0, 1\)"):
        MalisLoss(margin=margin)
