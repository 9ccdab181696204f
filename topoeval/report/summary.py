"""The results as one row per dataset and method, with everything a caption must say."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from topoeval.errors import UserError, nearest
from topoeval.metrics import Metric
from topoeval.report.row import Failure, Row, rows_of
from topoeval.results.notes import mixed_code, mixed_threads, old_code, set_aside
from topoeval.results.records import Records
from topoeval.results.rows import code_version
from topoeval.topology import Topology

DEFAULT_REFERENCE = "cross_entropy"
THRESHOLD = "foreground is p ≥ 0.5"
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
    reference
        Name of the method that differences refer to.
    topologies
        The line that describes each dataset's `Topology`.
    machines
        Letter and description of each machine, the one with most runs first.
    versions
        Versions of the software that made the records, as one line.
    notes
        Warnings: several versions of our code or numbers of threads, records that are left out.
    """

    rows: tuple[Row, ...]
    reference: str
    topologies: Mapping[str, str]
    machines: Mapping[str, str]
    versions: str
    notes: tuple[str, ...] = ()

    @property
    def datasets(self) -> list[str]:
        """Labels of the datasets, in order."""
        return list(self.topologies)

    @property
    def arms(self) -> list[str]:
        """Labels of all methods over all datasets, in the order of the rows."""
        rows = sorted(self.rows, key=lambda row: _order(row, self.reference))
        return list(dict.fromkeys(row.arm for row in rows))

    @property
    def failures(self) -> list[Failure]:
        """Every run without a result, once however many tests it has."""
        return [failure for row in self.rows if row.is_main for failure in row.failures]

    def of(self, dataset: str) -> list[Row]:
        """Return the rows of one dataset."""
        return [row for row in self.rows if row.dataset == dataset]

    def only(self, dataset: str) -> Summary:
        """Return the summary of one dataset, with the machines that it was run on."""
        rows = tuple(self.of(dataset))
        used = {machine for row in rows for machine in row.runs["machine"].unique()}
        return replace(
            self,
            rows=rows,
            topologies={dataset: self.topologies[dataset]},
            machines={k: text for k, text in self.machines.items() if text in used},
        )

    def reference_title(self, dataset: str) -> str | None:
        """Return the label of the reference in a dataset, None where it was not run."""
        return next((r.arm for r in self.of(dataset) if self.reference in (r.method, r.arm)), None)

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
        """Say what a figure of some datasets rests on: data, topology, threshold, hardware."""
        if len(datasets) <= _MOST_LINES:
            lines = [self.dataset_line(dataset) for dataset in datasets]
        else:
            topologies = dict.fromkeys(self.topologies[dataset] for dataset in datasets)
            lines = [f"{len(datasets)} datasets; {' / '.join(topologies)}"]
        return [*lines, f"Threshold: {THRESHOLD}", *self.machine_lines(letter)]

    def dataset_line(self, dataset: str) -> str:
        """Say what a dataset's numbers rest on: cases, seeds, topology."""
        rows = self.of(dataset)
        cases = sorted({row.cases for row in rows if row.cases}) or [0]
        seeds = max(row.total for row in rows)
        shown = f"{cases[0]}" if len(cases) == 1 else f"{cases[0]} to {cases[-1]}"
        return (
            f"{dataset}: {shown} test cases, {seeds} seed{'s' if seeds != 1 else ''}; "
            f"{self.topologies[dataset]}"
        )


def summarise(records: Records, reference: str = DEFAULT_REFERENCE) -> Summary:
    """Reduce records to rows.

    Parameters
    ----------
    records
        What `topoeval.results.records.read` returns.
    reference
        Name of the method that differences are taken to: the plain loss that got the same extra
        epochs, so that a difference is the loss's and not the training time's.

    Raises
    ------
    UserError
        If no record has the reference (the default may be absent; differences are then left
        out), or several variants of it compete.
    """
    runs = records.runs
    methods = sorted(runs["method"].unique())
    known = {*methods, *runs["arm"]}
    if reference not in known and reference != DEFAULT_REFERENCE:
        raise UserError(
            f"no record of the reference method {reference!r}{nearest(reference, methods)}"
        )
    counts = runs["machine"].value_counts()
    ordered = sorted(counts.index, key=lambda machine: (-counts[machine], machine))
    machines = {_letter(i): machine for i, machine in enumerate(ordered)}
    groups = {str(dataset): group for dataset, group in runs.groupby("dataset")}
    topologies = {dataset: _describe(groups[dataset]) for dataset in sorted(groups, key=_natural)}
    rows = rows_of(records, reference, machines)
    rows.sort(key=lambda row: (_natural(row.dataset), *_order(row, reference)))
    return Summary(
        tuple(rows), reference, topologies, machines, _versions(records), _notes(records)
    )


def _notes(records: Records) -> tuple[str, ...]:
    mixed = [note for note in (mixed_code(records.runs), mixed_threads(records.runs)) if note]
    return (*mixed, *old_code(records.old), *set_aside(records.damaged))


def _natural(label: str) -> list[tuple[float, str]]:
    """Return a sort key that puts ``lines=8`` before ``lines=12``."""
    pieces = re.split(r"(\d+)", label)
    return [(float(piece), "") if piece.isdigit() else (math.inf, piece) for piece in pieces]


def _order(row: Row, reference: str) -> tuple[Any, ...]:
    regime = _REGIMES.index(row.regime) if row.regime in _REGIMES else len(_REGIMES)
    return (row.role != "start", reference not in (row.method, row.arm), regime, row.arm)


def _describe(runs: pd.DataFrame) -> str:
    topology = Topology.parse(runs["topology"].iloc[0])
    ndims = runs["ndim"].dropna()
    # Without a single scored run nobody knows whether the images are 2D or 3D.
    return topology.describe(int(ndims.iloc[0])) if len(ndims) else str(topology)


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
