"""Patches cover a map, each voxel of it in its place."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from topoeval import UserError
from topoeval.losses import EulerLoss, WassersteinLoss
from topoeval.losses.patches import patches


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 9), min_size=2, max_size=3), st.integers(1, 5), st.integers(1, 5))
def test_patches_are_slices_that_cover_the_map(shape, size, step):
    """Every patch is the slice that its first voxel says, and no voxel is left out."""
    step = min(step, size)
    x = torch.arange(2 * 3 * np.prod(shape)).reshape(2, 3, *shape)
    cut = patches(x, size, step)
    sides = tuple(min(size, side) for side in shape)
    assert cut.shape[:2] == (2, 3)
    assert cut.shape[3:] == sides
    assert set(cut[1, 2].flatten().tolist()) == set(x[1, 2].flatten().tolist())
    for patch in cut[0, 0]:
        first = np.unravel_index(int(patch.flatten()[0]), shape)
        window = tuple(slice(at, at + side) for at, side in zip(first, sides, strict=True))
        assert torch.equal(patch, x[0, 0][window])


def test_whole_axes_are_not_cut():
    """A patch larger than the map is the map."""
    x = torch.rand(2, 1, 4, 6)
    assert torch.equal(patches(x, 10)[:, :, 0], x)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: WassersteinLoss(patch=0), "patch.*at least 1 voxel, got 0"),
        (lambda: EulerLoss(window=0), "window.*at least 1 voxel"),
        (lambda: EulerLoss(window=4, step=0), "step.*at least 1 voxel"),
        (lambda: EulerLoss(step=4), "give window too"),
    ],
)
def test_no_side_is_below_one_voxel(make, words):
    """Refused where the loss is built."""
    with pytest.raises(UserError, match=words):
        make()
