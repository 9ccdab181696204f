"""Orders of methods: tiers, three ways to rank, who wins how often.

There is no one right way from scores to a rank (Maier-Hein et al., Nature Communications 9, 2018);
an order that depends on the way is not one to print. The three are those of challengeR (Wiesenfarth
et al., Scientific Reports 11, 2021): average, then rank; rank every case, then average; count whom
a method is significantly better than.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from topoeval.metrics import Metric
from topoeval.statistics.grid import ScoreGrid, direction

Array = NDArray[np.float64]


def rank(values: Array, *, higher_is_better: bool, ties: str = "min") -> Array:
    """Rank along the last axis, 1 for the best; NaN is not ranked.

    >>> rank(np.array([0.9, 0.7, 0.9, np.nan]), higher_is_better=True)
    array([ 1.,  3.,  1., nan])
    """
    signed = -values if higher_is_better else values
    # Equal means may differ in the last bit, depending on the order in which they were summed.
    rounded = np.where(np.isfinite(signed), _significant(signed), signed)
    ranked: Array = stats.rankdata(rounded, method=ties, axis=-1, nan_policy="omit")
    return ranked


def mean_then_rank(means: Array, *, higher_is_better: bool) -> Array:
    """Rank methods by their mean over everything; ties share the better rank."""
    return rank(means, higher_is_better=higher_is_better)


def rank_then_mean(found: Sequence[ScoreGrid], measure: Metric) -> Array:
    """Average, per method, its rank in every case of every run; datasets count alike.

    Failed runs are ranked last in each of their cases; where a method was not measured, the others
    are ranked without it.

    Returns
    -------
    numpy.ndarray
        ``(methods,)`` mean ranks; NaN for a method without a run on some dataset.
    """
    higher = direction(measure) == "higher"
    means = []
    for grid in found:
        # A failure is last, even behind a run that scored the worst possible.
        values = np.where(grid.failed[..., None], -np.inf if higher else np.inf, grid.values)
        ranks = rank(np.moveaxis(values, 0, -1), higher_is_better=higher, ties="average")
        ranks = ranks.reshape(-1, len(grid.methods))
        present = ~np.isnan(ranks)
        total = np.where(present, ranks, 0).sum(0)
        with np.errstate(invalid="ignore"):
            means.append(total / present.sum(0))
    averaged: Array = np.mean(means, axis=0)
    return averaged


def significance_rank(methods: Sequence[str], separated: Iterable[tuple[str, str]]) -> Array:
    """Rank methods by how many others they are separated from as better; ties share."""
    wins = dict.fromkeys(methods, 0)
    for better, _ in separated:
        wins[better] += 1
    counts = np.array([wins[name] for name in methods], dtype=float)
    return rank(counts, higher_is_better=True)


def tiers(
    methods: Sequence[str], means: Array, separated: Iterable[tuple[str, str]]
) -> pd.DataFrame:
    """Group methods so that no two of one tier are separated, and tell what rank each may have.

    Parameters
    ----------
    methods, means
        Names and means; NaN for a method that was not measured, which then has no tier.
    separated
        ``(better, worse)`` pairs, corrected for their number.

    Returns
    -------
    pandas.DataFrame
        By method: ``tier``, one more than the largest tier of those separated as better;
        ``rank_low``, one more than how many these are; ``rank_high``, how many are not separated
        as worse. With the chance of one false claim bounded, all true ranks lie in their ranges
        at once with the same confidence (Mogstad et al., Review of Economic Studies 91, 2024).

    Examples
    --------
    Of three methods only the first and the last are separated.

    >>> tiers(["a", "b", "c"], np.array([0.9, 0.8, 0.7]), [("a", "c")]).loc["c"].tolist()
    [2, 2, 3]
    """
    above: dict[str, set[str]] = {name: set() for name in methods}
    below: dict[str, set[str]] = {name: set() for name in methods}
    for better, worse in separated:
        above[worse].add(better)
        below[better].add(worse)
    found: dict[str, int] = {}

    def tier(name: str, path: frozenset[str] = frozenset()) -> int:
        # Methods that lack different seeds may beat each other in a circle; it separates nobody.
        if name not in found and name not in path:
            others = above[name] - path
            found[name] = 1 + max((tier(other, path | {name}) for other in others), default=0)
        return found.get(name, 0)

    rows = []
    for name, mean in zip(methods, means, strict=True):
        if np.isnan(mean):
            rows.append((pd.NA, pd.NA, pd.NA))
            continue
        measured = int((~np.isnan(means)).sum())
        rows.append((tier(name), 1 + len(above[name]), measured - len(below[name])))
    frame = pd.DataFrame(rows, index=list(methods), columns=["tier", "rank_low", "rank_high"])
    return frame.astype("Int64")


def win_matrix(found: Sequence[ScoreGrid], measure: Metric) -> pd.DataFrame:
    """Return how often the method of the row beats that of the column.

    Compared are the same case in the runs of the same seed; a tie counts half to each, a failed run
    loses to every other. Datasets count alike.

    Returns
    -------
    pandas.DataFrame
        ``(methods, methods)`` shares; NaN on the diagonal and where two were never run together.
    """
    sign = 1 if direction(measure) == "higher" else -1
    shares = []
    for grid in found:
        signed = np.where(grid.failed[..., None], -np.inf, sign * grid.values)
        k = len(grid.methods)
        flat = signed.reshape(k, -1)
        share = np.full((k, k), np.nan)
        for i in range(k):
            both = ~(np.isnan(flat[i]) | np.isnan(flat))
            won = ((flat[i] > flat) + 0.5 * (flat[i] == flat)) * both
            with np.errstate(invalid="ignore"):
                share[i] = won.sum(1) / both.sum(1)
        np.fill_diagonal(share, np.nan)
        shares.append(share)
    methods = list(found[0].methods)
    return pd.DataFrame(np.mean(shares, axis=0), index=methods, columns=methods)


def _significant(values: Array, digits: int = 12) -> Array:
    """Round to significant digits."""
    with np.errstate(divide="ignore", invalid="ignore"):
        exponent = np.where(values == 0, 0, np.floor(np.log10(np.abs(values))))
    exponent = np.nan_to_num(exponent, nan=0, posinf=0, neginf=0)
    scale = 10.0 ** (digits - 1 - exponent)
    return np.round(values * scale) / scale
