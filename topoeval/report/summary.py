"""The results as one row per dataset and method, with everything a caption must say."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from topoeval.errors import UserError, nearest
from topoeval.metrics import Metric
from topoeval.metrics.catalogue import every_column
from topoeval.report.bases import DEFAULT_REFERENCE, Yardsticks, base_labels, named_base
from topoeval.report.conditions import Conditions, conditions_of
from topoeval.report.row import Failure, MethodRow, rows_of, standings_by_dataset
from topoeval.report.thresholds import ThresholdStandings, threshold_standings
from topoeval.results.notes import metric_notes, mixed_code, mixed_threads, old_code, set_aside
from topoeval.results.records import Records
from topoeval.results.rows import code_version
from topoeval.statistics import Standings

# More datasets than these are summed up below a figure.
_MOST_LINES = 4
_REGIMES = ("supervised", "semi_supervised", "post_process", "remedy")


@dataclass(frozen=True)
class Summary:
    """All rows, grouped by dataset, and what they were measured under.

    Parameters
    ----------
    rows
        Datasets in alphabetical order, numbers by size; inside each the start first, then the
        reference, then the other methods by regime and title.
    yardsticks
        What the rows are compared with.
    standings
        What the scores support, by dataset and score; every cell of a table comes from there.
    at_thresholds
        The same at each threshold that the records have, by its name.
    conditions
        What each dataset was measured under.
    missing_bases
        By the name of a base that was not run, the rows that have no difference for it.
    machines
        Letter and description of each machine, the one with most runs first.
    versions
        Versions of the software that made the records, as one line.
    notes
        Warnings: several versions of our code or numbers of threads, records that are left out.
    """

    rows: tuple[MethodRow, ...]
    yardsticks: Yardsticks
    standings: Mapping[str, Mapping[str, Standings]]
    at_thresholds: ThresholdStandings
    conditions: Mapping[str, Conditions]
    missing_bases: Mapping[str, tuple[str, ...]]
    machines: Mapping[str, str]
    versions: str
    notes: tuple[str, ...] = ()

    @property
    def reference(self) -> str:
        """Name of the suite's reference, the base of every method that names none."""
        return self.yardsticks.reference

    @property
    def datasets(self) -> list[str]:
        """Labels of the datasets, in order."""
        return list(self.conditions)

    @property
    def has_prior(self) -> bool:
        """Whether any dataset has a prior."""
        return any(one.prior for one in self.conditions.values())

    @property
    def arms(self) -> list[str]:
        """Labels of all methods over all datasets, in the order of the rows."""
        rows = sorted(self.rows, key=lambda row: _order(row, self.reference))
        return list(dict.fromkeys(row.arm for row in rows))

    @property
    def failures(self) -> list[Failure]:
        """Every run without a result, once however many tests it has."""
        return [failure for row in self.rows if row.is_main for failure in row.failures]

    def of(self, dataset: str) -> list[MethodRow]:
        """Return the rows of one dataset."""
        return [row for row in self.rows if row.dataset == dataset]

    def only(self, dataset: str) -> Summary:
        """Return the summary of one dataset, with the machines that it was run on."""
        rows = tuple(self.of(dataset))
        used = {machine for row in rows for machine in row.runs["machine"].unique()}
        return replace(
            self,
            rows=rows,
            conditions={dataset: self.conditions[dataset]},
            missing_bases={
                base: kept
                for base, arms in self.missing_bases.items()
                if (kept := tuple(arm for arm in arms if arm in {row.arm for row in rows}))
            },
            machines={k: text for k, text in self.machines.items() if text in used},
        )

    def bases(self, dataset: str) -> dict[str, str]:
        """Return the label of the base by the label of a row, in one dataset."""
        return {row.arm: row.base for row in self.of(dataset) if row.base}

    def reference_title(self, dataset: str) -> str | None:
        """Return the label of the reference in a dataset, None where it was not run."""
        return next((r.arm for r in self.of(dataset) if self.is_reference(r)), None)

    def is_reference(self, row: MethodRow) -> bool:
        """Whether a row is the reference."""
        return self.reference in (row.method, row.arm, row.label)

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The scores of the rows."""
        return self.rows[0].metrics

    def measured(self, measure: Metric) -> bool:
        """Whether any row has the score."""
        return any(row.estimates[measure.name].measured for row in self.rows)

    def machine_lines(self, letter: str = "") -> list[str]:
        """Describe each machine, or the one of a letter; with several, times belong to one."""
        several = len(self.machines) > 1
        return [
            f"Machine{f' {name}' if several else ''}: {text}"
            for name, text in self.machines.items()
            if letter in ("", name)
        ]

    def conventions(self, datasets: Sequence[str], letter: str = "") -> list[str]:
        """Say what a figure of some datasets rests on: data, their conditions, hardware."""
        if len(datasets) <= _MOST_LINES:
            lines = [self.dataset_line(dataset) for dataset in datasets]
        else:
            shared = dict.fromkeys(self.conditions[dataset].text() for dataset in datasets)
            lines = [f"{len(datasets)} datasets; {' / '.join(shared)}"]
        return [*lines, *self.machine_lines(letter)]

    def dataset_line(self, dataset: str) -> str:
        """Say what a dataset's numbers rest on: cases, seeds and `Conditions`."""
        rows = self.of(dataset)
        cases = sorted({row.cases for row in rows if row.cases}) or [0]
        seeds = max(row.total for row in rows)
        shown = f"{cases[0]}" if len(cases) == 1 else f"{cases[0]} to {cases[-1]}"
        return (
            f"{dataset}: {shown} test cases, {seeds} seed{'s' if seeds != 1 else ''}; "
            f"{self.conditions[dataset].text()}"
        )


def summarise(records: Records, yardsticks: Yardsticks | str | None = None) -> Summary:
    """Reduce records to rows.

    Parameters
    ----------
    records
        What `topoeval.results.records.read` returns.
    yardsticks
        What rows are compared with, or the name of the reference alone.

    Raises
    ------
    UserError
        If no record has the reference (the default may be absent; differences to it are then left
        out), or several rows are it.
    """
    if yardsticks is None or isinstance(yardsticks, str):
        yardsticks = Yardsticks(yardsticks or DEFAULT_REFERENCE)
    runs = records.runs
    methods = sorted(runs["method"].unique())
    known = {*methods, *runs["arm"], *runs["label"]}
    if yardsticks.reference not in known and yardsticks.reference != DEFAULT_REFERENCE:
        raise UserError(
            f"no record of the reference method {yardsticks.reference!r}"
            f"{nearest(yardsticks.reference, methods)}"
        )
    counts = runs["machine"].value_counts()
    ordered = sorted(counts.index, key=lambda machine: (-counts[machine], machine))
    machines = {_letter(i): machine for i, machine in enumerate(ordered)}
    groups = {str(dataset): group for dataset, group in runs.groupby("dataset")}
    bases = base_labels(records, yardsticks)
    found = standings_by_dataset(records, bases)
    at_thresholds = threshold_standings(records, bases)
    rows = sorted(
        rows_of(records, found, machines, at_thresholds),
        key=lambda row: (_natural(row.dataset), *_order(row, yardsticks.reference)),
    )
    return Summary(
        rows=tuple(rows),
        yardsticks=yardsticks,
        standings=found,
        at_thresholds=at_thresholds,
        conditions={
            dataset: conditions_of(groups[dataset], records.documents)
            for dataset in sorted(groups, key=_natural)
        },
        missing_bases=_missing(rows, records, yardsticks),
        machines=machines,
        versions=_versions(records),
        notes=_notes(records),
    )


def _missing(
    rows: Sequence[MethodRow], records: Records, yardsticks: Yardsticks
) -> dict[str, tuple[str, ...]]:
    """Return the rows without a base though their method names one, by the name of the base."""
    missing: dict[str, dict[str, None]] = {}
    for row in rows:
        named = named_base(records, str(row.runs["id"].iloc[0]), yardsticks)
        if named and not row.base and row.role != "start":
            missing.setdefault(named, {})[row.arm] = None
    return {base: tuple(arms) for base, arms in missing.items()}


def _notes(records: Records) -> tuple[str, ...]:
    mixed = [note for note in (mixed_code(records.runs), mixed_threads(records.runs)) if note]
    scored_by = [record.metrics for record in records.documents.values()]
    return (
        *mixed,
        *metric_notes(scored_by, every_column()),
        *old_code(records.old),
        *set_aside(records.damaged),
    )


def _natural(label: str) -> list[tuple[float, str]]:
    """Return a sort key that puts ``lines=8`` before ``lines=12``."""
    pieces = re.split(r"(\d+)", label)
    return [(float(piece), "") if piece.isdigit() else (math.inf, piece) for piece in pieces]


def _order(row: MethodRow, reference: str) -> tuple[Any, ...]:
    regime = _REGIMES.index(row.regime) if row.regime in _REGIMES else len(_REGIMES)
    return (
        row.role != "start",
        reference not in (row.method, row.arm, row.label),
        regime,
        row.arm,
    )


def _versions(records: Records) -> str:
    """Join the versions of all records; a package with several versions shows them all."""
    found: dict[str, set[str]] = {}
    for record in records.documents.values():
        named = {
            "python": record.environment.python,
            "topoeval": code_version(record),
            **record.environment.versions,
        }
        for name, version in named.items():
            if version:
                found.setdefault(name, set()).add(str(version))
    return ", ".join(f"{name} {' / '.join(sorted(found[name]))}" for name in sorted(found))


def _letter(index: int) -> str:
    return chr(ord("A") + index) if index < 26 else f"A{index}"
