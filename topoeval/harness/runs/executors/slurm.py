"""The executor `slurm` submits runs as jobs of a Slurm cluster, through submitit."""

from __future__ import annotations

import getpass
import math
import shlex
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import submitit

from topoeval.errors import UnavailableError, UserError
from topoeval.harness.runs.executors.executor import Result, Settings
from topoeval.harness.runs.job import Job, inherited
from topoeval.harness.runs.store import Store
from topoeval.harness.runs.work import Work
from topoeval.harness.suites.suite import Limits
from topoeval.records.canonical import digest
from topoeval.records.record import Fault, Record, Status
from topoeval.records.spec import RunSpec

_JOBS = 64
_POLL_S = 2.0
_SILENCE_S = 300.0  # how long the controller may be away
_LAG_S = 10.0  # how long a shared folder may take to show a record
# Slurm's own limits are the looser ones: ours make the better record
_SPARE_MINUTES = 5
_SPARE_MIB = 1024
_ALIVE = {
    "CONFIGURING",
    "COMPLETING",
    "PENDING",
    "REQUEUED",
    "REQUEUE_FED",
    "REQUEUE_HOLD",
    "RESIZING",
    "RUNNING",
    "SIGNALING",
    "STAGE_OUT",
    "STOPPED",
    "SUSPENDED",
}


class Slurm:
    """Each run as one job: on its node in a process of its own, with the same hard limits.

    The results folder and the environment have to be there under the same names on all nodes. Jobs
    go on when the sweep that submitted them is killed; the next sweep of the same folder cancels
    those that have not ended, and goes on from their checkpoints.

    Parameters
    ----------
    slots
        Jobs in the queue at a time, running or not.
    threads
        Threads of one run: its ``--cpus-per-task``.
    options
        Further options of ``sbatch`` by their long names, for example ``{"partition": "gpu"}``.
    worker
        The program that is given the run; `topoeval.harness.runs.worker` if None.
    grace_s
        Between SIGTERM and SIGKILL.
    poll_s
        Between two looks at the queue.

    Raises
    ------
    UnavailableError
        There is no Slurm on this machine.
    """

    def __init__(
        self,
        *,
        slots: int = _JOBS,
        threads: int = 1,
        options: Mapping[str, str] | None = None,
        worker: tuple[str, ...] | None = None,
        grace_s: float = 5.0,
        poll_s: float = _POLL_S,
    ) -> None:
        for program in ("sbatch", "srun", "squeue", "scancel"):
            if shutil.which(program) is None:
                raise UnavailableError(
                    f"executor 'slurm' needs {program!r}, which is not on this machine's path; "
                    "start the sweep where jobs are submitted"
                )
        self.slots = slots
        self._threads = threads
        self._options = dict(options or {})
        self._worker = worker
        self._grace_s = grace_s
        self._poll_s = poll_s
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._queues: dict[Path, _Queue] = {}

    @classmethod
    def configured(cls, settings: Settings, runs: Sequence[RunSpec]) -> Self:
        """Return one that submits with these options."""
        return cls(slots=settings.jobs or _JOBS, threads=settings.threads, options=settings.slurm)

    def run(self, spec: RunSpec, store: Store, limits: Limits) -> Record:
        """Execute one run as a job; its failure becomes its record."""
        job = Job(
            spec,
            store.root.resolve(),
            store.suite,
            limits,
            threads=self._threads,
            worker=self._worker,
            environ=inherited(),
            grace_s=self._grace_s,
        )
        return self.perform(job)

    def perform(self, work: Work[Result]) -> Result:
        """Execute some work as a job."""
        started = datetime.now(UTC)
        queue = self._queue(work.root)
        number = self._submit(work, queue.name)
        while (state := queue.state(number)) in _ALIVE:
            self._stopped.wait(self._poll_s)
            if self._stopped.is_set():
                queue.cancel(number)
        deadline = time.monotonic() + _LAG_S
        while (found := work.left()) is None and not self._stopped.is_set():
            if time.monotonic() > deadline:
                return work.lost(*_judged(state), f"Slurm job {number} ended as {state}", started)
            time.sleep(0.1)
        if found is None:
            raise InterruptedError(f"{work.label} was stopped")
        return found

    def stop(self) -> None:
        """Cancel all jobs."""
        self._stopped.set()

    def close(self) -> None:
        """Nothing was taken."""

    def _queue(self, root: Path) -> _Queue:
        """Return our part of the queue, without what an earlier sweep of this folder left in it."""
        with self._lock:
            if root not in self._queues:
                self._queues[root] = _Queue(f"topoeval-{digest(str(root))}", self._poll_s)
                self._queues[root].clear()
            return self._queues[root]

    def _submit(self, work: Work[Any], name: str) -> str:
        """Submit a job and return its number."""
        minutes = math.ceil((work.limits.timeout_s + work.grace_s) / 60) + _SPARE_MINUTES
        parameters: dict[str, Any] = {
            "job_name": name,
            "time": minutes,
            "cpus_per_task": self._threads,
            "comment": work.label,
            "stderr_to_stdout": True,
            "additional_parameters": self._options,
        }
        if work.limits.memory_gib is not None:
            parameters["mem"] = f"{math.ceil(work.limits.memory_gib * 1024) + _SPARE_MIB}M"
        if work.device == "cuda":
            parameters["gpus_per_node"] = 1
        executor = submitit.SlurmExecutor(
            folder=work.folder / "slurm", python=f"{shlex.quote(sys.executable)} -P"
        )
        executor.update_parameters(**parameters)
        try:
            with self._lock:
                return str(executor.submit(work.run).job_id)
        except submitit.core.utils.FailedJobError as error:
            last = str(error).strip().splitlines()[-1:]
            raise UserError(f"sbatch refused {work.label}: {' '.join(last)}") from error


class _Queue:
    """The jobs of one name, whose states one call of squeue returns."""

    def __init__(self, name: str, poll_s: float) -> None:
        self.name = name
        self._poll_s = poll_s
        self._lock = threading.Lock()
        self._states: dict[str, str] = {}
        self._asked_at = self._answered_at = float("-inf")

    def state(self, number: str) -> str:
        """Return the state of a job; UNKNOWN once Slurm has forgotten it."""
        with self._lock:
            if number not in self._states or time.monotonic() - self._asked_at >= self._poll_s:
                self._ask()
            return self._states.get(number, "UNKNOWN")

    def cancel(self, number: str) -> None:
        """Cancel a job; its end shows in its state."""
        subprocess.run(["scancel", number], capture_output=True, check=False)

    def clear(self) -> None:
        """Cancel all jobs of this name and wait until they have ended."""
        mine = ["--user", getpass.getuser(), "--name", self.name]
        subprocess.run(["scancel", *mine], capture_output=True, check=False)
        self._ask()
        while _ALIVE & set(self._states.values()):
            time.sleep(self._poll_s)
            self._ask()

    def _ask(self) -> None:
        command = ["squeue", "--noheader", "--states=all", "--format=%i %T", "--name", self.name]
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
        now = self._asked_at = time.monotonic()
        if answer.returncode == 0:
            self._answered_at = now
            self._states = dict(line.split(maxsplit=1) for line in answer.stdout.splitlines())
        elif now - self._answered_at > _SILENCE_S:
            raise UserError(
                f"squeue fails: {answer.stderr.strip()}; jobs go on without us, "
                "and the same command goes on from what they leave"
            )


def _judged(state: str) -> tuple[Status, Fault]:
    """Return status and fault of a run whose job ended in `state` before it left a record."""
    if state == "TIMEOUT":
        return "timeout", "machine"
    if state == "OUT_OF_MEMORY":
        return "out_of_memory", "machine"
    return "crashed", "machine"
