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
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from topoeval import plugins
from topoeval.errors import UnavailableError
from topoeval.harness.runs.blame import UNRECORDED, failure_of, is_of_machine, words
from topoeval.harness.runs.store import Store
from topoeval.records.parts import TRAINED
from topoeval.records.record import Record
from topoeval.records.spec import RunSpec

# what every run imports, and takes seconds: all of them build a network
IMPORTS = (
    "topoeval.harness.runs.environment",
    "topoeval.harness.runs.tasks",
    "monai.networks.nets",
)

Perform = Callable[[RunSpec, Store, bool], dict[str, Any]]

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
                with suppress(OSError):  # a sign of life, and no reason to end
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
    store, count = Store(Path(root), suite), int(threads)
    try:
        spec = RunSpec.model_validate_json(Path(spec_file).read_bytes())
        _tell_steps(store.step(spec.id))
        execute(spec, store, threads=count, progress=True, perform=_with_plugins(count))
    except ValidationError:  # of the order alone: what a run raises is in its record
        print(f"{spec_file} is damaged")
        sys.exit(UNRECORDED)
    except OSError as error:
        if not is_of_machine(error):
            raise
        print(words(error))
        sys.exit(UNRECORDED)


if __name__ == "__main__":
    main(sys.argv[1:])
