"""Distances to the other phase: SciPy's, to the last bit where the spacing is 1."""

import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt, gaussian_filter

from topoeval.losses.distances import to_other_phase

SHAPES = [(1, 7), (9, 1), (37, 52), (300, 200), (1, 1, 5), (19, 24, 13), (40, 40, 40)]


def masks(shape):
    """Return masks of noise, of smooth parts, and of one voxel."""
    rng = np.random.default_rng(sum(shape))
    one = np.zeros(shape, bool)
    one.flat[one.size // 3] = True
    return [rng.random(shape) > 0.6, gaussian_filter(rng.normal(size=shape), 3) > 0, one]


def both_passes(mask, spacing=None):
    """Return SciPy's distances of the foreground and of the background, summed."""
    return distance_transform_edt(mask, spacing) + distance_transform_edt(~mask, spacing)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_equal_to_scipy(shape):
    for mask in masks(shape):
        if mask.all() or not mask.any():
            continue
        expected = both_passes(mask)
        assert np.array_equal(to_other_phase(mask), expected)
        assert np.array_equal(to_other_phase(~mask), expected)
        for other in (np.asfortranarray(mask), np.repeat(mask, 2, axis=0)[::2], mask[::-1][::-1]):
            assert np.array_equal(to_other_phase(other), expected)


@pytest.mark.parametrize("spacing", [(0.5, 2.0), (3, 0.7, 0.7)], ids=str)
def test_spacing(spacing):
    for mask in masks((23, 31, 18)[: len(spacing)]):
        np.testing.assert_allclose(to_other_phase(mask, spacing), both_passes(mask, spacing), 1e-6)


@pytest.mark.parametrize("value", [False, True])
def test_one_phase_has_no_distance(value):
    assert not to_other_phase(np.full((4, 5), value)).any()
