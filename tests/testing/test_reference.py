"""The reference of the conformance suite against GUDHI and against what the eye sees."""

import itertools

import numpy as np
import pytest

from topoeval import Topology
from topoeval.testing.reference import reference_bars

INF = np.inf
RING = np.array([[1, 1, 1, 1], [1, 0, 0, 1], [1, 1, 1, 1]])
SHELL = np.pad(np.zeros((1, 1, 2), int), 1, constant_values=1)


@pytest.mark.parametrize(
    ("image", "topology", "bars"),
    [
        (RING, "T-superlevel", [(0, 1, -INF), (1, 1, 0)]),
        (RING, "V-sublevel", [(0, 0, INF)]),
        (RING, "T-sublevel-framed", [(0, -INF, INF), (0, 0, 1), (1, -INF, 1)]),
        (SHELL, "V-superlevel", [(0, 1, -INF), (2, 1, 0)]),
        (np.eye(2, dtype=int), "V-superlevel", [(0, 1, -INF), (0, 1, 0)]),
        (np.eye(2, dtype=int), "T-superlevel", [(0, 1, -INF)]),
        (np.array([[5]]), "V-sublevel", [(0, 5, INF)]),
        (np.array([[0, 2**53, 1, 2**53 + 1, 0]]), "T-superlevel", None),
    ],
)
def test_what_the_eye_sees(image, topology, bars):
    """Rings, shells, diagonals, a single pixel, and integers that float64 does not hold."""
    if bars is None:
        bars = [(0, 2**53, 1), (0, 2**53 + 1, -INF)]
    assert reference_bars(image, Topology.parse(topology)) == bars


@pytest.mark.parametrize("construction", ["V", "T"])
@pytest.mark.parametrize(
    "shape", [(1, 1), (1, 6), (5, 1), (4, 7), (9, 5), (1, 1, 1), (3, 1, 4), (2, 3, 4), (4, 4, 4)]
)
def test_equals_gudhi(shape, construction):
    """Sub- and superlevel bars of random, tied and constant images, over Z/2."""
    gudhi = pytest.importorskip("gudhi")
    rng = np.random.default_rng([*shape, ord(construction)])
    argument = "vertices" if construction == "V" else "top_dimensional_cells"
    for levels, direction in itertools.product((1, 2, 3, None), ("sublevel", "superlevel")):
        image = (
            rng.random(shape) if levels is None else rng.integers(0, levels, shape).astype(float)
        )
        sign = -1 if direction == "superlevel" else 1
        complex_ = gudhi.CubicalComplex(**{argument: sign * image})
        found = complex_.persistence(homology_coeff_field=2)
        expected = sorted((dim, sign * b + 0.0, sign * d + 0.0) for dim, (b, d) in found)
        bars = reference_bars(image, Topology(construction, direction))
        assert [(dim, b + 0.0, d + 0.0) for dim, b, d in bars] == expected


def test_a_frame_is_a_layer_that_enters_first():
    """Framed bars are those of the padded image, against GUDHI."""
    gudhi = pytest.importorskip("gudhi")
    image = np.random.default_rng(0).random((4, 5))
    complex_ = gudhi.CubicalComplex(vertices=np.pad(image, 1, constant_values=-np.inf))
    expected = sorted((dim, b, d) for dim, (b, d) in complex_.persistence(homology_coeff_field=2))
    assert reference_bars(image, Topology("V", "sublevel", "framed")) == expected
