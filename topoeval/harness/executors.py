"""Where a run is executed: in this process, or in one of its own with hard limits."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from topoeval.errors import UserError
from topoeval.harness.model import canonical_json
from topoeval.harness.spec import RunSpec
from topoeval.harness.store import Record, Store
from topoeval.harness.suite import Limits
from topoeval.harness.worker import execute, failure, frame

_GRACE_S = 5.0
_LOG_TAIL_LINES = 12


class Executor(Protocol):
    """Executes runs; `slots` of them may be asked for at the same time, from threads."""

    slots: int

    def run(self, spec: RunSpec, store: Store, limits: Limits) -> Record:
        """Execute one run and return its record, which then is also in the store."""
        ...

    def stop(self) -> None:
        """End everything that is running."""
        ...


@dataclass
class Inline:
    """In this process, one after another; a debugger can step in. Limits are not enforced."""

    threads: int = 1
    slots: int = 1

    def run(self, spec: RunSpec, store: Store, limits: Limits) -> Record:
        """Execute one run in this process."""
        return execute(spec, store, threads=self.threads)

    def stop(self) -> None:
        """Nothing outlives a call."""


@dataclass
class Local:
    """Each run in a fresh interpreter and process group, `slots` side by side.

    ``worker`` is the program that is given the run; see `topoeval.harness.worker`.
    """

    slots: int = 1
    threads: int = 1
    # -P: the folder we stand in must not decide which topoeval is imported
    worker: tuple[str, ...] = (sys.executable, "-P", "-m", "topoeval.harness.worker")
    _running: set[subprocess.Popen[bytes]] = field(default_factory=set, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _stopped: bool = field(default=False, repr=False)

    def run(self, spec: RunSpec, store: Store, limits: Limits) -> Record:
        """Execute one run in a process of its own; its failure becomes its record."""
        started = datetime.now(UTC)
        work = store.work(spec.id)
        work.mkdir(parents=True, exist_ok=True)
        spec_file = work / "spec.json"
        spec_file.write_text(canonical_json(spec), encoding="utf-8")
        clock = time.perf_counter()
        with store.log(spec.id).open("wb") as log:
            command = [*self.worker, str(spec_file), str(store.root), store.suite]
            command.append(str(self.threads))
            if limits.memory_gib is not None:
                command.append(str(limits.memory_gib))
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,  # its end tells the worker that we are gone
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **dict.fromkeys(_THREAD_VARIABLES, str(self.threads))},
                start_new_session=True,
            )
            with self._lock:
                self._running.add(process)
                if self._stopped:  # between the decision to start and the start
                    _signal_group(process, signal.SIGKILL)
            try:
                timed_out = _wait(process, limits.timeout_s)
            finally:
                with self._lock:
                    self._running.discard(process)
                if process.stdin is not None:
                    process.stdin.close()
        record = store.read(spec.id)
        if record is None and self._stopped:
            # ended by us and not by itself: no result, and to be run when asked for again
            raise InterruptedError(f"{spec.label} was stopped")
        if record is None:
            outcome = _obituary(process.returncode, timed_out, limits, store.log(spec.id))
            record = frame(spec, store.suite, outcome, started)
            record["timing"]["wall_s"] = time.perf_counter() - clock
            store.write(spec.id, record)
        return record

    def stop(self) -> None:
        """End all running processes at once."""
        with self._lock:
            self._stopped = True
            for process in self._running:
                _signal_group(process, signal.SIGKILL)


EXECUTORS = {"inline": Inline, "local": Local}

_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def make_executor(name: str, jobs: int, threads: int) -> Executor:
    """Return the executor called `name`."""
    if name == "inline":
        return Inline(threads=threads)
    if name == "local":
        return Local(slots=jobs, threads=threads)
    raise UserError(f"unknown executor {name!r}; known: {', '.join(sorted(EXECUTORS))}")


def _wait(process: subprocess.Popen[bytes], timeout_s: float) -> bool:
    """Wait for the end of a process; return whether it had to be ended for its time."""
    try:
        process.wait(timeout_s)
        return False
    except subprocess.TimeoutExpired:
        _signal_group(process, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE_S)
        return True
    finally:
        # the group, not only its leader: nothing that a method started may stay behind
        _signal_group(process, signal.SIGKILL)
        process.wait()


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return  # already gone, which is what was wanted


def _obituary(code: int, timed_out: bool, limits: Limits, log: Path) -> dict[str, object]:
    """Return the outcome of a process that left no record."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    tail = "\n".join(lines[-_LOG_TAIL_LINES:])
    if timed_out:
        return failure("timeout", "method", f"ended after {limits.timeout_s:g} s\n{tail}")
    if code < 0:
        name = signal.Signals(-code).name
        return failure("crashed", "method", f"ended by {name}\n{tail}")
    return failure("crashed", "method", f"exit code {code} without a record\n{tail}")
