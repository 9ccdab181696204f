"""What the seed claims, looked up in records: the tables of docs/claims.md.

    python bench/claims.py results/clough-mnist results/clough-myocardium

prints, for each results folder, the verdicts on the claims and the tables behind them: every row's
own base, its differences to it by Betti accuracy, Betti error and Dice with ★ where the report has
one, and the share of the room that is closed: the gain in Betti accuracy by what the base leaves
up to the prior's ceiling. Everything comes of the `Standings` that the report prints.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from topoeval.cli.yardsticks import yardsticks_of
from topoeval.metrics import Metric
from topoeval.report.row import MethodRow
from topoeval.report.scored import BETTI_ERROR, CEILING, DICE, OWN
from topoeval.report.summary import Summary, summarise
from topoeval.results.records import read
from topoeval.statistics import NOTHING, Estimate, ScoreGrid, crossed_interval

COLUMNS = (OWN, BETTI_ERROR, DICE)
LEVELS = ("easy", "medium", "hard")
MARGIN = 0.005
"""Dice that a method may lose and still not be called worse (non-inferiority)."""


def main() -> None:
    """Print verdicts and tables of results folders."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=Path, nargs="+")
    for folder in parser.parse_args().results:
        records = read(folder / "records")
        summary = summarise(records, yardsticks_of(records, folder))
        print(f"## {folder.name}\n\n{verdicts(summary)}\n\n{tables(summary)}\n")


def verdicts(summary: Summary) -> str:
    """Return the claims on the main test, a row per method that has a base, as Markdown."""
    heads = ["method", "base", "1: accuracy up", f"2: Dice not down by {MARGIN:g}",
             "3: gain grows with difficulty", "room closed, easiest to hardest"]  # fmt: skip
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    datasets = _by_test(summary.datasets).get("test", [])
    for arm in summary.arms:
        rows = [row for name in datasets if (row := _found(summary, name, arm)) is not None]
        if len(rows) < len(datasets) or not rows or not rows[0].base:
            continue
        cells = [
            arm,
            ", ".join(dict.fromkeys(row.base for row in rows)),
            _counted([OWN.name in row.better for row in rows], "better"),
            _counted([not_below(row.differences[DICE.name]) for row in rows], "shown"),
            _grows(summary, rows) if _is_swept(datasets) else "no levels",
            ", ".join(_room(row, summary) for row in rows),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def tables(summary: Summary) -> str:
    """Return a table for each test and measure, as Markdown."""
    blocks = []
    for test, datasets in _by_test(summary.datasets).items():
        swept = _is_swept(datasets)
        for metric in COLUMNS:
            heads = [f"{metric.title}, {test}", "base", *map(_short, datasets)]
            heads += ["hardest less easiest"] if swept else []
            lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
            for arm in summary.arms:
                rows = [_found(summary, dataset, arm) for dataset in datasets]
                first = rows[0]
                if first is None or first.role == "start":
                    continue
                cells = [first.base or NOTHING, *(_cell(row, metric) for row in rows)]
                cells += [_growth(summary, first, rows[-1], metric)] if swept else []
                lines.append(f"| {arm} | {' | '.join(cells)} |")
            blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def not_below(difference: Estimate, margin: float = MARGIN) -> bool:
    """Return whether a loss of more than the margin is excluded at 95 %.

    >>> not_below(Estimate(0.0, -0.004, 0.004, 5)), not_below(Estimate(0.0, -0.02, 0.02, 5))
    (True, False)
    """
    return difference.has_interval and difference.low > -margin


def _cell(row: MethodRow | None, metric: Metric) -> str:
    """Return a row's difference to its base; of a row without one its own score, in italics."""
    if row is None:
        return NOTHING
    difference = row.differences[metric.name]
    if not row.base:
        return f"*{row.estimates[metric.name].text(metric.digits)}*"
    star = " ★" if metric.name in row.better else ""
    return difference.text(metric.digits, signed=True) + star


def _room(row: MethodRow, summary: Summary) -> str:
    """Return the share of what the base leaves to the prior's ceiling that the gain closes."""
    base = _found(summary, row.dataset, row.base)
    ceiling = row.estimates[CEILING.name].mean if row.estimates[CEILING.name].measured else 1.0
    left = ceiling - (np.nan if base is None else base.estimates[OWN.name].mean)
    return f"{100 * row.differences[OWN.name].mean / left:.0f} %" if left > 0 else NOTHING


def _grows(summary: Summary, rows: Sequence[MethodRow]) -> str:
    growth = _growth_of(summary, rows[0], rows[-1], OWN)
    decided = "yes" if growth.excludes_zero and growth.mean > 0 else "not decided"
    return f"{decided}, {growth.text(OWN.digits, signed=True)}"


def _growth(summary: Summary, easiest: MethodRow, hardest: MethodRow | None, metric: Metric) -> str:
    if hardest is None or not easiest.base or not hardest.base:
        return ""
    return _growth_of(summary, easiest, hardest, metric).text(metric.digits, signed=True)


def _growth_of(
    summary: Summary, easiest: MethodRow, hardest: MethodRow, metric: Metric
) -> Estimate:
    """Return how much more a method gains on one dataset than on another, alone and uncorrected.

    The mean of the one gain and the negative other is half of their difference; seeds and cases of
    the two count as independent.
    """
    hard, easy = (
        _gains(summary.standings[row.dataset][metric.name].found[0], row)
        for row in (hardest, easiest)
    )
    return crossed_interval([hard, -easy]).scaled(2.0)


def _gains(grid: ScoreGrid, row: MethodRow) -> np.ndarray:
    """Return ``(seeds, cases)`` differences of a row to its base on the seeds that both have."""
    i, j = grid.methods.index(row.arm), grid.methods.index(row.base)
    shared = grid.scored[i] & grid.scored[j]
    return np.asarray(grid.values[i, shared] - grid.values[j, shared])


def _counted(holds: Sequence[bool], word: str) -> str:
    """Return on how many datasets something holds."""
    return f"{word} on {sum(holds)} of {len(holds)}"


def _found(summary: Summary, dataset: str, arm: str) -> MethodRow | None:
    return next((row for row in summary.of(dataset) if row.arm == arm), None)


def _by_test(datasets: Sequence[str]) -> dict[str, list[str]]:
    """Return the datasets of each test, from easy to hard where there is an easy and a hard."""
    tests: dict[str, list[str]] = {}
    for dataset in datasets:
        found = re.search(r"test=(\w+)", dataset)
        tests.setdefault(found[1] if found else "test", []).append(dataset)
    return {test: sorted(found, key=lambda d: _level(d) or 0) for test, found in tests.items()}


def _is_swept(datasets: Sequence[str]) -> bool:
    return len(datasets) > 1 and all(_level(dataset) is not None for dataset in datasets)


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
