"""Thresholds chosen on validation images."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from topoeval.harness.runs.thresholds import CANDIDATES, choose, scores_at, shifted
from topoeval.topology import Topology

T = Topology("T")


def faint_rings():
    """Four rings that are closed from 0.3 on only, beside specks of 0.45, and their truth."""
    truth = np.zeros((4, 1, 16, 16), np.float32)
    truth[..., 3:12, 3:12] = 1
    truth[..., 6:9, 6:9] = 0
    maps = 0.8 * truth
    maps[..., 3:6, 7] = 0.3
    maps[:, :, 14, 14] = 0.45
    return maps, truth


def test_the_best_dice_and_the_best_topology_are_found():
    """Below 0.3 rings close; the speck then costs more topology than the gap, and no Dice."""
    maps, truth = faint_rings()
    found = choose(maps, truth, T)
    assert found.dice == 0.3
    gap = scores_at(found, maps, truth, T)
    assert list(gap) == ["half", "dice", "topology"]
    assert gap["half"]["value"] == 0.5
    assert gap["half"]["cases"]["betti_error"] == [1] * 4
    assert gap["dice"]["cases"]["betti_error"] == [1] * 4
    assert np.mean(gap["dice"]["cases"]["dice"]) > np.mean(gap["half"]["cases"]["dice"])
    clean = np.where(maps == np.float32(0.45), 0, maps)
    best = choose(clean, truth, T)
    assert scores_at(best, clean, truth, T)["topology"]["cases"]["betti_error"] == [0] * 4
    assert best.topology == 0.3


def test_where_all_thresholds_are_equal_it_stays_near_a_half():
    """A perfect prediction: 0.5 and nothing else."""
    truth = faint_rings()[1]
    assert choose(truth, truth, T).named == {"half": 0.5, "dice": 0.5, "topology": 0.5}


@given(st.sampled_from(CANDIDATES), st.integers(0, 2**32 - 1))
def test_moved_maps_reach_a_half_exactly_where_the_given_ones_reach_the_threshold(threshold, seed):
    """The threshold itself included, and the order of the voxels is kept."""
    maps = np.random.default_rng(seed).random((1, 1, 8, 8), dtype=np.float32)
    maps[0, 0, 0, 0] = threshold
    maps[0, 0, 0, 1:3] = 0, 1
    moved = shifted(maps, threshold)
    np.testing.assert_array_equal(moved >= 0.5, maps >= np.float32(threshold))
    assert moved.min() >= 0
    assert moved.max() <= 1
    order = np.argsort(maps.ravel(), kind="stable")
    assert (np.diff(moved.ravel()[order]) >= 0).all()
