"""Matching of files by name: what has no partner is named."""

import unicodedata
from pathlib import Path

import numpy as np
import pytest

from topoeval.errors import UserError
from topoeval.evaluate import match_files


@pytest.fixture
def folders(tmp_path):
    """Make two folders of empty files."""

    def make(predictions, targets):
        for folder, names in (("p", predictions), ("g", targets)):
            (tmp_path / folder).mkdir()
            for name in names:
                (tmp_path / folder / name).parent.mkdir(exist_ok=True)
                (tmp_path / folder / name).touch()
        return tmp_path / "p", tmp_path / "g"

    return make


def test_names_match_across_formats(folders):
    """A PNG may be judged by a NIfTI; other files are passed over."""
    found = match_files(*folders(["b.png", "a.npy"], ["a.nii.gz", "b.png", "notes.txt"]))
    assert [(pair.name, pair.prediction.name, pair.target.name) for pair in found.pairs] == [
        ("a", "a.npy", "a.nii.gz"),
        ("b", "b.png", "b.png"),
    ]
    assert (found.problems, found.missing, found.notes) == ([], [], [])


def test_files_without_partner_are_named(folders):
    """On either side, the rest is matched."""
    found = match_files(*folders(["a.png", "b.png"], ["b.png", "c.png"]))
    assert [pair.name for pair in found.pairs] == ["b"]
    assert [pair.name for pair in found.missing] == ["c"]
    (problem,) = found.problems
    assert problem.message.startswith(problem.file)
    assert "p/a.png: no a in" in problem.message


def test_two_files_of_one_name_are_no_choice(folders):
    """Which of them is meant nobody can know, if neither has the target's ending."""
    found = match_files(*folders(["a.tif", "a.npy", "b.png"], ["a.png", "b.png"]))
    assert [pair.name for pair in found.pairs] == ["b"]
    assert sum("several files are called a" in problem.message for problem in found.problems) == 2


@pytest.mark.parametrize("swapped", [False, True])
def test_of_several_files_the_ending_of_the_other_side_decides(folders, swapped):
    """nnU-Net writes case.npz beside case.nii.gz (B4); the choice is said."""
    sides = ["a.nii.gz", "a.npz"], ["a.nii.gz"]
    found = match_files(*folders(*(sides[::-1] if swapped else sides)))
    (pair,) = found.pairs
    assert (pair.prediction.name, pair.target.name) == ("a.nii.gz", "a.nii.gz")
    assert "a.nii.gz is taken of a.nii.gz, a.npz" in found.notes[0]


def test_nested_files_match_by_their_relative_path(folders):
    """None is lost (A22): those of other folders are named."""
    found = match_files(*folders(["a.npy", "s1/b.npy", "s2/b.npy"], ["a.npy", "s1/b.npy", "b.npy"]))
    assert [pair.name for pair in found.pairs] == ["a", "s1/b"]
    assert [pair.name for pair in found.missing] == ["b"]
    assert "s2/b.npy: no s2/b in" in found.problems[0].message


@pytest.mark.parametrize("name", ["Müller", "Å_é", "が"])
def test_forms_of_unicode_are_one_name(folders, name):
    """A disk of a Mac takes letters apart (B15)."""
    apart, together = (unicodedata.normalize(form, name) for form in ("NFD", "NFC"))
    assert apart != together
    found = match_files(*folders([f"{apart}.npy"], [f"{together}.npy"]))
    assert [pair.name for pair in found.pairs] == [together]


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (("_pred", "21_pred.png"), ("_manual1", "21_manual1.gif")),
        (("seg_*_v2", "seg_21_v2.png"), ("", "21.png")),
        (("pred_*", "pred_21.png"), ("*-gt", "21-gt.png")),
        (("", "21.png"), ("_é", "21_e\u0301.png")),
    ],
)
def test_suffixes_and_patterns(folders, ours, theirs):
    """What names have beside the case; files without it are passed over, and that is said."""
    paths = folders([ours[1], "other.png"], [theirs[1], "other-gt2.png"])
    found = match_files(*paths, ours[0], theirs[0])
    assert [pair.name for pair in found.pairs] == ["21"]
    assert sum("passed over" in note for note in found.notes) == bool(ours[0]) + bool(theirs[0])


def test_a_suffix_that_no_file_has(folders):
    """Says one that there is."""
    with pytest.raises(UserError, match=r"no file is called '_x', for example a\.png"):
        match_files(*folders(["a.png"], ["a.png"]), "_x")


def test_arrays_inside_the_files_of_a_folder(folders):
    """The path after the folder is that of the array in each file."""
    p, g = folders(["a.h5"], ["a.png"])
    (pair,) = match_files(Path(f"{p}:/x/y"), g).pairs
    assert (pair.name, str(pair.prediction)) == ("a", f"{p}/a.h5:/x/y")


def test_a_zarr_is_a_file(tmp_path):
    """Though it is a folder."""
    (tmp_path / "p.zarr").mkdir()
    (tmp_path / "g.png").touch()
    (pair,) = match_files(tmp_path / "p.zarr", tmp_path / "g.png").pairs
    assert pair.name == "g"


def test_two_files(tmp_path):
    """Their names need not agree."""
    for name in ("x.npy", "y.npy"):
        np.save(tmp_path / name, np.eye(2, dtype=bool))
    found = match_files(tmp_path / "x.npy", tmp_path / "y.npy")
    assert [pair.name for pair in found.pairs] == ["y"]
    assert found.problems == []


def test_refuses_what_cannot_be_matched(folders, tmp_path):
    """Nothing there, a file against a folder, no name in common, no image."""
    p, g = folders(["a.png"], ["b.png"])
    with pytest.raises(UserError, match=r"no name occurs in both .*a\.png and b\.png"):
        match_files(p, g)
    with pytest.raises(UserError, match="nowhere: no such file or folder"):
        match_files(p, tmp_path / "nowhere")
    with pytest.raises(UserError, match="two files or two folders"):
        match_files(p / "a.png", g)
    (tmp_path / "a.txt").touch()
    with pytest.raises(UserError, match=r"a\.txt: unknown image format"):
        match_files(tmp_path / "a.txt", g / "b.png")


def test_names_that_lie_in_other_folders_are_told_with_their_folders(folders):
    with pytest.raises(
        UserError, match=r"example validation/a\.png and a\.png; name the folder in which"
    ):
        match_files(*folders(["validation/a.png"], ["a.png"]))
