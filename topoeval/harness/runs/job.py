"""One supervised run: a `Work` that every executor but `inline` is given."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from topoeval.harness.runs import supervisor
from topoeval.harness.runs.blame import failure, outcome_without_record
from topoeval.harness.runs.store import Store
from topoeval.harness.runs.supervisor import Ending, Settings
from topoeval.harness.suites.suite import Limits
from topoeval.limits import usable_memory
from topoeval.records.canonical import canonical_json
from topoeval.records.record import Fault, Record, Status
from topoeval.records.spec import RunSpec
from topoeval.whole_file import write_text

# -P: the current folder must not decide which topoeval is imported
WORKER = (sys.executable, "-P", "-m", "topoeval.harness.runs.worker")

LOG_TAIL_LINES = 12
_POLL_S = 0.5
# of a run without a limit of its own
_SHARE_OF_MEMORY = 0.9
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def inherited() -> dict[str, str]:
    """Return our own variables: where data are, which commit this is."""
    return {name: value for name, value in os.environ.items() if name.startswith("TOPOEVAL_")}


@dataclass(frozen=True)
class Supervised:
    """A running supervisor: it ends its run when `input` is closed, and prints an `Ending` last."""

    input: IO[bytes]
    output: IO[bytes]


Launch = Callable[[Settings, Mapping[str, str]], AbstractContextManager[Supervised]]


@contextmanager
def fresh(settings: Settings, variables: Mapping[str, str]) -> Iterator[Supervised]:
    """Start a supervisor, and by it the run, each in an interpreter of its own."""
    with subprocess.Popen(
        [sys.executable, "-P", supervisor.__file__, json.dumps(asdict(settings))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, **variables},
        start_new_session=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield Supervised(process.stdin, process.stdout)


def supervise(
    command: Sequence[str],
    work: Path,
    record: Path,
    limits: Limits,
    *,
    variables: Mapping[str, str],
    grace_s: float = 5.0,
    stopped: Callable[[], bool] = lambda: False,
    launch: Launch = fresh,
) -> tuple[Ending | None, list[str]]:
    """Run a command under a supervisor, which ends with this process at the latest.

    Parameters
    ----------
    command, work, record, grace_s
        As in `topoeval.harness.runs.supervisor.Settings`.
    limits
        How long it may take, and how much memory it may have: without a limit, nine tenths of what
        this machine or our control group allows.
    variables
        Of its environment, beyond ours.
    stopped
        Asked twice a second whether the command is to be ended.
    launch
        Starts the supervisor.

    Returns
    -------
    tuple
        How the command ended, None where the supervisor did not say; and what else it printed.
    """
    memory = limits.memory_gib
    settings = Settings(
        command=tuple(command),
        work=str(work),
        record=str(record),
        timeout_s=limits.timeout_s,
        grace_s=grace_s,
        memory_bytes=int(_SHARE_OF_MEMORY * usable_memory() if memory is None else memory * 2**30),
    )
    with launch(settings, variables) as supervised:
        # it prints nothing before its end
        while not select.select([supervised.output], [], [], _POLL_S)[0]:
            if stopped():
                supervised.input.close()
        printed = supervised.output.read().decode(errors="replace")
    *others, last = printed.splitlines() or [""]
    try:
        return Ending(**json.loads(last)), others
    except (json.JSONDecodeError, TypeError):
        return None, [*others, last]


def thread_variables(threads: int) -> dict[str, str]:
    """Return the variables that tell libraries how many threads to use."""
    return dict.fromkeys(_THREAD_VARIABLES, str(threads))


@dataclass(frozen=True)
class Job:
    """A run with all that its execution needs, on this machine or another one.

    Parameters
    ----------
    spec, suite, limits
        What to run, for which suite, and how far to let it go.
    root
        The results folder; on another machine it has to be the same folder under the same name.
    threads
        Threads of the run.
    worker
        The program that is given the run; `WORKER` of the place where it is executed if None.
    environ
        Variables of the run beyond those of the place where it is executed.
    grace_s
        Time between SIGTERM and SIGKILL.
    """

    spec: RunSpec
    root: Path
    suite: str
    limits: Limits
    threads: int = 1
    worker: tuple[str, ...] | None = None
    environ: Mapping[str, str] = field(default_factory=dict)
    grace_s: float = 5.0

    @property
    def label(self) -> str:
        """What people call the run."""
        return self.spec.label

    @property
    def folder(self) -> Path:
        """The folder of the run alone."""
        return self._store.work(self.spec.id)

    @property
    def device(self) -> str:
        """Where its tensors lie."""
        return self.spec.device

    @property
    def _store(self) -> Store:
        return Store(self.root, self.suite)

    def left(self) -> Record | None:
        """Return the record of the run; None without one."""
        return self._store.read(self.spec.id)

    def lost(self, status: Status, fault: Fault, reason: str, started: datetime) -> Record:
        """Write and return the record of a run whose place was lost."""
        record = Record.of(self.spec, self.suite, started, failure(status, fault, reason))
        self._store.write(record)
        return record

    def run(self, stopped: Callable[[], bool] = lambda: False, launch: Launch = fresh) -> Record:
        """Execute the run in a process of its own; its failure becomes its record.

        Parameters
        ----------
        stopped
            Asked twice a second whether the run is to be ended.
        launch
            Starts the supervisor.

        Raises
        ------
        InterruptedError
            It was stopped and has left no record, so the next sweep runs it.
        """
        if stopped():
            raise InterruptedError(f"{self.spec.label} was stopped")
        store = self._store
        started = datetime.now(UTC)
        ending, printed = self._supervised(store, stopped, launch)
        record = store.read(self.spec.id)
        if record is not None:
            return record
        if ending is not None and ending.cause == "stopped":
            raise InterruptedError(f"{self.spec.label} was stopped")
        lines = [*printed, *store.log_tail(self.spec.id, LOG_TAIL_LINES)]
        outcome = outcome_without_record(ending, self.limits, lines)
        if ending is not None:
            outcome["timing"] = {"wall_s": ending.wall_s}
            outcome["memory"] = {"peak_rss_bytes": ending.peak_rss_bytes}
        record = Record.of(self.spec, self.suite, started, outcome)
        store.write(record)
        if record.fault == "method":
            # a run that was interrupted continues; one that met its limit would meet it again
            store.state(self.spec.id).unlink(missing_ok=True)
        return record

    def _supervised(
        self, store: Store, stopped: Callable[[], bool], launch: Launch
    ) -> tuple[Ending | None, list[str]]:
        """Return how the run ended, and what else its supervisor printed."""
        work = store.work(self.spec.id)
        work.mkdir(parents=True, exist_ok=True)
        for stale in (store.heartbeat(self.spec.id), store.step(self.spec.id)):
            stale.unlink(missing_ok=True)
        spec_file = work / "spec.json"
        write_text(spec_file, canonical_json(self.spec))
        worker = self.worker or WORKER
        return supervise(
            (*worker, str(spec_file), str(store.root), self.suite, str(self.threads)),
            work,
            store.record_path(self.spec.id),
            self.limits,
            variables={**self.environ, **thread_variables(self.threads)},
            grace_s=self.grace_s,
            stopped=stopped,
            launch=launch,
        )
