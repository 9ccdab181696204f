"""`topoeval repair --html`: each file before and after, with its edits marked."""

import re

import numpy as np
import pytest
from PIL import Image as Picture
from typer.testing import CliRunner

from topoeval.cli import app
from topoeval.images import read_image


def run(*arguments):
    return CliRunner().invoke(app, ["repair", *map(str, arguments)])


def ring_and_speck(path, specks=1):
    """A ring with a gap, and single pixels beside it."""
    mask = np.zeros((24, 24), np.uint8)
    mask[6:18, 6:18] = 255
    mask[9:15, 9:15] = 0
    mask[12, 15:18] = 0
    mask[2, 2 : 2 + 3 * specks : 3] = 255
    Picture.fromarray(mask).save(path)


@pytest.fixture
def masks(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    ring_and_speck(folder / "one.png")
    ring_and_speck(folder / "two & <three>.png", 3)
    return folder


def circles(page):
    """How many circles the pictures have, by colour of their line."""
    found = re.findall(r'<path d="[^"]*" clip-path="[^"]*" style="fill: none; stroke: (#\w+)', page)
    return {colour: found.count(colour) for colour in set(found)}


def test_every_edit_is_listed_and_circled_on_both_pictures(tmp_path, masks):
    out = tmp_path / "out"
    result = run(masks, "--betti", "1,1", "--out", out, "--html", "--report", tmp_path / "e.csv")
    assert result.exit_code == 0
    assert str(out / "index.html") in result.output.replace("\n", "")
    page = (out / "index.html").read_text()
    rows = (tmp_path / "e.csv").read_text().splitlines()[1:]
    kinds = [row.split(",")[2] for row in rows]
    assert sorted(set(kinds)) == ["close", "delete", "thicken"]
    flipped = sum(
        (read_image(masks / name).array != read_image(out / name).array).sum()
        for name in ("one.png", "two & <three>.png")
    )
    assert f"Numbers met in 2 of 2 masks: {len(rows)} edits flipped {flipped} voxels" in page
    assert "two &amp; &lt;three&gt;.png" in page
    assert "<three>" not in page
    assert "Betti (4, 0)" in page
    assert page.count("Betti (1, 1): ") == 2
    marked = circles(page)
    assert marked["#000000"] == 2 * kinds.count("delete")
    assert marked["#0072b2"] == 2 * kinds.count("close")


def test_what_is_not_met_comes_first(tmp_path, masks):
    """The file that is left with a speck, although fewer of its pixels flipped."""
    blank = np.zeros((24, 24), np.uint8)
    blank[4:20, 4:20] = 255
    blank[5, 5] = 0
    Picture.fromarray(blank).save(masks / "zero.png")
    result = run(masks, "--betti", "1,1", "--only", "delete", "--out", tmp_path / "out", "--html")
    assert result.exit_code == 1
    page = (tmp_path / "out" / "index.html").read_text()
    assert "after, NOT MET" in page
    assert page.index("after, NOT MET") < page.index("Betti numbers")
    assert "Numbers met in 1 of 3 masks" in page


def test_a_volume_is_seen_along_its_shortest_axis(tmp_path):
    nibabel = pytest.importorskip("nibabel", reason="writes the file")
    mask = np.zeros((6, 16, 18), np.uint8)
    mask[1:5, 3:12, 3:12] = 1
    mask[2, 14, 15] = 1
    nibabel.save(nibabel.Nifti1Image(mask, np.eye(4)), tmp_path / "a.nii.gz")
    out = tmp_path / "out"
    assert run(tmp_path / "a.nii.gz", "--betti", "1,0,0", "--out", out, "--html").exit_code == 0
    page = (out / "index.html").read_text()
    assert "Betti (2, 0, 0)" in page
    assert "Betti (1, 0, 0): 1 delete" in page
    assert circles(page) == {"#000000": 2}


def test_a_page_of_other_results_does_not_stay(tmp_path, masks):
    out = tmp_path / "out"
    run(masks, "--betti", "1,1", "--out", out, "--html")
    result = run(masks, "--betti", "1,0", "--out", out, "--overwrite")
    assert "of an earlier command removed" in " ".join(result.output.split())
    assert not (out / "index.html").exists()


def test_nothing_to_do_makes_a_page_without_pictures(tmp_path):
    mask = np.zeros((12, 12), np.uint8)
    mask[3:9, 3:9] = 255
    Picture.fromarray(mask).save(tmp_path / "a.png")
    run(tmp_path / "a.png", "--betti", "1,0", "--out", tmp_path / "out", "--html")
    page = (tmp_path / "out" / "index.html").read_text()
    assert "Numbers met in 1 of 1 masks: 0 edits flipped 0 voxels" in page
    assert "Before and after" not in page


def test_without_wanted_numbers_none_are_met(tmp_path, masks):
    run(masks, "--min-size", 3, "--out", tmp_path / "out", "--html")
    page = (tmp_path / "out" / "index.html").read_text()
    assert "4 edits flipped 4 voxels" in page
    assert "Numbers met" not in page
    assert ">met<" not in page
