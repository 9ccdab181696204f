"""What is a mask, what is not, and that the reason is one line with the file's name."""

import numpy as np
import PIL.Image
import pytest

from topoeval.errors import UserError
from topoeval.evaluate import read_labels

LABELS = np.array([[0, 1, 1], [2, 0, 255]], np.uint8)


def saved(tmp_path, array, name="case.npy"):
    """Store an array; return its path."""
    path = tmp_path / name
    if path.suffix == ".npy":
        np.save(path, array)
    else:
        PIL.Image.fromarray(array).save(path)
    return path


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float32, np.float16])
def test_labels_of_any_type(tmp_path, dtype):
    """Floats that are whole numbers are labels as well."""
    found = read_labels(saved(tmp_path, LABELS.astype(dtype)))
    np.testing.assert_array_equal(found.array, LABELS)
    assert found.array.dtype == np.uint8
    assert found.labels() == {1, 2, 255}


def test_booleans_are_label_1(tmp_path):
    """A mask has one class."""
    assert read_labels(saved(tmp_path, LABELS > 0)).labels() == {1}


def test_grey_stored_as_colour(tmp_path):
    """Equal channels are one; opacity says nothing."""
    for channels in (3, 4):
        colour = np.repeat(LABELS[..., None], channels, axis=-1)
        colour[..., 3:] = 255
        found = read_labels(saved(tmp_path, colour, "case.png"))
        np.testing.assert_array_equal(found.array, LABELS)


def test_threshold_reads_probabilities(tmp_path):
    """The threshold itself is foreground; outside [0, 1] are no probabilities."""
    path = saved(tmp_path, np.array([[0.2, 0.5, 0.9]]))
    assert read_labels(path, threshold=0.5).array.tolist() == [[0, 1, 1]]
    with pytest.raises(UserError, match=r"case.npy: probabilities lie in \[0, 1\]"):
        read_labels(saved(tmp_path, np.array([[0.2, 3.5]])), threshold=0.5)


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.array([[0.0, 0.37]]), "holds 0.37, a probability and not a label"),
        (np.array([[0.0, np.nan]]), r"holds NaN \(1 voxels\)"),
        (np.array([[0.0, np.inf]]), "holds infinite values"),
        (np.array([[0, 256]]), "labels up to 256"),
        (np.array([[-1, 1]]), "negative values down to -1"),
        (np.array([0, 1]), r"2 or 3 axes, got shape \(2,\)"),
        (np.zeros((0, 3), np.uint8), "no voxel"),
        (np.array([["a", "b"]]), "integers, got"),
        (np.array([[1j, 0]]), "integers, got complex128"),
    ],
)
def test_refuses_what_is_no_label_map(tmp_path, array, words):
    """Probabilities, NaN, instance labels and the rest, each with its remedy."""
    with pytest.raises(UserError, match=f"case.npy: .*{words}") as caught:
        read_labels(saved(tmp_path, array))
    assert "\n" not in str(caught.value)


def test_refuses_colours(tmp_path):
    """A colour is no label."""
    colour = np.random.default_rng(0).integers(0, 255, (4, 5, 3), dtype=np.uint8)
    with pytest.raises(UserError, match=r"case\.png: a colour picture"):
        read_labels(saved(tmp_path, colour, "case.png"))
