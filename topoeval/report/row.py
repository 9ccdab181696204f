"""One row of the results: a method on a dataset, over all its seeds."""

from __future__ import annotations

import math
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace

import pandas as pd

from topoeval.errors import UserError
from topoeval.metrics import Metric
from topoeval.records.parts import MAIN_TEST
from topoeval.records.record import OK
from topoeval.report.scored import COMPARED, scored
from topoeval.results.records import Records
from topoeval.results.rows import PARTS
from topoeval.statistics.estimate import (
    UNMEASURED,
    Estimate,
    mean_interval,
    paired_difference,
    run_means,
    separated_best,
)

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
    """One method on one dataset, over all its seeds.

    Parameters
    ----------
    dataset, arm
        Unique labels; a further test of the same networks is a dataset of its own.
    test
        Name of the test.
    method, role, regime
        As in the spec of the runs.
    total, ok, cases
        How many runs there are, how many of them have a result, and test cases of each.
    metrics
        The scores of this row, the same in all rows of a report.
    estimates, differences
        Per score the mean over seeds, and that of the difference to the reference inside a seed.
    per_seed
        Run means, a row per seed with a result, a column per score.
    times
        By the letter of the machine.
    peak_bytes
        The most memory that one of the runs had; NaN where none was measured.
    failures, runs
        Runs without a result, and all of them.
    best
        Scores in which the method is separated from every other.
    """

    dataset: str
    test: str
    arm: str
    method: str
    role: str
    regime: str
    total: int
    ok: int
    cases: int
    metrics: tuple[Metric, ...]
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
    def is_main(self) -> bool:
        """Whether it is of the main test; what a run cost, or that it failed, is told there."""
        return self.test == MAIN_TEST

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


def rows_of(records: Records, reference: str, machines: Mapping[str, str]) -> list[Row]:
    """Return a row for each dataset and method.

    Parameters
    ----------
    records
        What `topoeval.results.records.read` returns.
    reference
        Name or label of the method that differences are taken to.
    machines
        Letter and description of each machine.

    Raises
    ------
    UserError
        If several variants of the reference were run on a dataset.
    """
    metrics = scored(records.cases.columns)
    means = run_means(records.cases, [metric.name for metric in metrics])
    runs = records.runs.join(means, on="id").assign(chain_s=_chain_seconds(records))
    rows: list[Row] = []
    for dataset, group in runs.groupby("dataset", sort=True):
        base = _reference_scores(group, reference, str(dataset), metrics)
        rows += _mark_best(
            [
                _row(arm_runs, base, machines, metrics)
                for _, arm_runs in group.groupby("arm", sort=True)
            ],
            metrics,
        )
    return rows


def _row(
    runs: pd.DataFrame,
    base: pd.DataFrame | None,
    machines: Mapping[str, str],
    metrics: Sequence[Metric],
) -> Row:
    runs = runs.sort_values("seed")
    ok = runs[runs["status"] == OK]
    failed = runs[runs["status"] != OK]
    keys = [metric.name for metric in metrics]
    per_seed = ok.set_index("seed")[keys].sort_index()
    first = runs.iloc[0]
    is_reference = base is not None and base.index.name == first["arm"]
    return Row(
        dataset=first["dataset"],
        test=first["test"],
        arm=first["arm"],
        method=first["method"],
        role=first["role"],
        regime=first["regime"],
        total=len(runs),
        ok=len(ok),
        cases=int(ok["n_cases"].max()) if len(ok) else 0,
        metrics=tuple(metrics),
        estimates={m.name: mean_interval(per_seed[m.name]).within(m.low, m.high) for m in metrics},
        differences={
            m.name: UNMEASURED
            if base is None or is_reference
            else paired_difference(per_seed[m.name], base[m.name]).within(
                m.low - m.high, m.high - m.low
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


def _chain_seconds(records: Records) -> list[float]:
    """Add to each run's wall time that of its parents; what is common to all is free."""
    own = dict(zip(records.runs["id"], pd.to_numeric(records.runs["wall_s"]), strict=True))
    free = {i for i, role in zip(records.runs["id"], records.runs["role"], strict=True)
            if role == "start"} | set(records.auxiliary["id"])  # fmt: skip

    def seconds(identity: str, depth: int = 3) -> float:
        # The depth guards against records that name each other.
        parents = records.documents[identity].spec.parents.values()
        paid = [p for p in parents if p not in free and depth]
        return float(
            own.get(identity, math.nan)
            + sum(seconds(p, depth - 1) if p in own else math.nan for p in paid)
        )

    return [seconds(identity) for identity in records.runs["id"]]


def _reference_scores(
    group: pd.DataFrame, reference: str, dataset: str, metrics: Sequence[Metric]
) -> pd.DataFrame | None:
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
    return ok.set_index("seed")[[m.name for m in metrics]].rename_axis(labels[0])


def _mark_best(rows: list[Row], metrics: Sequence[Metric]) -> list[Row]:
    """Mark the scores in which one method is separated from all others.

    The start is where the methods come from, not one of them. A method with failed runs does not
    win on the seeds that survived, though it can keep another from winning.
    """
    competing = {row.arm: row for row in rows if row.role != "start"}
    best: dict[str, set[str]] = {arm: set() for arm in competing}
    for measure in metrics:
        if not measure.direction:
            continue
        winner = separated_best(
            {arm: row.per_seed[measure.name] for arm, row in competing.items()},
            higher_is_better=measure.direction == "higher",
        )
        if winner is not None and not competing[winner].failures:
            best[winner].add(measure.name)
    return [replace(row, best=frozenset(best.get(row.arm, ()))) for row in rows]
