"""Two images on one grid: all orientations are one volume, and headers that differ are said."""

import re
from itertools import permutations, product

import numpy as np
import pytest

from topoeval.errors import UserError
from topoeval.images import Image
from topoeval.images.orientation import on_grid_of, reordered

VOLUME = np.arange(60).reshape(3, 4, 5)
AFFINE = np.array([[0.5, 0, 0, 7.0], [0, 0.7, 0, -3.0], [0, 0, 2.0, 11.0]])
TURNS = list(product(permutations(range(3)), product([False, True], repeat=3)))


def oblique(degrees):
    """Return the affine turned about an axis that is none of the grid's."""
    angle = np.radians(degrees)
    turn = np.array([
        [np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1],
    ])  # fmt: skip
    return turn @ AFFINE


@pytest.mark.parametrize("affine", [AFFINE, oblique(20), oblique(41)], ids=["straight", "20", "41"])
@pytest.mark.parametrize(("order", "flipped"), TURNS)
def test_all_48_orientations_come_back(affine, order, flipped):
    """Whatever the order and direction of the axes, without a word (A14)."""
    truth = Image(VOLUME, (0.5, 0.7, 2.0), affine)
    turned = reordered(truth, order, flipped)
    back, note = on_grid_of(turned, truth)
    np.testing.assert_array_equal(back.array, VOLUME)
    assert (back.spacing, note) == (truth.spacing, "")


def test_channels_stay_with_their_voxels():
    """Only spatial axes are turned."""
    truth = Image(VOLUME, None, AFFINE)
    both = Image(np.stack([VOLUME, -VOLUME]), None, AFFINE, channel_axis=0)
    back, _ = on_grid_of(reordered(both, (2, 0, 1), (True, False, True)), truth)
    np.testing.assert_array_equal(back.channels_first(), np.stack([VOLUME, -VOLUME]))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ((0, 3, 5.0), r"up to 5 mm off .*origin by 5, 0, 0 mm"),
        ((2, 2, 0.5), r"up to 2 mm off .*spacing 0\.5 x 0\.7 x 2\.5 against 0\.5 x 0\.7 x 2"),
        ((0, 1, 0.1), r"up to 0\.3 mm off .*\); the voxels are compared one by one"),
    ],
    ids=["origin", "spacing", "shear"],
)
def test_headers_that_differ_are_said_by_how_much(change, words):
    """In millimetres, at the corner where they differ most."""
    row, column, by = change
    other = AFFINE.copy()
    other[row, column] += by
    _, note = on_grid_of(Image(VOLUME, None, other), Image(VOLUME, (0.5, 0.7, 2.0), AFFINE))
    assert re.search(words, note), note


def test_what_a_header_rounds_is_no_difference():
    """A tenth of a voxel is the tolerance."""
    near = AFFINE + 1e-4
    assert on_grid_of(Image(VOLUME, None, near), Image(VOLUME, None, AFFINE))[1] == ""


def test_one_without_an_orientation_is_said():
    """Its axes are taken in the order in which they are stored."""
    truth = Image(VOLUME, (0.5, 0.7, 2.0), AFFINE)
    image, note = on_grid_of(Image(VOLUME), truth)
    assert image.spacing == truth.spacing
    assert "states no orientation" in note


def test_spacings_without_orientation_are_compared():
    """Those of two TIFF, for example."""
    _, note = on_grid_of(Image(VOLUME, (1.0, 1, 1)), Image(VOLUME, (2.0, 1, 1)))
    assert "spacing 1 x 1 x 1, but None has 2 x 1 x 1; the truth's is used" in note


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (Image(VOLUME[:2], None, AFFINE), r"shape \(2, 4, 5\), but .* has \(3, 4, 5\)$"),
        (Image(VOLUME[0], None, AFFINE[:, [1, 2, 3]]), "2 axes, but .* has 3"),
        (Image(VOLUME, None, oblique(50)), "shape .*4, 3, 5.* but|cannot lie on one grid"),
        (Image(VOLUME, None, np.zeros((3, 4))), "names no directions of its axes"),
    ],
    ids=["shape", "axes", "turned too far", "no directions"],
)
def test_grids_that_cannot_be_one_are_refused(image, words):
    """And not scored."""
    with pytest.raises(UserError, match=words):
        on_grid_of(image, Image(VOLUME, None, AFFINE))


def test_reversed_axes_get_a_hint():
    """An array of nibabel against one of SimpleITK."""
    with pytest.raises(UserError, match="in reverse order, save it with its orientation"):
        on_grid_of(Image(VOLUME.T), Image(VOLUME))
