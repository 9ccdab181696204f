"""What it costs to read ten thousand records: the figures of docs/results.md.

    OMP_NUM_THREADS=1 python bench/micro/results.py [--like results/losses-2d] [--records 10000]

Records are copies of committed ones with other seeds, written to a temporary folder. Times are CPU
time of the process, each the least of three: a fresh parse, the same from the cache, a query over
both tables, collect, and the standings of one score.
"""

from __future__ import annotations

import argparse
import itertools
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import orjson

from topoeval.checksums import KEY, sealed
from topoeval.results import collect, load, query
from topoeval.statistics import standings

SQL = """SELECT dataset, arm, count(*) AS n, avg(dice) AS dice
FROM cases JOIN runs USING (suite, id, dataset, arm)
WHERE status = 'ok' GROUP BY ALL ORDER BY ALL"""


def multiply(like: Path, folder: Path, records: int) -> int:
    """Write copies of a suite's records, each copy of all with seeds of its own; return bytes."""
    originals = [orjson.loads(path.read_bytes()) for path in sorted(like.glob("records/*.json"))]
    names = {document["id"] for document in originals}
    (folder / "records").mkdir(parents=True)
    total = 0
    copies = itertools.count()
    written = 0
    while written < records:
        copy = next(copies)
        for document in originals[: records - written]:
            spec = dict(document["spec"], seed=document["spec"]["seed"] + 1000 * copy)
            spec["parents"] = {
                part: renamed(identity, copy) if identity in names else identity
                for part, identity in (spec.get("parents") or {}).items()
            }
            identity = renamed(document["id"], copy)
            copy = {**document, "id": identity, "spec": spec}
            text = orjson.dumps(sealed(copy) if KEY in document else copy)
            (folder / "records" / f"{identity}.json").write_bytes(text)
            total += len(text)
            written += 1
    return total


def renamed(identity: str, copy: int) -> str:
    """Return the identity of a copy."""
    return f"{copy:04x}{identity[4:]}"


def least(what: Callable[[], object], before: Callable[[], None] | None = None) -> float:
    """Return the least CPU time of three calls."""
    times = []
    for _ in range(3):
        if before:
            before()
        clock = time.process_time()
        what()
        times.append(time.process_time() - clock)
    return min(times)


def main() -> None:
    """Print a line per task."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--like", type=Path, default=Path("results/losses-2d"))
    parser.add_argument("--records", type=int, default=10_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder, cache = Path(temporary, "suite"), Path(temporary, "cache")
        size = multiply(options.like, folder, options.records)
        os.environ["TOPOEVAL_CACHE"] = ""
        results = load(folder)
        print(f"{options.records} records like {options.like}: {size / 1e6:.0f} MB of JSON")
        print(f"{len(results.runs)} runs, {len(results.cases)} cases")
        told = {"load, fresh": least(lambda: load(folder))}
        told["query, tables in memory"] = least(lambda: query(SQL, results))
        told["load and query, fresh"] = least(lambda: query(SQL, load(folder)))
        told["standings of dice on one dataset"] = least(
            lambda: standings(results.scores("dice").query("dataset == dataset.iloc[0]"), "dice")
        )
        os.environ["TOPOEVAL_CACHE"] = str(cache)
        told["load, first time with a cache"] = least(
            lambda: load(folder), lambda: [path.unlink() for path in cache.rglob("*.parquet")]
        )
        told["load, cached"] = least(lambda: load(folder))
        told["load and query, cached"] = least(lambda: query(SQL, load(folder)))
        told["collect, cached"] = least(lambda: collect([folder], Path(temporary, "out")))
        for name, seconds in told.items():
            print(f"{name:36s}{seconds:7.2f} s")


if __name__ == "__main__":
    main()
