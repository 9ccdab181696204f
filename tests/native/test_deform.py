"""Thinning and warping by the engine against the same steps in NumPy."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from tests.digital.conftest import deform as reference
from topoeval import Topology
from topoeval import _native as native
from topoeval.digital import thin, warp
from topoeval.digital.distance import inner_distance
from topoeval.metrics import betti_numbers

TOPOLOGIES = [Topology(c, border=b) for c in "VT" for b in ("plain", "framed")]


def masks(rng, ndim, sides):
    """Two masks, noise of any density or blobs of any width; sides of 1 among them."""
    shape = (2, *rng.integers(1, sides, ndim))
    if rng.integers(2):
        return rng.random(shape) < rng.choice([0.1, 0.5, 0.8, 0.95, 1.0])
    width = (0,) + (rng.choice([1, 2, 4]),) * ndim
    return gaussian_filter(rng.standard_normal(shape), width) > rng.choice([-0.1, 0, 0.02])


@pytest.mark.parametrize("topology", TOPOLOGIES, ids=str)
@pytest.mark.parametrize(("ndim", "sides"), [(2, 40), (3, 14)])
def test_voxel_for_voxel(topology, ndim, sides):
    """Skeletons and warped masks are those of the NumPy steps."""
    rng = np.random.default_rng(ndim)
    for _ in range(25):
        source = masks(rng, ndim, sides)
        skeletons = reference(source, source, inner_distance(source), topology, keep_ends=True)
        np.testing.assert_array_equal(thin(source, topology), skeletons)
        towards = source ^ (rng.random(source.shape) < 0.2)
        different = source != towards
        warped = reference(source, different, inner_distance(different), topology)
        np.testing.assert_array_equal(warp(source, towards, topology), warped)


@pytest.mark.parametrize("topology", TOPOLOGIES, ids=str)
@pytest.mark.parametrize("shape", [(40, 24, 21), (40, 9, 8, 10)])
def test_topology_kept_and_nothing_left_to_thin(topology, shape):
    """Random masks keep their Betti numbers, and a skeleton is its own."""
    rng = np.random.default_rng(0)
    source = rng.random(shape) < rng.random((shape[0],) + (1,) * (len(shape) - 1))
    skeletons = thin(source, topology)
    ndim = len(shape) - 1
    np.testing.assert_array_equal(
        betti_numbers(skeletons, topology, ndim), betti_numbers(source, topology, ndim)
    )
    assert not (skeletons & ~source).any()
    np.testing.assert_array_equal(thin(skeletons, topology), skeletons)


@pytest.mark.parametrize("shape", [(5, 60, 70), (3, 14, 15, 70)])
def test_layouts_and_threads(shape):
    """Any memory layout and any number of threads: the same skeletons."""
    source = gaussian_filter(np.random.default_rng(0).standard_normal(shape), 1.5) > 0
    wanted = thin(source, Topology())
    backwards = np.ascontiguousarray(source[::-1, ..., ::-1])[::-1, ..., ::-1]
    spread = np.repeat(source, 2, axis=-1)[..., ::2]
    for same in (np.asfortranarray(source), backwards, spread):
        for threads in (1, 3, 33):
            np.testing.assert_array_equal(thin(same, Topology(), threads=threads), wanted)


def test_refusals():
    """Masks of two shapes or of numbers are one clear error."""
    mask = np.zeros((1, 4, 4), bool)
    with pytest.raises(ValueError, match="same shape"):
        native.deform(mask, mask[:, :3], "V", False, True, 1)
    with pytest.raises(ValueError, match="bool or uint8"):
        native.deform(mask.astype(float), mask, "V", False, True, 1)
