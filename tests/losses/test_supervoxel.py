"""Supervoxel: which mistakes are critical, by hand and by counting components."""

import itertools

import numpy as np
import pytest
import torch
from scipy.ndimage import generate_binary_structure, label
from torch.nn import functional as F

from topoeval import Topology, UserError
from topoeval.losses import SupervoxelLoss
from topoeval.losses.supervoxel import critical_components


def mask(*rows):
    return np.array([[c == "#" for c in row] for row in rows])[None]


def test_by_hand():
    """A gap that splits is critical, a bite that does not is not, a missed object is."""
    truth = mask("#######", ".......", "###..##", "###....", "###....")
    found = mask("###.###", ".......", "##.....", "###....", "###....")
    critical = critical_components(truth & ~found, truth & found, Topology("V"))
    assert np.argwhere(critical[0]).tolist() == [[0, 3], [2, 5], [2, 6]]


def test_images_of_a_batch_do_not_touch():
    """A piece of one image does not hold another's mistake."""
    mistakes = np.concatenate([mask("..", ".."), mask("##", "..")])
    correct = np.concatenate([mask("##", "##"), mask("..", "..")])
    assert critical_components(mistakes, correct, Topology())[1].sum() == 2


@pytest.mark.parametrize("construction", ["V", "T"])
@pytest.mark.parametrize("shape", [(12, 11), (6, 5, 7)])
def test_a_component_is_uncritical_if_it_touches_one_piece(shape, construction):
    """Against labels of the correct part with each component filled in, one by one."""
    rng = np.random.default_rng(0)
    topology = Topology(construction)
    structure = generate_binary_structure(len(shape), 1 if construction == "V" else len(shape))
    for _ in range(20):
        kind = rng.choice(3, shape, p=[0.45, 0.25, 0.3])
        mistakes, correct = kind == 1, kind == 2
        critical = critical_components(mistakes[None], correct[None], topology)[0]
        parts, n_parts = label(mistakes, structure)
        _, n_pieces = label(correct, structure)
        for part in range(1, n_parts + 1):
            # filling in a component that touches k pieces makes one of them
            _, filled = label(correct | (parts == part), structure)
            touched = n_pieces - filled + 1
            assert critical[parts == part].all() == critical[parts == part].any()
            assert critical[parts == part].any() == (touched != 1)


def test_value():
    """Plain cross-entropy with 1 - alpha, and alpha shared by beta on the critical voxels."""
    torch.manual_seed(0)
    logits, target = torch.randn(2, 1, 9, 9), (torch.rand(2, 1, 9, 9) > 0.5).float()
    loss = SupervoxelLoss(alpha=0.6, beta=0.7)
    entropy = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    truth, found = target[:, 0].bool().numpy(), (logits > 0)[:, 0].numpy()
    split, merge = (
        torch.from_numpy(critical_components(wrong, truth & found, Topology()))[:, None]
        for wrong in (truth & ~found, found & ~truth)
    )
    expected = (0.4 * entropy + 0.6 * (0.7 * split + 0.3 * merge) * entropy).mean()
    torch.testing.assert_close(loss(logits, target), expected)


def test_weights_are_shares():
    """Beyond [0, 1] they are refused."""
    with pytest.raises(UserError, match=r"beta must lie in \[0, 1\], got 2"):
        SupervoxelLoss(beta=2)


def by_walking(objects, found, corners):
    """Critical misses of one image of numbered objects, voxel by voxel and without labels."""
    steps = [
        step
        for step in itertools.product((-1, 0, 1), repeat=objects.ndim)
        if any(step) and (corners or sum(map(abs, step)) == 1)
    ]

    def around(voxel):
        for step in steps:
            there = tuple(a + b for a, b in zip(voxel, step, strict=True))
            inside = all(0 <= a < n for a, n in zip(there, objects.shape, strict=True))
            if inside and objects[there] == objects[voxel]:
                yield there

    def walk(start):
        """Voxels of one object and one state, found or missed, from one of them."""
        reached, border = {start}, [start]
        while border:
            for there in around(border.pop()):
                if there not in reached and found[there] == found[start]:
                    reached.add(there)
                    border.append(there)
        return frozenset(reached)

    critical = np.zeros(objects.shape, bool)
    for voxel in zip(*np.nonzero((objects > 0) & ~found), strict=True):
        pieces = {walk(there) for v in walk(voxel) for there in around(v) if found[there]}
        critical[voxel] = len(pieces) != 1
    return critical


@pytest.mark.parametrize("construction", ["V", "T"])
@pytest.mark.parametrize("shape", [(9, 8), (1, 7), (4, 5, 4)])
def test_misses_of_numbered_objects(shape, construction):
    """Against a walk through each object; the numbers may be large, and of several images."""
    rng = np.random.default_rng(len(shape))
    topology = Topology(construction)
    numbers = np.array([0, 7, 2**31 - 1, 300])
    for _ in range(8):
        objects = numbers[rng.integers(0, 4, (2, *shape))]
        objects[:, : shape[0] // 2] = numbers[rng.integers(0, 4)]
        found = rng.random(objects.shape) < 0.7
        truth = objects > 0
        critical = critical_components(truth & ~found, truth & found, topology, objects)
        for one, image, seen in zip(critical, objects, found, strict=True):
            np.testing.assert_array_equal(one, by_walking(image, seen, construction == "T"))


@pytest.mark.parametrize("dtype", [torch.float32, torch.int64])
def test_objects_that_do_not_touch_are_as_one_mask(dtype):
    """And zeros and ones are a mask; value and gradient."""
    torch.manual_seed(0)
    logits = torch.randn(2, 1, 12, 9)
    objects = torch.zeros(2, 1, 12, 9, dtype=dtype)
    objects[..., :5, :4], objects[..., 7:, :4], objects[..., 2:9, 6:] = 5, 9, 1
    mask = (objects > 0).float()
    results = []
    for loss, target in (
        (SupervoxelLoss(instances=True), objects),
        (SupervoxelLoss(instances=True), mask),
        (SupervoxelLoss(), mask),
    ):
        leaf = logits.clone().requires_grad_()
        value = loss(leaf, target)
        value.backward()
        results.append((value.detach(), leaf.grad))
    for value, gradient in results[1:]:
        assert value == results[0][0]
        assert torch.equal(gradient, results[0][1])


def test_channels_of_objects():
    """Without the background's; each channel has numbers of its own."""
    torch.manual_seed(1)
    logits = torch.randn(2, 3, 8, 8)
    objects = torch.randint(0, 3, (2, 3, 8, 8))
    whole = SupervoxelLoss(instances=True, include_background=False, reduction="none")
    alone = SupervoxelLoss(instances=True, reduction="none")
    found = whole(logits, objects)
    for channel in (1, 2):
        one = slice(channel, channel + 1)
        assert torch.equal(found[:, channel - 1], alone(logits[:, one], objects[:, one])[:, 0])


@pytest.mark.parametrize("wrong", [-1.0, 0.5, 2.0**31, float("nan")])
def test_what_is_no_number_of_an_object_is_refused(wrong):
    """Negative, broken, too large and NaN; and a shape that does not fit."""
    objects = torch.zeros(1, 1, 4, 4, dtype=torch.float64)
    objects[0, 0, 0, 0] = wrong
    with pytest.raises(UserError, match="whole numbers of objects"):
        SupervoxelLoss(instances=True)(torch.zeros(1, 1, 4, 4), objects)
    with pytest.raises(UserError, match="target of shape"):
        SupervoxelLoss(instances=True)(torch.zeros(1, 1, 4, 4), objects[..., 1:])
