"""Means of scores whose seeds and cases are both samples, crossed with each other.

The score of seed s on case c is ``mean + seed_s + case_c + rest_sc`` (two-way random effects). The
mean over S seeds and C cases then has the variance ``seed / S + case / C + rest / (S C)``, and the
mean squares of the table estimate it without bias, in two parts (Searle, Casella and McCulloch,
Variance Components, 1992, chapter 4)::

    by_seeds = MS_seeds / (S C)                  S - 1 degrees of freedom
    by_cases = (MS_cases - MS_rest) / (S C)      C - 1; 0 where it falls below

The interval is ``mean +- sqrt(t_seeds^2 by_seeds + t_cases^2 by_cases)``, each t with the degrees
of freedom of its part (Banerjee, Sankhya 22, 1960): cautious where both parts count, exact where
one does. One t with Satterthwaite's degrees of freedom for the sum covers too rarely with few
seeds, and so does a bootstrap; docs/decisions/0021-intervals.md has the figures of all three.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import special

from topoeval.statistics.estimate import LEAST_SEEDS, LEVEL, Estimate

# A spread this small beside the mean is rounding.
_ROUNDING = 1e-9
_LEAST = 1e-15

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Crossed:
    """A mean over seeds and cases, and what its variance is made of.

    Every field but the sizes is an array of the leading shape of the values: one number per table.

    Parameters
    ----------
    mean
        Over all seeds and cases.
    ms_seeds, ms_cases, ms_rest
        Mean squares.
    seeds, cases
        Sizes of the table.
    """

    mean: Array
    ms_seeds: Array
    ms_cases: Array
    ms_rest: Array
    seeds: int
    cases: int

    def at(self, index: int) -> Crossed:
        """Return one of several tables."""
        return replace(
            self,
            mean=self.mean[index],
            ms_seeds=self.ms_seeds[index],
            ms_cases=self.ms_cases[index],
            ms_rest=self.ms_rest[index],
        )

    @property
    def components(self) -> tuple[Array, Array, Array]:
        """Variances of a seed, of a case and of the rest, none below 0."""
        seed = np.maximum(self.ms_seeds - self.ms_rest, 0) / self.cases
        case = np.maximum(self.ms_cases - self.ms_rest, 0) / self.seeds
        return seed, case, self.ms_rest

    @property
    def by_seeds(self) -> Array:
        """Part of the mean's variance that new seeds bring, the rest's included."""
        return self.ms_seeds / (self.seeds * self.cases)

    @property
    def by_cases(self) -> Array:
        """Part that new cases bring."""
        return np.maximum(self.ms_cases - self.ms_rest, 0) / (self.seeds * self.cases)


def crossed(values: Array) -> Crossed:
    """Decompose tables of scores.

    Parameters
    ----------
    values
        ``(..., seeds, cases)`` without NaN; at least two seeds.
    """
    seeds, cases = values.shape[-2:]
    by_seed, by_case = values.mean(-1), values.mean(-2)
    mean = by_seed.mean(-1)
    rest = values - by_seed[..., :, None] - by_case[..., None, :] + mean[..., None, None]
    # One case has no spread to learn from: the mean is then that case's alone.
    several = cases > 1
    return Crossed(
        mean=mean,
        ms_seeds=cases * by_seed.var(-1, ddof=1),
        ms_cases=seeds * by_case.var(-1, ddof=1) if several else np.zeros_like(mean),
        ms_rest=(rest**2).sum((-2, -1)) / ((seeds - 1) * (cases - 1))
        if several
        else np.zeros_like(mean),
        seeds=seeds,
        cases=cases,
    )


@dataclass(frozen=True, eq=False)
class Mean:
    """The mean over datasets of means over seeds and cases; one dataset is a special case.

    Datasets are those that were chosen, no sample: nothing is claimed of others. Over several of
    them each part of the variance is a sum, with Satterthwaite's degrees of freedom (Biometrics
    Bulletin 2, 1946).
    """

    tables: tuple[Crossed, ...]

    @property
    def mean(self) -> Array:
        """Every dataset counts alike."""
        return np.mean([table.mean for table in self.tables], axis=0)

    @property
    def parts(self) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
        """Variance and degrees of freedom that seeds bring, and that cases bring."""
        n = len(self.tables)
        return (
            _sum([t.by_seeds / n**2 for t in self.tables], [t.seeds - 1 for t in self.tables]),
            _sum([t.by_cases / n**2 for t in self.tables], [t.cases - 1 for t in self.tables]),
        )

    def interval(self, level: float = LEVEL) -> tuple[Array, Array]:
        """Return the ends of the two-sided interval."""
        half = np.sqrt(_half_squared(self.parts, np.asarray(1 - level)))
        return self.mean - half, self.mean + half

    def p_value(self) -> Array:
        """Return the two-sided p-value of a mean of 0: the level whose interval ends there.

        1 where the scores have no spread: seeds that agree to the last digit show how coarse the
        score is, not that the next seed would agree too. No less than 1e-15.
        """
        parts, mean = self.parts, self.mean
        spread = np.sqrt(sum(variance for variance, _ in parts)) > _ROUNDING * np.abs(mean)
        low, high = np.full(mean.shape, math.log(_LEAST)), np.zeros(mean.shape)
        for _ in range(50):
            middle = (low + high) / 2
            reaches = _half_squared(parts, np.exp(middle)) >= mean**2
            low, high = np.where(reaches, middle, low), np.where(reaches, high, middle)
        return np.where(spread, np.exp(high), 1.0)


def _sum(variances: Sequence[Array], freedoms: Sequence[int]) -> tuple[Array, Array]:
    """Add variances; fewer than one degree of freedom is a part without spread."""
    at_least = np.maximum(freedoms, 1)
    total = np.sum(variances, axis=0)
    shares = np.sum([v**2 / f for v, f in zip(variances, at_least, strict=True)], axis=0)
    freedom = np.divide(total**2, shares, out=np.full(total.shape, 1.0), where=shares > 0)
    return total, np.maximum(freedom, min(at_least))


def _half_squared(parts: Sequence[tuple[Array, Array]], alpha: Array) -> Array:
    return sum(
        (special.stdtrit(freedom, alpha / 2) ** 2 * variance for variance, freedom in parts),
        start=np.zeros(()),
    )


def crossed_interval(
    tables: Sequence[Array], level: float = LEVEL, *, binary: bool = False
) -> Estimate:
    """Estimate the mean over seeds and cases, every table (a dataset each) counting alike.

    Parameters
    ----------
    tables
        One ``(seeds, cases)`` array per dataset, NaN-free.
    level
        Confidence of the two-sided interval; with fewer than `LEAST_SEEDS` seeds on any dataset
        there is none.
    binary
        Whether the score of a case is right or wrong, 1 or 0. The interval is then that of the
        table with two cases more, one right in every run and one wrong in every run, as Agresti and
        Caffo (American Statistician 54, 2000) do for proportions: where nearly all cases are right
        the others are too few to show how they vary. The mean is that of the table as it is.

    Returns
    -------
    Estimate
        ``n`` is the number of runs.

    Examples
    --------
    >>> table = np.array([[0.8, 0.9], [0.9, 0.7], [0.7, 0.8], [0.8, 0.8], [0.9, 0.8]])
    >>> crossed_interval([table]).text(2)
    '0.81 [0.76, 0.86]'
    """
    runs = sum(len(table) for table in tables)
    mean = float(np.mean([table.mean() for table in tables]))
    if any(len(table) < LEAST_SEEDS for table in tables):
        # Seeds of several datasets are not each other's: their values have no common mean.
        seeds = tuple(tables[0].mean(1).tolist()) if len(tables) == 1 else ()
        return Estimate(mean, float("nan"), float("nan"), runs, seeds)
    shown = [with_two_more(table) for table in tables] if binary else tables
    low, high = Mean(tuple(crossed(table) for table in shown)).interval(level)
    return Estimate(mean, float(low), float(high), runs)


def with_two_more(table: Array) -> Array:
    """Return ``(..., seeds, cases)`` with a case that is right and one that is wrong everywhere."""
    ones = np.ones((*table.shape[:-1], 1))
    return np.concatenate([table, ones, np.zeros_like(ones)], axis=-1)
