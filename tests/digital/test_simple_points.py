"""Simple points, against counting, against homology and against what flipping them does."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import generate_binary_structure, label

from tests.digital.conftest import codes_at, cube_steps, is_end
from topoeval import Topology, UserError
from topoeval.digital import simple_points
from topoeval.digital.simple_points import is_simple, neighbourhood_codes
from topoeval.metrics import betti_numbers


def neighbourhoods(ndim, n=None, seed=0):
    """All 256 neighbourhoods in 2D, or n random ones, ``(n, 3, ...)``, the middle empty."""
    if n is None:
        rings = np.array(list(product([False, True], repeat=8)))
        cubes = np.insert(rings, 4, False, axis=1)
    else:
        rng = np.random.default_rng(seed)
        cubes = rng.random((n, 3**ndim)) < rng.random((n, 1))
        cubes[:, 3**ndim // 2] = False
    return cubes.reshape(-1, *(3,) * ndim)


def codes_of(cubes):
    """The code of each 3^d block's middle."""
    return neighbourhood_codes(cubes)[(slice(None),) + (1,) * (cubes.ndim - 1)]


def adjacent_components(cube, by_corners):
    """The topological number as its definition reads, by scipy's labels."""
    ndim = cube.ndim
    offsets = np.indices(cube.shape) - 1
    steps = np.abs(offsets).sum(0)
    near = (steps > 0) & (by_corners or steps <= 2)
    labels, _ = label(cube & near, generate_binary_structure(ndim, ndim if by_corners else 1))
    touching = labels[(steps > 0) if by_corners else (steps == 1)]
    return len(set(touching.tolist()) - {0})


def simple_by_definition(cube, construction):
    opposite = ~cube
    opposite[(1,) * cube.ndim] = False
    corners = construction == "T"
    return adjacent_components(cube, corners) == adjacent_components(opposite, not corners) == 1


@pytest.mark.parametrize("construction", ["V", "T"])
def test_116_of_256(construction):
    """As many neighbourhoods are simple for (4, 8) as for (8, 4)."""
    assert is_simple(codes_of(neighbourhoods(2)), 2, construction).sum() == 116


@pytest.mark.parametrize("construction", ["V", "T"])
@pytest.mark.parametrize(("ndim", "n"), [(2, None), (3, 3000)])
def test_components_counted_one_by_one(ndim, n, construction):
    """Bits that grow by shifts count what labels count."""
    cubes = neighbourhoods(ndim, n)
    expected = [simple_by_definition(cube, construction) for cube in cubes]
    assert is_simple(codes_of(cubes), ndim, construction).tolist() == expected


@pytest.mark.parametrize(("ndim", "n"), [(2, None), (3, 3000)])
def test_simple_is_what_is_attached_along_a_point(ndim, n):
    """In T a voxel is simple if its foreground neighbours have the Betti numbers of a point.

    With the voxel itself they always do, since every one of their cubes touches it.
    """
    cubes = neighbourhoods(ndim, n, seed=1)
    betti = betti_numbers(cubes, Topology("T"), spatial_dims=ndim)
    point = (betti == [1] + [0] * (ndim - 1)).all(axis=1)
    assert is_simple(codes_of(cubes), ndim, "T").tolist() == point.tolist()


@pytest.mark.parametrize(("ndim", "n"), [(2, None), (3, 3000)])
def test_the_constructions_are_dual(ndim, n):
    """V of a neighbourhood is T of its complement."""
    cubes = neighbourhoods(ndim, n, seed=2)
    opposite = ~cubes
    opposite[(slice(None),) + (1,) * ndim] = False
    assert np.array_equal(
        is_simple(codes_of(cubes), ndim, "V"), is_simple(codes_of(opposite), ndim, "T")
    )


@pytest.mark.parametrize("shape", [(2, 5, 4), (2, 4, 3, 5)])
def test_codes_of_all_voxels_and_of_some_are_equal(shape):
    """The two ways to a code give one code."""
    images = np.random.default_rng(0).random(shape) < 0.5
    inside = np.zeros(shape, dtype=bool)
    inside[(slice(None),) + (slice(1, -1),) * (len(shape) - 1)] = True
    voxels = np.flatnonzero(inside)
    some = codes_at(images.reshape(-1), voxels, cube_steps(shape))
    assert np.array_equal(some, neighbourhood_codes(images).reshape(-1)[voxels])


@pytest.mark.parametrize("border", ["plain", "framed"])
@pytest.mark.parametrize("construction", ["V", "T"])
@given(data=st.data())
@settings(max_examples=30, deadline=None)
def test_flipping_one_keeps_the_betti_numbers(construction, border, data):
    """At the image's edge too; in 2D every other flip changes them."""
    ndim = data.draw(st.sampled_from([2, 3]))
    shape = tuple(data.draw(st.integers(1, 4)) for _ in range(ndim))
    topology = Topology(construction, border=border)
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    image = rng.random(shape) < data.draw(st.floats(0.1, 0.9))
    flipped = np.repeat(image[None], image.size, axis=0)
    flipped.reshape(image.size, -1)[np.diag_indices(image.size)] ^= True
    same = (betti_numbers(flipped, topology, ndim) == betti_numbers(image, topology)).all(axis=1)
    simple = simple_points(image[None], topology).reshape(-1)
    assert same[simple].all()
    if ndim == 2:
        assert not same[~simple].any()


def test_the_end_of_a_curve_has_one_neighbour():
    """Under the adjacency of the construction: a diagonal neighbour counts in T alone."""
    cubes = np.zeros((3, 3, 3), dtype=bool)
    cubes[1, 0, 0] = True
    cubes[2, 0, 1] = True
    cubes[2, 0, 0] = True
    assert is_end(codes_of(cubes), 2, "T").tolist() == [False, True, False]
    assert is_end(codes_of(cubes), 2, "V").tolist() == [False, False, True]


@pytest.mark.parametrize("mask", [np.ones((3, 3), dtype=bool), np.ones((1, 3, 3))])
def test_what_is_no_batch_of_masks_is_refused(mask):
    """One line that says what is wanted."""
    with pytest.raises(UserError, match="masks must be boolean of shape"):
        simple_points(mask, Topology())
