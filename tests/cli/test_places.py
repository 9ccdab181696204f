"""Every command looks at where it is to write before its work begins."""

import os

import numpy as np
import PIL.Image
import pytest

from topoeval.cli.places import check_file, check_folder
from topoeval.errors import UserError


@pytest.fixture
def folder(tmp_path):
    """Make a mask in ``gt``, and a file and a link to nothing where a folder might be meant."""
    (tmp_path / "gt").mkdir()
    PIL.Image.fromarray(np.eye(16, dtype=np.uint8) * 255).save(tmp_path / "gt" / "c0.png")
    (tmp_path / "afile.csv").write_text("kept")
    (tmp_path / "link").symlink_to("nowhere")
    return tmp_path


@pytest.mark.parametrize(
    "command",
    [
        "evaluate gt gt --out",
        "compare gt gt gt --out",
        "audit gt --out",
        "collect --out",
        "leaderboard gt --out",
        "repair gt --betti 1,0 --out",
        "bench backends --out",
        "run quickstart --results",
        "tune quickstart --results",
    ],
)
@pytest.mark.parametrize("named", ["afile.csv", "link", "afile.csv/in/it"])
def test_a_folder_to_write_to_is_no_file(call, folder, command, named):
    """One line that names the option, and the file is as it was."""
    before = sorted(folder.rglob("*"))
    status, output, errors = call(*command.split(), named)
    assert (status, output, errors.count("\n")) == (2, "", 1), errors
    option, place = command.split()[-1], named.split("/")[0]
    assert errors.startswith(f"topoeval: {option} {named}")
    assert errors.endswith(
        f"{place} is a file; name {'a' if named == place else 'another'} folder\n"
    )
    assert (folder / "afile.csv").read_text() == "kept"
    assert sorted(folder.rglob("*")) == before


@pytest.mark.parametrize(
    ("command", "ending"),
    [
        ("barcode gt/c0.png --out", ".png"),
        ("data show strokes --out", ".svg"),
        ("repair gt --betti 1,0 --out done --report", ".csv"),
    ],
)
def test_a_file_to_write_may_lie_in_a_new_folder(call, folder, command, ending):
    """It is made; a folder of the name is not replaced."""
    target = folder / "new" / f"it{ending}"
    assert call(*command.split(), target)[0] in (0, 1)
    assert target.stat().st_size > 0
    (folder / f"there{ending}").mkdir()
    status, _, errors = call(
        *command.split(), f"there{ending}", *["--overwrite"] * ("repair" in command)
    )
    option = command.split()[-1]
    assert (status, errors) == (2, f"topoeval: {option} there{ending} is a folder; name a file\n")


@pytest.mark.parametrize("more", [(), ("--overwrite",)])
def test_barcode_never_replaces_the_image_that_it_reads(call, folder, more):
    """By its own name or by a link to it, with --overwrite too."""
    image = folder / "gt" / "c0.png"
    before = image.read_bytes()
    (folder / "other.png").symlink_to(image)
    for out in (image, folder / "other.png"):
        status, output, errors = call("barcode", image, "--out", out, *more)
        assert (status, output) == (2, "")
        assert errors == (f"topoeval: --out {out} is the file that is read; name another file\n")
    assert image.read_bytes() == before


def test_barcode_replaces_a_file_only_where_that_is_said(call, folder):
    """A picture, and the page of an image of the same name in another folder."""
    (folder / "y").mkdir()
    np.save(folder / "gt" / "a.npy", np.eye(8))
    np.save(folder / "y" / "a.npy", 1 - np.eye(8))
    for option, target in ((("--out", "b.png"), "b.png"), (("--html",), "a.html")):
        assert call("barcode", "gt/a.npy", *option)[0] == 0
        before = (folder / target).read_bytes()
        status, output, errors = call("barcode", "y/a.npy", *option)
        assert (status, output) == (2, "")
        assert errors == (f"topoeval: {target} is there already; say --overwrite to replace it\n")
        assert (folder / target).read_bytes() == before
        assert call("barcode", "y/a.npy", *option, "--overwrite")[0] == 0
        assert (folder / target).read_bytes() != before


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="no folder that takes no files")
def test_a_folder_that_takes_no_files_is_named(tmp_path):
    """With the option that named it; nothing stays where it was tried."""
    with pytest.raises(UserError, match=r"--report /proc/x.csv: nothing can be written in /proc"):
        check_file(tmp_path.__class__("/proc/x.csv"), "--report")
    with pytest.raises(UserError, match="--out /proc/x: nothing can be written in /proc"):
        check_folder(tmp_path.__class__("/proc/x"))
    check_folder(tmp_path / "a" / "b")
    assert not list(tmp_path.iterdir())
