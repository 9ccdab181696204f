"""Means of scores whose seeds and cases are both samples, crossed with each other.

The score of seed s on case c is ``mean + seed_s + case_c + rest_sc`` (two-way random effects). The
mean over S seeds and C cases then has the variance ``seed / S + case / C + rest / (S C)``, and the
mean squares of the table estimate it without bias::

    (MS_seeds + MS_cases - MS_rest) / (S C)

(Searle, Casella and McCulloch, Variance Components, 1992, chapter 4). ``MS_cases - MS_rest`` is
taken as 0 where it falls below. Degrees of freedom are Satterthwaite's (Biometrics Bulletin 2,
1946), not fewer than those of the smaller factor. With few seeds a bootstrap of seeds covers too
rarely; docs/decisions/0021-intervals.md has the figures of both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from topoeval.statistics.estimate import LEVEL, Estimate

# A spread this small beside the mean is rounding.
_ROUNDING = 1e-9

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

    @property
    def components(self) -> tuple[Array, Array, Array]:
        """Variances of a seed, of a case and of the rest, none below 0."""
        seed = np.maximum(self.ms_seeds - self.ms_rest, 0) / self.cases
        case = np.maximum(self.ms_cases - self.ms_rest, 0) / self.seeds
        return seed, case, self.ms_rest

    @property
    def variance(self) -> Array:
        """Variance of the mean."""
        excess = np.maximum(self.ms_cases - self.ms_rest, 0)
        return (self.ms_seeds + excess) / (self.seeds * self.cases)

    @property
    def freedom(self) -> Array:
        """Degrees of freedom of that variance."""
        return freedom(self.ms_seeds, self.ms_cases, self.ms_rest, self.seeds, self.cases)


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


def freedom(ms_seeds: Array, ms_cases: Array, ms_rest: Array, seeds: int, cases: int) -> Array:
    """Return Satterthwaite's degrees of freedom of ``MS_seeds + max(MS_cases - MS_rest, 0)``."""
    excess = np.maximum(ms_cases - ms_rest, 0)
    least = min(seeds - 1, max(cases - 1, 1))
    of_excess = ms_cases**2 / max(cases - 1, 1) + ms_rest**2 / max((seeds - 1) * (cases - 1), 1)
    below = ms_seeds**2 / (seeds - 1) + np.where(excess > 0, of_excess, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = (ms_seeds + excess) ** 2 / below
    return np.maximum(np.nan_to_num(found, nan=least), least)


@dataclass(frozen=True, eq=False)
class Mean:
    """The mean over datasets of means over seeds and cases; one dataset is a special case.

    Datasets are those that were chosen, no sample: nothing is claimed of others.
    """

    parts: tuple[Crossed, ...]

    @property
    def mean(self) -> Array:
        """Every dataset counts alike."""
        return np.mean([part.mean for part in self.parts], axis=0)

    @property
    def variance(self) -> Array:
        """Variance of the mean; datasets are independent of each other."""
        return np.sum([part.variance for part in self.parts], axis=0) / len(self.parts) ** 2

    @property
    def freedom(self) -> Array:
        """Satterthwaite's degrees of freedom of the sum."""
        variances = np.array([part.variance for part in self.parts])
        shares = np.array([v**2 / p.freedom for v, p in zip(variances, self.parts, strict=True)])
        with np.errstate(invalid="ignore", divide="ignore"):
            found = variances.sum(axis=0) ** 2 / shares.sum(axis=0)
        least = np.min([part.freedom for part in self.parts], axis=0)
        return np.maximum(np.nan_to_num(found, nan=1.0), least)

    @property
    def has_spread(self) -> NDArray[np.bool_]:
        """Whether the scores differ at all: a spread of rounding errors separates nothing."""
        return np.sqrt(self.variance) > _ROUNDING * np.abs(self.mean)

    def interval(self, level: float = LEVEL) -> tuple[Array, Array]:
        """Return the ends of the two-sided interval."""
        half = stats.t.ppf((1 + level) / 2, self.freedom) * np.sqrt(self.variance)
        return self.mean - half, self.mean + half

    def p_value(self) -> Array:
        """Return the two-sided p-value of a mean of 0; 1 where the scores have no spread."""
        with np.errstate(invalid="ignore", divide="ignore"):
            t = np.abs(self.mean) / np.sqrt(self.variance)
        return np.where(self.has_spread, 2 * stats.t.sf(t, self.freedom), 1.0)


def crossed_interval(tables: Sequence[Array], level: float = LEVEL) -> Estimate:
    """Estimate the mean over seeds and cases, every table (a dataset each) counting alike.

    Parameters
    ----------
    tables
        One ``(seeds, cases)`` array per dataset, NaN-free.
    level
        Confidence of the two-sided interval; with one seed on any dataset there is none.

    Returns
    -------
    Estimate
        ``n`` is the number of runs.

    Examples
    --------
    >>> crossed_interval([np.array([[0.8, 0.9], [0.9, 0.7], [0.7, 0.8]])]).text(2)
    '0.80 [0.66, 0.94]'
    """
    runs = sum(len(table) for table in tables)
    if any(len(table) < 2 for table in tables):
        mean = float(np.mean([table.mean() for table in tables]))
        return Estimate(mean, float("nan"), float("nan"), runs)
    found = Mean(tuple(crossed(table) for table in tables))
    low, high = found.interval(level)
    return Estimate(float(found.mean), float(low), float(high), runs)
