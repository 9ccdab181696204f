"""The worker: it executes one run in one process, for every executor.

As a program: ``python -m topoeval.harness.runs.worker SPEC_FILE RESULTS_FOLDER SUITE THREADS``.
"""

from __future__ import annotations

import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from topoeval import plugins
from topoeval.errors import DivergedError, UnavailableError
from topoeval.harness.runs.store import Store
from topoeval.records.parts import TRAINED
from topoeval.records.record import Fault, Record, Status
from topoeval.records.spec import RunSpec

# what every run imports, and takes seconds: all of them build a network
IMPORTS = (
    "topoeval.harness.runs.environment",
    "topoeval.harness.runs.tasks",
    "monai.networks.nets",
)

Perform = Callable[[RunSpec, Store, bool], dict[str, Any]]

_TRACEBACK_LINES = 12
_STEP_S = 1.0


def execute(
    spec: RunSpec,
    store: Store,
    *,
    threads: int = 1,
    progress: bool = False,
    perform: Perform | None = None,
) -> Record:
    """Perform a run and write its record, whatever becomes of it.

    Parameters
    ----------
    threads
        Threads of torch.
    progress
        Print how far it is.
    perform
        What is done; `topoeval.harness.runs.tasks.perform` if None.
    """
    from topoeval.harness.runs import environment

    store.work(spec.id).mkdir(parents=True, exist_ok=True)
    started, clock = datetime.now(UTC), time.perf_counter()
    outcome: dict[str, Any]
    try:
        done = (perform or _training(threads))(spec, store, progress)
        outcome = {"status": "ok", **done}
    except Exception as error:
        traceback.print_exc()
        outcome = failure_of(error)
    outcome["timing"] = {**outcome.get("timing", {}), "wall_s": time.perf_counter() - clock}
    outcome["memory"] = environment.peak_memory_bytes(spec.device)
    outcome["environment"] = environment.describe(spec.device, threads, spec.backend)
    record = Record.of(spec, store.suite, started, outcome)
    store.write(record)
    # only an interrupted run continues; a run that ended begins anew when it is run again
    store.state(spec.id).unlink(missing_ok=True)
    return record


def imports(runs: Iterable[RunSpec]) -> tuple[str, ...]:
    """Return what these runs import that takes long: `IMPORTS`, and what the first optimiser does.

    Nothing for no runs.
    """
    runs = list(runs)
    if not runs:
        return ()
    return (*IMPORTS, "torch._dynamo") if any(map(_has_optimiser, runs)) else IMPORTS


def _has_optimiser(spec: RunSpec) -> bool:
    if not spec.is_scored or spec.method.regime == "post_process":
        return True
    return spec.method.regime in TRAINED and spec.training.epochs > 0


def _training(threads: int) -> Perform:
    import torch

    from topoeval.harness.runs.tasks import perform

    torch.set_num_threads(threads)
    return perform


def load_plugins(spec: RunSpec) -> None:
    """Load the plug-ins of a run in its own process.

    Raises
    ------
    UnavailableError
        One cannot be loaded here, or its code is not the one that the run was planned with.
    """
    plugins.load_in_worker()
    for plugin in plugins.loaded():
        for name in plugin.names:
            planned = spec.code.get(name)
            if planned is not None and not planned.startswith(plugin.source.fingerprint):
                raise UnavailableError(
                    f"{name}: {plugin.place} has changed since the run was planned "
                    f"({planned}, now {plugin.source.fingerprint}); give the command again"
                )


def _with_plugins(threads: int) -> Perform:
    """Return what is done in a process of its own, which has loaded no plug-in yet."""

    def perform(spec: RunSpec, store: Store, progress: bool) -> dict[str, Any]:
        load_plugins(spec)
        return _training(threads)(spec, store, progress)

    return perform


def failure(status: Status, fault: Fault, error: str) -> dict[str, Any]:
    """Return the outcome of a run that did not succeed."""
    return {"status": status, "fault": fault, "error": error}


def failure_of(error: Exception) -> dict[str, Any]:
    """Return the outcome of a run that raised `error`, with the end of its traceback."""
    return failure(*_judged(error), _tail(error))


def _judged(error: Exception) -> tuple[Status, Fault]:
    """Return the status of a run that raised `error`, and whose fault that is."""
    if isinstance(error, DivergedError):
        return "diverged", "method"
    if isinstance(error, MemoryError) or _is_torch_out_of_memory(error):
        return "out_of_memory", "machine"
    if isinstance(error, UnavailableError):
        return "unavailable", "machine"
    return "failed", "method"


def _is_torch_out_of_memory(error: Exception) -> bool:
    torch = sys.modules.get("torch")  # what has not been imported has raised nothing
    if torch is None:
        return False
    # CPU allocations fail as a RuntimeError that only its text tells apart
    return isinstance(error, torch.OutOfMemoryError) or (
        isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
    )


def _tail(error: Exception) -> str:
    lines = "".join(traceback.format_exception(error)).splitlines()
    return "\n".join(lines[-_TRACEBACK_LINES:])


def exit_with_parent() -> None:
    """Exit as soon as standard input closes: our end with the sweep, where there is no prctl."""

    def watch() -> None:
        # not by sys.stdin, whose lock the interpreter would find taken at its end, and abort
        while os.read(0, 4096):
            pass
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _tell_steps(path: Path) -> None:
    """Keep how far the progress bars are in a file, for the heartbeat of this run."""

    def tell() -> None:
        told = ""
        while True:
            time.sleep(_STEP_S)
            if (text := _bars()) != told:
                path.write_text(text, encoding="ascii")
                told = text

    threading.Thread(target=tell, daemon=True).start()


def _bars() -> str:
    """Return how far the bars are that are shown now, as ``3/10 epoch``."""
    if "tqdm" not in sys.modules:
        return ""
    from tqdm import tqdm

    with tqdm.get_lock():
        bars = list(tqdm._instances)
        return ", ".join(f"{bar.n}/{bar.total} {bar.unit}" for bar in bars)


def main(arguments: Sequence[str]) -> None:
    """Run the specification that the command line names."""
    spec_file, root, suite, threads = arguments
    exit_with_parent()
    spec = RunSpec.model_validate_json(Path(spec_file).read_text(encoding="utf-8"))
    store = Store(Path(root), suite)
    _tell_steps(store.step(spec.id))
    count = int(threads)
    execute(spec, store, threads=count, progress=True, perform=_with_plugins(count))


if __name__ == "__main__":
    main(sys.argv[1:])
