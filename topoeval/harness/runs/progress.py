"""The progress of a sweep, read from its results folder on any machine that sees it."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import psutil
from pydantic import ValidationError

from topoeval.harness.runs.store import Store
from topoeval.records.canonical import Frozen
from topoeval.records.files import DamagedRecordError, read_records
from topoeval.records.spec import RunSpec
from topoeval.whole_file import read_bytes

# a supervisor beats every two seconds; shared folders and clocks of other machines lag
_LOST_S = 60.0


@dataclass(frozen=True)
class RunState:
    """Where a run stands.

    ``status`` is that of its record, or ``damaged`` if that cannot be read; without one it is
    ``running``, ``lost`` (begun, but its supervisor no longer writes its heartbeat: the next
    sweep goes on with it) or ``waiting``. ``silent_s`` is how long it has neither printed nor
    advanced, ``age_s`` the age of its last heartbeat.
    """

    spec: RunSpec
    status: str
    fault: str | None = None
    reason: str = ""
    wall_s: float | None = None
    step: str = ""
    silent_s: float | None = None
    age_s: float | None = None
    rss_bytes: int | None = None
    host: str | None = None

    @property
    def ended(self) -> bool:
        """Whether it has a record."""
        return self.status not in ("damaged", "lost", "running", "waiting")


def run_state(spec: RunSpec, store: Store) -> RunState:
    """Return where a run stands."""
    try:
        record = store.read(spec.id)
    except DamagedRecordError as error:
        return RunState(spec, "damaged", reason=str(error))
    if record is not None:
        return RunState(
            spec,
            record.status,
            fault=record.fault,
            reason=record.reason,
            wall_s=record.timing.wall_s,
        )
    try:
        beat = heartbeat(spec.id, store)
    except (ValidationError, OSError):
        return RunState(spec, "lost", reason=f"{store.heartbeat(spec.id)} is damaged")
    if beat is None:
        return RunState(spec, "waiting")
    now = time.time()
    age = max(0.0, now - beat.time)
    here = beat.host == socket.gethostname()
    lost = age > _LOST_S or (here and not psutil.pid_exists(beat.pid))
    return RunState(
        spec,
        "lost" if lost else "running",
        step=beat.step,
        silent_s=max(0.0, now - beat.active),
        age_s=age,
        rss_bytes=beat.rss_bytes,
        host=beat.host,
    )


def run_states(runs: Sequence[RunSpec], store: Store) -> Iterator[RunState]:
    """Yield where each of `runs` stands."""
    return (run_state(spec, store) for spec in runs)


class Heartbeat(Frozen):
    """The last heartbeat of a run: when, from where, how far it is.

    ``time`` and ``active`` are seconds of the epoch: of the sign itself, and of when the run last
    printed or advanced.
    """

    time: float
    host: str
    pid: int
    step: str
    active: float
    rss_bytes: int | None


def heartbeat(run_id: str, store: Store) -> Heartbeat | None:
    """Return the last heartbeat of a run that has no record; None if it has not begun.

    Raises
    ------
    ValidationError, OSError
        The file is damaged, or cannot be read.
    """
    try:
        return Heartbeat.model_validate_json(read_bytes(store.heartbeat(run_id)))
    except FileNotFoundError:
        return None


def recorded_runs(store: Store) -> tuple[list[RunSpec], list[DamagedRecordError]]:
    """Return the runs that have a record, for a folder of which no more is known.

    Beside them the files that should be records and are damaged.
    """
    records, damaged = read_records(sorted(store.records.glob("[!.]*.json")))
    return [record.spec for record, _ in records], damaged
