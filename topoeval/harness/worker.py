"""One run in one process: the function that every executor calls.

As a program:
``python -m topoeval.harness.worker SPEC_FILE RESULTS_FOLDER SUITE THREADS [MEMORY_GIB]``.
"""

from __future__ import annotations

import os
import sys
import threading
import time
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from topoeval.errors import UnavailableError
from topoeval.harness.spec import RunSpec
from topoeval.harness.store import RECORD_SCHEMA, Record, Store

_TRACEBACK_LINES = 12


def execute(spec: RunSpec, store: Store, *, threads: int = 1, progress: bool = False) -> Record:
    """Perform a run and write its record, whatever becomes of it."""
    import torch

    from topoeval.harness import environment
    from topoeval.harness.tasks import perform

    torch.set_num_threads(threads)
    store.work(spec.id).mkdir(parents=True, exist_ok=True)
    started, clock = datetime.now(UTC), time.perf_counter()
    outcome: dict[str, Any]
    try:
        outcome = {"status": "ok", "fault": None, "error": None, **perform(spec, store, progress)}
    except Exception as error:
        traceback.print_exc()
        outcome = failure(*_judged(error), _tail(error))
    record = frame(spec, store.suite, outcome, started)
    record["timing"]["wall_s"] = time.perf_counter() - clock
    record["memory"] = environment.peak_memory_bytes(spec.device)
    record["environment"] = environment.describe(spec.device, threads, spec.backend)
    store.write(spec.id, record)
    # only an interrupted run may be gone on with; one that is asked for again begins anew
    store.state(spec.id).unlink(missing_ok=True)
    return record


def frame(spec: RunSpec, suite: str, outcome: dict[str, Any], started: datetime) -> Record:
    """Return a record: what was asked, what came of it, when."""
    return {
        "schema": RECORD_SCHEMA,
        "id": spec.id,
        "suite": suite,
        # where files lay on this machine is nobody else's business
        "spec": spec.model_dump(mode="json", by_alias=True, exclude={"dataset": {"paths"}}),
        "timing": {},
        "memory": {},
        "environment": {},
        "started": started.isoformat(timespec="seconds"),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        **outcome,
    }


def failure(status: str, fault: str, error: str) -> dict[str, Any]:
    """Return the outcome of a run that did not succeed."""
    return {"status": status, "fault": fault, "error": error}


def _judged(error: Exception) -> tuple[str, str]:
    """Return the status of a run that raised `error`, and whose fault that is."""
    import torch

    from topoeval.training import DivergedError

    if isinstance(error, DivergedError):
        return "diverged", "method"
    # CPU allocations fail as a RuntimeError that only its text tells apart
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)) or (
        isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
    ):
        return "out_of_memory", "machine"
    if isinstance(error, UnavailableError):
        return "unavailable", "machine"
    return "failed", "method"


def _tail(error: Exception) -> str:
    lines = "".join(traceback.format_exception(error)).splitlines()
    return "\n".join(lines[-_TRACEBACK_LINES:])


def _exit_with_parent() -> None:
    """Exit as soon as standard input closes: a killed sweep leaves no process behind."""

    def watch() -> None:
        sys.stdin.buffer.read()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _limit_memory(gib: float) -> None:
    import resource

    limit = int(gib * 2**30)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def main() -> None:
    """Run the specification named on the command line."""
    spec_file, root, suite, threads, *memory = sys.argv[1:]
    _exit_with_parent()
    if memory:
        _limit_memory(float(memory[0]))
    spec = RunSpec.model_validate_json(Path(spec_file).read_text(encoding="utf-8"))
    execute(spec, Store(Path(root), suite), threads=int(threads), progress=True)


if __name__ == "__main__":
    main()
