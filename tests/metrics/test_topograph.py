"""DIU: by hand, by linear algebra, and what it does not see."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from topoeval.errors import UserError
from topoeval.metrics import betti_error, diu
from topoeval.topology import Topology

pairs = arrays(bool, (2, 6, 7))
topologies = st.sampled_from(["V", "T", "V-superlevel-framed", "T-superlevel-framed"])


def by_matrix(inner, outer, rank):
    """Kernel and cokernel of the map of components, as those of its matrix."""
    structure = ndimage.generate_binary_structure(2, rank)
    (a, m), (b, n) = (ndimage.label(mask, structure) for mask in (inner, outer))
    matrix = np.zeros((n, m))
    for component in range(1, m + 1):
        matrix[np.unique(b[a == component]) - 1, component - 1] = 1
    image = np.linalg.matrix_rank(matrix) if matrix.size else 0
    return (m - image) + (n - image)


@settings(deadline=None)
@given(pairs, topologies)
def test_equal_to_linear_algebra(pair, text):
    """Foreground and background, each by its own connectivity."""
    topology = Topology.parse(text)
    p, g = np.pad(pair, [(0, 0), (1, 1), (1, 1)], constant_values=True) if topology.framed else pair
    p, g = np.pad(p, 1), np.pad(g, 1)
    fore = 1 if topology.construction == "V" else 2
    expected = by_matrix(p & g, p | g, fore) + by_matrix(~p & ~g, ~p | ~g, 3 - fore)
    assert diu(*pair, topology) == expected


@settings(deadline=None)
@given(pairs, topologies)
def test_symmetric(pair, text):
    """Prediction and truth play the same part; a mask has no discrepancy with itself."""
    topology = Topology.parse(text)
    assert diu(*pair, topology) == diu(*pair[::-1], topology)
    assert diu(pair[0], pair[0], topology) == 0


def test_neighbours_that_do_not_overlap_are_not_seen():
    """Two components against one, a Betti error of 1, and yet no discrepancy."""
    g = np.zeros((3, 9), bool)
    g[1, 1:5] = True
    p = g.copy()
    p[1, 4], p[1, 5] = False, True
    assert betti_error(p, g, Topology()).tolist() == [1, 0]
    assert diu(p, g, Topology()) == 0


def test_by_hand():
    """A gap in a line joins two components of the intersection: one error."""
    line = np.zeros((3, 9), bool)
    line[1, 1:8] = True
    cut = line.copy()
    cut[1, 4] = False
    assert diu(cut, line, Topology()) == 1
    assert diu(np.stack([cut, line]), np.stack([line, line]), Topology(), 2).tolist() == [1, 0]


def test_refuses_volumes():
    """Labels do not see tunnels."""
    with pytest.raises(UserError, match="2D masks, got 3"):
        diu(*np.zeros((2, 3, 3, 3), bool), Topology())
