"""Homotopic deformation: what it keeps, how far it goes, and in which order."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from topoeval import Topology, UserError
from topoeval.digital import simple_points, warp
from topoeval.digital.distance import inner_distance
from topoeval.metrics import betti_numbers


def pair(data, largest=(9, 6)):
    """Two random masks of a common shape, as blobs or as noise, and their number of dimensions."""
    ndim = data.draw(st.sampled_from([2, 3]))
    side = largest[ndim - 2]
    shape = (2, *(data.draw(st.integers(1, side)) for _ in range(ndim)))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    masks = [rng.random(shape) < data.draw(st.floats(0.05, 0.95)) for _ in range(2)]
    return (*masks, ndim)


@pytest.mark.parametrize("border", ["plain", "framed"])
@pytest.mark.parametrize("construction", ["V", "T"])
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_warping_keeps_the_topology_and_stops_late(construction, border, data):
    """Betti numbers stay; only differing voxels flip; of those left none is simple."""
    source, towards, ndim = pair(data)
    topology = Topology(construction, border=border)
    warped = warp(source, towards, topology)
    assert np.array_equal(
        betti_numbers(warped, topology, ndim), betti_numbers(source, topology, ndim)
    )
    agreed = source == towards
    assert np.array_equal(warped[agreed], source[agreed])
    assert not (simple_points(warped, topology) & (warped != towards)).any()


@given(data=st.data())
@settings(max_examples=30, deadline=None)
def test_images_of_a_batch_are_alone(data):
    """A batch is warped as its images are."""
    source, towards, _ = pair(data)
    singles = [warp(source[i : i + 1], towards[i : i + 1], Topology()) for i in range(len(source))]
    assert np.array_equal(warp(source, towards, Topology()), np.concatenate(singles))


@given(data=st.data())
@settings(max_examples=30, deadline=None)
def test_the_dark_phase_warps_alike(data):
    """V of the masks is T of their complements with the other border."""
    source, towards, _ = pair(data)
    bright = warp(source, towards, Topology("V"))
    assert np.array_equal(~bright, warp(~source, ~towards, Topology("T", border="framed")))


def test_a_gap_is_left_in_its_middle():
    """The nearest voxels go first: both sides of a gap, and all sides of a hole, move alike."""
    bar = np.ones((1, 1, 9), dtype=bool)
    ends = bar.copy()
    ends[..., 1:8] = False
    assert warp(ends, bar, Topology())[0, 0].tolist() == [True] * 4 + [False] + [True] * 4
    ring = np.ones((1, 9, 9), dtype=bool)
    ring[:, 2:7, 2:7] = False
    filled = warp(ring, np.ones_like(ring), Topology())
    assert np.argwhere(~filled[0]).tolist() == [[4, 4]]


def test_a_disc_deforms_into_any_disc():
    """Also if they share a single voxel; but not into none."""
    first, second = np.zeros((2, 1, 20, 20), dtype=bool)
    first[:, 1:11, 1:11] = second[:, 10:19, 10:19] = True
    assert np.array_equal(warp(first, second, Topology("V")), second)
    nothing = np.zeros_like(first)
    assert warp(first, nothing, Topology()).sum() == 1
    assert not warp(nothing, first, Topology()).any()


def test_a_frame_is_part_of_the_foreground():
    """What grows from the border is no new component there, and in the plain reading is one."""
    empty, touching = np.zeros((2, 1, 7, 7), dtype=bool)
    touching[:, 2:5, :3] = True
    assert np.array_equal(warp(empty, touching, Topology(border="framed")), touching)
    assert not warp(empty, touching, Topology()).any()


def test_distance_is_that_of_each_image_alone():
    """Against brute force over all voxels, with background beyond the border."""
    rng = np.random.default_rng(0)
    regions = rng.random((3, 5, 6)) < 0.8
    regions[1] = True
    distance = inner_distance(regions)
    for region, found in zip(np.pad(regions, ((0, 0), (1, 1), (1, 1))), distance, strict=True):
        outside = np.argwhere(~region)
        for voxel in np.argwhere(region):
            nearest = np.sqrt(((outside - voxel) ** 2).sum(1).min())
            assert found[tuple(voxel - 1)] == pytest.approx(nearest)
        assert not found[~region[1:-1, 1:-1]].any()


def test_masks_of_different_shapes_are_refused():
    """Nothing is broadcast."""
    with pytest.raises(UserError, match="one shape"):
        warp(np.ones((1, 3, 3), dtype=bool), np.ones((1, 3, 4), dtype=bool), Topology())
