"""Classes of a label map: one against the rest, unions, merged."""

import numpy as np
import pytest

from topoeval.errors import UserError
from topoeval.metrics import betti_numbers, class_masks, pairwise_unions
from topoeval.topology import Topology

# A heart, small: pool 1 in a ring 2, beside it 3.
HEART = np.array(
    [[0, 0, 0, 0, 0, 0], [2, 2, 2, 0, 3, 0], [2, 1, 2, 0, 3, 0], [2, 2, 2, 0, 0, 0]], np.uint8
)


def test_masks_are_scored_as_channels():
    """The ring has a hole, its union with the pool none, the merged foreground two components."""
    masks = class_masks(HEART, ["1", "2", "1+2", "merged"])
    assert masks.shape == (4, *HEART.shape)
    counts = betti_numbers(masks, Topology(), spatial_dims=2)
    assert counts.tolist() == [[1, 0], [1, 1], [1, 0], [2, 0]]


def test_all_unions_of_two():
    """Byrne et al. state a prior for each."""
    assert pairwise_unions([1, 2, 3]) == ["1+2", "1+3", "2+3"]


@pytest.mark.parametrize("name", ["0", "1+0", "ring", "1+", "-1"])
def test_refuses_what_is_no_class(name):
    """Background is none."""
    with pytest.raises(UserError, match="neither a label"):
        class_masks(HEART, [name])


def test_refuses_grey_values():
    """0.5 is no class."""
    with pytest.raises(UserError, match="integers, got float64"):
        class_masks(HEART / 2, ["1"])
