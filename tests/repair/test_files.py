"""Files are repaired into files of the same format and grid, by `topoeval repair`."""

import errno
import json
import resource
import signal

import numpy as np
import pandas as pd
import pytest
from PIL import Image as Picture
from typer.testing import CliRunner

from topoeval.cli import app
from topoeval.images import read_image


def blobs(shape=(16, 20)):
    """A square with a hole, and a dot."""
    mask = np.zeros(shape, bool)
    mask[3:11, 3:11] = True
    mask[6, 6] = False
    mask[13, 16] = True
    return mask


def volume():
    """Three slices of it with the hole in the middle one only."""
    whole = blobs()
    whole[6, 6] = True
    return np.stack([whole, blobs(), whole])


def run(*arguments):
    return CliRunner().invoke(app, ["repair", *map(str, arguments)])


def write(path, array):
    """Write an array with a grid, where the format has one."""
    suffix = "".join(path.suffixes)
    if suffix in (".png", ".bmp", ".gif"):
        Picture.fromarray(array.astype(np.uint8) * 255).save(path)
    elif suffix == ".tif":
        import tifffile

        tifffile.imwrite(
            path, array.astype(np.uint8), imagej=True, resolution=(2.0, 4.0),
            metadata={"spacing": 3.0, "unit": "mm", "axes": "ZYX"[-array.ndim :]},
        )  # fmt: skip
    elif suffix == ".npy":
        np.save(path, array)
    elif suffix == ".npz":
        np.savez(path, mask=array, spacing=[0.5, 0.7, 0.9][: array.ndim])
    elif suffix == ".nii.gz":
        nibabel = pytest.importorskip("nibabel", reason="writes the file")
        affine = np.array([[0, -2.0, 0, 4], [3.0, 0, 0, 5], [0, 0, 1.5, 6], [0, 0, 0, 1]])
        nibabel.save(nibabel.Nifti1Image(array.astype(np.uint8), affine), path)
    elif suffix == ".mgz":
        nibabel = pytest.importorskip("nibabel", reason="writes the file")
        nibabel.save(nibabel.MGHImage(array.astype(np.uint8), np.diag([2.0, 3, 4, 1])), path)
    else:
        sitk = pytest.importorskip("SimpleITK", reason="writes the file")
        image = sitk.GetImageFromArray(array.astype(np.uint8))
        image.SetSpacing([0.5, 0.7, 0.9][: array.ndim])
        image.SetOrigin([1.0, 2.0, 3.0][: array.ndim])
        sitk.WriteImage(image, str(path))


@pytest.mark.parametrize(
    ("name", "array", "betti"),
    [
        ("a.png", blobs(), "1,0"),
        ("a.bmp", blobs(), "1,0"),
        ("a.gif", blobs(), "1,0"),
        ("a.tif", blobs(), "1,0"),
        ("a.tif", volume(), "1,0,0"),
        ("a.npy", blobs(), "1,0"),
        ("a.npz", volume(), "1,0,0"),
        ("a.nii.gz", volume(), "1,0,0"),
        ("a.mgz", volume(), "1,0,0"),
        ("a.mha", volume(), "1,0,0"),
        ("a.nrrd", blobs(), "1,0"),
    ],
)
def test_format_and_grid_are_kept(tmp_path, betti_numbers, name, array, betti):
    """What is read back has the wanted numbers, the same values, dtype, spacing and orientation."""
    from topoeval.topology import Topology

    write(tmp_path / name, array)
    done = run(tmp_path / name, "--betti", betti, "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    before, after = read_image(tmp_path / name), read_image(tmp_path / "out" / name)
    assert after.array.dtype == before.array.dtype
    assert set(np.unique(after.array)) == set(np.unique(before.array))
    assert after.spacing == before.spacing
    assert (after.affine is None) == (before.affine is None)
    if before.affine is not None:
        np.testing.assert_allclose(after.affine, before.affine)
    expected = tuple(int(n) for n in betti.split(","))
    assert betti_numbers(after.array > 0, Topology()) == expected
    assert [path.name for path in (tmp_path / "out").iterdir()] == [name]


def test_maps_stay_maps(tmp_path):
    """Flipped voxels lie just beyond the threshold, others keep their values."""
    probabilities = np.where(blobs(), 0.8, 0.1).astype(np.float32)
    np.save(tmp_path / "p.npy", probabilities)
    Picture.fromarray((probabilities * 255).astype(np.uint8)).save(tmp_path / "p.png")
    for name, cut in [("p.npy", 0.6), ("p.png", 0.6), ("p.npy", 0.5), ("p.npy", 1.0)]:
        out = tmp_path / f"{name}{cut}"
        done = run(tmp_path / name, "--threshold", cut, "--betti", "1,0", "--out", out)
        assert done.exit_code == 0, done.output
        before, after = (read_image(at / name).array for at in (tmp_path, out))
        scale = 255 if name == "p.png" else 1
        changed = before != after
        assert (np.abs(after[changed] / scale - cut) < 0.01).all()
        mask = after >= cut * scale
        assert not mask[13, 16]
        assert mask[6, 6] or cut == 1.0


@pytest.mark.parametrize("cut", [0.1, 0.3, 0.6, 0.7, 0.9])
def test_a_value_that_is_the_threshold_is_foreground(tmp_path, cut):
    """As `topoeval evaluate` reads it: means of ten votes, in float32, lie on it."""
    votes = np.where(blobs(), cut, 0.01).astype(np.float32)
    np.save(tmp_path / "p.npy", votes)
    out = tmp_path / "out"
    done = run(tmp_path / "p.npy", "--threshold", cut, "--betti", "2,1", "--out", out)
    assert "(2, 1) -> (2, 1), nothing to do" in done.output
    np.testing.assert_array_equal(np.load(out / "p.npy"), votes)


@pytest.mark.parametrize("kind", [np.bool_, np.uint8, np.int64])
def test_a_mask_among_maps_is_read_and_written_as_one(tmp_path, kind):
    """Its 1 is 1, not 1/255, and what is deleted is 0."""
    np.save(tmp_path / "map.npy", np.where(blobs(), 0.8, 0.1))
    np.save(tmp_path / "mask.npy", blobs().astype(kind))
    out = tmp_path / "out"
    files = (tmp_path / "map.npy", tmp_path / "mask.npy")
    done = run(*files, "--threshold", 0.5, "--betti", "1,0", "--out", out)
    assert done.exit_code == 0, done.output
    after = np.load(out / "mask.npy")
    assert after.dtype == kind
    assert "mask.npy  (2, 1) -> (1, 0)" in done.output
    np.testing.assert_array_equal(after == 1, np.load(out / "map.npy") >= 0.5)


def test_a_full_disk_is_an_error_of_the_machine(tmp_path):
    """With its number, which NumPy leaves out; nothing half-written stays."""
    from topoeval.images.writing import write_like

    np.save(tmp_path / "a.npy", np.zeros((200, 200)))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(OSError, match="large") as caught:
            write_like(tmp_path / "b.npy", tmp_path / "a.npy", np.zeros((200, 200)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)
    assert caught.value.errno == errno.EFBIG
    assert [path.name for path in tmp_path.iterdir()] == ["a.npy"]


def test_a_softmax_of_nnunet_stays_one(tmp_path, betti_numbers):
    """The classes of the file that is written have the wanted numbers, and channels sum to 1."""
    from topoeval.topology import Topology

    labels = np.where(volume(), 1, 0)
    labels[:, 12:15, 2:9] = 2
    onehot = np.stack([labels == c for c in range(3)]).astype(np.float32)
    np.savez(tmp_path / "case.npz", probabilities=0.1 + 0.7 * onehot)
    done = run(tmp_path, "--betti", "1,0,0", "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    with np.load(tmp_path / "out" / "case.npz") as found:
        after = found["probabilities"]
    assert after.shape == onehot.shape
    np.testing.assert_allclose(after.sum(axis=0), 1, atol=1e-5)
    for c in (1, 2):
        assert betti_numbers(after.argmax(axis=0) == c, Topology()) == (1, 0, 0)


def test_every_class_has_its_own_numbers(tmp_path):
    """Labels stay labels; a class that is not named is left alone."""
    labels = np.where(blobs(), 5, 0).astype(np.uint8)
    labels[12:14, 2:8] = 9
    np.save(tmp_path / "a.npy", labels)
    done = run(tmp_path / "a.npy", "--betti", "5:1,1", "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    after = np.load(tmp_path / "out" / "a.npy")
    assert ((after == 9) == (labels == 9)).all()
    assert after[13, 16] == 0
    assert after[6, 6] == 0


def test_the_report_names_every_edit(tmp_path):
    """Kind, cost, size, volume and place, in voxels and in the world."""
    write(tmp_path / "a.nii.gz", volume())
    report = tmp_path / "edits.csv"
    run(tmp_path, "--betti", "1,0,0", "--out", tmp_path / "out", "--report", report)
    edits = pd.read_csv(report).set_index("kind")
    assert set(edits.index) == {"delete", "fill"}
    fill = edits.loc["fill"]
    assert (fill["i"], fill["j"], fill["k"]) == (1, 6, 6)
    assert fill["volume"] == pytest.approx(9.0)
    assert (fill["x"], fill["y"], fill["z"]) == (4 - 2 * 6, 5 + 3 * 1, 6 + 1.5 * 6)


def test_a_report_without_edits_is_a_table(tmp_path):
    """It has columns and no row."""
    whole = np.zeros((9, 9), np.uint8)
    whole[2:5, 2:5] = 1
    np.save(tmp_path / "a.npy", whole)
    report = tmp_path / "edits.csv"
    run(tmp_path / "a.npy", "--betti", "1,0", "--out", tmp_path / "out", "--report", report)
    edits = pd.read_csv(report)
    assert [*edits.columns] == ["file", "class", "kind", "cost", "voxels"]
    assert edits.empty


def test_without_numbers_small_things_go(tmp_path):
    """As dust and small holes do."""
    write(tmp_path / "a.png", blobs())
    done = run(tmp_path / "a.png", "--min-size", 2, "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    after = read_image(tmp_path / "out" / "a.png").array > 0
    assert after.sum() == 64


def test_what_is_not_met_is_said(tmp_path):
    """The file is written, named, and the exit status is 1."""
    write(tmp_path / "a.png", blobs())
    done = run(tmp_path / "a.png", "--betti", "1,0", "--only", "fill", "--out", tmp_path / "out")
    assert done.exit_code == 1
    assert "1 fill, 1 voxels flipped; NOT MET by the edits that --only fill allows" in done.output
    assert (tmp_path / "out" / "a.png").exists()


@pytest.mark.parametrize("options", [["--settle"], ["--keep", 2], ["--min-size", 9]])
def test_the_number_of_flipped_voxels_is_that_of_the_files(tmp_path, options):
    """Also where an edit takes back what another one did."""
    noise = np.random.default_rng(0).random((30, 30))
    noise = sum(np.roll(noise, (i, j), (0, 1)) for i in range(3) for j in range(3)) / 9
    np.save(tmp_path / "a.npy", noise)
    out = tmp_path / "out"
    done = run(tmp_path / "a.npy", "--betti", "1,1", "--threshold", 0.5, "--out", out, *options)
    differ = (np.load(tmp_path / "a.npy") >= 0.5) != (np.load(out / "a.npy") >= 0.5)
    assert differ.sum() > 20
    assert f", {differ.sum()} voxels flipped" in done.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--betti", "1,0,0"], "axes"),
        (["--betti", "7:1,0"], "names class '7'"),
        (["--betti", "0,1"], "--betti 0,1: without a component no mask has a hole"),
        (["--betti", "0,0", "--topology", "T-superlevel-framed"], "the frame is a component"),
        (["--betti", "1,0", "--topology", "T-sublevel"], "sublevel"),
        (["--betti", "1,0", "--only", "delte"], "delete"),
        (["--betti", "1,0", "--threshold", "2"], "threshold"),
        (["--betti", "1,0", "--betti", "2,0"], "said twice, 1,0 and 2,0"),
        ([], "say what is wanted"),
    ],
)
def test_wrong_options_end_before_anything_is_written(tmp_path, arguments, message):
    """In one line."""
    write(tmp_path / "a.png", blobs())
    done = run(tmp_path / "a.png", "--out", tmp_path / "out", *arguments)
    assert message in str(done.exception)
    assert not (tmp_path / "out").exists()


def test_labels_read_as_probabilities_are_told(tmp_path):
    """A label map with --threshold: nothing of it is foreground, which is said, in JSON too."""
    np.save(tmp_path / "a.npy", blobs() * np.uint8(2))
    command = (tmp_path / "a.npy", "--threshold", 0.5, "--betti", "1,0", "--overwrite")
    done = run(*command, "--out", tmp_path / "out")
    assert "note: no value reaches the threshold 0.5" in done.output
    done = run(*command, "--out", tmp_path / "out", "--json")
    (note,) = json.loads(done.stdout)["notes"]
    assert "the largest is 2, read as 2/255 = 0.00784; these look like labels" in note


def test_nothing_is_overwritten_by_accident(tmp_path):
    """Neither the inputs nor earlier results; formats that are not written are refused."""
    write(tmp_path / "a.png", blobs())
    here = run(tmp_path / "a.png", "--betti", "1,0", "--out", tmp_path)
    assert "another folder" in str(here.exception)
    assert run(tmp_path / "a.png", "--betti", "1,0", "--out", tmp_path / "out").exit_code == 0
    again = run(tmp_path / "a.png", "--betti", "1,0", "--out", tmp_path / "out")
    assert "--overwrite" in str(again.exception)
    (tmp_path / "a.mhd").write_text("")
    other = run(tmp_path / "a.mhd", "--betti", "1,0", "--out", tmp_path / "new")
    assert "not written" in str(other.exception)


def test_folders_in_a_folder_keep_their_places(tmp_path):
    """None is passed over; files of one name in two folders stay two."""
    for folder in ("a", "b"):
        (tmp_path / "in" / folder).mkdir(parents=True)
        write(tmp_path / "in" / folder / "x.png", blobs())
    report = tmp_path / "edits.csv"
    result = run(
        tmp_path / "in", "--betti", "1,1", "--out", tmp_path / "out", "--report", report
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "a/x.png" in result.output
    found = sorted(
        path.relative_to(tmp_path / "out").as_posix() for path in tmp_path.rglob("out/*/*")
    )
    assert found == ["a/x.png", "b/x.png"]
    assert set(pd.read_csv(report)["file"]) == {"a/x.png", "b/x.png"}


def test_a_result_is_no_input(tmp_path):
    """The folder that is read may hold the one that is written."""
    (tmp_path / "in").mkdir()
    write(tmp_path / "in" / "x.png", blobs())
    arguments = (tmp_path / "in", "--betti", "1,1", "--out", tmp_path / "in" / "fixed")
    for more in ((), ("--overwrite",)):
        result = run(*arguments, *more)
        assert result.exit_code == 0, result.output
        assert "1 files written" in result.output
    assert [path.name for path in (tmp_path / "in" / "fixed").iterdir()] == ["x.png"]


@pytest.mark.parametrize(
    "options",
    [
        ["--betti", "1,0"],
        ["--betti", "3,2", "--max-change", 3],
        ["--min-size", 6],
        ["--keep", 1],
        ["--betti", "1,0", "--topology", "V-superlevel-framed"],
    ],
    ids=lambda options: " ".join(map(str, options)),
)
def test_ignored_voxels_stay_and_are_background_to_every_class(tmp_path, betti_numbers, options):
    """Noise with two classes, 255 strewn between: what is told of a class is true with 255 as 0."""
    from topoeval.topology import Topology

    rng = np.random.default_rng(7)
    labels = rng.choice([0, 1, 2, 255], (24, 26), p=[0.5, 0.2, 0.2, 0.1]).astype(np.uint8)
    labels[3:9, 3:20], labels[12:20, 3:20] = 1, 2
    labels[5, 5:9] = labels[15:17, 6] = 255
    Picture.fromarray(labels).save(tmp_path / "a.png")
    command = (tmp_path / "a.png", "--ignore", 255, "--out", tmp_path / "out", "--json", *options)
    told = json.loads(run(*command).stdout)
    after = read_image(tmp_path / "out" / "a.png").array
    assert ((after == 255) == (labels == 255)).all()
    assert (after != labels).any()
    (file,) = told["files"]
    assert set(file["classes"]) == {"1", "2"}
    framed = "--topology" in options
    topology = Topology("V" if framed else "T", border="framed" if framed else "plain")
    for name, one in file["classes"].items():
        assert betti_numbers(after == int(name), topology) == tuple(one["after"])


def test_a_hole_of_ignored_voxels_is_a_hole(tmp_path):
    """As in scores; it cannot be filled, so an edit opens it. Without --ignore it is a class."""
    ring = np.zeros((16, 16), np.uint8)
    ring[3:13, 3:13] = 1
    ring[7:9, 7:9] = 255
    np.save(tmp_path / "a.npy", ring)
    command = (tmp_path / "a.npy", "--betti", "1,0", "--overwrite", "--out", tmp_path / "out")
    done = run(*command, "--ignore", 255)
    assert done.exit_code == 0, done.output
    assert "voxels of label 255 stay as they are, background to every class" in done.output
    assert "(1, 1) -> (1, 0), 1 open" in done.output
    without = run(*command)
    assert "255 is repaired as a class; if it marks voxels to leave out" in without.output
    absent = run(*command, "--ignore", 254)
    assert "note: no file holds the ignore label 254, so no voxel is left out" in absent.output


@pytest.mark.parametrize(
    ("array", "options", "message"),
    [
        (blobs() * np.uint8(255), [], "255 is the only label of the files, so nothing is left to"),
        (blobs() * 0.7, ["--threshold", 0.5], "--ignore 255 is a label, and the files are read as"),
        (np.where(blobs(), 1, 255), ["--betti", "255:1,0"], "names class '255', the files hold 1"),
    ],
)
def test_an_ignore_label_that_leaves_nothing_or_is_a_class(tmp_path, array, options, message):
    """Refused in one line, before anything is written."""
    np.save(tmp_path / "a.npy", array)
    betti = [] if "--betti" in options else ["--betti", "1,0"]
    done = run(tmp_path / "a.npy", "--ignore", 255, "--out", tmp_path / "out", *betti, *options)
    assert message in str(done.exception)
    assert not (tmp_path / "out").exists()
