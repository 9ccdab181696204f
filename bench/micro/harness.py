"""What the harness adds to a run, from one that does nothing to one that trains.

python bench/micro/harness.py [REPEATS]

nothing     imports torch and writes a record (the worker `nothing.py`)
no epoch    draws one image, builds a network, trains for no epoch, scores the image
one epoch   the same with one step of an optimiser

`inline` is measured after one run that pays for the imports. `local` forks its runs from a
template that pays for them: the first run of a sweep waits for that, the others do not. The whole
command is `topoeval run` of a suite of two runs, a start and what builds on it, in a new folder,
and again when nothing is left to do.

Wall time is what one waits for; CPU time is of this process and its children that have ended. The
template is one at the end of its sweep, with those of its forks that it has noticed the end of; so
the CPU time of a further run is not seen here, and that of a whole command not all of it.
"""

from __future__ import annotations

import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

import nothing

from topoeval.harness.plans.plan import plan
from topoeval.harness.runs.executors import Inline, Local
from topoeval.harness.runs.store import Store
from topoeval.harness.runs.worker import execute
from topoeval.harness.suites.catalogue import load_suite
from topoeval.harness.suites.suite import Limits

SUITE = """
schema = 1
name = "nothing"
title = "Nothing"
seeds = [0]
methods = ["cross_entropy"]
training = {{ epochs = {epochs} }}

[network]
channels = [4, 8]

[start]
losses = [{{ name = "cross_entropy" }}]
training = {{ epochs = {epochs} }}

[[dataset]]
name = "strokes"
sizes = {{ train = 1, test = 1 }}
"""
DOES_NOTHING = (sys.executable, "-P", "-m", nothing.__name__)


def clocks() -> tuple[float, float]:
    """Return wall time, and CPU time of this process and of its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return time.perf_counter(), sum(usage.ru_utime + usage.ru_stime for usage in used)


def measured(call, repeats: int) -> tuple[list[float], list[float]]:
    """Return wall and CPU seconds of a call, each `repeats` times."""
    walls, cpus = [], []
    for _ in range(repeats):
        begin = clocks()
        call()
        end = clocks()
        walls.append(end[0] - begin[0])
        cpus.append(end[1] - begin[1])
    return walls, cpus


def row(name: str, call, repeats: int) -> None:
    """Print a line of the table."""
    walls, cpus = measured(call, repeats)
    figures = [min(walls), statistics.median(walls), min(cpus), statistics.median(cpus)]
    print(f"| {name} | " + " | ".join(f"{figure:.2f}" for figure in figures) + " |", flush=True)


def local_rows(name: str, spec, store: Store, repeats: int, worker=None) -> None:
    """Print the rows of `local` for a run: the first of a sweep, a further one, a fresh one."""

    def once(executor) -> None:
        store.discard(spec.id)
        record = executor.run(spec, store, Limits())
        assert record.ok, record.error

    def first() -> None:
        with closing(Local(worker=worker)) as executor:
            once(executor)

    row(f"`local`, {name}, the first run of a sweep", first, repeats)
    with closing(Local(worker=worker)) as executor:
        once(executor)
        row(f"`local`, {name}, a further run", lambda: once(executor), repeats)
    fresh = Local(worker=worker, warm=False)
    row(f"`local`, {name}, fresh interpreters", lambda: once(fresh), repeats)


def command_rows(name: str, suite: Path, results: Path, repeats: int) -> None:
    """Print the rows of the whole command."""
    command = [sys.executable, "-m", "topoeval.cli", "run", str(suite), "--results", str(results)]
    command += ["--no-report", "--jobs", "1"]

    def again() -> None:
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    def new() -> None:
        shutil.rmtree(results, ignore_errors=True)
        again()

    row(f"`topoeval run`, {name}, two runs", new, repeats)
    row(f"`topoeval run`, {name}, nothing left to do", again, repeats)


def main() -> None:
    """Print the table."""
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    # the folder of the module that does nothing, for the processes of `local`
    paths = [str(Path(__file__).parent), os.environ.get("PYTHONPATH")]
    os.environ["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
    with tempfile.TemporaryDirectory() as folder:
        suites, specs = {}, {}
        for name, epochs in (("no epoch", 0), ("one epoch", 1)):
            suites[name] = Path(folder) / f"epochs_{epochs}.toml"
            suites[name].write_text(SUITE.format(epochs=epochs), encoding="utf-8")
            specs[name] = plan(load_suite(str(suites[name])))[0]
        spec = specs["no epoch"]
        store = Store(Path(folder) / "results", "nothing")

        def inline(name: str) -> None:
            store.discard(specs[name].id)
            record = Inline().run(specs[name], store, Limits())
            assert record.ok, record.error

        def inline_nothing() -> None:
            store.discard(spec.id)
            assert execute(spec, store, perform=nothing.perform).ok

        def without_worker() -> None:
            store.discard(spec.id)
            exits = Local(worker=(sys.executable, "-S", "-c", "pass"))
            assert exits.run(spec, store, Limits()).status == "crashed"

        inline("one epoch")  # pays for the imports
        print("| | wall, least (s) | wall, median (s) | CPU, least (s) | CPU, median (s) |")
        print("|---|---|---|---|---|")
        row("`inline`, nothing", inline_nothing, repeats)
        for name in specs:
            row(f"`inline`, {name}", lambda name=name: inline(name), repeats)
        local_rows("nothing", spec, store, repeats, DOES_NOTHING)
        for name in specs:
            local_rows(name, specs[name], store, repeats)
        row("`local`, a worker that exits at once", without_worker, repeats)
        for name in suites:
            command_rows(name, suites[name], Path(folder) / "whole", repeats)
        imports = [
            sys.executable,
            "-P",
            "-c",
            "import topoeval.harness.runs.tasks, monai.networks.nets",
        ]
        row("interpreter and imports of a run", lambda: subprocess.run(imports), repeats)
        torch = [sys.executable, "-P", "-c", "import torch"]
        row("interpreter and torch", lambda: subprocess.run(torch), repeats)


if __name__ == "__main__":
    main()
