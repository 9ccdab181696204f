"""Chaos: a suite ends well however its machine behaved, and no row blames a method.

TOPOEVAL_CHAOS_S is for how long the disk is filled, files are cut and workers killed, for each
executor (without it the test is left out); TOPOEVAL_CHAOS_SEED is what the damage is drawn from.
"""

import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.hostile import chaos_sweep, chaos_worker
from topoeval.archives import DamagedFileError
from topoeval.harness.runs.store import Store
from topoeval.harness.runs.worker import execute

SECONDS = float(os.environ.get("TOPOEVAL_CHAOS_S", "0"))
SEED = os.environ.get("TOPOEVAL_CHAOS_SEED", "0")
DISK_KB = 6000
HELD = {"status", "fault", "cases", "spec"}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(SECONDS == 0, reason="TOPOEVAL_CHAOS_S is not set: tox run -e nightly"),
]


@pytest.fixture
def disk(small_disk):
    """A disk of a few megabytes."""
    return small_disk(DISK_KB)


def fill(disk, chance):
    """Leave nothing, or a few kilobytes."""
    left = shutil.disk_usage(disk).free - chance.choice((0, 0, 4096, 40_000))
    with suppress(OSError):  # somebody else has taken the rest
        (disk / "ballast").write_bytes(b"x" * max(0, left))


def free(disk, chance):
    """Give the room back."""
    (disk / "ballast").unlink(missing_ok=True)


def cut(disk, chance):
    """Cut a record, state, network or sample, or change a byte of one that has a checksum."""
    root = disk / "results"
    patterns = ("records/*.json", "work/*/state.pt", "work/*/network.pt", "cache/**/*.npz",
                "work/*/heartbeat.json", "work/sweep.json", "work/*/spec.json")  # fmt: skip
    found = sorted(root.glob(chance.choice(patterns)))
    if not found:
        return
    path = chance.choice(found)
    with suppress(OSError):  # it was renamed meanwhile, or the disk is full
        content = path.read_bytes()
        if not content:
            return
        place = chance.randrange(len(content))
        if path.suffix in (".pt", ".npz") and chance.random() < 0.5:
            changed = bytes([content[place] ^ 1])
            path.write_bytes(content[:place] + changed + content[place + 1 :])
        else:
            path.write_bytes(content[:place])


def kill(disk, chance):
    """Kill a worker, or its supervisor."""
    found = [
        process
        for process in psutil.process_iter(["cmdline"])
        if any(str(disk) in part for part in process.info["cmdline"] or [])
        and not any(part.endswith("chaos_sweep.py") for part in process.info["cmdline"])
    ]
    if found:
        with suppress(psutil.NoSuchProcess):
            chance.choice(found).kill()


def swept(disk, name):
    """Start a sweep."""
    return subprocess.Popen(
        [sys.executable, chaos_sweep.__file__, disk / "results", name],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def statuses(store):
    """Return how the records that can be read are, as pairs of status and fault."""
    found = Counter()
    for path in store.records.glob("[!.]*.json"):
        try:
            record = store.read(path.stem)
        except (DamagedFileError, FileNotFoundError):
            continue
        found[record.status, record.fault] += 1
    return found


@pytest.mark.parametrize("name", ["local", "dask"])
def test_peace_after_chaos(disk, tmp_path, name):
    """All sixty runs are ok, and equal to those of an undisturbed sweep."""
    if name == "dask":
        pytest.importorskip("distributed", reason="the extra dask")
    quiet = Store(tmp_path / "quiet", "chaos")
    for run in chaos_sweep.runs():
        execute(run, quiet, perform=chaos_worker.perform)
    chance, store = random.Random(f"{SEED} {name}"), Store(disk / "results", "chaos")
    done, ends, blamed = Counter(), Counter(), Counter()
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        process = swept(disk, name)
        while process.poll() is None and time.monotonic() < deadline:
            deed = chance.choice((fill, free, free, cut, cut, cut, kill))
            deed(disk, chance)
            done[deed.__name__] += 1
            time.sleep(chance.uniform(0.01, 0.3))
        free(disk, chance)
        out, err = process.communicate(timeout=300)
        ends[process.returncode] += 1
        assert process.returncode in (0, 2), err
        if process.returncode == 2:
            assert len(out.strip().splitlines()) == 1, out
        blamed.update(statuses(store))
    assert not [key for key in blamed if key[1] == "method"], blamed
    process = swept(disk, name)
    out, err = process.communicate(timeout=600)
    assert process.returncode == 0, (out, err)
    assert json.loads(out.splitlines()[-1])["failed"] == []
    for run in chaos_sweep.runs():
        found, expected = store.read(run.id), quiet.read(run.id)
        assert found.model_dump(include=HELD) == expected.model_dump(include=HELD)
    assert len(list(store.records.glob("[!.]*.json"))) == chaos_sweep.RUNS
    print(f"{name}: {dict(done)}; sweeps by exit status {dict(ends)}; records {dict(blamed)}")


def test_the_folder_of_these_tests_is_what_workers_import_from():
    """The worker is found by its name alone."""
    assert Path(chaos_worker.__file__).stem == chaos_sweep.MODULE
