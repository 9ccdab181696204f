"""One row of the results: a method on a dataset, over all its seeds."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields

import numpy as np
import pandas as pd

from topoeval.metrics import Metric
from topoeval.records.parts import MAIN_TEST
from topoeval.records.record import OK
from topoeval.report.scored import COMPARED, scored
from topoeval.report.thresholds import AtThresholds, ThresholdStandings, estimates_at
from topoeval.results.records import Records
from topoeval.results.rows import PARTS
from topoeval.statistics import (
    UNMEASURED,
    Estimate,
    ScoreGrid,
    Standings,
    mean_interval,
    score_grids,
    standings_of,
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
class MethodRow:
    """One method on one dataset, over all its seeds.

    Parameters
    ----------
    dataset, arm
        Unique labels; a further test of the same networks is a dataset of its own.
    test
        Name of the test.
    method, label, role, regime
        As in the spec of the runs; the label is that of suites.
    remedy
        Name of its remedy; empty without.
    metrics
        The scores that are shown.
    base
        Label of the row it is compared with; empty for the reference and the start.
    total, ok, cases
        How many runs there are, how many of them have a result, and test cases of each.
    estimates
        Mean and interval of each score, from the dataset's `Standings`.
    differences
        The same of the difference to the base.
    better
        Scores in which it is separated as better than its base: those with a star.
    same
        Whether every score of every case is that of its base.
    at_thresholds
        Estimates at the thresholds that the records have, of networks that were trained.
    per_seed
        Run means, a row per seed with a result, a column per score.
    times
        By the letter of the machine.
    peak_bytes
        The most memory that one of the runs had; NaN where none was measured.
    failures, runs
        Runs without a result, and all of them with their means.
    """

    dataset: str
    test: str
    arm: str
    method: str
    label: str
    role: str
    regime: str
    remedy: str
    metrics: tuple[Metric, ...]
    base: str
    total: int
    ok: int
    cases: int
    estimates: Mapping[str, Estimate]
    differences: Mapping[str, Estimate]
    better: frozenset[str]
    same: bool
    at_thresholds: AtThresholds
    per_seed: pd.DataFrame
    times: Mapping[str, Times]
    peak_bytes: float
    failures: tuple[Failure, ...]
    runs: pd.DataFrame

    @property
    def title(self) -> str:
        """Label of the row; the common starting checkpoint is marked."""
        return f"{self.arm} (start)" if self.role == "start" else self.arm

    @property
    def is_main(self) -> bool:
        """Whether it is of the main test; only its row has costs and failures."""
        return self.test == MAIN_TEST

    @property
    def uses_prior_of_test(self) -> bool:
        """Whether the method is given the prior of each test image."""
        return self.regime == "post_process" or bool(self.remedy)

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


def standings_by_dataset(
    records: Records, bases: Mapping[str, Mapping[str, str]]
) -> dict[str, dict[str, Standings]]:
    """Return by dataset and score what the scores support.

    The start is where the methods come from: its mean is shown, so it stands among the methods, but
    it has no base and is in no family of comparisons.
    """
    metrics = {metric.name: metric for metric in scored(records.cases.columns)}
    arranged = score_grids(records.runs, records.cases, list(metrics))
    return {
        dataset: {
            name: standings_of([grid], metrics[name], bases=bases.get(dataset, {}))
            for name, grid in grids.items()
        }
        for dataset, grids in arranged.items()
    }


def rows_of(
    records: Records,
    found: Mapping[str, Mapping[str, Standings]],
    machines: Mapping[str, str],
    at_thresholds: ThresholdStandings,
) -> Iterator[MethodRow]:
    """Return a row for each dataset and method.

    Parameters
    ----------
    records
        What `topoeval.results.records.read` returns.
    found
        What `standings_by_dataset` returns of them.
    machines
        Letter and description of each machine.
    at_thresholds
        What `topoeval.report.thresholds.threshold_standings` returns of the records.
    """
    runs = records.runs.assign(chain_s=_chain_seconds(records))
    for dataset, group in runs.groupby("dataset", sort=True):
        of_dataset = found[str(dataset)]
        means = {key: _run_means(one.found[0]) for key, one in of_dataset.items()}
        for arm, arm_runs in group.groupby("arm", sort=True):
            at = estimates_at(at_thresholds, str(dataset), str(arm))
            yield _row(arm_runs.sort_values("seed"), of_dataset, means, machines, at)


def _row(
    runs: pd.DataFrame,
    found: Mapping[str, Standings],
    means: Mapping[str, pd.DataFrame],
    machines: Mapping[str, str],
    at_thresholds: AtThresholds,
) -> MethodRow:
    first = runs.iloc[0]
    arm = str(first["arm"])
    by_seed = pd.DataFrame({key: table.loc[arm] for key, table in means.items()})
    runs = runs.join(by_seed, on="seed")
    ok = runs[runs["status"] == OK]
    failed = runs[runs["status"] != OK]
    against = {
        key: one.against_bases[arm]
        for key, one in found.items()
        # A metric without a direction is not compared.
        if one.scored.direction and arm in one.against_bases
    }
    compared = [one for one in against.values() if one.difference.measured]
    return MethodRow(
        dataset=first["dataset"],
        test=first["test"],
        arm=arm,
        method=first["method"],
        label=first["label"],
        role=first["role"],
        regime=first["regime"],
        remedy=first["remedy"],
        metrics=tuple(one.scored for one in found.values()),
        base=next((one.base for one in against.values()), ""),
        total=len(runs),
        ok=len(ok),
        cases=int(ok["n_cases"].max()) if len(ok) else 0,
        estimates={key: one.estimates[arm] for key, one in found.items()},
        differences={
            metric.name: against[metric.name].difference if metric.name in against else UNMEASURED
            for metric in COMPARED
        },
        better=frozenset(key for key, one in against.items() if one.better),
        same=bool(compared) and all(one.same for one in compared),
        at_thresholds=at_thresholds,
        per_seed=ok.set_index("seed")[list(means)].sort_index(),
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


def _run_means(grid: ScoreGrid) -> pd.DataFrame:
    """Return means over cases, a row per method, a column per seed."""
    values = grid.values.mean(2) if grid.cases else np.full(grid.failed.shape, np.nan)
    return pd.DataFrame(values, index=list(grid.methods), columns=list(grid.seeds))


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
