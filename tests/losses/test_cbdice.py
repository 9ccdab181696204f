"""cbDice and clM-Dice, written out voxel by voxel."""

import numpy as np
import pytest
import torch

from topoeval import Topology
from topoeval.digital import thin
from topoeval.digital.distance import inner_distance
from topoeval.losses import CbDiceLoss, ClMDiceLoss
from topoeval.losses.cbdice import (
    merged_probability,
    on_skeleton,
    on_skeleton_by_torch,
    skeleton_depths,
)
from topoeval.testing.loss_subject import as_classes


def random_case(*shape, seed=0):
    """Logits of large blobs, and targets that differ from them."""
    generator = torch.Generator().manual_seed(seed)
    pool = (torch.nn.functional.avg_pool2d, torch.nn.functional.avg_pool3d)[len(shape) - 4]

    def smooth():
        noise = torch.randn(shape, generator=generator, dtype=torch.float64)
        return 3 * pool(noise, 3, 1, 1)

    return smooth(), as_classes((smooth() > 0).double())


def formula(probability, truth, boundary):
    """One image, as the paper's equations read, in loops over voxels."""

    def describe(mask):
        skeleton, distance = thin(mask[None], Topology())[0], inner_distance(mask[None])[0]
        largest = max(1.0, distance[skeleton].max(initial=0))
        thinness = (largest - distance + 1) / largest
        weight = thinness ** (mask.ndim - 1) if boundary else np.ones_like(distance)
        return skeleton, np.minimum(distance, largest) / largest, weight

    s_p, q_p, w_p = describe(probability >= 0.5)
    s_g, q_g, w_g = describe(truth)
    sums = dict.fromkeys(("p", "p_max", "s", "s_max"), 1.0)
    for v in np.ndindex(truth.shape):
        p = probability[v]
        if s_p[v]:
            radius = q_g[v] if s_g[v] else q_p[v] * p
            sums["p"] += w_p[v] * p * q_g[v]
            sums["p_max"] += w_p[v] * p * radius
        if s_g[v]:
            radius = q_p[v] * p if s_p[v] else q_g[v]
            sums["s"] += w_g[v] * q_p[v] * p
            sums["s_max"] += w_g[v] * radius
    precision, sensitivity = sums["p"] / sums["p_max"], sums["s"] / sums["s_max"]
    return 1 - 2 * precision * sensitivity / (precision + sensitivity)


@pytest.mark.parametrize("loss", [CbDiceLoss, ClMDiceLoss])
@pytest.mark.parametrize("shape", [(3, 1, 16, 14), (2, 1, 9, 8, 10)])
def test_value_is_the_formula(shape, loss):
    """Each image by itself."""
    logits, target = random_case(*shape)
    values = loss(reduction="none")(logits, target)
    for value, image, truth in zip(values[:, 0], logits[:, 0], target[:, 0], strict=True):
        expected = formula(image.sigmoid().numpy(), truth.numpy() > 0, loss is CbDiceLoss)
        assert value.item() == pytest.approx(expected, abs=1e-6)


def blobs(rng, shape):
    """Six masks: empty, of blobs of all sizes, full."""
    masks = rng.random((6, *shape))
    for axis in range(1, len(shape) + 1):
        masks = masks + np.roll(masks, 1, axis)
    share = np.linspace(0, 1, 6).reshape(-1, *[1] * len(shape))
    masks = masks > np.quantile(masks, 1 - share.ravel()).reshape(share.shape)
    masks[-1] = True
    return masks


def geometry(masks, topology, power):
    """q, r and w of a batch of masks as float32, by the formula."""
    skeleton, depth = thin(masks, topology), inner_distance(masks)
    radii = [d[s].max(initial=1) for d, s in zip(depth, skeleton, strict=True)]
    radius = np.reshape(radii, (-1,) + (1,) * (masks.ndim - 1))
    thinness = (radius - depth + 1) / radius
    q = np.minimum(depth, radius) / radius
    return [x.astype(np.float32) for x in (q, q * skeleton, thinness**power * skeleton)]


@pytest.mark.parametrize("power", [0, 1, 2])
@pytest.mark.parametrize("topology", [Topology(), Topology("V"), Topology(border="framed")])
@pytest.mark.parametrize("shape", [(1, 1), (19, 70), (140, 131), (7, 8, 9)])
def test_values_on_skeletons_are_those_of_the_formula(shape, topology, power):
    """To the last bit, by the engine and by torch, in whatever layout they come."""
    rng = np.random.default_rng(len(shape))
    masks, others = blobs(rng, shape), blobs(rng, shape)[::-1]
    mine, other = (torch.from_numpy(skeleton_depths(x, topology)) for x in (masks, others))
    assert np.array_equal(mine, skeleton_depths(np.asfortranarray(masks), topology))
    _, own_r, weight = geometry(masks, topology, power)
    q, r, _ = geometry(others, topology, power)
    places = np.flatnonzero(weight)
    expected = np.stack([x.reshape(-1)[places] for x in (weight, q, r, own_r)])
    turned = mine.transpose(1, -1).contiguous().transpose(1, -1)
    for on, values, counts in (
        on_skeleton(mine, other, power),
        on_skeleton(turned, other, power),
        on_skeleton_by_torch(mine, other, power),
    ):
        np.testing.assert_array_equal(on, places)
        assert values.dtype == torch.float32
        np.testing.assert_array_equal(values, expected)
        assert counts == [np.count_nonzero(image) for image in weight]


@pytest.mark.parametrize("loss", [CbDiceLoss(), ClMDiceLoss()])
def test_equal_masks_cost_nothing(loss):
    """With probabilities of 0 and 1."""
    for shape in [(2, 1, 16, 14), (2, 1, 9, 8, 10)]:
        _, target = random_case(*shape)
        assert loss(200 * target - 100, target).item() == pytest.approx(0, abs=1e-6)


def test_a_thin_branch_weighs_as_a_thick_one_in_cbdice():
    """The same length lost costs more on the thin branch than it does in clM-Dice."""
    target = torch.zeros(1, 1, 24, 40)
    target[..., 2:13, 2:38] = 1
    target[..., 18:19, 2:38] = 1

    def cost_of_losing(rows, loss):
        kept = target.clone()
        kept[..., rows, 20:] = 0
        return loss(40 * kept - 20, target).item()

    thin, thick = slice(18, 19), slice(2, 13)
    shares = [
        cost_of_losing(thin, loss) / cost_of_losing(thick, loss)
        for loss in (CbDiceLoss(), ClMDiceLoss())
    ]
    assert shares[0] > 2 * shares[1]


def test_classes_are_merged():
    """Several foreground channels are one, by their largest logit against the background's."""
    logits, _ = random_case(2, 3, 12, 13)
    several = torch.zeros_like(logits)
    several.scatter_(1, logits.argmax(1, keepdim=True), 1.0)
    one = torch.logit(merged_probability(logits))
    foreground = several[:, 1:].amax(1, keepdim=True)
    torch.testing.assert_close(CbDiceLoss()(logits, several), CbDiceLoss()(one, foreground))
    strongest = torch.stack([logits[:, 0], logits[:, 1:].amax(1)], 1)
    torch.testing.assert_close(one.sigmoid(), strongest.softmax(1)[:, 1:])


@pytest.mark.parametrize("loss", [CbDiceLoss(), ClMDiceLoss()])
@pytest.mark.parametrize("shape", [(1, 1, 8, 9), (1, 2, 4, 5, 3)])
def test_gradient_equals_finite_differences(loss, shape):
    """While no voxel changes sides."""
    logits, target = random_case(*shape, seed=1)
    logits = (logits + 0.05 * logits.sign()).requires_grad_()
    assert torch.autograd.gradcheck(lambda z: loss(z, target), logits, eps=1e-6)


@pytest.mark.parametrize("loss", [CbDiceLoss(), ClMDiceLoss()])
def test_empty_masks(loss):
    """Two cost nothing; an invented skeleton is lowered; an empty prediction has no gradient."""
    _, target = random_case(1, 1, 16, 14)
    empty = torch.zeros_like(target)
    assert loss(empty - 50, empty).item() == pytest.approx(0, abs=1e-6)

    invented = (8 * target - 4).requires_grad_()
    value = loss(invented, empty)
    value.backward()
    assert 0 < value < 1
    assert invented.grad.sum() > 0

    missed = (empty - 1).requires_grad_()
    value = loss(missed, target)
    value.backward()
    assert 0 < value < 1
    assert not missed.grad.any()


def test_the_value_may_fall_below_zero():
    """The card claims no minimum: a thin prediction beside a thick target's axis."""
    target = torch.zeros(1, 1, 15, 41)
    target[..., 2:13, :] = 1
    assert ClMDiceLoss.info.minimum is None
    values = []
    for row in range(2, 13):
        prediction = torch.full_like(target, -50)
        prediction[..., row, 12:] = 50
        prediction[..., 2:13, :12] = 50
        values.append(ClMDiceLoss()(prediction, target).item())
    assert min(values) < 0
