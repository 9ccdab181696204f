"""Betti matching error: bounds, by hand, orientations and empty masks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from topoeval.errors import UserError
from topoeval.metrics import betti_error, betti_matching_error
from topoeval.topology import Topology

pairs = st.sampled_from([(2, 6, 7), (2, 4, 3, 4)]).flatmap(lambda shape: arrays(bool, shape))
topologies = st.sampled_from(["V", "T", "V-superlevel-framed", "T-superlevel-framed"])
comparisons = st.sampled_from(["union", "intersection"])


@settings(deadline=None, max_examples=200)
@given(pairs, topologies, comparisons)
def test_never_less_than_the_betti_error(pair, text, comparison):
    """What is matched cancels in pairs, so the difference is even, too."""
    topology = Topology.parse(text)
    matching = betti_matching_error(*pair, topology, comparison=comparison)
    error = betti_error(*pair, topology)
    assert (matching >= error).all()
    assert not ((matching - error) % 2).any()


@settings(deadline=None)
@given(pairs, topologies, comparisons)
def test_a_mask_matches_itself(pair, text, comparison):
    """No feature of a mask is without partner in it."""
    topology = Topology.parse(text)
    assert not betti_matching_error(pair[0], pair[0], topology, comparison=comparison).any()


def dots(*columns):
    """Return a mask with single pixels in one row."""
    mask = np.zeros((3, 15), bool)
    mask[1, list(columns)] = True
    return mask


def test_by_hand():
    """The right number of components at the wrong places is two errors."""
    assert betti_matching_error(dots(1, 5), dots(1, 9), Topology()).tolist() == [2, 0]
    assert betti_matching_error(dots(1, 5), dots(1, 5), Topology()).tolist() == [0, 0]
    # the essential class of each mask matches the other's wherever they lie
    assert betti_matching_error(dots(1), dots(9), Topology()).tolist() == [0, 0]


def test_holes_at_wrong_places():
    """Two discs, each with one pinhole, that do not coincide."""
    p = np.zeros((7, 15), bool)
    p[1:6, 1:14] = True
    g = p.copy()
    p[3, 3], g[3, 10] = False, False
    for comparison in ("union", "intersection"):
        found = betti_matching_error(p, g, Topology(), comparison=comparison)
        assert found.tolist() == [0, 2]


def test_orientations_differ():
    """One bridge between two discs: the union joins the holes that the intersection keeps."""
    found = [
        betti_matching_error(dots(1, 2, 5), dots(2, 5, 6), Topology(), comparison=comparison)
        for comparison in ("union", "intersection")
    ]
    assert [errors.tolist() for errors in found] == [[0, 0], [0, 0]]
    rng = np.random.default_rng(3)
    p, g = rng.random((2, 24, 24)) < 0.5
    union, intersection = (
        betti_matching_error(p, g, Topology(), comparison=c).sum()
        for c in ("union", "intersection")
    )
    assert union != intersection


def test_empty_masks():
    """Both empty is no error; a missed ring is one in each dimension, for a stack as for one."""
    ring = np.ones((3, 3), bool)
    ring[1, 1] = False
    empty = np.zeros_like(ring)
    stack = betti_matching_error(
        np.stack([empty, empty, ring]), np.stack([empty, ring, empty]), Topology(), 2
    )
    assert stack.tolist() == [[0, 0], [1, 1], [1, 1]]


def test_refuses_other_comparisons():
    """There are two."""
    with pytest.raises(UserError, match="'union' or 'intersection', got 'both'"):
        betti_matching_error(dots(1), dots(1), Topology(), comparison="both")
