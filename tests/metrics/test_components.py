"""Labels: right where cc3d is, and where it is not."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from topoeval.metrics import betti_numbers, enclosed, label
from topoeval.topology import Topology

CORNERS = {4: 1, 8: 2, 6: 1, 26: 3}
# cc3d 4.1.1 gives two of these pixels labels of their own when they come as booleans.
MISLABELLED = np.array(
    [
        [int(cell) for cell in row]
        for row in (
            "000100100", "101110101", "010010011", "001110001", "000100011", "000000110",
            "011110011", "011100100", "010011000", "101000010", "000010101", "100110110",
        )
    ],
    dtype=bool,
)  # fmt: skip


def same_partition(ours, reference):
    """Whether two label images have the same parts."""
    pairs = np.unique(np.stack([ours.ravel(), reference.ravel()]), axis=1)
    return pairs.shape[1] == len(np.unique(ours)) == len(np.unique(reference))


def scipy_label(mask, connectivity):
    """Label by scipy."""
    return ndimage.label(mask, ndimage.generate_binary_structure(mask.ndim, CORNERS[connectivity]))


@settings(deadline=None, max_examples=150)
@given(st.data(), st.sampled_from([4, 8, 6, 26]))
def test_equal_to_scipy(data, connectivity):
    """Number and parts, for sides odd and even."""
    ndim = 2 if connectivity in (4, 8) else 3
    shape = data.draw(st.tuples(*[st.integers(1, 12 if ndim == 2 else 6)] * ndim))
    mask = data.draw(arrays(bool, shape))
    labels, number = label(mask, connectivity)
    reference, expected = scipy_label(mask, connectivity)
    assert number == expected
    assert same_partition(labels, reference)


def test_odd_sides_are_labelled_right():
    """The image on which we found that booleans of odd sides are not."""
    labels, number = label(MISLABELLED, 8)
    reference, expected = scipy_label(MISLABELLED, 8)
    assert (number, labels.max()) == (expected, expected)
    assert same_partition(labels, reference)


@settings(deadline=None)
@given(
    arrays(bool, st.tuples(st.integers(1, 7), st.integers(1, 7)))
    | arrays(bool, st.tuples(*[st.integers(1, 5)] * 3)),
    st.sampled_from(["V", "T", "V-superlevel-framed", "T-superlevel-framed"]),
)
def test_enclosed_regions_are_the_last_betti_number(mask, text):
    """Holes of an image, cavities of a volume; in a frame all of the background."""
    topology = Topology.parse(text)
    labels, number = enclosed(mask, topology)
    assert number == betti_numbers(mask, topology)[-1]
    assert set(np.unique(labels)) - {0} == set(range(1, number + 1))
    assert not labels[mask].any()


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (1, 1, 1)])
def test_nothing_to_label(shape):
    """An empty mask has no component."""
    assert label(np.zeros(shape, bool), 8 if len(shape) == 2 else 26)[1] == 0
