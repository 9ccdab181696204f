"""A sweep executes the runs of a suite that have no record; a run that fails is a row."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from topoeval import plugins
from topoeval.archives import set_aside
from topoeval.checksums import opened
from topoeval.errors import UserError
from topoeval.harness.runs.blame import failure
from topoeval.harness.runs.executors import Executor
from topoeval.harness.runs.store import Store
from topoeval.harness.suites.suite import Limits
from topoeval.records.canonical import Frozen
from topoeval.records.files import document_text
from topoeval.records.record import Fault, Record
from topoeval.records.spec import RunSpec
from topoeval.whole_file import read_bytes, write_text

Event = Literal["kept", "started", "finished"]
Listener = Callable[[Event, RunSpec, Record | None], None]
Retry = Literal["failed", "machine"]
# of the file of what a sweep is to run; before the first there was none, and no checksum
_SCHEMA = _SEALED_FROM = 1


class SweepPlan(Frozen):
    """What a sweep is to run: enough to tell what is left of it, and to run it again.

    Unlike records it has the paths of data, and it never leaves the scratch of its machine.
    """

    suite: str
    reference: str
    limits: Limits
    host: str
    pid: int
    started: str
    plugins: tuple[str, ...] = ()
    runs: tuple[RunSpec, ...]


@dataclass
class Tally:
    """How a sweep went: runs found finished, run now, and failed among both.

    ``damaged`` has a line about each record that could not be read, so that its run was run again.
    """

    kept: int = 0
    ran: int = 0
    failed: list[str] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)


def sweep(
    runs: Sequence[RunSpec],
    store: Store,
    executor: Executor,
    limits: Limits,
    *,
    retry: Retry | None = None,
    anew: Collection[str] = (),
    reference: str = "cross_entropy",
    listener: Listener = lambda event, spec, record: None,
) -> Tally:
    """Execute all `runs` that have no record yet, each after its parents.

    Parameters
    ----------
    runs
        Parents before children, as `plan` returns them.
    retry
        ``"machine"``: run those again whose record is of a failure that the machine is to blame
        for; ``"failed"``: all whose record is of a failure.
    anew
        Identities of runs that are run again whatever their record says.
    reference
        The method that a report of these runs compares with.
    listener
        Called as ``listener("kept" | "started" | "finished", spec, record)``. With an executor
        that has a queue of its own, a run that is started may wait in that.

    Raises
    ------
    UserError
        Another sweep is at this folder, or the executor cannot go on. What has a record by then is
        kept.
    """
    tally = Tally()
    with store.exclusive():
        store.tidy()
        tally.damaged = store.set_aside_damaged(spec.id for spec in runs)
        _write_plan(runs, store, limits, reference)
        pending = _to_run(runs, store, retry, anew)
        for spec in runs:
            if spec.id not in pending:
                record = store.read(spec.id)
                tally.kept += 1
                if record is not None and not record.ok:
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
                        if not record.ok:
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
        if record is None or not record.ok:
            status = "has no record" if record is None else f"ended as {record.status!r}"
            # the fault of the parent, so that a retry of one is a retry of both
            fault: Fault = (record and record.fault) or "machine"
            outcome = failure("failed", fault, f"its {role} run {parent} {status}")
            not_begun = Record.of(spec, store.suite, datetime.now(UTC), outcome)
            store.write(not_begun)
            return not_begun
    return executor.run(spec, store, limits)


def read_plan(store: Store) -> SweepPlan | None:
    """Return what the last sweep of a results folder was to run; None if that is not known."""
    if not store.sweep.exists():
        return None
    try:
        found = opened(json.loads(read_bytes(store.sweep)), _SEALED_FROM, _SCHEMA)
        found.pop("schema", None)
        return SweepPlan.model_validate(found)
    except (ValueError, OSError, RecursionError) as error:
        raise UserError(f"{store.sweep} is of another version or damaged; delete it") from error


def _write_plan(runs: Sequence[RunSpec], store: Store, limits: Limits, reference: str) -> None:
    """Write what this sweep is to run, and those runs of earlier sweeps that have a record."""
    try:
        known = read_plan(store)
    except UserError:  # nothing is lost but which runs of earlier sweeps there were
        set_aside(store.sweep)
        known = None
    wanted = {spec.id for spec in runs}
    before = [
        spec for spec in (known.runs if known else ()) if spec.id not in wanted and store.done(spec)
    ]
    plan = SweepPlan(
        suite=store.suite,
        reference=reference,
        limits=limits,
        host=socket.gethostname(),
        pid=os.getpid(),
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        plugins=tuple(plugin.place for plugin in plugins.loaded()),
        runs=(*before, *runs),
    )
    store.sweep.parent.mkdir(parents=True, exist_ok=True)
    content = {"schema": _SCHEMA, **plan.model_dump(mode="json", by_alias=True)}
    write_text(store.sweep, document_text(content), durable=True)


def _to_run(
    runs: Sequence[RunSpec], store: Store, retry: Retry | None, anew: Collection[str]
) -> dict[str, RunSpec]:
    """Return the runs without a usable result, and those that are to be run anew.

    A finished parent is run again if a run that builds on it is to run and its network is gone
    or damaged (records travel with the repository, networks do not).
    """
    by_id = {spec.id: spec for spec in runs}
    pending: dict[str, RunSpec] = {}
    for spec in reversed(runs):  # children first, so that they can call their parents back
        record = store.read(spec.id)
        again = record is not None and _is_retried(record, retry)
        wanted = spec.id in pending or spec.id in anew
        if record is None or again or wanted:
            pending[spec.id] = spec
            for parent in spec.parents.values():
                before = store.read(parent)
                if before is not None and before.ok and not store.has_network(parent):
                    pending[parent] = by_id[parent]
    for run_id in pending:
        store.discard(run_id)
    return {spec.id: spec for spec in runs if spec.id in pending}


def _is_retried(record: Record, retry: Retry | None) -> bool:
    if record.ok or retry is None:
        return False
    return retry == "failed" or record.fault == "machine"


def _ready(
    pending: dict[str, RunSpec], running: dict[Future[Record], RunSpec], slots: int
) -> list[RunSpec]:
    """Return the next runs whose parents are neither waiting nor running."""
    busy = set(pending) | {spec.id for spec in running.values()}
    ready = [spec for spec in pending.values() if not busy & set(spec.parents.values())]
    return ready[: slots - len(running)]
