"""Soft clDice: MONAI's value, the formula by hand, and what the topological skeleton changes."""

import monai
import numpy as np
import pytest
import torch
from monai.losses import SoftclDiceLoss
from packaging.version import Version

from topoeval import Topology, UserError
from topoeval.losses import ClDiceLoss, TopologicalClDiceLoss
from topoeval.metrics import betti_numbers


def tube(width=3, gap=0, size=(15, 21)):
    """A horizontal tube, broken in the middle if there is a gap."""
    mask = torch.zeros(1, 1, *size)
    top = (size[0] - width) // 2
    mask[..., top : top + width, 2:-2] = 1
    if gap:
        mask[..., size[1] // 2 : size[1] // 2 + gap] = 0
    return mask


def random_pair(*shape, seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    probabilities = torch.rand(shape, generator=generator, dtype=dtype)
    return probabilities, (torch.rand(shape, generator=generator) > 0.4).to(dtype)


@pytest.mark.skipif(
    Version(monai.__version__) < Version("1.6"),
    reason="MONAI before 1.6 pools all images, less their first channel",
)
@pytest.mark.parametrize("iterations", [1, 3, 10])
@pytest.mark.parametrize("shape", [(3, 1, 21, 18), (2, 1, 9, 10, 11)])
def test_value_and_gradient_are_those_of_monai(shape, iterations):
    """Image by image, for the one channel that both pool alike."""
    probabilities, target = random_pair(*shape)
    theirs = SoftclDiceLoss(iter_=iterations, smooth=1e-12, reduction="none")
    answers = []
    for loss in (
        lambda p, t: ClDiceLoss(iterations=iterations, reduction="none")(p, t)[:, 0],
        theirs,
    ):
        leaf = probabilities.clone().requires_grad_()
        value = loss(leaf, target)
        answers.append((value.detach(), *torch.autograd.grad(value.mean(), leaf)))
    torch.testing.assert_close(*answers)


def test_by_hand():
    """A bar three wide, of which the prediction has its left half."""
    target = torch.zeros(1, 1, 5, 8)
    target[..., 1:4, 1:7] = 1
    prediction = target.clone()
    prediction[..., 4:] = 0
    # one erosion leaves the middle line less its ends: 4 voxels, and 1 of the half
    precision, sensitivity = (1 + 1) / (1 + 1), (2 + 1) / (4 + 1)
    expected = 1 - 2 * precision * sensitivity / (precision + sensitivity)
    assert ClDiceLoss()(prediction, target).item() == pytest.approx(expected)


@pytest.mark.parametrize("loss", [ClDiceLoss, TopologicalClDiceLoss])
def test_pooling_over_the_batch(loss):
    """One image twice is that image; images of different size weigh by their skeletons."""
    probabilities, target = random_pair(2, 2, 12, 13)
    pooled = loss(batch=True, reduction="none")
    value = pooled(probabilities, target)
    assert value.shape == (1, 2)
    twice = [x[:1].repeat(2, 1, 1, 1) for x in (probabilities, target)]
    single = loss(smooth=0.5, reduction="none")(probabilities[:1], target[:1])
    torch.testing.assert_close(pooled(*twice), single)  # the sums double, s does not
    assert not torch.allclose(value, loss(reduction="none")(probabilities, target).mean(0))


@pytest.mark.parametrize("loss", [ClDiceLoss(), TopologicalClDiceLoss()])
def test_a_gap_costs_more_than_a_thinner_tube(loss):
    """Fewer voxels are wrong in the gap."""
    target = tube(5)
    gap, thin = tube(5, gap=2), tube(3)
    assert (gap != target).sum() < (thin != target).sum()
    assert loss(gap, target) > 10 * loss(thin, target).clamp(min=1e-3)


@pytest.mark.parametrize("loss", [ClDiceLoss(), TopologicalClDiceLoss()])
def test_empty_masks(loss):
    """Two cost nothing; an empty target lowers the prediction, an empty prediction is raised."""
    empty, full = torch.zeros(1, 1, 15, 21), tube()
    assert loss(empty, empty).item() == 0

    invented = (0.9 * full).requires_grad_()
    value = loss(invented, empty)
    value.backward()
    assert 0 < value < 1
    assert (invented.grad * full).sum() > 0

    missed = (0.1 * full).requires_grad_()
    value = loss(missed, full)
    value.backward()
    assert 0 < value < 1
    on_skeleton = loss.prepare(full).to(torch.bool)
    assert (missed.grad[on_skeleton] < 0).all()


@pytest.mark.parametrize("shape", [(1, 2, 7, 8), (1, 1, 4, 5, 5)])
@pytest.mark.parametrize("loss", [ClDiceLoss(iterations=1), TopologicalClDiceLoss()])
def test_gradient_equals_finite_differences(loss, shape):
    """Away from ties and from 0.5."""
    n = int(np.prod(shape))
    order = torch.randperm(n, generator=torch.Generator().manual_seed(2)).double()
    maps = ((order + 0.75) / (n + 1)).reshape(shape).requires_grad_()
    _, target = random_pair(*shape)
    assert torch.autograd.gradcheck(lambda p: loss(p, target), maps, eps=1e-6)


@pytest.mark.parametrize("construction", ["V", "T"])
def test_the_skeleton_keeps_the_topology_and_needs_no_iterations(construction):
    """A tube eleven wide: three iterations find no ridge of it, thinning does."""
    wide = tube(11, size=(21, 41))
    topology = Topology(construction)
    assert ClDiceLoss(iterations=3).prepare(wide).sum() == 0
    skeleton = TopologicalClDiceLoss(topology=topology).prepare(wide)
    assert skeleton.sum() >= 41 - 4 - 11
    assert betti_numbers(skeleton[0, 0], topology).tolist() == [1, 0]


def test_topological_value_by_hand():
    """Probabilities weigh the prediction's skeleton, and are what the target's is measured by."""
    target = torch.zeros(1, 1, 3, 9)
    target[..., 1, 2:7] = 1  # a line: its own skeleton
    prediction = torch.zeros(1, 1, 3, 9)
    prediction[..., 1, 0:5] = 0.8
    prediction[..., 1, 5:7] = 0.4  # no foreground, no skeleton
    precision = (3 * 0.8 + 1) / (5 * 0.8 + 1)
    sensitivity = (3 * 0.8 + 2 * 0.4 + 1) / (5 + 1)
    expected = 1 - 2 * precision * sensitivity / (precision + sensitivity)
    assert TopologicalClDiceLoss()(prediction, target).item() == pytest.approx(expected)


def test_a_sublevel_topology_takes_the_dark_phase():
    """The value is that of the negatives."""
    probabilities, target = random_pair(2, 1, 12, 11)
    dark = TopologicalClDiceLoss(topology=Topology("T", "sublevel"))
    bright = TopologicalClDiceLoss(topology=Topology("T"))
    torch.testing.assert_close(dark(probabilities, target), bright(1 - probabilities, 1 - target))


@pytest.mark.parametrize("loss", [ClDiceLoss, TopologicalClDiceLoss])
def test_background_is_left_out_on_request(loss):
    """Of the prediction, of the target and of what is prepared."""
    probabilities, target = random_pair(3, 2, 12, 11)
    rest = loss()(probabilities[:, 1:], target[:, 1:])
    without = loss(include_background=False)
    torch.testing.assert_close(without(probabilities, target), rest)
    prepared = without.select(without.prepare(target), torch.tensor([0, 1, 2]))
    torch.testing.assert_close(without(probabilities, target, prepared), rest)


@pytest.mark.parametrize("loss", [ClDiceLoss(), TopologicalClDiceLoss()])
def test_descent_closes_a_gap(loss):
    """Fifty steps on the map from a broken ring, the value falling in median."""
    ring = torch.zeros(1, 1, 20, 20)
    ring[..., 4:16, 4:16] = 1
    ring[..., 7:13, 7:13] = 0
    target = ring.clone()
    ring[..., 9:11, :8] = 0
    logits = (4 * ring - 2).requires_grad_()
    optimiser = torch.optim.Adam([logits], lr=0.2)
    values = []
    for _ in range(50):
        optimiser.zero_grad()
        value = loss(logits.sigmoid(), target)
        value.backward()
        optimiser.step()
        values.append(value.item())
    assert np.median(np.diff(values)) < 0
    before, after = (betti_numbers((x > 0)[0, 0], Topology()).tolist() for x in (ring, logits))
    assert (before, after) == ([1, 0], [1, 1])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"iterations": -1}, "iterations"),
        ({"smooth": 0}, "smooth must be positive"),
    ],
)
def test_bad_settings_are_refused(settings, message):
    """When the loss is built."""
    with pytest.raises(UserError, match=message):
        ClDiceLoss(**settings)
