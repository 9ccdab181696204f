"""The results folder of a suite: records of runs, and their scratch files.

``records/ID.json``
    One record per run, whole or not there. Reports read these and nothing else.
``work/ID/``
    The run's scratch: specification, log, heartbeat, training state, network. Not needed to read
    results.
``work/template.log``
    What the process said of which runs are forks; as a rule it is not there.
``work/sweep.json``
    What the last sweep was to run, for ``topoeval status`` and ``retry``.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from topoeval.archives import DamagedFileError, read_archive, set_aside
from topoeval.errors import UserError
from topoeval.harness.runs import machine
from topoeval.harness.runs.lock_file import open_lock
from topoeval.records.files import DamagedRecordError, read_record, write_record
from topoeval.records.record import Record
from topoeval.records.spec import RunSpec
from topoeval.whole_file import PARTIAL

# longer than a look whether the folder is in use, which takes its lock for a moment
_LOCK_PATIENCE_S = 0.5
_PURPOSE = "by which sweeps of one results folder know of one another"


class Store:
    """The results folder of a suite."""

    def __init__(self, root: Path, suite: str) -> None:
        self.root = root
        self.suite = suite
        self.records = root / "records"

    def work(self, run_id: str) -> Path:
        """Return the scratch folder of a run."""
        return self.root / "work" / run_id

    def network(self, run_id: str) -> Path:
        """Return where a run leaves its trained network for the runs that build on it."""
        return self.work(run_id) / "network.pt"

    def has_network(self, run_id: str) -> bool:
        """Whether the trained network of a run is there, and whole; a damaged one is set aside."""
        path = self.network(run_id)
        try:
            read_archive(path, sealed=False)
        except FileNotFoundError:
            return False
        except DamagedFileError:
            set_aside(path)
            return False
        return True

    def answers(self, run_id: str) -> Path:
        """Return where a run keeps its predictions, to be scored by further metrics."""
        return self.work(run_id) / "answers.npz"

    def state(self, run_id: str) -> Path:
        """Return the file from which an interrupted run continues."""
        return self.work(run_id) / "state.pt"

    def history(self, run_id: str) -> Path:
        """Return the file with a line of JSON per step of a run's training."""
        return self.work(run_id) / "history.jsonl"

    def log(self, run_id: str) -> Path:
        """Return the file with everything a run printed."""
        return self.work(run_id) / "log.txt"

    def log_tail(self, run_id: str, lines: int) -> list[str]:
        """Return the last lines of what a run printed."""
        return last_lines(self.log(run_id), lines)

    def step(self, run_id: str) -> Path:
        """Return the file in which a run keeps how far it is."""
        return self.work(run_id) / "step"

    def heartbeat(self, run_id: str) -> Path:
        """Return the file in which the supervisor of a run keeps its last sign of life."""
        return self.work(run_id) / "heartbeat.json"

    @property
    def sweep(self) -> Path:
        """Return the file that says what the last sweep was to run."""
        return self.root / "work" / "sweep.json"

    @property
    def template_log(self) -> Path:
        """Return the file for what the template of local runs prints."""
        return self.root / "work" / "template.log"

    def record_path(self, run_id: str) -> Path:
        """Return where the record of a run is, once there is one."""
        return self.records / f"{run_id}.json"

    def read(self, run_id: str) -> Record | None:
        """Return the record of a run; None if there is none.

        Raises
        ------
        DamagedRecordError
            What is there is not the record of this run.
        """
        path = self.record_path(run_id)
        return read_record(path) if path.exists() else None

    def write(self, record: Record) -> None:
        """Write a record; a reader finds the whole of it or nothing."""
        write_record(self.record_path(record.id), record)

    def set_aside_damaged(self, run_ids: Iterable[str]) -> list[str]:
        """Move damaged records of some runs out of the way; return a line about each."""
        told = []
        for run_id in run_ids:
            try:
                self.read(run_id)
            except DamagedRecordError as error:
                told.append(f"{error}; kept as {set_aside(error.path).name}, it is run again")
        return told

    def tidy(self) -> None:
        """Remove unfinished files of processes that were killed while they wrote."""
        for partial in self.records.glob(f".*{PARTIAL}"):
            partial.unlink(missing_ok=True)

    def discard(self, run_id: str) -> None:
        """Remove the record of a run, so that it is run again."""
        self.record_path(run_id).unlink(missing_ok=True)

    def done(self, spec: RunSpec) -> bool:
        """Whether the run has a record, of success or failure."""
        return self.record_path(spec.id).exists()

    def begun(self) -> bool:
        """Whether any run has a record."""
        return any(self.records.glob("*.json"))

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Hold the folder for one sweep; a second one is told, not left to collide."""
        self.root.mkdir(parents=True, exist_ok=True)
        file = open_lock(self._lock, _PURPOSE, os.O_RDWR)
        with os.fdopen(file, "r+b") as lock:
            deadline = time.monotonic() + _LOCK_PATIENCE_S
            while not _taken(lock, fcntl.LOCK_EX):
                if time.monotonic() > deadline:
                    raise UserError(f"{self.root} is in use by another 'topoeval run'")
                time.sleep(0.05)
            with machine.shared():
                yield

    def in_use(self) -> bool:
        """Whether a sweep uses this folder now."""
        if not self._lock.exists():
            return False
        with os.fdopen(open_lock(self._lock, _PURPOSE, os.O_RDONLY), "rb") as file:
            return not _taken(file, fcntl.LOCK_SH)

    @property
    def _lock(self) -> Path:
        return self.root / ".lock"


def _taken(lock: IO[bytes], kind: int) -> bool:
    """Take a lock if it is free; return whether it was."""
    try:
        fcntl.flock(lock, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def last_lines(path: Path, lines: int) -> list[str]:
    """Return the last lines of a log; none where it was never begun."""
    text = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
    return text.splitlines()[-lines:]
