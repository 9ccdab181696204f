"""Patch-wise Betti error: the grid, and that errors far apart do not cancel."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from topoeval.errors import UserError
from topoeval.metrics import betti_error, patch_betti_error
from topoeval.topology import Topology

T = Topology("T")


def test_errors_far_apart_do_not_cancel():
    """A dot at the left and one at the right: equal numbers, two wrong patches of two."""
    p = np.zeros((4, 8), bool)
    p[1, 1] = True
    g = p[:, ::-1]
    assert betti_error(p, g, T).tolist() == [0, 0]
    assert patch_betti_error(p, g, T, size=4).tolist() == [1, 0]


@settings(deadline=None, max_examples=40)
@given(arrays(bool, (2, 2, 7, 9)), st.integers(1, 10), st.integers(1, 5))
def test_mean_over_the_grid(pair, size, stride):
    """Equal to a loop that cuts each patch out; the last ends with the image."""
    p, g = pair
    high, wide = min(size, 7), min(size, 9)
    rows = sorted({*range(0, 7 - high, stride), 7 - high})
    columns = sorted({*range(0, 9 - wide, stride), 9 - wide})
    expected = np.mean(
        [
            betti_error(p[:, y : y + high, x : x + wide], g[:, y : y + high, x : x + wide], T, 2)
            for y in rows
            for x in columns
        ],
        axis=0,
    )
    found = patch_betti_error(p, g, T, 2, size=size, stride=stride)
    np.testing.assert_allclose(found, expected)


def test_a_large_patch_is_the_image():
    """Then it is the plain Betti error, in 3D too."""
    p, g = np.random.default_rng(0).random((2, 5, 4, 6)) < 0.5
    np.testing.assert_array_equal(patch_betti_error(p, g, T), betti_error(p, g, T))


@pytest.mark.parametrize(("size", "stride"), [(0, None), (4, 0)])
def test_refuses_patches_of_nothing(size, stride):
    """A side and a step of at least one voxel."""
    with pytest.raises(UserError, match="at least 1"):
        patch_betti_error(*np.zeros((2, 4, 4), bool), T, size=size, stride=stride)
