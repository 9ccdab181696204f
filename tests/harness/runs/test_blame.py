"""Blame: what a machine did is never a method's row, and its runs are run again."""

import errno
import io
import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from topoeval.archives import DamagedFileError, write_archive
from topoeval.harness.runs.blame import UNRECORDED, failure_of, judged, outcome_without_record
from topoeval.harness.runs.executors import Inline, Local
from topoeval.harness.runs.store import Store
from topoeval.harness.runs.supervisor import Ending
from topoeval.harness.runs.sweep import sweep
from topoeval.harness.runs.worker import execute
from topoeval.harness.suites.suite import Limits

LIMITS = Limits(timeout_s=60)
REFUSED = ["ENOSPC", "EIO", "EROFS", "EDQUOT", "EMFILE", "ENFILE", "EACCES", "ENOMEM", "EAGAIN",
           "ESTALE"]  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_the_operating_system_refuses_is_the_machines(name):
    """Raised as it is, or by a library that wraps it (D2)."""
    refused = OSError(getattr(errno, name), "x")
    assert judged(refused) == ("failed", "machine")
    wrapped = RuntimeError("cannot write archive")
    wrapped.__cause__ = refused
    assert failure_of(wrapped)["fault"] == "machine"


def test_mistakes_are_not_the_machines():
    """A file that is not there, a wrong value, and an error while a wrong value is told."""
    for error in (FileNotFoundError(errno.ENOENT, "x"), ValueError("x"), OSError("x")):
        assert judged(error) == ("failed", "method")
    assert judged(MemoryError()) == ("out_of_memory", "machine")
    assert judged(DamagedFileError("network.pt", "cut")) == ("failed", "machine")


@pytest.mark.parametrize(
    ("ending", "fault"),
    [
        (None, "machine"),
        (Ending("exit", UNRECORDED), "machine"),
        (Ending("exit", 1), "method"),
        (Ending("exit", -signal.SIGKILL), "machine"),
        (Ending("exit", -signal.SIGBUS), "machine"),  # a file cut while it is mapped
        (Ending("exit", -signal.SIGSEGV), "method"),
        (Ending("found"), "machine"),
        (Ending("timeout"), "method"),
    ],
)
def test_ends_without_a_record(ending, fault):
    """The table, line by line."""
    assert outcome_without_record(ending, LIMITS, [])["fault"] == fault


def full(spec, store, progress):
    """A run that meets a full disk."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(store.root))


def test_the_same_command_runs_again_what_the_machine_ended(fake_run, tmp_path, fake_worker):
    """Once the cause is gone, and without a word about the method; its own failures stay."""
    store, spec, other = Store(tmp_path / "r", "tiny"), fake_run("fine"), fake_run("silent", 1)
    assert execute(spec, store, perform=full).fault == "machine"
    executor = Local(worker=fake_worker)
    tally = sweep([spec, other], store, executor, LIMITS, retry="machine")
    assert (tally.ran, store.read(spec.id).status) == (2, "ok")
    assert store.read(other.id).fault == "method"
    tally = sweep([spec, other], store, executor, LIMITS, retry="machine")
    assert (tally.ran, tally.kept) == (0, 2)


def test_an_order_cut_in_half_is_the_machines(fake_run, tmp_path):
    """The worker says so by its exit code, in one line and without a traceback."""
    order = tmp_path / "spec.json"
    order.write_text(fake_run("fine").model_dump_json(by_alias=True)[:40])
    alive, parent = os.pipe()  # a worker ends when its parent's end is closed
    done = subprocess.run(
        [sys.executable, "-P", "-m", "topoeval.harness.runs.worker", order, tmp_path, "tiny", "1"],
        stdin=alive,
        capture_output=True,
        text=True,
        check=False,
    )
    os.close(alive)
    os.close(parent)
    assert (done.returncode, done.stdout) == (UNRECORDED, f"{order} is damaged\n")
    assert done.stderr == ""


@pytest.mark.slow
def test_a_full_disk_blames_nobody(suite_file, small_disk):
    """One line and no half a file; with room the same command makes all runs ok (D2)."""
    disk = small_disk(120)
    asked = ["run", suite_file, "--results", disk / "r", "--method", "cross_entropy", "--jobs", "1"]
    command = [sys.executable, "-P", "-m", "topoeval.cli", *asked]
    environ = {**os.environ, "TOPOEVAL_CACHE": "", "OMP_NUM_THREADS": "1"}
    first = subprocess.run(command, capture_output=True, text=True, env=environ, check=False)
    assert first.returncode in (1, 2), first.stdout
    assert "Traceback" not in first.stderr
    store = Store(disk / "r", "tiny")
    if store.records.is_dir():
        for path in store.records.glob("[!.]*.json"):
            assert store.read(path.stem).fault in (None, "machine")
        assert not list(store.records.glob(".*"))
    subprocess.run(["mount", "-o", "remount,size=50m", disk], check=True)
    again = subprocess.run(command, capture_output=True, text=True, env=environ, check=False)
    assert again.returncode == 0, again.stderr
    assert all(store.read(path.stem).ok for path in store.records.glob("[!.]*.json"))


@pytest.mark.slow
def test_a_read_only_folder_is_one_line(suite_file, small_disk):
    """A variant of a full disk: the results folder can be read and not written."""
    disk = small_disk(500)
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    done = subprocess.run(
        [sys.executable, "-P", "-m", "topoeval.cli", "run", suite_file, "--results", disk / "r"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    last = done.stderr.splitlines()[-1]
    assert last.startswith(
        f"topoeval: --results {disk}/r: nothing can be written in {disk} (Read-only"
    )
    assert "Traceback" not in done.stderr


def test_inline_meets_a_full_disk_while_it_writes_its_record(monkeypatch, fake_run, tmp_path):
    """Nobody can be told by a record, so the error itself goes on to the command line."""

    def refused(self, record):
        raise OSError(errno.EDQUOT, "Disk quota exceeded")

    monkeypatch.setattr(Store, "write", refused)
    with pytest.raises(OSError, match="quota"):
        sweep([fake_run("fine")], Store(tmp_path / "r", "x"), Inline(), LIMITS)


def test_a_damaged_network_is_made_anew_before_its_children_run(fake_run, tmp_path, fake_worker):
    """One sweep is enough: whoever builds on it does not have to fail first (D3)."""
    store, parent = Store(tmp_path / "r", "tiny"), fake_run("fine")
    child = fake_run("fine", 1, {"start": parent.id})
    executor = Local(worker=fake_worker)
    sweep([parent], store, executor, LIMITS)
    content = io.BytesIO()
    np.savez(content, weight=np.arange(9))
    write_archive(store.network(parent.id), content.getvalue())
    assert sweep([parent, child], store, executor, LIMITS).ran == 1
    store.discard(child.id)
    damaged = bytearray(store.network(parent.id).read_bytes())
    damaged[50] ^= 1
    store.network(parent.id).write_bytes(damaged)
    assert sweep([parent, child], store, executor, LIMITS).ran == 2
    assert store.work(parent.id).joinpath("network.pt.damaged").read_bytes() == damaged
