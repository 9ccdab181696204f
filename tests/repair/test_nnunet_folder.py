"""A folder of predictions of nnU-Net: the softmax decides, label maps are written."""

import json

import numpy as np
import pytest
from PIL import Image as Picture
from typer.testing import CliRunner

from topoeval.cli import app
from topoeval.errors import UserError
from topoeval.images import read_image
from topoeval.repair.softmax import softmax_of


def run(*arguments):
    return CliRunner().invoke(app, ["repair", *map(str, arguments)])


def softmax(shape=(11, 14)):
    """A wall whose gap is easier to close on the right, and a lumen; ``(3, *shape)``."""
    wall = np.full(shape, 0.02)
    wall[2:9, 2:9] = 0.9
    wall[4:7, 4:7] = 0.02
    wall[5, 2:4] = 0.1  # gaps to both sides of the lumen,
    wall[5, 7:9] = 0.4  # the right one nearly closed
    lumen = np.full(shape, 0.01)
    lumen[4:7, 4:7] = 0.9
    found = np.stack([1 - wall - lumen, wall, lumen])
    return (found / found.sum(axis=0)).astype(np.float32)


def folder(path, labels, *, soft, ending=".png", probabilities=None):
    """Write one case as nnU-Net does, and its ``dataset.json``."""
    path.mkdir()
    probabilities = softmax() if probabilities is None else probabilities
    hard = probabilities.argmax(axis=0).astype(np.uint8)
    if ending == ".png":
        Picture.fromarray(hard).save(path / "a.png")
        stored = probabilities[:, None]
    else:
        nibabel = pytest.importorskip("nibabel", reason="writes the file")
        nibabel.save(nibabel.Nifti1Image(hard, np.diag([2.0, 1, 1, 1])), path / f"a{ending}")
        stored = probabilities.transpose(0, 3, 2, 1)
    if soft:
        np.savez_compressed(path / "a.npz", probabilities=stored)
    (path / "dataset.json").write_text(json.dumps({"labels": labels, "file_ending": ending}))
    return path


LABELS = {"background": 0, "wall": 1, "lumen": 2}


@pytest.mark.parametrize("ending", [".png", ".nii.gz"])
def test_the_softmax_says_where_a_gap_is_closed(tmp_path, ending):
    """Both halves become one by the likelier gap, which label maps alone cannot know."""
    maps = softmax()
    prior = "wall:1,0"
    if ending != ".png":
        # a slab of it, closed above and below by background
        maps = np.repeat(maps[..., None], 3, axis=3)
        prior = "wall:1,0,0"
    made = folder(tmp_path / "in", LABELS, soft=True, ending=ending, probabilities=maps)
    result = run(made, "--betti", prior, "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert "the softmax says what an edit costs; label maps are written" in result.output
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        f"a{ending}", "dataset.json",
    ]  # fmt: skip
    after = read_image(tmp_path / "out" / f"a{ending}").array
    before = read_image(made / f"a{ending}").array
    changed = np.argwhere(after != before)
    assert len(changed) > 0
    assert after[tuple(changed[0])] == 1
    assert set(changed[:, 0]) == {5}
    assert set(changed[:, 1]) <= {7, 8}


def test_names_are_those_of_the_dataset(tmp_path):
    """In the output, and where one is unknown."""
    made = folder(tmp_path / "in", LABELS, soft=False)
    result = run(made, "--betti", "wall:1,0", "--betti", "lumen:1,0", "--out", tmp_path / "out")
    assert "label maps alone" in result.output
    assert "class wall: " in result.output
    assert "wanted class wall (1, 0), class lumen (1, 0)" in result.output
    report = tmp_path / "edits.csv"
    run(made, "--betti", "1:1,0", "--out", tmp_path / "again", "--report", report)
    assert {line.split(",")[1] for line in report.read_text().splitlines()[1:]} == {"wall"}
    result = run(made, "--betti", "wall:1,0", "--betti", "1:2,0", "--out", tmp_path / "other")
    assert "said twice, 1,0 and 2,0" in str(result.exception)
    result = run(made, "--betti", "wal:1,0", "--out", tmp_path / "other")
    assert result.exit_code != 0
    assert "names class 'wal', the files hold 1 wall, 2 lumen" in str(result.exception)


def test_a_class_that_no_file_holds_is_named(tmp_path):
    """As it was written."""
    made = folder(tmp_path / "in", {**LABELS, "scar": 3}, soft=False)
    result = run(made, "--betti", "scar:1,0", "--out", tmp_path / "out")
    assert "names class 'scar', the files hold 1 wall, 2 lumen" in str(result.exception)


def test_label_maps_take_no_threshold(tmp_path):
    """As probabilities they are dark everywhere, and all would be made from nothing."""
    made = folder(tmp_path / "in", LABELS, soft=True)
    result = run(made, "--betti", "wall:1,0", "--threshold", 0.5, "--out", tmp_path / "out")
    assert "are label maps: leave --threshold out" in str(result.exception)
    assert not (tmp_path / "out").exists()


def test_files_without_a_softmax_are_counted(tmp_path):
    made = folder(tmp_path / "in", LABELS, soft=True)
    Picture.open(made / "a.png").save(made / "b.png")
    result = run(made, "--betti", "wall:1,0", "--out", tmp_path / "out")
    assert "(1 have none, there voxels are counted)" in result.output


def test_a_softmax_that_is_not_read_is_noted(tmp_path):
    """Files that are named by themselves are label maps, whatever lies beside them."""
    made = folder(tmp_path / "in", LABELS, soft=True)
    Picture.open(made / "a.png").save(made / "b.png")
    said = "1 of the files have a softmax of nnU-Net beside them"
    both = run(made / "a.png", made / "b.png", "--betti", "1:1,0", "--out", tmp_path / "out")
    assert said in " ".join(both.output.split())
    assert said not in run(made / "b.png", "--betti", "1:1,0", "--out", tmp_path / "b").output
    assert said not in run(made, "--betti", "1:1,0", "--out", tmp_path / "all").output


def test_regions_with_a_softmax_are_refused(tmp_path):
    """Their channels overlap."""
    made = folder(tmp_path / "in", {"background": 0, "all": [1, 2], "lumen": 2}, soft=True)
    result = run(made, "--betti", "lumen:1,0", "--out", tmp_path / "out")
    assert "has regions (all)" in str(result.exception)
    assert not (tmp_path / "out").exists()


def test_a_softmax_of_another_label_map_is_refused(tmp_path):
    """For example, one that was post-processed afterwards."""
    made = folder(tmp_path / "in", LABELS, soft=True)
    hard = np.asarray(Picture.open(made / "a.png")).copy()
    hard[0, 0] = 1
    Picture.fromarray(hard).save(made / "a.png")
    with pytest.raises(UserError, match="are not the label map beside it"):
        softmax_of(made / "a.npz", hard)
    result = run(made, "--betti", "wall:1,1", "--out", tmp_path / "out")
    assert result.exit_code == 1
    assert "not repaired" in result.output
    assert not (tmp_path / "out" / "a.png").exists()


@pytest.mark.parametrize("content", [b"no archive", None])
def test_what_is_no_softmax_is_named(tmp_path, content):
    """One line, not a traceback."""
    path = tmp_path / "a.npz"
    if content is None:
        np.savez(path, other=np.zeros(3))
    else:
        path.write_bytes(content)
    with pytest.raises(UserError, match=r"a\.npz: no softmax of nnU-Net"):
        softmax_of(path, np.zeros((3, 3), np.uint8))
