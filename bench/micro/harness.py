"""What the harness adds to a run: the time of a run that does nothing.

python bench/micro/harness.py [REPEATS]

The run draws one image, builds a network, trains for no epoch, scores the image and writes its
record. `inline` is measured after one run that pays for the imports. `local` forks its runs from a
template that has paid for them: the first run of a sweep waits for that, the others do not. Wall
time is what one waits for; CPU time is of all processes, and on a busy machine says more (of
forked runs it is not known here: they are nobody's children).
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

from topoeval.harness.catalogue import load_suite
from topoeval.harness.executors import Inline, Local
from topoeval.harness.plan import plan
from topoeval.harness.store import Store
from topoeval.harness.suite import Limits

SUITE = """
schema = 1
name = "nothing"
title = "Nothing"
seeds = [0]
methods = ["cross_entropy"]
training = { epochs = 0 }

[network]
channels = [4, 8]

[start]
losses = [{ name = "cross_entropy" }]
training = { epochs = 0 }

[[dataset]]
name = "strokes"
sizes = { train = 1, test = 1 }
"""


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


def main() -> None:
    """Print the table."""
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    limits = Limits()
    with tempfile.TemporaryDirectory() as folder:
        suite = Path(folder) / "nothing.toml"
        suite.write_text(SUITE, encoding="utf-8")
        spec = plan(load_suite(str(suite)))[0]
        store = Store(Path(folder) / "results", "nothing")

        def once(executor) -> None:
            store.discard(spec.id)
            record = executor.run(spec, store, limits)
            assert record["status"] == "ok", record["error"]

        def without_worker() -> None:
            store.discard(spec.id)
            nothing = Local(worker=(sys.executable, "-S", "-c", "pass"))
            assert nothing.run(spec, store, limits)["status"] == "crashed"

        once(Inline())  # pays for the imports
        print("| | wall, least (s) | wall, median (s) | CPU, least (s) | CPU, median (s) |")
        print("|---|---|---|---|---|")
        row("`inline`", lambda: once(Inline()), repeats)
        with closing(Local()) as executor:
            once(executor)
            row("`local`", lambda: once(executor), repeats)

        def first() -> None:
            with closing(Local()) as executor:
                once(executor)

        row("`local`, the first run of a sweep", first, repeats)
        row("`local`, fresh interpreters", lambda: once(Local(warm=False)), repeats)
        row("`local`, a worker that exits at once", without_worker, repeats)
        imports = [sys.executable, "-P", "-c", "import topoeval.harness.tasks, monai.networks.nets"]
        row("interpreter and imports of a run", lambda: subprocess.run(imports), repeats)
        torch = [sys.executable, "-P", "-c", "import torch"]
        row("interpreter and torch", lambda: subprocess.run(torch), repeats)


if __name__ == "__main__":
    main()
