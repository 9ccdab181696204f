"""Machines that refuse: full and read-only disks, few open files, pipes in the place of files."""

import json
import os
import signal
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tests.report.conftest import make_record, write_records
from topoeval.archives import DamagedFileError, read_archive
from topoeval.errors import UserError
from topoeval.harness.runs.progress import run_state
from topoeval.harness.runs.store import Store
from topoeval.images import read_image
from topoeval.records.files import DamagedRecordError, read_record
from topoeval.records.spec import RunSpec
from topoeval.results import cache
from topoeval.results.tables import load


@contextmanager
def at_once(seconds=10):
    """Fail instead of waiting for a pipe that nobody writes to."""

    def waited(number, frame):
        raise AssertionError(f"waited for {seconds} s")

    signal.signal(signal.SIGALRM, waited)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)


@pytest.fixture
def ring(tmp_path):
    """Write a truth and a prediction of twelve cases."""
    mask = np.zeros((24, 24), np.uint8)
    mask[4:20, 4:20] = 1
    mask[9:15, 9:15] = 0
    for side in ("p", "g"):
        (tmp_path / side).mkdir()
        for number in range(12):
            Image.fromarray(mask).save(tmp_path / side / f"case{number}.png")
    return tmp_path


def commands(disk):
    """Commands that write, each with a folder or file on a disk."""
    return {
        "evaluate": ("evaluate", "p", "g", "--jobs", "1", "--html", "--out", disk / "o"),
        "audit": ("audit", "g", "--jobs", "1", "--html", "--out", disk / "o"),
        "repair": (
            "repair",
            "p",
            "--betti",
            "1,0",
            "--out",
            disk / "o",
            "--report",
            disk / "e.csv",
        ),
        "compare": ("compare", "p", "g", "g", "--jobs", "1", "--html", "--out", disk / "o"),
        "report": ("report", "r", "--reference", "cross_entropy", "--out", disk / "o"),
        "collect": ("collect", "r", "--out", disk / "o"),
        "submit": ("submit", "s", "--out", disk / "o.zip"),
        "barcode": ("barcode", "p/case0.png", "--out", disk / "o.svg"),
    }


@pytest.mark.slow
@pytest.mark.parametrize("kilobytes", [8, 24])
@pytest.mark.parametrize("name", commands(Path()))
def test_a_full_disk_is_one_line_and_no_half_a_file(ring, small_disk, started, name, kilobytes):
    """Wherever the room ends, of every command that writes; with room the same ends well (D2)."""
    write_records(ring / "r" / "records", [make_record(seed=seed) for seed in range(3)])
    (ring / "s").mkdir()
    (ring / "s" / "submission.toml").write_text(
        'method = "ours"\ndataset = "d"\ntopology = "T"\nclasses = "1"\n'
    )
    (ring / "s" / "predictions").mkdir()
    for number in range(12):  # noise, which no zip makes smaller
        noise = np.random.default_rng(number).integers(0, 2, (64, 64), np.uint8)
        Image.fromarray(noise).save(ring / "s" / "predictions" / f"{number}.png")
    disk = small_disk(kilobytes)
    asked = commands(disk)[name]
    done = started(*asked)
    if done.returncode:
        assert done.returncode in (1, 2), done.stderr
        # compare says there what it reads
        said = [x for x in done.stderr.splitlines() if not x.startswith("predictions of ")]
        assert len(said) == 1, done.stderr
        assert said[0].startswith("topoeval: ")
        assert "No space left" in said[0]
        for path in disk.rglob("*"):
            assert path.is_dir() or path.stat().st_size, f"{path} is empty"
            assert ".partial" not in path.name
    else:
        assert kilobytes > 8, "so much room was enough, and the test looked at nothing"
    os.system(f"mount -o remount,size=50m {disk}")
    assert (
        started(*asked, *(["--overwrite"] if name in ("repair", "barcode") else [])).returncode == 0
    )


@pytest.mark.parametrize("name", commands(Path()))
def test_a_read_only_disk_is_one_line(ring, small_disk, started, name):
    """A variant of a full one; the line names the option to change (D2)."""
    write_records(ring / "r" / "records", [make_record(seed=seed) for seed in range(3)])
    (ring / "s").mkdir()
    disk = small_disk(500)
    os.system(f"mount -o remount,ro {disk}")
    done = started(*commands(disk)[name])
    assert done.returncode == 2
    (said,) = done.stderr.strip().splitlines()
    assert "Read-only file system" in said
    assert "name " in said


def test_few_open_files_blame_nobody(ring, started):
    """Eighteen descriptors are too few to import with; the line says so, or it works (D2)."""
    asked = ("evaluate", "p", "g", "--metrics", "dice", "--jobs", "1")
    for most in (12, 18, 24, 40):
        done = started(*asked, before=("prlimit", f"--nofile={most}"))
        said = done.stderr.strip().splitlines()
        assert done.returncode == 0 or "Too many open files" in said[-1], done.stderr
        if (ring / "evaluation").is_dir():
            assert not list((ring / "evaluation").glob(".*"))


def test_pipes_in_the_place_of_files_are_not_waited_for(tmp_path, monkeypatch):
    """Of the lock of a results folder, records, heartbeats, plans, networks, images (D12, D5)."""
    spec = RunSpec.model_validate(make_record()["spec"])
    store = Store(tmp_path / "r", "x")
    store.work(spec.id).mkdir(parents=True)
    store.records.mkdir()
    for path in (store.record_path(spec.id), store.network(spec.id), store.heartbeat(spec.id),
                 store.sweep, tmp_path / "r" / ".lock", tmp_path / "a.png"):  # fmt: skip
        os.mkfifo(path)
    with at_once():
        with pytest.raises(DamagedRecordError, match="it is no ordinary file"):
            read_record(store.record_path(spec.id))
        with pytest.raises(DamagedFileError, match="it is no ordinary file"):
            read_archive(store.network(spec.id))
        assert not store.has_network(spec.id)
        assert run_state(spec, store).status == "damaged"
        store.record_path(spec.id).unlink()
        assert run_state(spec, store).status == "lost"
        with pytest.raises(UserError, match=r"\.lock, by which sweeps .* is no file; remove it"):
            store.in_use()
        with pytest.raises(UserError, match=r"\.lock, by which sweeps"), store.exclusive():
            pass
        with pytest.raises(UserError, match=r"a\.png"):
            read_image(tmp_path / "a.png")


def test_a_lock_that_is_a_link_leaves_its_target_alone(tmp_path):
    """A results folder of somebody else cannot make us empty a file of ours."""
    (tmp_path / "ours").write_text("ours")
    store = Store(tmp_path / "r", "x")
    store.root.mkdir()
    (store.root / ".lock").symlink_to(tmp_path / "ours")
    with pytest.raises(UserError, match="remove it"), store.exclusive():
        pass
    assert (tmp_path / "ours").read_text() == "ours"


def test_a_damaged_byte_in_kept_tables_is_noticed(tmp_path, monkeypatch):
    """Parquet may read on with another number; the records are parsed again instead (D3)."""
    pytest.importorskip("pyarrow")
    monkeypatch.setenv("TOPOEVAL_CACHE", str(tmp_path / "cache"))
    write_records(tmp_path / "r" / "records", [make_record(seed=seed) for seed in range(3)])
    expected = load(tmp_path / "r")
    key = cache.fingerprint(tmp_path / "r" / "records")
    assert cache.fetch(tmp_path / "r" / "records", key) is not None
    chance = np.random.default_rng(0)
    files = sorted((tmp_path / "cache").rglob("*.parquet"))
    assert len(files) == 2
    for path in files:
        whole = path.read_bytes()
        for place in chance.integers(0, len(whole), 60):
            damaged = bytearray(whole)
            damaged[place] ^= 1 << int(chance.integers(8))
            path.write_bytes(damaged)
            assert cache.fetch(tmp_path / "r" / "records", key) is None
        path.write_bytes(whole[: len(whole) // 2])
        assert cache.fetch(tmp_path / "r" / "records", key) is None
        found = load(tmp_path / "r")
        pd.testing.assert_frame_equal(found.cases, expected.cases)
        assert cache.fetch(tmp_path / "r" / "records", key) is not None


@pytest.mark.parametrize(
    "content",
    [b"[" * 100_000, b'{"id": NaN}', b"\xff\xfe{}", b'{"a": 1e400}', b"\x00" * 4096, b"{}" * 2],
)
def test_records_of_no_form_are_set_aside_by_name(tmp_path, content):
    """Deep nesting, no text, zeros as a power failure leaves them, two documents (D5)."""
    write_records(tmp_path / "r" / "records", [make_record(seed=seed) for seed in range(2)])
    (tmp_path / "r" / "records" / "bad.json").write_bytes(content)
    (tmp_path / "r" / "records" / "folder.json").mkdir()
    found = load(tmp_path / "r")
    assert len(found.runs) == 2
    assert sorted(error.path.name for error in found.damaged) == ["bad.json", "folder.json"]
    assert all("\n" not in str(error) for error in found.damaged)


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_terminals_of_few_characters(ring, started, encoding):
    """Help, tables, reports and errors end in no UnicodeEncodeError (D13)."""
    write_records(ring / "r" / "records", [make_record(seed=seed) for seed in range(3)])
    (ring / "p" / "M\u00fcller \u2265.png").write_bytes(b"x")
    commands = (
        ("--help",),
        ("evaluate", "--help"),
        ("report", "r", "--reference", "cross_entropy"),
        ("list",),
        ("info", "betti_prior"),
        ("evaluate", "p", "g", "--metrics", "dice", "--jobs", "1"),
    )
    for asked in commands:
        done = started(*asked, PYTHONIOENCODING=encoding)
        assert "Error" not in done.stderr
        assert done.returncode in (0, 1), done.stderr


def test_a_temporary_folder_that_cannot_be_written(ring, started):
    """Is gone round where nothing needs it, and otherwise one line (D10)."""
    for place in ("/proc/nowhere", str(ring / "none")):
        done = started("evaluate", "p", "g", "--metrics", "dice", "--jobs", "2", TMPDIR=place)
        assert "Traceback" not in done.stderr
        assert done.returncode == 0, done.stderr
    found = json.loads((ring / "evaluation" / "record.json").read_text())
    assert found["status"] == "ok"
