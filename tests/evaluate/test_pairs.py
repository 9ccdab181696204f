"""Matching of files by name: what has no partner is named."""

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
                (tmp_path / folder / name).touch()
        return tmp_path / "p", tmp_path / "g"

    return make


def test_names_match_across_formats(folders):
    """A PNG may be judged by a NIfTI; other files are passed over."""
    pairs, problems = match_files(*folders(["b.png", "a.npy"], ["a.nii.gz", "b.png", "notes.txt"]))
    assert [(pair.name, pair.prediction.name, pair.target.name) for pair in pairs] == [
        ("a", "a.npy", "a.nii.gz"),
        ("b", "b.png", "b.png"),
    ]
    assert problems == []


def test_files_without_partner_are_named(folders):
    """On either side, the rest is matched."""
    pairs, problems = match_files(*folders(["a.png", "b.png"], ["b.png", "c.png"]))
    assert [pair.name for pair in pairs] == ["b"]
    assert len(problems) == 2
    assert problems[0].message.startswith(problems[0].file)
    assert "p/a.png: no a in" in problems[0].message
    assert "g/c.png: no c in" in problems[1].message


def test_two_files_of_one_name_are_no_choice(folders):
    """Which of them is meant nobody can know."""
    pairs, problems = match_files(*folders(["a.png", "a.npy", "b.png"], ["a.png", "b.png"]))
    assert [pair.name for pair in pairs] == ["b"]
    assert sum("several files are called a" in problem.message for problem in problems) == 2


def test_two_files(tmp_path):
    """Their names need not agree."""
    for name in ("x.npy", "y.npy"):
        np.save(tmp_path / name, np.eye(2, dtype=bool))
    (pair,), problems = match_files(tmp_path / "x.npy", tmp_path / "y.npy")
    assert (pair.name, problems) == ("y", [])


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
