"""The columns of the printed table, and what stands in their cells."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from topoeval.metrics import Metric
from topoeval.report.row import MethodRow
from topoeval.report.scored import (
    BETTI_ERROR,
    BETTI_ERRORS,
    CEILING,
    COMPARED,
    DICE,
    OWN,
    PRIOR,
)
from topoeval.report.summary import Summary
from topoeval.report.thresholds import NAMES, SHOWN
from topoeval.results.rows import PARTS
from topoeval.statistics.estimate import NOTHING, UNMEASURED, Estimate

STAR = "★"
MS = 1e3
_MIB = 2.0**-20
_AGAINST = "Difference to own base"


@dataclass(frozen=True, slots=True)
class Cell:
    """A value, the smaller print after it, whether it has the star, and whether it alarms."""

    value: str
    note: str = ""
    star: bool = False
    wrong: bool = False


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the printed table.

    Parameters
    ----------
    group
        Spanner above it, or nothing.
    header
        Its name below the spanner.
    cell
        How to fill it.
    alone
        Its name without the spanner, in a table of the main columns; nothing if it is none.
    """

    group: str
    header: str
    cell: Callable[[MethodRow], Cell]
    alone: str = ""


def columns(summary: Summary) -> list[Column]:
    """Choose the printed columns: those that some row has values for."""
    chosen = [
        Column("", "Runs ok", _runs, "Runs ok"),
    ]
    groups = (
        ("", (DICE,)),
        ("Betti error", (BETTI_ERROR, *BETTI_ERRORS)),
        ("Betti accuracy", (OWN, PRIOR, CEILING)),
    )
    short = {BETTI_ERROR: "sum ↓", OWN: "own mask ↑", PRIOR: "prior ↑", CEILING: "ceiling"}
    short |= {measure: f"b{k} ↓" for k, measure in enumerate(BETTI_ERRORS)}
    main = (DICE, BETTI_ERROR, OWN, PRIOR)
    for group, measures in groups:
        chosen += [
            Column(
                group,
                short.get(measure, measure.header),
                score(measure),
                measure.header if measure in main else "",
            )
            for measure in measures
            if summary.measured(measure)
        ]
    if any(row.base for row in summary.rows):
        chosen.append(Column(_AGAINST, "Base", _base, "Base"))
    chosen += [
        Column(
            _AGAINST,
            measure.header,
            _difference(measure),
            f"{measure.title} minus base" if measure is OWN else "",
        )
        for measure in COMPARED
        if any(row.differences[measure.name].measured for row in summary.rows)
    ]
    chosen += [
        Column("", measure.header, score(measure))
        for measure in summary.metrics
        if not any(measure in shown for _, shown in groups) and summary.measured(measure)
    ]
    chosen += [
        Column(f"{metric.title} by threshold", name, _at(name, metric))
        for metric in SHOWN
        for name in NAMES
        if any((name, metric.name) in row.at_thresholds for row in summary.rows)
    ]
    for letter in summary.machines:
        suffix = f", machine {letter}" if len(summary.machines) > 1 else ""
        chosen += _time_columns(summary, letter, suffix)
    if any(row.peak_bytes > 0 for row in summary.rows):
        chosen.append(Column("", "Peak memory, MiB ↓", _memory))
    return chosen


def main_columns(summary: Summary) -> list[Column]:
    """Choose the columns that a reader needs first, each under a name that stands alone.

    How many runs went well is said where some did not.
    """
    chosen = [Column("", c.alone, c.cell, c.alone) for c in columns(summary) if c.alone]
    return chosen if any(row.failures for row in summary.rows) else chosen[1:]


def _runs(row: MethodRow) -> Cell:
    return Cell(f"{row.ok}/{row.total}", row.failure_counts, wrong=bool(row.failures))


def score(measure: Metric) -> Callable[[MethodRow], Cell]:
    """Return how to fill the cell of a score."""

    def cell(row: MethodRow) -> Cell:
        estimate = row.estimates[measure.name]
        # A metric without a direction describes the data, which are equal for all seeds.
        interval = estimate.interval(measure.digits) if measure.direction else ""
        return Cell(estimate.value(measure.digits), interval, measure.name in row.better)

    return cell


def _base(row: MethodRow) -> Cell:
    return Cell(row.base or NOTHING)


def _at(name: str, metric: Metric) -> Callable[[MethodRow], Cell]:
    def cell(row: MethodRow) -> Cell:
        estimate = row.at_thresholds.get((name, metric.name), UNMEASURED)
        return Cell(estimate.value(metric.digits), estimate.interval(metric.digits))

    return cell


def _difference(measure: Metric) -> Callable[[MethodRow], Cell]:
    def cell(row: MethodRow) -> Cell:
        estimate = row.differences[measure.name]
        return Cell(
            estimate.value(measure.digits, signed=True),
            estimate.interval(measure.digits, signed=True),
        )

    return cell


def _time_columns(summary: Summary, letter: str, suffix: str) -> list[Column]:
    spanner = f"Time per step, ms{suffix} ↓"
    times = [row.times[letter] for row in summary.rows]
    chosen = []
    if any(time.step.measured for time in times):
        chosen.append(
            Column(
                spanner,
                "total",
                lambda row: _milliseconds(row.times[letter].step, spread=True),
                f"ms per step{suffix} ↓",
            )
        )
    for part in PARTS:
        if any(part in time.parts for time in times):

            def cell(row: MethodRow, part: str = part) -> Cell:
                return _milliseconds(row.times[letter].parts.get(part, UNMEASURED))

            chosen.append(Column(spanner, part, cell))
    if any(time.per_case.measured for time in times):
        chosen.append(
            Column(
                "",
                f"Adaptation, ms per case{suffix} ↓",
                lambda row: _milliseconds(row.times[letter].per_case, spread=True),
                f"ms per case{suffix} ↓",
            )
        )
    return chosen


def _milliseconds(seconds: Estimate, *, spread: bool = False) -> Cell:
    estimate = seconds.scaled(MS)
    return Cell(estimate.value(1), estimate.interval(1) if spread else "")


def _memory(row: MethodRow) -> Cell:
    return Cell(f"{row.peak_bytes * _MIB:.0f}" if row.peak_bytes > 0 else NOTHING)
