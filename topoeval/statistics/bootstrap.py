"""Hierarchical bootstrap: seeds and cases resampled inside each dataset, alike for all methods.

Each resample draws seeds and cases of a dataset with replacement, and all methods are averaged over
the same draw, so that comparisons stay paired. One fewer than there are is drawn of each: then the
variance of a mean over few seeds is right on average, where drawing all of them makes it too small
by ``(S - 1) / S`` (Rao and Wu, JASA 83, 1988). Resampling both factors of a crossed table counts
the rest three times over (Owen, Annals of Applied Statistics 1, 2007): cautious, never bold.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from topoeval.metrics import Metric
from topoeval.statistics.estimate import LEVEL
from topoeval.statistics.grid import ScoreGrid, direction, worst
from topoeval.statistics.ranks import mean_then_rank

RESAMPLES = 1000

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Stability:
    """How an order holds up when seeds and cases are drawn again.

    Parameters
    ----------
    shares
        ``(methods, ranks)``: in which share of resamples a method has a rank (mean, then rank), of
        the methods that were measured on every dataset.
    tau
        Mean of Kendall's tau-b between the observed order and that of a resample.
    low, high
        Ends of the interval that holds the middle 95 % of the taus.
    resamples
        How many were drawn.
    """

    shares: pd.DataFrame
    tau: float
    low: float
    high: float
    resamples: int


def resampled_means(
    found: Sequence[ScoreGrid],
    measure: Metric,
    *,
    resamples: int = RESAMPLES,
    rng: np.random.Generator | int = 0,
    fewer: int = 1,
) -> Array:
    """Draw seeds and cases again and average every method over the draw.

    Parameters
    ----------
    found
        One grid per dataset, over the same methods.
    measure
        Says what a failed run scores; with an unbounded score a draw that holds one is infinite.
    resamples
        How many draws.
    rng
        Generator or its seed: the same seed gives the same draws.
    fewer
        How many fewer seeds and cases than there are to draw; 0 is the naive bootstrap.

    Returns
    -------
    numpy.ndarray
        ``(resamples, methods)``; NaN for a method that a draw found no run of.
    """
    rng = np.random.default_rng(rng)
    bad = worst(measure)
    total = np.zeros((resamples, len(found[0].methods)))
    for grid in found:
        seeds = _counts(rng, resamples, len(grid.seeds), fewer)
        cases = _counts(rng, resamples, max(len(grid.cases), 1), fewer)
        cases /= cases.sum(1, keepdims=True)
        for m in range(len(grid.methods)):
            present, failed = grid.scored[m], grid.failed[m]
            of_cases = grid.values[m, present] @ cases.T if present.any() else 0.0
            summed = (seeds[:, present] * np.transpose(of_cases)).sum(1)
            n_failed = seeds[:, failed].sum(1)
            n = seeds[:, present].sum(1) + n_failed
            # 0 times infinity: a draw without the failed seed is as good as its other seeds.
            summed += np.where(n_failed > 0, n_failed * bad if np.isfinite(bad) else bad, 0.0)
            with np.errstate(invalid="ignore"):
                total[:, m] += np.where(n > 0, summed / n, np.nan)
    return total / len(found)


def percentile_interval(draws: Array, level: float = LEVEL) -> tuple[Array, Array]:
    """Return the percentile interval of each column of draws.

    With fewer than about 20 seeds it is too short; see docs/decisions/0021-intervals.md.
    """
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return low, high


def rank_stability(
    found: Sequence[ScoreGrid],
    measure: Metric,
    observed: Array,
    *,
    resamples: int = RESAMPLES,
    rng: np.random.Generator | int = 0,
) -> Stability:
    """Rank every resample and compare with the order that was observed.

    Parameters
    ----------
    found, measure, resamples, rng
        As for `resampled_means`.
    observed
        ``(methods,)`` means that the observed order is made of; methods with NaN are not ranked.
    """
    higher = direction(measure) == "higher"
    names = [m for m, mean in zip(found[0].methods, observed, strict=True) if not np.isnan(mean)]
    if not names:
        return Stability(pd.DataFrame(), math.nan, math.nan, math.nan, resamples)
    measured = ~np.isnan(observed)
    draws = resampled_means(found, measure, resamples=resamples, rng=rng)[:, measured]
    # A draw that lacks a method has no order of all of them; the method is then last of all.
    draws = np.where(np.isnan(draws), -np.inf if higher else np.inf, draws)
    ranks = mean_then_rank(draws, higher_is_better=higher)
    k = len(names)
    shares = np.stack([(ranks == place).mean(0) for place in range(1, k + 1)], axis=1)
    taus = kendall(mean_then_rank(observed[measured], higher_is_better=higher), ranks)
    # Methods that are all tied, in truth or in every draw, have no order to compare.
    ordered = k > 1 and not np.isnan(taus).all()
    low, high = np.nanquantile(taus, [0.025, 0.975]) if ordered else (np.nan, np.nan)
    return Stability(
        shares=pd.DataFrame(shares, index=names, columns=range(1, k + 1)),
        tau=float(np.nanmean(taus)) if ordered else np.nan,
        low=float(low),
        high=float(high),
        resamples=resamples,
    )


def kendall(reference: Array, ranks: Array) -> Array:
    """Return Kendall's tau-b of one order with each row of others, NaN where all are tied.

    >>> kendall(np.array([1.0, 2.0, 3.0]), np.array([[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]]))
    array([ 1., -1.])
    """
    i, j = np.triu_indices(len(reference), 1)
    left = np.sign(reference[i] - reference[j])
    right = np.sign(ranks[:, i] - ranks[:, j])
    with np.errstate(invalid="ignore", divide="ignore"):
        return (right @ left) / np.sqrt((left**2).sum() * (right**2).sum(1))


def _counts(rng: np.random.Generator, resamples: int, n: int, fewer: int) -> Array:
    """Return how often each of n things is drawn."""
    drawn = max(n - fewer, 1)
    return rng.multinomial(drawn, np.full(n, 1 / n), size=resamples).astype(float)
