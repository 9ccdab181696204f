"""Augmentation: pure, paired, bounded, and the library's own at each step."""

import numpy as np
import pytest
import torch

from topoeval.errors import UserError
from topoeval.training.augment import Augmentation, augment


def batch(shape=(3, 1, 24, 20), dtype=torch.float32):
    """Return smooth images and their masks."""
    values = torch.rand(shape, generator=torch.Generator().manual_seed(0))
    for axis in range(2, len(shape)):
        values = (values + values.roll(1, axis) + values.roll(2, axis)) / 3
    return values.to(dtype), (values > 0.5).to(dtype)


ALWAYS = Augmentation(flip=0.5, probability=1.0)


@pytest.mark.parametrize("shape", [(3, 1, 24, 20), (2, 2, 12, 10, 8)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_a_seed_gives_one_answer(shape, dtype):
    """Twice the same, another seed another one; shape, dtype and range stay."""
    images, targets = batch(shape, dtype)
    first, again = (augment(images, targets, ALWAYS, seed=4) for _ in range(2))
    other = augment(images, targets, ALWAYS, seed=5)
    for a, b, c, like in zip(first, again, other, (images, targets), strict=True):
        assert torch.equal(a, b)
        assert a.shape == like.shape
        assert a.dtype == like.dtype
        assert type(a) is torch.Tensor
        assert 0 <= a.min() <= a.max() <= 1
        assert not torch.equal(a, c)
    assert set(first[1].unique().tolist()) <= {0.0, 1.0}


def test_the_global_generators_are_left_alone():
    """Neither numpy's nor torch's; a purer reason for the same batch in every method."""
    images, targets = batch()
    torch.manual_seed(1)
    np.random.seed(1)  # noqa: NPY002  # it is the old generator that must not be touched
    expected = torch.rand(1).item(), np.random.rand()  # noqa: NPY002
    torch.manual_seed(1)
    np.random.seed(1)  # noqa: NPY002
    augment(images, targets, ALWAYS, seed=0)
    assert (torch.rand(1).item(), np.random.rand()) == expected  # noqa: NPY002


def test_image_and_target_move_together():
    """Where only places change, the mask of the moved image is the moved mask."""
    images, targets = batch((4, 1, 32, 32))
    places = Augmentation(flip=1.0, probability=0.0)
    moved, masks = augment(images, targets, places, seed=0)
    assert torch.equal((moved > 0.5).float(), masks)
    assert torch.equal(moved, images.flip(2, 3))
    turned = Augmentation(
        flip=0, probability=1, brightness=0, contrast=0, gamma=0, noise=0, blur=0, rotate=40
    )
    moved, masks = augment(images, targets, turned, seed=0)
    agree = ((moved > 0.5).float() == masks).float().mean()
    assert agree > 0.85
    assert not torch.allclose(moved, images, atol=0.05)


def test_grey_values_change_and_masks_do_not():
    """Brightness, contrast, gamma, noise and blur are the image's business."""
    images, targets = batch()
    greys = Augmentation(flip=0, rotate=0, scale=0, probability=1.0)
    varied, masks = augment(images, targets, greys, seed=0)
    assert torch.equal(masks, targets)
    assert not torch.allclose(varied, images, atol=0.01)


def test_patches_are_pieces_of_the_pair():
    """Found somewhere in the image, at the same place in the target."""
    images, targets = batch((5, 1, 24, 20))
    still = Augmentation(flip=0, probability=0, patch=8)
    pieces, masks = augment(images, targets, still, seed=3)
    assert pieces.shape == (5, 1, 8, 8)
    places = set()
    for image, target, piece, mask in zip(images, targets, pieces, masks, strict=True):
        windows = image[0].unfold(0, 8, 1).unfold(1, 8, 1)
        (place,) = (windows == piece[0]).all(dim=(2, 3)).nonzero().tolist()
        places.add(tuple(place))
        assert torch.equal(target[0].unfold(0, 8, 1).unfold(1, 8, 1)[tuple(place)], mask[0])
    assert len(places) > 1


def test_bending_is_for_pictures():
    """Two dimensions move smoothly; three are refused."""
    off = dict.fromkeys(("flip", "rotate", "scale", "noise", "blur", "gamma"), 0.0)
    bend = Augmentation(**off, bend=3.0, probability=1)
    images, targets = batch((2, 1, 48, 48))
    moved, _ = augment(images, targets, bend, seed=0)
    assert not torch.allclose(moved, images, atol=0.05)
    with pytest.raises(UserError, match="2D"):
        augment(*batch((1, 1, 8, 8, 8)), bend, seed=0)


def test_non_contiguous_and_single_images():
    """Views and a batch of one are batches like any other."""
    images, targets = batch((4, 1, 24, 20))
    a, _ = augment(images[::2].transpose(2, 3), targets[::2].transpose(2, 3), ALWAYS, seed=0)
    b, _ = augment(
        images[::2].transpose(2, 3).contiguous(), targets[::2].transpose(2, 3), ALWAYS, seed=0
    )
    assert torch.equal(a, b)
    assert augment(images[:1], targets[:1], ALWAYS, seed=0)[0].shape == (1, 1, 24, 20)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"flip": 1.5}, "flip must be 0 to 1, got 1.5"),
        ({"noise": -0.1}, "noise must be 0 or more"),
        ({"patch": 99}, "patch=99 is larger"),
    ],
)
def test_refuses_what_cannot_be(settings, message):
    """The message names the setting and the value."""
    with pytest.raises(UserError, match=message):
        augment(*batch(), Augmentation(**settings), seed=0)
    with pytest.raises(UserError, match="no pairs"):
        augment(batch()[0], batch((2, 1, 24, 20))[1], Augmentation(), seed=0)
