"""``topoeval barcode``: what the values of an image are read as is said."""

import numpy as np
import PIL.Image
import pytest

LABELS = np.zeros((8, 12), np.uint8)
LABELS[1:7, 1:7], LABELS[3:5, 3:5], LABELS[2:5, 8:11] = 2, 1, 3


@pytest.mark.parametrize(
    ("array", "told"),
    [
        (LABELS, "few whole numbers (0, 1, 2, 3): if they are labels of classes, say --label N"),
        (LABELS.astype(np.float32), "few whole numbers (0, 1, 2, 3)"),
        (LABELS > 1, "read as grey: a mask, its values are 0, 1"),
        (np.arange(96, dtype=np.uint8).reshape(8, 12), "read as grey: 96 values from 0 to 95"),
        (np.array([[0.25, 0.5]]), "read as grey: 2 values from 0.25 to 0.5"),
    ],
)
def test_the_reading_is_said(call, array, told):
    """Of few whole numbers with the remedy, for they may be labels."""
    np.save("image.npy", array)
    status, output, _ = call("barcode", "image.npy")
    assert status == 0
    assert told in " ".join(output.split())


def test_one_label_of_a_map(call):
    """Is a mask: label 2 is a ring round label 1, which grey values do not show as a hole."""
    PIL.Image.fromarray(LABELS).save("labels.png")
    status, output, _ = call("barcode", "labels.png", "--label", "2", "--topology", "V", "--html")
    assert status == 0
    assert "label 2: 1 there, 0 elsewhere" in output
    assert "H0: 1 bars" in output
    assert "H1: 1 bars" in output


def test_a_label_that_is_not_there(call):
    """Is refused, with those that are."""
    PIL.Image.fromarray(LABELS).save("labels.png")
    status, output, errors = call("barcode", "labels.png", "--label", "7")
    assert (status, output) == (2, "")
    assert "--label 7: no pixel has it; the values there are: 0, 1, 2, 3" in errors


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_no_numbers_name_the_file(call, value):
    """With how many they are, and what to do."""
    array = np.eye(4)
    array[1, 2] = value
    np.save("scan.npy", array)
    status, output, errors = call("barcode", "scan.npy")
    assert (status, output, errors.count("\n")) == (2, "", 1)
    assert errors.startswith("topoeval: scan.npy: 1 of 16 values are NaN or infinite; save it")
