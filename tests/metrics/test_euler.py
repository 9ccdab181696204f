"""Euler numbers: against another library, and blind where they are known to be."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from skimage import measure

from topoeval.metrics import betti_numbers, euler_error, euler_number
from topoeval.topology import Topology

masks = array_shapes(min_dims=2, max_dims=3, max_side=70).flatmap(
    lambda shape: st.builds(
        lambda seed, share: np.random.default_rng(seed).random(shape) < share,
        st.integers(0, 2**32 - 1),
        st.sampled_from([0.1, 0.5, 0.9]),
    )
)


@settings(deadline=None, max_examples=60)
@given(masks, st.sampled_from("VT"))
def test_equal_to_scikit_image(mask, construction):
    """Rows shorter and longer than a machine word, in 2D and 3D."""
    connectivity = 1 if construction == "V" else mask.ndim
    reference = measure.euler_number(np.pad(mask, 1), connectivity=connectivity)
    assert euler_number(mask, construction) == reference


@settings(deadline=None)
@given(arrays(bool, (2, 3, 6, 5)), st.sampled_from(["V", "T-superlevel-framed"]))
def test_error_is_that_of_the_alternating_sums(pair, text):
    """Whatever the border reading, image by image."""
    topology = Topology.parse(text)
    p, g = (betti_numbers(stack, topology, 2) for stack in pair)
    expected = np.abs((p[:, 0] - p[:, 1]) - (g[:, 0] - g[:, 1]))
    np.testing.assert_array_equal(euler_error(*pair, topology, 2), expected)


def test_errors_that_cancel_are_not_seen():
    """A component too many and a hole too many: why this is a screen and no verdict."""
    disc = np.zeros((5, 9), bool)
    disc[1:4, 1:4] = True
    wrong = disc.copy()
    wrong[2, 2], wrong[2, 7] = False, True
    assert euler_error(wrong, disc, Topology()) == 0


@pytest.mark.parametrize(("construction", "value"), [("V", 2), ("T", 1)])
def test_one_axis(construction, value):
    """Runs of a line: two in V; in T as well, unless they touch."""
    assert euler_number(np.array([True, False, True]), construction) == 2
    assert euler_number(np.eye(2, dtype=bool), construction) == value
