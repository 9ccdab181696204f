"""Numbers and messages do not depend on what a machine happens to be (D9), nor on who prints."""

import json
import os

import numpy as np
import pytest

from topoeval.errors import UserError
from topoeval.images import read_image

RING = np.zeros((40, 40), np.float32)
RING[8:32, 8:32] = 1
RING[14:26, 14:26] = 0


def test_scores_of_files_do_not_depend_on_threads_and_processes(tmp_path, started):
    """Bit for bit, of probability maps with every score (a variant of D9); nor does what it is."""
    chance = np.random.default_rng(3)
    for side in ("p", "g"):
        (tmp_path / side).mkdir()
    for number in range(5):
        np.save(tmp_path / "g" / f"{number}.npy", RING.astype(np.uint8))
        noisy = np.clip(RING * 0.8 + chance.normal(0.1, 0.2, RING.shape), 0, 1)
        np.save(tmp_path / "p" / f"{number}.npy", noisy.astype(np.float32))
    found = []
    for threads, jobs in (("1", "1"), ("4", "1"), ("2", "3")):
        out = f"out-{threads}-{jobs}"
        done = started(
            "evaluate", "p", "g", "--threshold", "0.5", "--jobs", jobs, "--out", out,
            OMP_NUM_THREADS=threads,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        record = json.loads((tmp_path / out / "record.json").read_text())
        found.append((record["id"], record["cases"], (tmp_path / out / "cases.csv").read_bytes()))
    assert found[0] == found[1] == found[2]
    assert len(found[0][1]["betti_error"]) == 5


def damaged_mha(path):
    """Write a MetaImage file; yield three contents, each damaged in another way."""
    sitk = pytest.importorskip("SimpleITK", reason="the extra itk")
    sitk.WriteImage(sitk.GetImageFromArray(np.ones((5, 6, 7), np.uint8)), str(path), True)
    content = path.read_bytes()
    yield content[:-9], "data not read completely"
    yield content.replace(b"NDims = 3", b"NDims = x"), "DimSize required"
    yield content[:40], "not defined"


def test_a_library_that_prints_is_one_line_with_its_reason(tmp_path, started):
    """MetaIO prints past all loggers, and its exception names no reason."""
    path = tmp_path / "a.mha"
    for content, reason in damaged_mha(path):
        path.write_bytes(content)
        done = started("barcode", path)
        assert (done.returncode, done.stdout) == (2, "")
        (said,) = done.stderr.splitlines()
        assert said.startswith(f"topoeval: {path}: cannot be read: ")
        assert reason in said
        assert "0x" not in said


def test_standard_error_is_given_back(tmp_path, capfd):
    """After a damaged file and after a good one; a closed one is left alone."""
    path = tmp_path / "a.mha"
    for content, _ in damaged_mha(path):
        good = path.read_bytes()
        path.write_bytes(content)
        with pytest.raises(UserError):
            read_image(path)
        path.write_bytes(good)
        os.write(2, b"here\n")
    assert read_image(path).array.shape == (5, 6, 7)
    assert capfd.readouterr().err == "here\n" * 3
    kept = os.dup(2)
    os.close(2)
    try:
        assert read_image(path).array.sum() == 210
    finally:
        os.dup2(kept, 2)
        os.close(kept)
