"""Whether runs that were made again have the scores of the committed records, to the digit.

    python bench/reruns.py results/board-2d --choose 20
    python bench/reruns.py results/board-2d my-board

The first prints commands that run a random choice of the committed runs again, into the folder
``my-board``; the second compares every run that both folders have: all columns of all cases, at 0.5
and at the chosen thresholds. Its exit status is 1 where a score differs. Scores may differ in their
last digits between kinds of processor, versions of torch, and numbers of threads, which it names.
"""

from __future__ import annotations

import argparse
import random
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from topoeval.records.files import read_record, record_files
from topoeval.records.record import Record

FOLDER = "my-board"


def main() -> int:
    """Print commands or the comparison; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("committed", type=Path, help="a results folder")
    parser.add_argument("again", type=Path, nargs="?", help="the folder of the runs made again")
    parser.add_argument("--choose", type=int, default=20, help="how many runs to choose")
    parser.add_argument("--seed", type=int, default=0, help="of the choice")
    chosen = parser.parse_args()
    committed = {path.stem: path for path in record_files(chosen.committed / "records")}
    if chosen.again is None:
        records = [read_record(path) for path in committed.values()]
        print("\n".join(commands(records, chosen.choose, chosen.seed)))
        return 0
    again = [p for p in record_files(chosen.again / "records") if p.stem in committed]
    differing = 0
    for path in again:
        record, before = read_record(path), read_record(committed[path.stem])
        found = differences(before, record)
        differing += bool(found)
        print(f"{record.spec.label}: {', '.join(found) or 'equal'}")
    print(f"{len(again) - differing} of {len(again)} runs have the committed scores")
    return 1 if differing or not again else 0


def commands(records: list[Record], count: int, seed: int) -> Iterator[str]:
    """Yield a command for each dataset and seed of a random choice of methods' runs."""
    runs = [one for one in records if one.spec.is_scored and one.spec.method.role == "method"]
    chosen = random.Random(seed).sample(runs, min(count, len(runs)))
    methods: dict[tuple[str, str, int], list[str]] = {}
    for one in chosen:
        key = (one.suite, one.spec.dataset.label, one.spec.seed)
        methods.setdefault(key, []).append(one.spec.method.label)
    for (suite, dataset, number), names in sorted(methods.items()):
        options = [text for name in sorted(names) for text in ("-m", name)]
        yield shlex.join(
            ["topoeval", "run", suite, "-d", dataset, "-s", str(number), *options,
             "--results", FOLDER, "--threads", "1", "--no-report"]
        )  # fmt: skip


def differences(before: Record, now: Record) -> list[str]:
    """Return what of two records' scores is not the same, and what may be why."""
    found = [] if before.status == now.status else [f"{now.status} in place of {before.status}"]
    tables: list[tuple[str, Mapping[str, Any], Mapping[str, Any]]] = [("", before.cases, now.cases)]
    for name, at in before.thresholds.items():
        again = now.thresholds.get(name)
        tables.append((f"{name}: ", at.cases, {} if again is None else again.cases))
        if again is not None and again.value != at.value:
            found.append(f"threshold {name} {again.value} in place of {at.value}")
    for where, old, new in tables:
        found += [
            f"{where}{name}" for name in sorted({*old, *new}) if old.get(name) != new.get(name)
        ]
    if found and before.environment.threads != now.environment.threads:
        found.append(f"threads {now.environment.threads} and {before.environment.threads}")
    return found


if __name__ == "__main__":
    raise SystemExit(main())
