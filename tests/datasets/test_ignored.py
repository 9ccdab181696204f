"""One's own images: an ignore label, through shrinking and preparing; formats not read."""

import numpy as np
import pytest
from PIL import Image

from topoeval import datasets
from topoeval.datasets.folder import Folder
from topoeval.datasets.prepared import prepare, prepared_cases
from topoeval.errors import UserError


@pytest.fixture
def given(tmp_path):
    """Four pairs: a square of 1, one of 2, and rows of 255 that cut through the first."""
    label = np.zeros((16, 16), np.uint8)
    label[2:8, 2:8], label[9:12, 2:8], label[5:7] = 1, 2, 255
    for k in range(4):
        for side, array in (("images", label // 2 + k), ("labels", label)):
            (tmp_path / side).mkdir(exist_ok=True)
            Image.fromarray(array).save(tmp_path / side / f"{k}.png")
    return {side: str(tmp_path / side) for side in ("images", "labels")}


def test_ignored_voxels_are_no_class(given):
    """Neither foreground nor a class of their own; the structure is cut."""
    (sample, *_) = datasets.load("folder", "train", **given, ignore=[255])
    assert sample.ignored.shape == (1, 16, 16)
    assert sample.ignored[0, 5:7].all()
    assert sample.ignored.sum() == 32
    assert sample.target.sum() == 36 - 12 + 18
    assert sample.betti["T"] == (3, 0)
    (sample, *_) = datasets.load("folder", "train", **given, values=[1, 2], ignore=[255])
    assert sample.target.sum(axis=(1, 2)).tolist() == [24, 18]
    (sample, *_) = datasets.load("folder", "train", **given, background=[2], ignore=[255])
    assert sample.target.sum() == 24


def test_without_one_there_is_no_mask(given):
    """A set in which every voxel counts stays as it was, its content too."""
    (sample, *_) = datasets.load("folder", "train", **given, background=[255])
    assert sample.ignored is None
    named = datasets.resolve("folder", **given, background=[255]).revision
    assert named != datasets.resolve("folder", **given, ignore=[255]).revision


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({}, r"hold 255 beside others .*ignore = \[255\] if nobody knows"),
        ({"ignore": [7]}, "ignore= names 7, which no label in .* holds; they hold labels 0, 1, 2"),
        ({"ignore": [0, 255]}, "names 0, which is background or a class too"),
        ({"ignore": [255], "values": [1, 255]}, "names 255, which is background or a class too"),
        ({"ignore": [255], "background": [255]}, "names 255, which is background or a class"),
        ({"ignore": [1, 2, 255]}, "no label holds anything but 0"),
    ],
)
def test_what_contradicts_itself_is_refused(given, params, words):
    """In one line, before anything is trained."""
    with pytest.raises(UserError, match=words):
        datasets.load("folder", "train", **given, **params)


def test_a_label_that_knows_nothing_is_refused(given, tmp_path):
    """Named, because no score of it would mean anything."""
    Image.fromarray(np.full((16, 16), 255, np.uint8)).save(tmp_path / "labels" / "0.png")
    with pytest.raises(UserError, match=r"0\.png: every voxel of it is to be ignored"):
        datasets.resolve("folder", **given, ignore=[255])


def test_a_block_of_which_a_part_is_ignored_is_ignored(given):
    """Shrunk by 4, the rows 5 and 6 are the second row of blocks; cropping adds none."""
    (sample, *_) = datasets.load("folder", "train", **given, ignore=[255], shrink=4, crop=6)
    assert sample.ignored[0].any(axis=1).tolist() == [False, False, True, False, False, False]
    assert sample.ignored.sum() == 4
    assert not sample.target[:, sample.ignored[0]].any()


def test_a_prepared_copy_has_it(given, tmp_path):
    """Written and read again."""
    cases = Folder.find(None, **given, ignore=[255])
    prepare(cases, "folder", {"ignore": [255]}, tmp_path / "copy")
    (case, *_) = prepared_cases(tmp_path / "copy", "folder", {"ignore": [255]})
    np.testing.assert_array_equal(case.read().ignored, cases[0].read().ignored)


def test_cases_of_a_format_that_is_not_read_are_refused(given, tmp_path):
    """In both folders they are cases, and a training without them would say nothing."""
    (tmp_path / "images" / "9.webp").write_bytes(b"RIFF")
    assert datasets.load("folder", "train", **given, ignore=[255])
    (tmp_path / "labels" / "9.jp2").write_bytes(b"JP2")
    with pytest.raises(UserError, match=r"9\.webp: a case in a format that is not read"):
        datasets.load("folder", "train", **given, ignore=[255])
