"""The means of several networks' maps beside those networks, and compared with those of a base.

The networks are given and the cases are the sample (decision 46): what is found holds for these
networks on cases like these, and not for other networks of the same methods. For that every method
would need several ensembles, each of seeds of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from topoeval.metrics import Metric, metric_of
from topoeval.statistics.paired_cases import LEVEL, outweighing, paired_difference_of_cases
from topoeval.statistics.pairs import holm

Scores = Mapping[str, NDArray[np.float64]]
"""By column the values of the cases; NaN where a score has none."""


@dataclass(frozen=True, slots=True, eq=False)
class EnsembleScores:
    """What the mean of a method's networks scores on a test, and what each of them does.

    Parameters
    ----------
    dataset, arm
        Labels of the dataset (each test of several is one) and of the method.
    seeds
        Of the networks.
    cases
        Names of the test cases.
    single
        Scores of the single networks, their mean for each case.
    mean
        Scores of the mean of their maps.
    repaired
        Scores of that mean after each remedy, by what the remedy is called.
    """

    dataset: str
    arm: str
    seeds: tuple[int, ...]
    cases: tuple[str, ...]
    single: Scores
    mean: Scores
    repaired: Mapping[str, Scores]


@dataclass(frozen=True, slots=True, eq=False)
class EnsembleRow:
    """One row of a table of one score; a row with a remedy has the mean alone as its base.

    Parameters
    ----------
    dataset, method, remedy, base, score
        Labels; ``remedy`` and ``base`` are empty where there is none.
    seeds, cases
        How many networks are averaged, and how many cases have a value.
    single, ensemble
        Mean over cases of the single networks (NaN with a remedy, which they did not have) and of
        the mean of their maps; NaN where it is undefined on some case.
    difference, low, high, p
        Of the ensemble to that of the base, as `paired_difference_of_cases`; NaN without a base.
    p_holm
        Corrected over all rows of the dataset that have a base, for this score.
    verdict
        ``better`` or ``worse`` at 5 % after the correction, ``not separated``, ``as its base``
        where all cases are equal; empty without a base.
    basis
        How the interval was made.
    rests_on
        The one case that makes most of the spread of the difference; else empty.
    """

    dataset: str
    method: str
    remedy: str
    base: str
    score: str
    seeds: int
    cases: int
    single: float
    ensemble: float
    difference: float = np.nan
    low: float = np.nan
    high: float = np.nan
    p: float = np.nan
    p_holm: float = np.nan
    verdict: str = ""
    basis: str = ""
    rests_on: str = ""

    @property
    def title(self) -> str:
        """The method, with its remedy where it has one."""
        return f"{self.method}, {self.remedy}" if self.remedy else self.method

    @property
    def metric(self) -> Metric:
        """The score."""
        return metric_of(self.score)


def ensemble_rows(
    found: Iterable[EnsembleScores], bases: Mapping[str, Mapping[str, str]]
) -> list[EnsembleRow]:
    """Return the rows of all tables: by dataset, by score, rows without a base first, then by gain.

    Parameters
    ----------
    found
        Of one or more datasets; the methods of a dataset have the same cases and columns.
    bases
        By dataset and label of a method the label of its base.
    """
    by_dataset: dict[str, list[EnsembleScores]] = {}
    for one in found:
        by_dataset.setdefault(one.dataset, []).append(one)
    rows: list[EnsembleRow] = []
    for dataset, methods in by_dataset.items():
        columns = [name for name in methods[0].mean if metric_of(name).direction]
        for column in columns:
            rows += _of_score(methods, column, bases.get(dataset, {}))
    return rows


def ensemble_frame(rows: Sequence[EnsembleRow]) -> pd.DataFrame:
    """Return rows as a table in full precision, in their order."""
    names = EnsembleRow.__dataclass_fields__
    return pd.DataFrame([{name: getattr(row, name) for name in names} for row in rows])


def _of_score(
    methods: Sequence[EnsembleScores], column: str, bases: Mapping[str, str]
) -> list[EnsembleRow]:
    metric = metric_of(column)
    every = [one.mean[column] for one in methods] + [one.single[column] for one in methods]
    kept = ~np.isnan(every).all(axis=0)  # a case that has no value at all says nothing
    means = {one.arm: one.mean[column][kept] for one in methods}
    names = np.array(methods[0].cases)[kept]
    rows = []
    for one in methods:
        base = bases.get(one.arm, "")
        alone = EnsembleRow(
            dataset=one.dataset,
            method=one.arm,
            remedy="",
            base=base if base in means else "",
            score=column,
            seeds=len(one.seeds),
            cases=int(kept.sum()),
            single=_mean(one.single[column][kept]),
            ensemble=_mean(means[one.arm]),
        )
        rows.append(_compared(alone, means[one.arm], means.get(base), metric, names))
        for remedy, scores in one.repaired.items():
            values = scores[column][kept]
            corrected = replace(
                alone, remedy=remedy, base=one.arm, single=np.nan, ensemble=_mean(values)
            )
            rows.append(_compared(corrected, values, means[one.arm], metric, names))
    sign = 1 if metric.direction == "lower" else -1
    decided = [
        replace(row, p_holm=p, verdict=_verdict(row, p, sign))
        for row, p in zip(rows, holm([row.p for row in rows]).tolist(), strict=True)
    ]
    # those without a base are what the others are compared with
    return sorted(
        decided, key=lambda row: (bool(row.base), _order(sign * row.difference), row.title)
    )


def _compared(
    row: EnsembleRow,
    values: NDArray[np.float64],
    base: NDArray[np.float64] | None,
    metric: Metric,
    names: NDArray[Any],
) -> EnsembleRow:
    if base is None or not np.isfinite([*values, *base]).all() or not len(values):
        return row
    found = paired_difference_of_cases(values, base, binary=metric.right_or_wrong)
    alone = outweighing(values, base) if found.basis == "cases" else None
    widest = metric.high - metric.low
    return replace(
        row,
        difference=found.mean,
        # no true mean lies beyond what the score can differ by
        low=max(found.low, -widest),
        high=min(found.high, widest),
        p=found.p,
        basis=found.basis,
        rests_on="" if alone is None else str(names[alone]),
        verdict="as its base" if np.array_equal(values, base) else "",
    )


def _verdict(row: EnsembleRow, p_holm: float, sign: int) -> str:
    if row.verdict or np.isnan(p_holm):
        return row.verdict
    if p_holm >= 1 - LEVEL:
        return "not separated"
    return "better" if sign * row.difference < 0 else "worse"


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean()) if len(values) else np.nan


def _order(value: float) -> float:
    return np.inf if np.isnan(value) else value
