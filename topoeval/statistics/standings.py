"""What the scores of a table support, in one value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from topoeval.errors import UserError
from topoeval.metrics import Metric, metric_of
from topoeval.statistics.bootstrap import RESAMPLES, Stability, rank_stability
from topoeval.statistics.critical_difference import CriticalDifference, critical_difference
from topoeval.statistics.crossed import crossed_interval
from topoeval.statistics.estimate import LEVEL, UNMEASURED, Estimate
from topoeval.statistics.grid import Grid, direction, grids, worst
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


@dataclass(frozen=True, eq=False)
class Standings:
    """Methods in order, and how much of the order the scores support.

    Parameters
    ----------
    measure
        Column that was ranked.
    datasets
        Labels of the datasets; with several, every one counts alike.
    table
        A row per method, best first: ``method``; ``mean``, ``low``, ``high`` over seeds and cases
        of the runs that have scores; ``runs`` of these, ``failed`` (the method's fault), ``absent``
        (not run, the machine's fault, or a score undefined on some case); ``tier``, ``rank_low``,
        ``rank_high``; the three schemes ``by_mean``, ``by_cases`` (``mean_rank`` is what it
        orders) and ``by_tests``. A method without any rank has NaN or NA there.
    estimates
        ``mean``, ``low`` and ``high`` as an `Estimate`, by method.
    pairs
        Every two methods compared.
    critical_difference
        Of the run means; None with fewer than three methods or two complete blocks.
    stability
        Of the order by means.
    wins
        How often the method of a row beats that of a column.
    power
        What would separate the first two by mean; None where there are no two to compare.
    notes
        What a reader must know, a sentence each: failures, what was left out, tests without power.
    """

    measure: str
    datasets: tuple[str, ...]
    table: pd.DataFrame
    estimates: Mapping[str, Estimate]
    pairs: Pairs
    critical_difference: CriticalDifference | None
    stability: Stability
    wins: pd.DataFrame
    power: Power | None
    notes: tuple[str, ...]

    @property
    def separated_best(self) -> str | None:
        """The method that is separated as better from every other; None if there is none."""
        ranked = self.table[self.table["tier"].notna()]
        alone = ranked[ranked["rank_high"] == 1]
        return str(alone["method"].iloc[0]) if len(alone) and len(ranked) > 1 else None


def standings(
    scores: pd.DataFrame,
    measure: str | Metric,
    *,
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
    level
        Confidence of intervals and of the family of pairs.
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
    ...     for m in "ab" for s in range(3) for c in range(4)
    ... ]
    >>> found = standings(pd.DataFrame(rows), "dice")
    >>> found.table[["method", "tier", "rank_low", "rank_high"]].to_numpy().tolist()
    [['a', 1, 1, 1], ['b', 2, 2, 2]]
    >>> found.separated_best
    'a'
    """
    chosen = metric_of(measure) if isinstance(measure, str) else measure
    higher = direction(chosen) == "higher"
    if not 0 < level < 1:
        raise UserError(f"level is a confidence between 0 and 1, got {level}")
    found = grids(scores)
    methods = found[0].methods
    estimates = {name: _estimate(found, m, chosen, level) for m, name in enumerate(methods)}
    blocks = run_blocks(found, chosen)
    # Every dataset counts alike, however many seeds it has; a failed run counts as the worst.
    ranked = blocks.groupby(level="dataset").mean().mean(skipna=False).to_numpy(dtype=float)
    pairs = compare_pairs(found, chosen, level)
    separated = pairs.separated()
    mean_ranks = rank_then_mean(found, chosen)
    table = pd.DataFrame({
        "method": methods,
        "mean": [estimates[name].mean for name in methods],
        "low": [estimates[name].low for name in methods],
        "high": [estimates[name].high for name in methods],
        "runs": _count(found, [grid.scored for grid in found]),
        "failed": _count(found, [grid.failed for grid in found]),
        "absent": _count(found, [~grid.scored & ~grid.failed for grid in found]),
    })  # fmt: skip
    # Without a score on every dataset nothing was compared; not to be separated is then no merit.
    compared = np.array([estimates[name].measured for name in methods])
    table = table.join(tiers(methods, np.where(compared, ranked, np.nan), separated), on="method")
    # A method that was not measured everywhere has no place in any of the three orders.
    measured = ~np.isnan(ranked)
    schemes = {
        "by_mean": mean_then_rank(ranked, higher_is_better=higher),
        "by_cases": rank(np.where(measured, mean_ranks, np.nan), higher_is_better=False),
        "by_tests": np.full(len(methods), np.nan),
    }
    names = [name for name, is_in in zip(methods, measured, strict=True) if is_in]
    schemes["by_tests"][measured] = significance_rank(names, _among(separated, names))
    for name, values in schemes.items():
        table[name] = pd.array(values, dtype="Int64")
    table["mean_rank"] = np.where(measured, mean_ranks, np.nan)
    table = table.sort_values(
        ["tier", "by_mean", "method"], kind="stable", na_position="last", ignore_index=True
    )
    return Standings(
        measure=chosen.name,
        datasets=tuple(grid.dataset for grid in found),
        table=table,
        estimates=estimates,
        pairs=pairs,
        critical_difference=critical_difference(blocks.loc[:, measured], chosen, 1 - level),
        stability=rank_stability(found, chosen, ranked, resamples=resamples, rng=rng),
        wins=win_matrix(found, chosen),
        power=_top_two(found, methods, ranked, higher=higher),
        notes=_notes(found, table, pairs, chosen, level),
    )


def _among(separated: set[tuple[str, str]], names: Sequence[str]) -> list[tuple[str, str]]:
    return [(a, b) for a, b in separated if a in names and b in names]


def _estimate(found: Sequence[Grid], m: int, measure: Metric, level: float) -> Estimate:
    tables = [grid.values[m, grid.scored[m]] for grid in found]
    if not all(len(table) for table in tables):
        return UNMEASURED
    low, high = measure.range
    return crossed_interval(tables, level).within(low, np.inf if high is None else high)


def _count(found: Sequence[Grid], marks: Sequence[np.ndarray]) -> list[int]:
    return [int(sum(mark[m].sum() for mark in marks)) for m in range(len(found[0].methods))]


def _top_two(
    found: Sequence[Grid], methods: Sequence[str], means: np.ndarray, *, higher: bool
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
    found: Sequence[Grid], table: pd.DataFrame, pairs: Pairs, measure: Metric, level: float
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
