"""Homotopy warping: the critical voxels, the cross-entropy on them, what descending it does."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from topoeval import Topology
from topoeval.losses import HomotopyWarpingLoss
from topoeval.losses.plain import cross_entropy_map
from topoeval.metrics import betti_numbers
from topoeval.testing.fixtures import IMAGES, VOLUMES
from topoeval.testing.loss_subject import as_classes


def mask(*rows):
    return torch.tensor([[c == "#" for c in row] for row in rows])[None, None]


def fixtures(ndim):
    known = IMAGES if ndim == 2 else VOLUMES
    return {name: torch.from_numpy(image)[None, None] for name, (image, _) in known.items()}


CASES = [
    # a shifted edge, a dent and a bump are not critical
    (("######", "######", "......"), ("######", "###..#", "..#..."), []),
    # a break is critical on both sides of the question: what must not join, what must not break
    (("#######",), ("##...##",), [(0, 2), (0, 3), (0, 4)]),
    # a missed object and an invented one are critical as a whole: neither can be made
    (("##....", "......"), ("......", "...##."), [(0, 0), (0, 1), (1, 3), (1, 4)]),
    # a filled hole: it cannot close in the target, cannot open in the prediction
    (("#####", "#...#", "#...#", "#...#", "#####"), ("#####",) * 5, None),
]


@pytest.mark.parametrize(("truth", "found", "expected"), CASES)
def test_critical_voxels(truth, found, expected):
    """By hand."""
    critical = HomotopyWarpingLoss().critical(mask(*found), mask(*truth))[0, 0]
    if expected is None:  # the hole: its middle, which alone can stay open, and all that is filled
        assert critical[2, 2]
        assert torch.equal(critical, mask(*truth)[0, 0].logical_not())
    else:
        assert sorted(map(tuple, critical.nonzero().tolist())) == expected


@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_masks_of_different_topology_have_a_critical_voxel(data):
    """And only voxels in which they differ are critical; who is called truth does not matter."""
    ndim = data.draw(st.sampled_from([2, 3]))
    shape = (1, 1, 8, 7) if ndim == 2 else (1, 1, 5, 4, 5)
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    first, second = (
        torch.from_numpy(rng.random(shape) < data.draw(st.floats(0.1, 0.9))) for _ in range(2)
    )
    topology = Topology(data.draw(st.sampled_from("VT")))
    loss = HomotopyWarpingLoss(topology=topology)
    critical = loss.critical(first, second)
    assert not (critical & (first == second)).any()
    assert torch.equal(critical, loss.critical(second, first))
    betti = [betti_numbers(image, topology, ndim) for image in (first, second)]
    if not np.array_equal(*betti):
        assert critical.any()


@pytest.mark.parametrize("shape", [(2, 1, 12, 11), (2, 3, 12, 11), (1, 2, 6, 7, 5)])
def test_value_is_the_mean_over_critical_voxels(shape):
    """For each image and class; 0 where there are none."""
    torch.manual_seed(0)
    logits = torch.randn(shape, dtype=torch.float64)
    target = (torch.rand(shape) > 0.5).double()
    if shape[1] > 1:
        target = F.one_hot(target.argmax(1), shape[1]).movedim(-1, 1).double()
    loss = HomotopyWarpingLoss(reduction="none")
    probabilities = logits.softmax(1) if shape[1] > 1 else logits.sigmoid()
    critical = loss.critical(probabilities >= 0.5, target > 0)
    entropy = cross_entropy_map(logits, target)
    expected = torch.zeros(shape[:2], dtype=torch.float64)
    for b, c in np.ndindex(shape[:2]):
        if critical[b, c].any():
            expected[b, c] = entropy[b][critical[b, c]].mean()
    torch.testing.assert_close(loss(logits, target), expected)
    if shape[1] > 1:
        foreground = HomotopyWarpingLoss(reduction="none", include_background=False)
        torch.testing.assert_close(foreground(logits, target), expected[:, 1:])


@pytest.mark.parametrize("shape", [(1, 1, 9, 8), (1, 2, 4, 5, 3)])
def test_gradient_equals_finite_differences(shape):
    """While no voxel changes sides."""
    torch.manual_seed(1)
    logits = torch.randn(shape, dtype=torch.float64)
    logits = (logits + 0.05 * logits.sign()).requires_grad_()
    target = as_classes((torch.rand(shape) > 0.5).double())
    loss = HomotopyWarpingLoss()
    assert torch.autograd.gradcheck(lambda z: loss(z, target), logits, eps=1e-6)


@pytest.mark.parametrize("construction", ["V", "T"])
@pytest.mark.parametrize("ndim", [2, 3])
def test_descent_reaches_the_topology_of_the_target(ndim, construction):
    """From every fixture to every other, in at most fifty steps, the value falling in median."""
    topology = Topology(construction)
    loss = HomotopyWarpingLoss(topology=topology)
    masks = torch.cat(list(fixtures(ndim).values()))
    n = len(masks)
    start, target = masks.repeat_interleave(n, 0), masks.repeat(n, 1, *[1] * ndim).double()
    wanted = betti_numbers(target > 0, topology, ndim)
    logits = (2 * start.double() - 1).requires_grad_()
    optimiser = torch.optim.Adam([logits], lr=0.2)
    values = []
    for _ in range(50):
        optimiser.zero_grad()
        value = loss(logits, target)
        if value == 0:
            break
        value.backward()
        optimiser.step()
        values.append(value.item())
    assert np.array_equal(betti_numbers(logits.detach() >= 0, topology, ndim), wanted)
    assert np.median(np.diff(values)) < 0


def test_empty_masks():
    """Two cost nothing; against one, all of the other is critical and pulled the right way."""
    disc = fixtures(2)["disc"].double()
    empty = torch.zeros_like(disc)
    loss = HomotopyWarpingLoss()
    assert loss(empty - 5, empty).item() == 0
    for logits, target, sign in ((empty - 1, disc, -1), (2 * disc - 1, empty, 1)):
        logits = logits.requires_grad_()
        value = loss(logits, target)
        value.backward()
        assert value > 0
        assert torch.equal(sign * logits.grad > 0, disc > 0)


def test_connectivity_decides():
    """Two squares that meet in a corner are one in T and two in V."""
    truth = mask("##...", "##...", "..##.", "..##.")
    joined = mask("##...", "###..", "..##.", "..##.")
    critical = {
        c: HomotopyWarpingLoss(topology=Topology(c)).critical(joined, truth).sum() for c in "VT"
    }
    assert critical == {"T": 0, "V": 1}


def test_a_sublevel_topology_warps_the_dark_phase():
    """The critical voxels are those of the negatives, and so is the loss."""
    torch.manual_seed(0)
    logits, target = torch.randn(2, 1, 10, 9), (torch.rand(2, 1, 10, 9) > 0.5).float()
    dark = HomotopyWarpingLoss(topology=Topology("T", "sublevel"))
    bright = HomotopyWarpingLoss(topology=Topology("T"))
    torch.testing.assert_close(dark(logits, target), bright(-logits, 1 - target))
