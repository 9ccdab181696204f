"""What the seed claims, looked up in records: one table a suite for docs/claims.md.

    python bench/claims.py results/clough-myocardium dice_ce

prints, for each method and dataset, the paired difference to the reference in Betti accuracy, Betti
error and Dice; then how much more it gains where the task is hardest than where it is easiest, the
level being that of the dataset's parameters (difficulty, lines, noise). Intervals as in the report:
Student's, 95 %, over seeds.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from pathlib import Path

from topoeval.report.records import read
from topoeval.report.statistics import Estimate, paired_difference

from topoeval.report.measures import BETTI_ERROR, DICE, OWN
from topoeval.report.summary import Row, Summary, summarise

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
    """Return differences by method and dataset, and the growth of the gain, as Markdown."""
    lines = [
        f"| dataset | method | {' | '.join(measure.title for measure in COLUMNS)} |",
        "|---|---|" + "---|" * len(COLUMNS),
    ]
    for row in summary.rows:
        if row.role == "start":
            continue
        base = _reference(summary, row.dataset)
        if row.method == summary.reference:
            cells = [row.estimates[m.key].text(m.digits) for m in COLUMNS]
        else:
            cells = [_gain(row, base, m.key).text(m.digits, signed=True) for m in COLUMNS]
        lines.append(f"| {row.dataset} | {row.arm} | {' | '.join(cells)} |")
    lines += [
        "",
        "| test | method | gain in Betti accuracy, hardest less easiest |",
        "|---|---|---|",
    ]
    for test, datasets in _sweeps(summary.datasets).items():
        first, last = datasets[0], datasets[-1]
        for row in summary.of(last):
            easy = next((r for r in summary.of(first) if r.arm == row.arm), None)
            if row.role == "start" or row.method == summary.reference or easy is None:
                continue
            gains = [
                one.per_seed[OWN.key] - _reference(summary, one.dataset).per_seed[OWN.key]
                for one in (row, easy)
            ]
            growth = paired_difference(*gains).text(OWN.digits, signed=True)
            lines.append(f"| {test} | {row.arm} | {growth} |")
    return "\n".join(lines)


def _reference(summary: Summary, dataset: str) -> Row:
    return next(row for row in summary.of(dataset) if row.method == summary.reference)


def _gain(row: Row, base: Row, key: str) -> Estimate:
    return paired_difference(row.per_seed[key], base.per_seed[key])


def _sweeps(datasets: Sequence[str]) -> dict[str, list[str]]:
    """Return the datasets of each test from easy to hard."""
    sweeps: dict[str, list[str]] = {}
    for dataset in datasets:
        test = re.search(r"test=(\w+)", dataset)
        sweeps.setdefault(test[1] if test else "test", []).append(dataset)
    return {test: sorted(found, key=_level) for test, found in sweeps.items() if len(found) > 1}


def _level(dataset: str) -> tuple[float, str]:
    for place, level in enumerate(LEVELS):
        if f"difficulty={level}" in dataset:
            return (place, "")
    numbers = [float(number) for number in re.findall(r"(?:lines|noise)=([\d.]+)", dataset)]
    return (numbers[0] if numbers else 0.0, dataset)


if __name__ == "__main__":
    main()
