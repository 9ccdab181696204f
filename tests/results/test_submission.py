"""Bundles: made, checked, and tampered with."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from topoeval.checksums import sealed
from topoeval.errors import UserError
from topoeval.results.submission import check, pack

ABOUT = 'method = "ours"\ndataset = "discs 1"\ntopology = "T"\nclasses = "1"\n'


@pytest.fixture
def truth(tmp_path: Path) -> Path:
    return masks(tmp_path / "truth", 0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a submission of predictions."""
    masks(tmp_path / "ours" / "predictions", 1)
    (tmp_path / "ours" / "submission.toml").write_text(ABOUT)
    return tmp_path / "ours"


def masks(folder: Path, shift: int) -> Path:
    folder.mkdir(parents=True)
    for i in range(3):
        mask = np.zeros((20, 24), np.uint8)
        mask[4 + shift : 12 + i, 5:15] = 1
        Image.fromarray(mask).save(folder / f"case{i}.png")
    return folder


def numbers(folder: Path, text: str) -> Path:
    folder.mkdir()
    (folder / "submission.toml").write_text(ABOUT)
    (folder / "scores.csv").write_text(text)
    return folder


def tampered(bundle: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    """Return a copy of a bundle with other files in it."""
    with zipfile.ZipFile(bundle) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    change(files)
    out = bundle.with_name("tampered.zip")
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out


def test_predictions_that_we_score_are_verified(folder: Path, truth: Path, tmp_path: Path) -> None:
    """With the scores that `topoeval evaluate` gives."""
    verdict = check(pack(folder, tmp_path / "x.zip", truth), truth)
    assert verdict.status == "verified"
    assert "with the scores of its record" in verdict.reason
    assert len(verdict.scores) == 3
    # 7 of 8 rows remain of the first mask: 2 * 70 / (70 + 80)
    assert verdict.scores["dice"].iloc[0] == pytest.approx(140 / 150)


def test_a_prediction_of_several_files_is_refused(folder: Path, tmp_path: Path) -> None:
    """A header would be packed without its voxels."""
    (folder / "predictions" / "a.mhd").write_text("ElementDataFile = a.raw\n")
    (folder / "predictions" / "a.raw").write_bytes(b"x")
    with pytest.raises(UserError, match=r"a\.mhd: a bundle holds one file per case"):
        pack(folder, tmp_path / "x.zip")


def test_predictions_without_a_truth_at_hand_are_unverified(
    folder: Path, truth: Path, tmp_path: Path
) -> None:
    """Intact is not verified; whoever has the truth can verify what was packed without."""
    bundle = pack(folder, tmp_path / "x.zip")
    assert check(bundle).status == "unverified"
    verdict = check(bundle, truth)
    assert (verdict.status, "record" in verdict.reason) == ("verified", False)


def test_numbers_alone_are_unverified(truth: Path, tmp_path: Path) -> None:
    """Whatever truth is at hand."""
    text = "case,seed,dice,betti_error\na,0,0.9,1\nb,0,0.8,0\n"
    bundle = pack(numbers(tmp_path / "n", text), tmp_path / "x.zip")
    verdict = check(bundle, truth)
    assert verdict.status == "unverified"
    assert verdict.scores["dice"].tolist() == [0.9, 0.8]


def test_the_same_folder_gives_the_same_bytes(folder: Path, truth: Path, tmp_path: Path) -> None:
    """Dates and the order of files are no content."""
    first, second = (pack(folder, tmp_path / f"{i}.zip", truth) for i in range(2))
    assert first.read_bytes() == second.read_bytes()


def rewrite(files: dict[str, bytes]) -> None:
    files["predictions/case0.png"] = files["predictions/case1.png"]


def resize(files: dict[str, bytes]) -> None:
    files["submission.toml"] += b"\n"


def remove(files: dict[str, bytes]) -> None:
    del files["predictions/case2.png"]


def add(files: dict[str, bytes]) -> None:
    files["predictions/case9.png"] = b"x"


def escape(files: dict[str, bytes]) -> None:
    files["predictions/../../evil.png"] = b"x"


def unlist(files: dict[str, bytes]) -> None:
    del files["manifest.json"]


def garble(files: dict[str, bytes]) -> None:
    files["manifest.json"] = b"[]"


def later(files: dict[str, bytes]) -> None:
    files["manifest.json"] = files["manifest.json"].replace(b'"schema": 1', b'"schema": 9')


def rename(files: dict[str, bytes]) -> None:
    files["manifest.json"] = files["manifest.json"].replace(b'"ours"', b'"their"')


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (rewrite, r"case0\.png is not"),
        (resize, r"submission\.toml is not of the size"),
        (remove, r"differ in predictions/case2\.png"),
        (add, r"differ in predictions/case9\.png"),
        (escape, "that no bundle has"),
        (unlist, r"no manifest\.json"),
        (garble, "no bundle of topoeval submit"),
        (later, "schema 9"),
        (rename, "disagree"),
    ],
)
def test_a_changed_bundle_is_refused(
    folder: Path, truth: Path, tmp_path: Path, change: Callable[..., None], message: str
) -> None:
    """Whatever was changed, the message says what."""
    bundle = tampered(pack(folder, tmp_path / "x.zip", truth), change)
    with pytest.raises(UserError, match=message):
        check(bundle, truth)


def test_a_truncated_or_other_file_is_refused(folder: Path, tmp_path: Path) -> None:
    """Half a download, and no download."""
    bundle = pack(folder, tmp_path / "x.zip")
    bundle.write_bytes(bundle.read_bytes()[:-40])
    with pytest.raises(UserError, match="no bundle of topoeval submit, or damaged"):
        check(bundle)
    with pytest.raises(UserError, match="no bundle"):
        check(tmp_path / "nothing.zip")


def packed_anew(files: dict[str, bytes], name: str, data: bytes) -> None:
    """Put another content in, and its hash and size into the manifest."""
    files[name] = data
    manifest = json.loads(files["manifest.json"])
    stated = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    manifest["files"][name] = stated
    files["manifest.json"] = json.dumps(manifest).encode()


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("submission.toml", b"method =", "is no bundle of topoeval submit, or damaged"),
        ("submission.toml", b"\xff", "is no bundle of topoeval submit, or damaged"),
        ("record.json", b"{", r"its record\.json is no record"),
        ("record.json", b"[1]", r"its record\.json is no record"),
        ("record.json", b'{"spec": 3}', r"its record\.json is no record"),
    ],
)
def test_a_forged_bundle_is_refused_in_one_line(
    folder: Path, truth: Path, tmp_path: Path, name: str, data: bytes, message: str
) -> None:
    """Hashes that are right do not make a content one that can be read."""
    bundle = pack(folder, tmp_path / "x.zip", truth)
    forged = tampered(bundle, lambda files: packed_anew(files, name, data))
    with pytest.raises(UserError, match=message) as refused:
        check(forged, truth)
    assert "\n" not in str(refused.value)


def test_a_zip_with_a_broken_stream_or_a_password_is_refused(folder: Path, tmp_path: Path) -> None:
    """What the library behind a zip raises is no traceback."""
    bundle = pack(folder, tmp_path / "x.zip")
    whole = bundle.read_bytes()
    with zipfile.ZipFile(bundle) as archive:
        info = archive.getinfo("manifest.json")
    start = info.header_offset + 30 + len(info.filename)
    broken = whole[:start] + b"\xff" * 20 + whole[start + 20 :]
    flag = whole.rindex(b"PK\x01\x02", 0, whole.rindex(b"manifest.json")) + 8
    locked = bytearray(whole)
    locked[flag] |= 1
    locked[info.header_offset + 6] |= 1
    for data in (broken, bytes(locked)):
        bundle.write_bytes(data)
        with pytest.raises(UserError, match="no bundle of topoeval submit, or damaged"):
            check(bundle)


def test_a_file_that_is_not_scored_is_refused(folder: Path, truth: Path, tmp_path: Path) -> None:
    """Else a bundle could carry anything under the word verified (D7)."""
    bundle = pack(folder, tmp_path / "x.zip", truth)
    added = tampered(bundle, lambda files: packed_anew(files, "predictions/notes.txt", b"x"))
    with pytest.raises(UserError, match=r"predictions/notes\.txt is no prediction"):
        check(added, truth)


def test_a_bundle_that_unpacks_to_too_much_is_refused(folder: Path, tmp_path: Path) -> None:
    """Before it is unpacked, whatever its manifest says; the limit can be set (D6)."""
    (folder / "predictions" / "case0.png").write_bytes(bytes(3 * 2**20))
    bundle = pack(folder, tmp_path / "x.zip")
    assert bundle.stat().st_size < 2**15
    with pytest.raises(UserError, match=r"GiB is the limit; --max-gib"):
        check(bundle, max_gib=2 / 1024)
    assert check(bundle, max_gib=4 / 1024).status == "unverified"


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_file_that_a_bundle_holds_twice_is_refused(folder: Path, tmp_path: Path) -> None:
    """Readers of zips disagree which of the two counts."""
    bundle = pack(folder, tmp_path / "x.zip")
    with zipfile.ZipFile(bundle, "a") as archive:
        archive.writestr("predictions/case0.png", b"other")
    with pytest.raises(UserError, match=r"holds predictions/case0\.png twice"):
        check(bundle)


def test_scores_that_the_predictions_do_not_have_are_refused(
    folder: Path, truth: Path, tmp_path: Path
) -> None:
    """Even in a bundle whose hashes are right: they are scored again."""

    def flatter(files: dict[str, bytes]) -> None:
        record = json.loads(files["record.json"])
        record["cases"]["dice"] = [1.0] * 3
        packed_anew(files, "record.json", json.dumps(sealed(record)).encode())

    bundle = tampered(pack(folder, tmp_path / "x.zip", truth), flatter)
    assert check(bundle).status == "unverified"
    with pytest.raises(UserError, match="do not have the scores"):
        check(bundle, truth)


def test_another_truth_is_told_from_a_wrong_score(
    folder: Path, truth: Path, tmp_path: Path
) -> None:
    """A record names the truth by its content."""
    bundle = pack(folder, tmp_path / "x.zip", truth)
    other = masks(tmp_path / "other", 2)
    with pytest.raises(UserError, match="against another truth"):
        check(bundle, other)


def test_predictions_that_cannot_be_scored_are_named(
    folder: Path, truth: Path, tmp_path: Path
) -> None:
    """A missing case is no better score."""
    (folder / "predictions" / "case1.png").unlink()
    with pytest.raises(UserError, match=r"1 files cannot be scored.*case1"):
        pack(folder, tmp_path / "x.zip", truth)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('dataset = "d"\ntopology = "T"\n', "lacks method"),
        (ABOUT + 'titel = "x"\n', "unknown key 'titel'; did you mean 'title'"),
        (ABOUT.replace('"T"', '"Q"'), "Q"),
        (ABOUT + 'betti = "1,1"\n', "betti = '1,1' is of the wrong kind"),
        (ABOUT + "threshold = nan\n", r"threshold = nan is outside \[0, 1\]"),
        (ABOUT + "threshold = 7\n", r"threshold = 7 is outside \[0, 1\]"),
        ("method =", "is no TOML"),
    ],
)
def test_a_wrong_description_is_told(folder: Path, text: str, message: str) -> None:
    """One line that names the key (D7)."""
    (folder / "submission.toml").write_text(text)
    with pytest.raises(UserError, match=message):
        pack(folder, folder.with_suffix(".zip"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("case,dise\na,0.5\n", "did you mean 'dice'"),
        ("case,dice\na,1.5\n", r"dice = 1\.5, and its range is 0 to 1"),
        ("case,dice\na,good\n", "dice = good"),
        ("case,betti_error\na,inf\n", "betti_error = inf"),
        ("case,betti_error\na,nan\n", "betti_error = nan"),
        ("case,dice\na,1\na,1\n", "has a row twice: case = a"),
        ("case,class,dice\na,1,1\na,2,1\na,2,0\n", "twice: case = a, class = 2"),
        ("case\na\n", "has no scores"),
        ("", "is no table"),
    ],
)
def test_wrong_numbers_are_told(tmp_path: Path, text: str, message: str) -> None:
    """Unknown columns, values out of range, no numbers, a case twice (D7)."""
    with pytest.raises(UserError, match=message):
        pack(numbers(tmp_path / "n", text), tmp_path / "x.zip")


def test_a_folder_needs_one_kind_of_content(folder: Path, tmp_path: Path) -> None:
    """Neither both nor none; nor without a description."""
    (folder / "scores.csv").write_text("dice\n1\n")
    with pytest.raises(UserError, match="and not both"):
        pack(folder, tmp_path / "x.zip")
    (tmp_path / "none").mkdir()
    with pytest.raises(UserError, match=r"no .*submission\.toml"):
        pack(tmp_path / "none", tmp_path / "x.zip")
