"""How far a sweep is, read from its folder: at any time, from any machine that sees it."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import psutil

from topoeval.harness.runs.store import Record, Store
from topoeval.records.spec import RunSpec

# a supervisor beats every two seconds; shared folders and clocks of other machines lag
_LOST_S = 60.0


@dataclass(frozen=True)
class RunState:
    """Where a run stands.

    ``status`` is that of its record; without one it is ``running``, ``lost`` (begun, but its
    supervisor gives no sign of life: the next sweep takes it up) or ``waiting``. ``silent_s`` is
    how long it has neither printed nor advanced, ``age_s`` how old its last sign of life is.
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
        return self.status not in ("lost", "running", "waiting")


def run_state(spec: RunSpec, store: Store) -> RunState:
    """Return where a run stands."""
    record = store.read(spec.id)
    if record is not None:
        return _ended(spec, record)
    beat = heartbeat(spec.id, store)
    if beat is None:
        return RunState(spec, "waiting")
    now = time.time()
    age = max(0.0, now - beat["time"])
    here = beat["host"] == socket.gethostname()
    lost = age > _LOST_S or (here and not psutil.pid_exists(beat["pid"]))
    return RunState(
        spec,
        "lost" if lost else "running",
        step=beat["step"],
        silent_s=max(0.0, now - beat["active"]),
        age_s=age,
        rss_bytes=beat["rss_bytes"],
        host=beat["host"],
    )


def run_states(runs: Sequence[RunSpec], store: Store) -> Iterator[RunState]:
    """Yield where each of `runs` stands."""
    return (run_state(spec, store) for spec in runs)


def heartbeat(run_id: str, store: Store) -> dict[str, Any] | None:
    """Return the last sign of life of a run that has no record; None if it has not begun."""
    try:
        beat: dict[str, Any] = json.loads(store.heartbeat(run_id).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return beat


def recorded_runs(store: Store) -> list[RunSpec]:
    """Return the runs that have a record, for a folder of which no more is known."""
    records = (store.read(path.stem) for path in sorted(store.records.glob("*.json")))
    return [RunSpec.model_validate(record["spec"]) for record in records if record is not None]


def _ended(spec: RunSpec, record: Record) -> RunState:
    return RunState(
        spec,
        record["status"],
        fault=record["fault"],
        reason=reason(record),
        wall_s=record["timing"].get("wall_s"),
    )


def reason(record: Record) -> str:
    """Return the one line of a failure that says most: ours, or the exception's."""
    lines = (record["error"] or "").strip().splitlines() or [""]
    # a supervisor's reason comes before the end of the log, an exception after its traceback
    return str(lines[-1] if record["status"] in ("diverged", "failed", "unavailable") else lines[0])
