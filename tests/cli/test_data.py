"""``topoeval data``: list, cards, prepared copies, pictures, and a user's own images."""

import re
import shlex
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from topoeval import datasets


@pytest.fixture
def vnc(tmp_path):
    """Write five sections in the published layout; return the folder."""
    rng = np.random.default_rng(0)
    for k in range(5):
        for place in ("raw", "membranes"):
            (tmp_path / "published" / "stack1" / place).mkdir(parents=True, exist_ok=True)
            array = rng.integers(0, 2, (16, 16), dtype=np.uint8) * 255
            np.save(tmp_path / "published" / "stack1" / place / f"{k}.npy", array)
    return tmp_path / "published"


def test_list_names_every_dataset_with_its_state(call, vnc, tmp_path, monkeypatch):
    """Drawn, bundled, yours, needed, here."""
    monkeypatch.setenv("TOPOEVAL_DATA", str(tmp_path))
    (tmp_path / "vnc").mkdir()
    code, out, _ = call("data", "list")
    assert code == 0
    states = dict(re.findall(r"^ (\w+) +(drawn|bundled|yours|needs data|here) ", out, re.M))
    assert set(states) == set(datasets.BUILTIN)
    assert (states["cardiac"], states["digits"], states["folder"]) == ("drawn", "bundled", "yours")
    assert (states["vnc"], states["drive"]) == ("here", "needs data")


def test_info_prints_card_and_layout(call):
    """Licence, citation, home, expected topology, and whether it ever ran on the real files."""
    code, out, _ = call("data", "info", "acdc", "-p", "structure=all")
    assert code == 0
    for part in (
        "licence:",
        "citation:",
        "home:",
        "topology: T-",
        "prior:",
        "Never run on the real",
    ):
        assert part in out
    assert "right ventricle" in out
    assert "patientNNN_frameNN_gt.nii.gz" in out


def test_prepare_converts_checks_and_counts(call, vnc, tmp_path, monkeypatch):
    """What comes out is read as the dataset, and its content has the name that was printed."""
    code, out, _ = call("data", "prepare", "vnc", "--from", vnc, "--data", tmp_path / "data")
    assert code == 0
    content = re.search(r"train 5; content (\w{16})", out)[1]
    monkeypatch.setenv("TOPOEVAL_DATA", str(tmp_path / "data"))
    assert datasets.resolve("vnc").revision == f"1-content:{content}"
    assert len(datasets.load("vnc", "test")) == 2


def test_prepare_draws_into_the_cache(call, tmp_path, monkeypatch):
    """Chosen splits, so many samples."""
    monkeypatch.setenv("TOPOEVAL_CACHE", str(tmp_path / "cache"))
    options = ("--split", "val", "--size", "3", "--jobs", "1", "-p", "side=48")
    code, out, _ = call("data", "prepare", "cardiac", *options)
    assert code == 0
    assert "cardiac val: 3 samples" in out
    assert len(list((tmp_path / "cache").rglob("*.npz"))) == 3


def test_show_draws_a_picture_and_prints_numbers(call, tmp_path):
    """An SVG with image and truth of each sample."""
    picture = tmp_path / "a.svg"
    options = ("--out", picture, "--count", "2", "-p", "side=64", "-p", "style=vessels")
    code, out, _ = call("data", "show", "network", *options)
    assert code == 0
    assert out.count("measured {'V': (1,") == 2
    images = ElementTree.parse(picture).getroot().findall("{http://www.w3.org/2000/svg}image")
    assert len(images) == 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("info", "cardaic"), "did you mean 'cardiac'"),
        (("show", "network", "-p", "side"), "'side' is not of the form KEY=VALUE"),
        (("show", "network", "-p", "sied=64"), "no parameter 'sied'"),
        (("prepare", "drive"), "--from DIR must name"),
        (("prepare", "drive", "--from", "nowhere"), "no folder nowhere"),
        (("prepare", "drive", "--from", "."), "--data or TOPOEVAL_DATA"),
        (("prepare", "drive", "--download"), "cannot be downloaded here"),
        (("prepare", "folder", "--from", "."), "needs no preparation"),
        (("prepare", "strokes"), "strokes is drawn and needs no preparation; topoeval data show"),
        (("prepare", "digits", "--download"), "digits is bundled and needs no preparation"),
        (("prepare", "drive", "--from", ".", "--data", "d"), "no such folder"),
        (("prepare", "drive", "--from", ".", "--data", "d", "-p", "a=1"), "no options only"),
    ],
)
def test_slips_are_one_line(call, arguments, message, tmp_path):
    """Exit status 2, no traceback, nothing half-written."""
    code, _, err = call("data", *arguments)
    assert code == 2
    assert message in err
    assert err.strip().count("\n") == 0
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_the_readmes_way_from_two_folders_to_a_table(call, tmp_path):
    """Its three commands and its suite, as they stand there, on folders of rings."""
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    shown = readme[readme.index("Your own images, from two folders to a table") :]
    shell, suite = (
        re.search(rf"^```{kind}\n(.*?)^```", shown, re.DOTALL | re.MULTILINE)[1]
        for kind in ("sh", "toml")
    )
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:32, :32]
    for k in range(8):
        gap = np.hypot(rows - 15.5 - k % 3, columns - 16 + k % 2)
        ring = (np.abs(gap - 8) < 2.5).astype(np.uint8)
        for place, array in (
            ("images", 90 * ring + rng.integers(0, 120, ring.shape)),
            ("labels", 255 * ring),
        ):
            (tmp_path / "my" / place).mkdir(parents=True, exist_ok=True)
            Image.fromarray(array.astype(np.uint8)).save(tmp_path / "my" / place / f"{k}.png")
    (tmp_path / "mine.toml").write_text(suite)
    look, run, report = (shlex.split(line, comments=True) for line in shell.splitlines())
    assert [command[0] for command in (look, run, report)] == ["topoeval"] * 3
    code, out, err = call(*look[1:])
    assert code == 0, err
    assert "1, 1" in out
    # in this process: a fresh one for each of ten runs takes longer than the runs
    code, out, err = call(*run[1:], "--executor", "inline")
    assert code == 0, err
    assert "10 run, 0 found finished, 0 failed" in out
    code, out, err = call(*report[1:])
    assert code == 0, err
    table = (tmp_path / "results" / "mine" / "report" / "table.md").read_text()
    for method in ("Cross-entropy", "Betti prior, post-processing", "Largest component"):
        assert method in table
