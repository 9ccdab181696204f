"""Region-wise loss: the map by all pairs of voxels, cases by hand, and training by it alone."""

import itertools

import numpy as np
import pytest
import torch

from topoeval import UserError
from topoeval.losses import RegionWiseLoss


@pytest.mark.parametrize("shape", [(7, 6), (4, 5, 3)])
def test_map_and_value_by_all_pairs(shape):
    """The formula written out, with voxels of another size along each axis."""
    rng = np.random.default_rng(0)
    masks = rng.random((2, 2, *shape)) > 0.3
    p = rng.random(masks.shape)
    spacing = (2.0, 1.0, 0.5)[: len(shape)]
    voxels = list(itertools.product(*map(range, shape)))
    expected = np.ones(masks.shape)
    for at in np.ndindex(2, 2):
        mask = masks[at]
        outside = np.array([v for v in voxels if not mask[v]])
        depths = {
            v: np.sqrt((((outside - v) * spacing) ** 2).sum(1)).min() for v in voxels if mask[v]
        }
        for v, depth in depths.items():
            expected[at][v] = -depth / max(depths.values())
    loss = RegionWiseLoss(spacing=spacing, reduction="none")
    target = torch.from_numpy(masks.astype(float))
    np.testing.assert_allclose(loss.prepare(target), expected, rtol=1e-6)
    leaf = torch.from_numpy(p).requires_grad_()
    value = loss(leaf, target)
    axes = tuple(range(2, p.ndim))
    np.testing.assert_allclose(value.detach(), (p * expected).mean(axes), rtol=1e-6)
    value.sum().backward()
    np.testing.assert_allclose(leaf.grad, expected / np.prod(shape), rtol=1e-6)


def test_masks_without_a_boundary():
    """An empty one is 1 everywhere, a full one -1."""
    for value, wanted in ((0.0, 1.0), (1.0, -1.0)):
        target = torch.full((1, 1, 4, 5), value)
        assert RegionWiseLoss().prepare(target).unique().tolist() == [wanted]


def test_descent_by_it_alone_reaches_the_mask():
    """The sign of the map is that of the pull, at every voxel."""
    target = torch.zeros(1, 2, 9, 9)
    target[:, 1, 2:7, 2:6] = 1
    target[:, 0] = 1 - target[:, 1]
    logits = torch.zeros_like(target).requires_grad_()
    optimiser = torch.optim.Adam([logits], lr=0.5)
    for _ in range(20):
        optimiser.zero_grad()
        RegionWiseLoss(softmax=True)(logits, target).backward()
        optimiser.step()
    assert torch.equal(logits.detach().argmax(1), target[:, 1].long())


@pytest.mark.parametrize("spacing", [(1,), (0, 1), (1, 1, -1)])
def test_a_spacing_out_of_range_is_refused(spacing):
    """When the loss is built."""
    with pytest.raises(UserError, match="two or three positive numbers"):
        RegionWiseLoss(spacing=spacing)


def test_a_spacing_of_another_rank_is_refused():
    """When images come."""
    with pytest.raises(UserError, match="3 numbers, and images are 2D"):
        RegionWiseLoss(spacing=(1, 1, 1))(torch.rand(1, 1, 4, 4), torch.zeros(1, 1, 4, 4))
