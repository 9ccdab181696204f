"""Prepared copies of data sets: the same samples, and refused where they were changed."""

import json

import numpy as np
import pytest

from topoeval import datasets
from topoeval.datasets.folder import Folder
from topoeval.datasets.prepared import prepare
from topoeval.datasets.sunnybrook import Sunnybrook
from topoeval.errors import UserError


@pytest.fixture
def prepared(own, tmp_path):
    """Return a prepared copy of the user's images, under the name of another adapter."""
    found = Folder.find(None, **own)
    folder = tmp_path / "data" / "sunnybrook"
    prepare(found, "sunnybrook", {"structure": "myocardium"}, folder)
    return found, folder


def test_a_prepared_copy_holds_the_same_samples_and_content(prepared, monkeypatch):
    """Reading it gives the same images, and the same revision as the originals."""
    found, folder = prepared
    monkeypatch.setenv("TOPOEVAL_DATA", str(folder.parent))
    copies = Sunnybrook.find(None)
    assert [case.name for case in copies] == [case.name for case in found]
    for a, b in zip(found, copies, strict=True):
        np.testing.assert_array_equal(a.read().image, b.read().image)
        np.testing.assert_array_equal(a.read().label, b.read().label)
    content = json.loads((folder / "manifest.json").read_text())["content"]
    assert datasets.resolve("sunnybrook").revision.endswith(content)


def test_a_failed_preparation_leaves_nothing(own, tmp_path):
    """Half a data set never looks like one."""
    path = tmp_path / "images" / "4.png"
    path.write_bytes(path.read_bytes()[:60])
    folder = tmp_path / "data" / "mine"
    with pytest.raises(UserError, match="cannot be read"):
        prepare(Folder.find(None, **own), "mine", {}, folder)
    assert list((tmp_path / "data").iterdir()) == []


def test_preparing_again_replaces_the_copy(prepared):
    """And other files are never overwritten."""
    found, folder = prepared
    prepare(found[:6], "sunnybrook", {"structure": "myocardium"}, folder)
    assert len(list(folder.glob("*.npz"))) == 6
    (folder / "manifest.json").unlink()
    with pytest.raises(UserError, match="holds other files"):
        prepare(found, "sunnybrook", {}, folder)


def test_a_changed_copy_is_refused(prepared, monkeypatch):
    """Its revision would no longer name its content."""
    _, folder = prepared
    monkeypatch.setenv("TOPOEVAL_DATA", str(folder.parent))
    path = folder / "00003.npz"
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(UserError, match=r"00003\.npz has been changed since"):
        [case.read() for case in Sunnybrook.find(None)]
    path.unlink()
    with pytest.raises(UserError, match="prepare the data again"):
        [case.read() for case in Sunnybrook.find(None)]


def test_a_copy_made_with_other_options_is_refused(prepared, monkeypatch):
    """Labels of one kind are not taken for another's."""
    monkeypatch.setenv("TOPOEVAL_DATA", str(prepared[1].parent))
    with pytest.raises(UserError, match="prepared with structure='myocardium', not 'all'"):
        datasets.load("sunnybrook", "train", structure="all")
