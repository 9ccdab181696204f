"""What planning costs, and how soon `topoeval --help` answers.

    python bench/micro/planning.py [--runs 10000] [--repeats 5]

A suite of so many runs (ten methods, one of them the common start, on two drawn datasets), planned
in this process: CPU time and wall, median and minimum. Filters and the search for records are
apart. `--help` is a fresh interpreter each time; its CPU time is that of the child. Beside other
work, the wall time is that work's as well: read the CPU time.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from topoeval.harness.plans.plan import plan
from topoeval.harness.runs.store import Store
from topoeval.harness.suites.catalogue import load_suite
from topoeval.harness.suites.selection import Filters, select

SUITE = """
schema = 1
name = "many"
title = "Many runs"
seeds = {seeds}
backend = "native"
methods = [
  "cross_entropy",
  "dice_ce",
  "cldice[iterations=[3, 5]]",
  "betti_prior[weight=[0.01, 0.1, 1.0]]",
  "largest_component",
  "morphology",
]
start = {{ losses = [{{ name = "cross_entropy" }}], training = {{ epochs = 1 }} }}
training = {{ epochs = 1 }}

[[dataset]]
name = "strokes[lines=[4, 8]]"
sizes = {{ train = 10, test = 10 }}
"""


def measured(call, repeats):
    """Return the last answer of `call` and the seconds of CPU and wall of each time."""
    times = []
    for _ in range(repeats):
        cpu, wall = time.process_time(), time.perf_counter()
        answer = call()
        times.append((time.process_time() - cpu, time.perf_counter() - wall))
    return answer, times


def help_times(repeats):
    """Return the seconds of CPU and wall of fresh interpreters that print the help."""
    times = []
    for _ in range(repeats):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        wall = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "topoeval.cli", "--help"],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        wall = time.perf_counter() - wall
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        times.append((cpu, wall))
    return times


def tell(what, times):
    """Print a line of figures."""
    cpu, wall = zip(*times, strict=True)
    print(
        f"{what:<44} CPU {statistics.median(cpu):.3f} s (min {min(cpu):.3f}), "
        f"wall {statistics.median(wall):.3f} s (min {min(wall):.3f})"
    )


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    print(f"load average {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "many.toml"
        path.write_text(SUITE.format(seeds=list(range(options.runs // 20))))
        suite, times = measured(lambda: load_suite(str(path)), options.repeats)
        tell("reading the suite", times)
        runs, times = measured(lambda: plan(suite), options.repeats)
        tell(f"planning {len(runs)} runs", times)
        wanted = Filters(methods=("betti_prior[weight=0.1]",), datasets=("strokes[lines=4]",))
        some, times = measured(lambda: select(runs, wanted), options.repeats)
        tell(f"filtering them ({len(some)} left)", times)
        store = Store(Path(folder), "many")
        _, times = measured(lambda: [store.done(run) for run in runs], options.repeats)
        tell("looking for their records", times)
    tell("topoeval --help", help_times(options.repeats))


if __name__ == "__main__":
    main()
