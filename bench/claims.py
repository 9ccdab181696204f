"""What the seed claims, looked up in records: the tables of docs/claims.md.

    python bench/claims.py results/clough-myocardium dice_ce

prints, for each test of a suite and each of Betti accuracy, Betti error and Dice, the reference
itself and every method's paired difference to it: a column for each dataset, and how much more a
method gains where the task is hardest than where it is easiest, the level being that of the
dataset's parameters (difficulty, lines, noise). Intervals as in the report: Student's, 95 %, over
seeds.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from topoeval.metrics import Metric
from topoeval.report.row import Row
from topoeval.report.scored import BETTI_ERROR, DICE, OWN
from topoeval.report.summary import Summary, summarise
from topoeval.results.records import read
from topoeval.statistics import mean_interval, paired_difference

COLUMNS = (OWN, BETTI_ERROR, DICE)
LEVELS = ("easy", "medium", "hard")


def main() -> None:
    """Print the tables of a suite's results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=Path)
    parser.add_argument("reference")
    args = parser.parse_args()
    print(tables(summarise(read(args.results / "records"), args.reference)))


def tables(summary: Summary) -> str:
    """Return a table for each test and measure, as Markdown."""
    blocks = []
    for test, datasets in _by_test(summary.datasets).items():
        swept = len(datasets) > 1 and all(_level(dataset) is not None for dataset in datasets)
        for measure in COLUMNS:
            heads = [f"{measure.title}, {test}", *map(_short, datasets)]
            heads += ["hardest less easiest"] if swept else []
            lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
            for arm in summary.arms:
                row = [_found(summary, dataset, arm) for dataset in datasets]
                if row[0] is None or row[0].role == "start":
                    continue
                cells = [_cell(summary, one, measure) for one in row]
                if swept:
                    cells.append(_growth(summary, row[0], row[-1], measure))
                lines.append(f"| {arm} | {' | '.join(cells)} |")
            blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def _cell(summary: Summary, row: Row | None, measure: Metric) -> str:
    """Return a method's gain, or the reference's own score."""
    if row is None:
        return "-"
    if row.method == summary.reference:
        return row.estimates[measure.name].text(measure.digits)
    return mean_interval(_gains(summary, row, measure)).text(measure.digits, signed=True)


def _growth(summary: Summary, easiest: Row, hardest: Row | None, measure: Metric) -> str:
    """Return how much more a method gains on one dataset than on another."""
    if hardest is None or hardest.method == summary.reference:
        return ""
    gains = [_gains(summary, row, measure) for row in (hardest, easiest)]
    return paired_difference(*gains).text(measure.digits, signed=True)


def _gains(summary: Summary, row: Row, measure: Metric) -> pd.Series:
    """Return the differences to the reference by seed."""
    base = next(r for r in summary.of(row.dataset) if r.method == summary.reference)
    return (row.per_seed[measure.name] - base.per_seed[measure.name]).dropna()


def _found(summary: Summary, dataset: str, arm: str) -> Row | None:
    return next((row for row in summary.of(dataset) if row.arm == arm), None)


def _by_test(datasets: Sequence[str]) -> dict[str, list[str]]:
    """Return the datasets of each test, from easy to hard where there is an easy and a hard."""
    tests: dict[str, list[str]] = {}
    for dataset in datasets:
        found = re.search(r"test=(\w+)", dataset)
        tests.setdefault(found[1] if found else "test", []).append(dataset)
    return {test: sorted(found, key=lambda d: _level(d) or 0) for test, found in tests.items()}


def _level(dataset: str) -> float | None:
    """Return how hard a dataset is by its parameters, None where they do not say."""
    if found := re.search(rf"difficulty=({'|'.join(LEVELS)})", dataset):
        return LEVELS.index(found[1])
    found = re.search(r"(?:lines|noise)=([\d.]+|none)", dataset)
    return None if found is None else 0.0 if found[1] == "none" else float(found[1])


def _short(dataset: str) -> str:
    """Return what sets a dataset apart from the others of its test."""
    inside = re.search(r"\[(.*)\]", dataset)
    parts = inside[1].split(", ") if inside else [dataset]
    kept = [part for part in parts if not part.startswith(("test=", "revision="))]
    return ", ".join(kept) or dataset


if __name__ == "__main__":
    main()
