"""Skeleton recall: the tube, the recall of it, and that nothing of the target has none."""

import numpy as np
import pytest
import torch
from scipy.ndimage import distance_transform_cdt, label
from skimage.morphology import skeletonize

from topoeval import Topology, UserError
from topoeval.digital import thin
from topoeval.losses import SkeletonRecallLoss


def blobs(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    pool = (torch.nn.functional.avg_pool2d, torch.nn.functional.avg_pool3d)[len(shape) - 4]
    return (pool(torch.randn(shape, generator=generator), 5, 1, 2) > 0).double()


@pytest.mark.parametrize("dilations", [0, 1, 2, 4])
@pytest.mark.parametrize("shape", [(2, 2, 24, 21), (1, 2, 10, 9, 11)])
def test_the_tube_is_what_lies_within_reach_of_the_skeleton(shape, dilations):
    """City-block distance to the skeleton, inside the target, image by image."""
    target = blobs(*shape)
    tube = SkeletonRecallLoss(dilations=dilations).prepare(target)
    masks = target.flatten(0, 1).numpy() > 0
    skeletons = thin(masks, Topology())
    for mask, skeleton, found in zip(masks, skeletons, tube.flatten(0, 1).numpy(), strict=True):
        reach = distance_transform_cdt(~skeleton, "taxicab") <= dilations
        assert np.array_equal(found, reach & mask)


def test_value_is_the_recall():
    """One minus the share of the tube, for each class of each image."""
    target = blobs(2, 2, 20, 22)
    prediction = torch.rand(2, 2, 20, 22, dtype=torch.float64)
    loss = SkeletonRecallLoss(reduction="none")
    tube = loss.prepare(target).double()
    expected = 1 - ((prediction * tube).sum((2, 3)) + 1) / (tube.sum((2, 3)) + 1)
    torch.testing.assert_close(loss(prediction, target), expected)


def test_gradient_is_constant_on_the_tube_and_nothing_elsewhere():
    """By the formula: -1 / (size of the tube + 1)."""
    target = blobs(1, 1, 20, 22)
    loss = SkeletonRecallLoss()
    tube = loss.prepare(target).double()
    for prediction in (torch.full_like(target, 0.2), torch.rand_like(target)):
        leaf = prediction.requires_grad_()
        (gradient,) = torch.autograd.grad(loss(leaf, target), leaf)
        torch.testing.assert_close(gradient, -tube / (tube.sum() + 1))


@pytest.mark.parametrize("width", [2, 4, 5])
def test_every_component_has_a_tube(width):
    """Also where the library's skeleton is empty: grid-aligned solids of even width in 3D."""
    target = torch.zeros(1, 1, 14, 14, 30)
    target[..., 1 : 1 + width, 1 : 1 + width, 2:28] = 1
    target[..., 8:12, 8:12, 8:12] = 1
    mask = target[0, 0].numpy() > 0
    tube = SkeletonRecallLoss().prepare(target)[0, 0].numpy()
    labels, n = label(mask)
    assert n == 2
    assert set(np.unique(labels[tube])) == {1, 2}
    assert len(np.unique(labels[skeletonize(mask)])) < 2  # else this test says nothing


def test_empty_masks():
    """An empty target has nothing to recall; an empty prediction costs most."""
    target = blobs(1, 1, 20, 22)
    empty = torch.zeros_like(target)
    loss = SkeletonRecallLoss()
    nothing = torch.rand_like(target).requires_grad_()
    value = loss(nothing, empty)
    value.backward()
    assert value.item() == 0
    assert not nothing.grad.any()
    assert loss(empty, target) > loss(0.5 * target, target) > loss(target, target) == 0
    assert loss(torch.ones_like(target), target) == 0  # recall alone: never used alone


def test_a_sublevel_topology_recalls_the_dark_phase():
    """The value is that of the negatives."""
    target, prediction = blobs(2, 1, 20, 22), torch.rand(2, 1, 20, 22, dtype=torch.float64)
    dark = SkeletonRecallLoss(topology=Topology("V", "sublevel"))
    bright = SkeletonRecallLoss(topology=Topology("V"))
    torch.testing.assert_close(dark(prediction, target), bright(1 - prediction, 1 - target))


@pytest.mark.parametrize(
    ("settings", "message"), [({"dilations": -1}, "dilations"), ({"smooth": 0}, "smooth")]
)
def test_bad_settings_are_refused(settings, message):
    """When the loss is built."""
    with pytest.raises(UserError, match=message):
        SkeletonRecallLoss(**settings)
