"""Running a suite: what is done is not done again, what fails is a row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import UTC, datetime

from topoeval.harness.executors import Executor
from topoeval.harness.spec import RunSpec
from topoeval.harness.store import Record, Store
from topoeval.harness.suite import Limits
from topoeval.harness.worker import failure, frame

Listener = Callable[[str, RunSpec, Record | None], None]


@dataclass
class Tally:
    """How a sweep went: runs found finished, run now, and failed among both."""

    kept: int = 0
    ran: int = 0
    failed: list[str] = field(default_factory=list)


def sweep(
    runs: Sequence[RunSpec],
    store: Store,
    executor: Executor,
    limits: Limits,
    *,
    retry_failed: bool = False,
    listener: Listener = lambda event, spec, record: None,
) -> Tally:
    """Execute all `runs` that have no record yet, each after its parents.

    Parameters
    ----------
    runs
        Parents before children, as `plan` returns them.
    retry_failed
        Run those again whose record is of a failure.
    listener
        Called as ``listener("kept" | "started" | "finished", spec, record)``.
    """
    tally = Tally()
    with store.exclusive():
        pending = _to_run(runs, store, retry_failed)
        for spec in runs:
            if spec.id not in pending:
                record = store.read(spec.id)
                tally.kept += 1
                if record is not None and record["status"] != "ok":
                    tally.failed.append(spec.label)
                listener("kept", spec, record)
        running: dict[Future[Record], RunSpec] = {}
        with ThreadPoolExecutor(executor.slots) as pool:
            try:
                while pending or running:
                    for spec in _ready(pending, running, executor.slots):
                        del pending[spec.id]
                        listener("started", spec, None)
                        running[pool.submit(_run, spec, store, executor, limits)] = spec
                    finished, _ = wait(running, return_when=FIRST_COMPLETED)
                    for future in finished:
                        spec, record = running.pop(future), future.result()
                        tally.ran += 1
                        if record["status"] != "ok":
                            tally.failed.append(spec.label)
                        listener("finished", spec, record)
            except BaseException:
                executor.stop()
                raise
    return tally


def _run(spec: RunSpec, store: Store, executor: Executor, limits: Limits) -> Record:
    """Execute a run, or record why it cannot begin."""
    for role, parent in spec.parents.items():
        record = store.read(parent)
        if record is None or record["status"] != "ok":
            status = "has no record" if record is None else f"ended as {record['status']!r}"
            outcome = failure("failed", "machine", f"its {role} run {parent} {status}")
            stillborn = frame(spec, store.suite, outcome, datetime.now(UTC))
            store.write(spec.id, stillborn)
            return stillborn
    return executor.run(spec, store, limits)


def _to_run(runs: Sequence[RunSpec], store: Store, retry_failed: bool) -> dict[str, RunSpec]:
    """Return the runs without a usable result.

    A finished parent is run again if a run that builds on it is to run and its network is gone
    (records travel with the repository, networks do not).
    """
    by_id = {spec.id: spec for spec in runs}
    pending: dict[str, RunSpec] = {}
    for spec in reversed(runs):  # children first, so that they can call their parents back
        record = store.read(spec.id)
        again = retry_failed and record is not None and record["status"] != "ok"
        wanted = spec.id in pending
        if record is None or again or wanted:
            pending[spec.id] = spec
            for parent in spec.parents.values():
                ended_well = (store.read(parent) or {}).get("status") == "ok"
                if ended_well and not store.network(parent).exists():
                    pending[parent] = by_id[parent]
    for run_id in pending:
        store.discard(run_id)
    return {spec.id: spec for spec in runs if spec.id in pending}


def _ready(
    pending: dict[str, RunSpec], running: dict[Future[Record], RunSpec], slots: int
) -> list[RunSpec]:
    """Return the next runs whose parents are neither waiting nor running."""
    busy = set(pending) | {spec.id for spec in running.values()}
    ready = [spec for spec in pending.values() if not busy & set(spec.parents.values())]
    return ready[: slots - len(running)]
