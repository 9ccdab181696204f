"""Distances inside regions: exact, for any layout, number of threads and border."""

import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt

from topoeval import UserError
from topoeval.digital.distance import inner_distance

SHAPES = [(3, 17, 40), (2, 1, 9), (1, 30, 1), (2, 9, 12, 11), (1, 1, 1, 1)]


@pytest.mark.parametrize("share", [0.0, 0.5, 0.9, 1.0])
@pytest.mark.parametrize("shape", SHAPES)
def test_distance_is_that_of_scipy(shape, share):
    """With a margin of outside round each image."""
    regions = np.random.default_rng(0).random(shape) < share
    margin = [(1, 1)] * (len(shape) - 1)
    inside = (slice(1, -1),) * (len(shape) - 1)
    expected = [distance_transform_edt(np.pad(image, margin))[inside] for image in regions]
    np.testing.assert_array_equal(inner_distance(regions), expected)
    np.testing.assert_array_equal(inner_distance(regions, threads=2), expected)
    np.testing.assert_array_equal(inner_distance(np.asfortranarray(regions)), expected)


def test_no_images_have_no_distances():
    """An empty batch and an empty axis."""
    assert inner_distance(np.zeros((0, 4, 4), bool)).shape == (0, 4, 4)
    assert inner_distance(np.zeros((2, 0, 4), bool)).shape == (2, 0, 4)


def test_what_is_no_mask_is_refused():
    """Integers and a single line."""
    with pytest.raises(UserError, match="boolean"):
        inner_distance(np.zeros((1, 4, 4), np.uint8))
    with pytest.raises(UserError, match="boolean"):
        inner_distance(np.zeros((4, 4), bool))
