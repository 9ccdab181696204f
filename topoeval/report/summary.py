"""The results as one row per dataset and method, with everything a caption must say."""

from __future__ import annotations

import math
import re
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import pandas as pd

from topoeval.errors import UserError, nearest
from topoeval.report.measures import COMPARED, MEASURES, Measure
from topoeval.results.document import OK
from topoeval.results.records import Records
from topoeval.results.rows import PARTS, code_version
from topoeval.results.tables import mixed_code
from topoeval.statistics.estimate import (
    UNMEASURED,
    Estimate,
    mean_interval,
    paired_difference,
    run_means,
    separated_best,
)
from topoeval.topology import Topology

DEFAULT_REFERENCE = "cross_entropy"
THRESHOLD = "foreground is p ≥ 0.5"
# More datasets than these are summed up below a figure.
_MOST_LINES = 4
_REGIMES = ("supervised", "semi_supervised", "post_process", "remedy")
# In these regimes a method's work is done per test image, so its wall time has that unit.
_PER_CASE = ("post_process", "remedy")


@dataclass(frozen=True)
class Failure:
    """A run without a result, and why."""

    file: str
    dataset: str
    arm: str
    seed: int
    status: str
    fault: str
    reason: str


@dataclass(frozen=True)
class Times:
    """Times of one row on one machine, in seconds.

    Parameters
    ----------
    parts
        Per optimiser step: network, persistence, loss, backward, other. Empty without steps.
    step
        Their sum.
    per_case
        Wall time of the run divided by its test cases, for methods that work per test case.
    chain
        Wall time of the run and of the runs it builds on, the common start aside.
    """

    parts: Mapping[str, Estimate]
    step: Estimate
    per_case: Estimate
    chain: Estimate


@dataclass(frozen=True)
class Row:
    """One method on one dataset, over all its seeds."""

    dataset: str
    arm: str
    method: str
    role: str
    regime: str
    total: int
    ok: int
    cases: int
    estimates: Mapping[str, Estimate]
    differences: Mapping[str, Estimate]
    per_seed: pd.DataFrame
    times: Mapping[str, Times]
    peak_bytes: float
    failures: tuple[Failure, ...]
    runs: pd.DataFrame
    best: frozenset[str] = field(default=frozenset())

    @property
    def title(self) -> str:
        """Label of the row; the common starting checkpoint is marked."""
        return f"{self.arm} (start)" if self.role == "start" else self.arm

    @property
    def failure_counts(self) -> str:
        """How many runs failed, by status."""
        counted = Counter(failure.status for failure in self.failures)
        return ", ".join(
            f"{count} {status.replace('_', ' ')}" for status, count in sorted(counted.items())
        )

    @property
    def failure_note(self) -> str:
        """How many runs failed and why."""
        counted = Counter((failure.status, failure.reason) for failure in self.failures)
        return "; ".join(
            f"{count} {status.replace('_', ' ')}{f': {reason}' if reason else ''}"
            for (status, reason), count in sorted(counted.items())
        )


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
    mixed_code
        A warning where several versions of our code made them; else nothing.
    """

    rows: tuple[Row, ...]
    reference: str
    topologies: Mapping[str, str]
    machines: Mapping[str, str]
    versions: str
    mixed_code: str = ""

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
        """Every run without a result."""
        return [failure for row in self.rows for failure in row.failures]

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

    def measured(self, measure: Measure) -> bool:
        """Whether any row has the score."""
        return any(row.estimates[measure.key].measured for row in self.rows)

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
    keys = [measure.key for measure in MEASURES]
    means = run_means(records.cases, keys)
    scored = runs.join(means, on="id").assign(chain_s=_chain_seconds(records))

    rows: list[Row] = []
    for dataset, group in scored.groupby("dataset", sort=True):
        base = _reference_scores(group, reference, str(dataset))
        rows += _mark_best(
            [_row(arm_runs, base, machines) for _, arm_runs in group.groupby("arm", sort=True)]
        )
    groups = {str(dataset): group for dataset, group in runs.groupby("dataset")}
    topologies = {dataset: _describe(groups[dataset]) for dataset in sorted(groups, key=_natural)}
    rows.sort(key=lambda row: (_natural(row.dataset), *_order(row, reference)))
    return Summary(
        tuple(rows), reference, topologies, machines, _versions(records), mixed_code(runs) or ""
    )


def _natural(label: str) -> list[tuple[float, str]]:
    """Return a sort key that puts ``lines=8`` before ``lines=12``."""
    pieces = re.split(r"(\d+)", label)
    return [(float(piece), "") if piece.isdigit() else (math.inf, piece) for piece in pieces]


def _order(row: Row, reference: str) -> tuple[Any, ...]:
    regime = _REGIMES.index(row.regime) if row.regime in _REGIMES else len(_REGIMES)
    return (row.role != "start", reference not in (row.method, row.arm), regime, row.arm)


def _row(runs: pd.DataFrame, base: pd.DataFrame | None, machines: Mapping[str, str]) -> Row:
    runs = runs.sort_values("seed")
    ok = runs[runs["status"] == OK]
    failed = runs[runs["status"] != OK]
    keys = [measure.key for measure in MEASURES]
    per_seed = ok.set_index("seed")[keys].sort_index()
    first = runs.iloc[0]
    is_reference = base is not None and base.index.name == first["arm"]
    return Row(
        dataset=first["dataset"],
        arm=first["arm"],
        method=first["method"],
        role=first["role"],
        regime=first["regime"],
        total=len(runs),
        ok=len(ok),
        cases=int(ok["n_cases"].max()) if len(ok) else 0,
        estimates={
            m.key: mean_interval(per_seed[m.key]).within(m.lowest, m.highest) for m in MEASURES
        },
        differences={
            m.key: UNMEASURED
            if base is None or is_reference
            else paired_difference(per_seed[m.key], base[m.key]).within(
                m.lowest - m.highest, m.highest - m.lowest
            )
            for m in COMPARED
        },
        per_seed=per_seed,
        times={
            letter: _times(ok[ok["machine"] == machine], first["regime"])
            for letter, machine in machines.items()
        },
        peak_bytes=float(pd.to_numeric(ok["peak_rss_bytes"]).max()),
        failures=tuple(
            Failure(*values)
            for values in failed[[field.name for field in fields(Failure)]].itertuples(index=False)
        ),
        runs=runs,
    )


def _chain_seconds(records: Records) -> list[float]:
    """Add to each run's wall time that of its parents; a start or judge, common to all, is free."""
    own = dict(zip(records.runs["id"], pd.to_numeric(records.runs["wall_s"]), strict=True))
    free = {i for i, role in zip(records.runs["id"], records.runs["role"], strict=True)
            if role == "start"} | set(records.judges["id"])  # fmt: skip

    def seconds(identity: str, depth: int = 3) -> float:
        # The depth guards against records that name each other.
        parents = (records.documents[identity]["spec"].get("parents") or {}).values()
        paid = [p for p in parents if p not in free and depth]
        return float(
            own.get(identity, math.nan)
            + sum(seconds(p, depth - 1) if p in own else math.nan for p in paid)
        )

    return [seconds(identity) for identity in records.runs["id"]]


def _times(runs: pd.DataFrame, regime: str) -> Times:
    wall = pd.to_numeric(runs["wall_s"]) / runs["n_cases"].where(runs["n_cases"] > 0)
    parts = {part: _seconds(runs[f"{part}_s"]) for part in PARTS}
    return Times(
        parts={part: estimate for part, estimate in parts.items() if estimate.measured},
        step=_seconds(runs["step_s"]),
        per_case=_seconds(wall) if regime in _PER_CASE else UNMEASURED,
        chain=_seconds(runs["chain_s"]),
    )


def _seconds(values: pd.Series) -> Estimate:
    return mean_interval(pd.to_numeric(values)).within(0.0, float("inf"))


def _reference_scores(group: pd.DataFrame, reference: str, dataset: str) -> pd.DataFrame | None:
    """Return the reference's run means by seed; the index is named by its label."""
    runs = group[(group["method"] == reference) | (group["arm"] == reference)]
    labels = sorted(runs["arm"].unique())
    if not labels:
        return None
    if len(labels) > 1:
        raise UserError(
            f"reference {reference!r} is ambiguous on {dataset}: it is the rows "
            f"{' and '.join(map(repr, labels))}; name one by "
            f"topoeval report RESULTS --reference {shlex.quote(labels[0])}"
        )
    ok = runs[runs["status"] == OK]
    return ok.set_index("seed")[[m.key for m in MEASURES]].rename_axis(labels[0])


def _mark_best(rows: list[Row]) -> list[Row]:
    """Mark the scores in which one method is separated from all others.

    The start is where the methods come from, not one of them. A method with failed runs does not
    win on the seeds that survived, though it can keep another from winning.
    """
    competing = {row.arm: row for row in rows if row.role != "start"}
    best: dict[str, set[str]] = {arm: set() for arm in competing}
    for measure in MEASURES:
        if not measure.better:
            continue
        winner = separated_best(
            {arm: row.per_seed[measure.key] for arm, row in competing.items()},
            higher_is_better=measure.better == "higher",
        )
        if winner is not None and not competing[winner].failures:
            best[winner].add(measure.key)
    return [replace(row, best=frozenset(best.get(row.arm, ()))) for row in rows]


def _describe(runs: pd.DataFrame) -> str:
    topology = Topology.parse(runs["topology"].iloc[0])
    ndims = runs["ndim"].dropna()
    # Without a single scored run nobody knows whether the images are 2D or 3D.
    return topology.describe(int(ndims.iloc[0])) if len(ndims) else str(topology)


def _versions(records: Records) -> str:
    """Join the versions of all records; a package with several versions shows them all."""
    found: dict[str, set[str]] = {}
    for document in records.documents.values():
        environment: Mapping[str, Any] = document.get("environment") or {}
        named = {
            "python": environment.get("python"),
            "topoeval": code_version(document),
            **(environment.get("versions") or {}),
        }
        for name, version in named.items():
            if version:
                found.setdefault(name, set()).add(str(version))
    return ", ".join(f"{name} {' / '.join(sorted(found[name]))}" for name in sorted(found))


def _letter(index: int) -> str:
    return chr(ord("A") + index) if index < 26 else f"A{index}"
