"""What the scores of a table support, in one value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from topoeval.errors import UserError
from topoeval.metrics import Metric, metric_of
from topoeval.statistics.against_base import AgainstBase, against_bases
from topoeval.statistics.bootstrap import RESAMPLES, Stability, rank_stability
from topoeval.statistics.critical_difference import CriticalDifference, critical_difference
from topoeval.statistics.crossed import crossed_interval
from topoeval.statistics.estimate import LEVEL, UNMEASURED, Estimate
from topoeval.statistics.grid import ScoreGrid, direction, grids, worst
from topoeval.statistics.pairs import Pairs, compare_pairs, differences, run_blocks
from topoeval.statistics.power import Power, power_note
from topoeval.statistics.ranks import (
    mean_then_rank,
    rank,
    rank_then_mean,
    significance_rank,
    tiers,
    win_matrix,
)
from topoeval.statistics.relative import relative_errors


@dataclass(frozen=True, eq=False)
class Standings:
    """What the scores of some methods support; computed as far as it is asked for.

    `standings` makes it. Everything is of one array per dataset, `found`, so that a table, a star,
    a tier and a claim cannot disagree.

    Parameters
    ----------
    measure
        The score that was asked for.
    found
        A grid per dataset, over the same methods; with several datasets of relative errors
        (`topoeval.statistics.relative`).
    scored
        What describes the values of `found`: the measure, or the measure as a relative error.
    bases
        Label of the base by label of the method.
    reference
        The method whose error is 1 where there are several datasets.
    level
        Confidence of intervals and of each family of tests.
    resamples, rng
        Of the bootstrap behind `stability`.
    """

    measure: str
    found: tuple[ScoreGrid, ...]
    scored: Metric
    bases: Mapping[str, str]
    reference: str = ""
    level: float = LEVEL
    resamples: int = RESAMPLES
    rng: np.random.Generator | int = 0

    @property
    def datasets(self) -> tuple[str, ...]:
        """Labels of the datasets; with several, every one counts alike."""
        return tuple(grid.dataset for grid in self.found)

    @property
    def methods(self) -> tuple[str, ...]:
        """Labels of the methods, in alphabetical order."""
        return self.found[0].methods

    @property
    def is_relative(self) -> bool:
        """Whether the values are errors relative to the reference."""
        return len(self.found) > 1

    @cached_property
    def estimates(self) -> Mapping[str, Estimate]:
        """Mean and interval over seeds and cases, by method, of the runs that have scores."""
        return {name: self._estimate(m) for m, name in enumerate(self.methods)}

    @cached_property
    def against_bases(self) -> Mapping[str, AgainstBase]:
        """Each method compared with its base, corrected over these methods (`AgainstBase`)."""
        return against_bases(self.found, self.scored, self.bases, self.level)

    @cached_property
    def pairs(self) -> Pairs:
        """Every two methods compared, corrected over all pairs; they decide tiers."""
        return compare_pairs(self.found, self.scored, self.level)

    @cached_property
    def table(self) -> pd.DataFrame:
        """A row per method, best first.

        ``method``; ``mean``, ``low``, ``high``; ``runs`` with scores, ``failed`` (the method's
        fault), ``absent`` (not run, the machine's fault, or a score undefined on some case);
        ``tier``, ``rank_low``, ``rank_high``; the schemes ``by_mean``, ``by_datasets`` (the mean of
        the ranks inside each dataset), ``by_cases`` (``mean_rank`` is what it orders) and
        ``by_tests``. A method without any rank has NaN or NA there.
        """
        found, methods = self.found, self.methods
        separated, ranked = self.pairs.separated(), self._ranked
        mean_ranks = rank_then_mean(found, self.scored)
        estimates = [self.estimates[name] for name in methods]
        table = pd.DataFrame({
            "method": methods,
            "mean": [one.mean for one in estimates],
            "low": [one.low for one in estimates],
            "high": [one.high for one in estimates],
            "runs": _count(found, [grid.scored for grid in found]),
            "failed": _count(found, [grid.failed for grid in found]),
            "absent": _count(found, [~grid.scored & ~grid.failed for grid in found]),
        })  # fmt: skip
        # Without a score on every dataset nothing was compared; not to be separated is no merit.
        compared = np.array([one.measured for one in estimates])
        placed = tiers(methods, np.where(compared, ranked, np.nan), separated)
        table = table.join(placed, on="method")
        # A method that was not measured everywhere has no place in any of the orders.
        measured = ~np.isnan(ranked)
        inside = np.where(measured, self._mean_of_dataset_ranks, np.nan)
        schemes = {
            "by_mean": mean_then_rank(ranked, higher_is_better=self._higher),
            "by_datasets": rank(inside, higher_is_better=False),
            "by_cases": rank(np.where(measured, mean_ranks, np.nan), higher_is_better=False),
            "by_tests": np.full(len(methods), np.nan),
        }
        names = [name for name, is_in in zip(methods, measured, strict=True) if is_in]
        schemes["by_tests"][measured] = significance_rank(names, _among(separated, names))
        for name, values in schemes.items():
            table[name] = pd.array(values, dtype="Int64")
        table["mean_rank"] = np.where(measured, mean_ranks, np.nan)
        return table.sort_values(
            ["tier", "by_mean", "method"], kind="stable", na_position="last", ignore_index=True
        )

    @cached_property
    def critical_difference(self) -> CriticalDifference | None:
        """Of the run means; None with fewer than three methods or two complete blocks."""
        measured = ~np.isnan(self._ranked)
        return critical_difference(self._blocks.loc[:, measured], self.scored, 1 - self.level)

    @cached_property
    def stability(self) -> Stability:
        """How the order by means holds up when seeds and cases are drawn again."""
        return rank_stability(
            self.found, self.scored, self._ranked, resamples=self.resamples, rng=self.rng
        )

    @cached_property
    def wins(self) -> pd.DataFrame:
        """How often the method of a row beats that of a column."""
        return win_matrix(self.found, self.scored)

    @cached_property
    def power(self) -> Power | None:
        """What would separate the first two by mean; None where there are no two to compare."""
        return _top_two(self.found, self.methods, self._ranked, higher=self._higher)

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """What a reader must know, a sentence each: failures, what was left out."""
        return _notes(self.found, self.table, self.pairs, self.scored, self.level)

    @property
    def separated_best(self) -> str | None:
        """The method that is separated as better from every other; None if there is none."""
        ranked = self.table[self.table["tier"].notna()]
        alone = ranked[ranked["rank_high"] == 1]
        return str(alone["method"].iloc[0]) if len(alone) and len(ranked) > 1 else None

    @property
    def _higher(self) -> bool:
        return direction(self.scored) == "higher"

    @cached_property
    def _blocks(self) -> pd.DataFrame:
        return run_blocks(self.found, self.scored)

    @cached_property
    def _by_dataset(self) -> pd.DataFrame:
        """Means, a row per dataset; a failed run counts as the worst."""
        return self._blocks.groupby(level="dataset").mean()

    @cached_property
    def _ranked(self) -> NDArray[np.float64]:
        """What methods are ordered by: every dataset counts alike."""
        return self._by_dataset.mean(skipna=False).to_numpy(dtype=float)

    @property
    def _mean_of_dataset_ranks(self) -> NDArray[np.float64]:
        means = self._by_dataset.to_numpy(dtype=float)
        return np.asarray(rank(means, higher_is_better=self._higher, ties="average").mean(0))

    def _estimate(self, m: int) -> Estimate:
        tables = [grid.values[m, grid.scored[m]] for grid in self.found]
        if not all(len(table) for table in tables):
            return UNMEASURED
        estimate = crossed_interval(tables, self.level, binary=self._binary)
        return estimate.within(self.scored.low, self.scored.high)

    @cached_property
    def _binary(self) -> bool:
        """Whether a case is right or wrong: a score in [0, 1] with no value between."""
        between = (np.any((grid.values > 0) & (grid.values < 1)) for grid in self.found)
        return tuple(self.scored.range) == (0, 1) and not any(between)


def standings(
    scores: pd.DataFrame,
    measure: str | Metric,
    *,
    bases: Mapping[str, str] | None = None,
    reference: str = "",
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    rng: np.random.Generator | int = 0,
) -> Standings:
    """Order methods by a score, no further than the scores separate them.

    Parameters
    ----------
    scores
        As `score_table` makes them, of one dataset or several.
    measure
        Name of a metric, or a value with ``name``, ``direction`` and ``range``.
    bases
        By label of a method the label of its base, for `Standings.against_bases`.
    reference
        Over several datasets, the method whose error is 1 on each of them.
    level
        Confidence of intervals and of each family of tests.
    resamples, rng
        Of the bootstrap behind `Standings.stability`.

    Raises
    ------
    UserError
        If the measure is unknown or cannot be ranked, or the table is not one of scores.

    Examples
    --------
    >>> rows = [
    ...     {"dataset": "d", "method": m, "seed": s, "case": str(c), "status": "ok", "fault": "",
    ...      "value": {"a": 0.9, "b": 0.7}[m] + 0.01 * ((s * 3 + c * 5 + len(m)) % 7) * (m == "a")}
    ...     for m in "ab" for s in range(5) for c in range(4)
    ... ]
    >>> found = standings(pd.DataFrame(rows), "dice", bases={"a": "b"})
    >>> found.table[["method", "tier", "rank_low", "rank_high"]].to_numpy().tolist()
    [['a', 1, 1, 1], ['b', 2, 2, 2]]
    >>> found.against_bases["a"].better
    True
    """
    chosen = metric_of(measure) if isinstance(measure, str) else measure
    direction(chosen)
    return standings_of(
        grids(scores), chosen, bases=bases or {}, reference=reference, level=level,
        resamples=resamples, rng=rng,
    )  # fmt: skip


def standings_of(
    found: Sequence[ScoreGrid],
    measure: Metric,
    *,
    bases: Mapping[str, str],
    reference: str = "",
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    rng: np.random.Generator | int = 0,
) -> Standings:
    """Return the `Standings` of scores that are arranged already; otherwise as `standings`."""
    if not 0 < level < 1:
        raise UserError(f"level is a confidence between 0 and 1, got {level}")
    scored, described = (
        (found, measure) if len(found) == 1 else relative_errors(found, measure, reference)
    )
    return Standings(
        measure.name, tuple(scored), described, bases, reference, level, resamples, rng
    )


def _among(separated: set[tuple[str, str]], names: Sequence[str]) -> list[tuple[str, str]]:
    return [(a, b) for a, b in separated if a in names and b in names]


def _count(found: Sequence[ScoreGrid], marks: Sequence[np.ndarray]) -> list[int]:
    return [int(sum(mark[m].sum() for mark in marks)) for m in range(len(found[0].methods))]


def _top_two(
    found: Sequence[ScoreGrid], methods: Sequence[str], means: np.ndarray, *, higher: bool
) -> Power | None:
    order = np.argsort(-means if higher else means, kind="stable")[:2]
    if len(order) < 2 or not np.isfinite(means[order]).all():
        return None
    first, second = (int(place) for place in order)
    parts = differences(found, [(first, second)])
    if parts is None:
        return None
    return power_note(methods[first], methods[second], [part.at(0) for part in parts])


def _notes(
    found: Sequence[ScoreGrid], table: pd.DataFrame, pairs: Pairs, measure: Metric, level: float
) -> tuple[str, ...]:
    notes = [
        f"{grid.undefined} cases of {grid.dataset} left out: no run has a value there."
        for grid in found
        if grid.undefined
    ]
    last = "last" if np.isinf(worst(measure)) else f"as {worst(measure):g}, the worst there is"
    for row in table.itertuples():
        if row.failed:
            notes.append(
                f"{row.method}: {row.failed} failed runs, ranked {last}; its mean is that of the "
                f"other {row.runs}, and it is not called better than any other."
            )
        if row.absent:
            notes.append(
                f"{row.method}: {row.absent} runs not measured; ranked by the other "
                f"{row.runs + row.failed}."
            )
        if pd.isna(row.tier):
            notes.append(f"{row.method} has no tier: no run of it has a score on every dataset.")
    if len(pairs.table) and pairs.least_p > 1 - level:
        n = int(pairs.table["wilcoxon_n"].max())
        notes.append(
            f"Wilcoxon's test cannot separate any pair here: with {n} blocks of dataset and seed "
            f"and {len(pairs.table)} pairs no corrected p is below {pairs.least_p:.2g}."
        )
    return tuple(notes)
