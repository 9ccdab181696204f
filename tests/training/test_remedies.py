"""Plain remedies do what their names say, in the connectivity of the topology."""

import numpy as np
import pytest

from topoeval import Topology, UserError
from topoeval.metrics.betti import betti_numbers
from topoeval.training.remedies import (
    apply_remedy,
    fill_holes,
    largest_components,
    open_and_close,
)


def picture(*rows):
    """A mask from rows of dots and hashes."""
    return np.array([[c == "#" for c in row] for row in rows])


TWO_AND_A_HALF = picture("##..#", "##...", "..#..", ".....", "###..")


@pytest.mark.parametrize(
    ("construction", "keep", "voxels"), [("T", 1, 5), ("V", 1, 4), ("V", 2, 7), ("T", 9, 9)]
)
def test_largest_components(construction, keep, voxels):
    """A diagonal neighbour belongs to the component in T and not in V."""
    kept = largest_components(TWO_AND_A_HALF, Topology(construction), keep)
    assert kept.sum() == voxels
    assert not (kept & ~TWO_AND_A_HALF).any()


def test_holes_are_what_does_not_reach_the_border():
    """The bay stays open; of two holes the larger is kept when one is wanted."""
    mask = picture("#######", "#.#..##", "#######", "##.####")
    assert fill_holes(mask, Topology("T"), 0).sum() == 27
    one = fill_holes(mask, Topology("T"), 1)
    assert betti_numbers(one, Topology("T")).tolist() == [1, 1]
    assert not one[1, 3:5].any()
    assert one[1, 1]


def test_a_diagonal_leak_is_a_hole_in_t_only():
    """Background connects through corners where foreground does not."""
    ring = picture("###", "#.#", "##.")
    assert fill_holes(ring, Topology("T"))[1, 1]
    assert not fill_holes(ring, Topology("V"))[1, 1]


def test_holes_of_volumes_are_cavities():
    """A tunnel is no cavity."""
    shell = np.ones((5, 5, 5), bool)
    shell[2, 2, 2] = False
    assert fill_holes(shell, Topology()).all()
    tunnel = np.ones((5, 5, 5), bool)
    tunnel[:, 2, 2] = False
    assert (fill_holes(tunnel, Topology()) == tunnel).all()


def test_opening_removes_specks_and_closing_bridges_gaps():
    """At the image edge, too, closing adds and never takes away."""
    speck = picture(".....", "..#..", ".....")
    assert not open_and_close(speck, 1, 0).any()
    gap = picture("##.##", "##.##", "##.##")
    closed = open_and_close(gap, 0, 1)
    assert closed[:, 2].any()
    assert (closed | gap).sum() == closed.sum()


@pytest.mark.parametrize("name", ["largest_component", "morphology"])
def test_probabilities_change_only_where_the_mask_does(name):
    """Removed voxels become 0, added ones 1, the rest keeps its value."""
    rng = np.random.default_rng(0)
    before = rng.random((3, 1, 12, 12)).astype(np.float32)
    priors = np.array([[1, 0], [2, 1], [1, 1]])
    after = apply_remedy(name, before, priors, Topology())
    flipped = (before >= 0.5) != (after >= 0.5)
    assert flipped.any()
    np.testing.assert_array_equal(after[~flipped], before[~flipped])
    np.testing.assert_array_equal(after[flipped], (before[flipped] < 0.5).astype(np.float32))


def test_unknown_remedies_and_parameters():
    """Named, with the nearest one."""
    x = np.zeros((1, 1, 4, 4), np.float32)
    with pytest.raises(UserError, match="did you mean 'morphology'"):
        apply_remedy("morfology", x, None, Topology())
    with pytest.raises(UserError, match=r"remedy 'morphology'.*radius"):
        apply_remedy("morphology", x, None, Topology(), radius=3)
    with pytest.raises(UserError, match="opening must be 0 or more, got -1"):
        apply_remedy("morphology", x, None, Topology(), opening=-1)
    with pytest.raises(UserError, match="steps must be 1 or more, got 0"):
        apply_remedy("threshold_for_prior", x, None, Topology(), steps=0)


@pytest.mark.parametrize("direction", ["superlevel", "sublevel"])
@pytest.mark.parametrize("name", ["edit", "keep_and_fill", "threshold_for_prior"])
def test_the_prior_is_met(name, direction):
    """A ring of two strengths with a dot: all three can mend it, whatever the direction is."""
    image = np.full((12, 16), 0.05, np.float32)
    image[2:10, 2:10] = 0.9
    image[4:8, 4:8] = 0.1
    image[3, 13] = 0.55
    after = apply_remedy(
        name, image[None, None], np.array([[1, 1]]), Topology("T", direction, "plain")
    )[0, 0]
    assert betti_numbers(after >= 0.5, Topology()).tolist() == [1, 1]
    same = (after >= 0.5) == (image >= 0.5)
    assert (after[same] == image[same]).all()


@pytest.mark.parametrize("name", ["edit", "threshold_for_prior"])
def test_without_a_prior_nothing_is_known(name):
    """Then the map stays as it is."""
    image = np.random.default_rng(0).random((1, 1, 8, 8)).astype(np.float32)
    assert (apply_remedy(name, image, None, Topology()) == image).all()


def test_the_threshold_nearest_to_a_half_wins():
    """The masks of many thresholds have the numbers: the prediction moves as little as it can."""
    image = np.full((6, 9), 0.1, np.float32)
    image[1:5, 1:4] = 0.9
    image[2, 6] = 0.6
    after = apply_remedy("threshold_for_prior", image[None, None], np.array([[1, 0]]), Topology())
    assert after[0, 0, 2, 6] == 0
    kept = apply_remedy("threshold_for_prior", image[None, None], np.array([[2, 0]]), Topology())
    assert (kept[0, 0] == image).all()
