"""A mean with its interval, as every table prints it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import pandas as pd
from scipy import stats

LEVEL = 0.95
LEAST_SEEDS = 5
"""With fewer seeds a table shows the value of each seed, no interval and no star."""
_ROUNDING = 1e-9
# An en dash, wider than a minus sign, where nothing was measured.
NOTHING = "\N{EN DASH}"


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean with its confidence interval, or with the values of its few seeds.

    Parameters
    ----------
    mean
        NaN where nothing was measured.
    low, high
        Ends of the interval; NaN with fewer than `LEAST_SEEDS` seeds.
    n
        Runs, or pairs of runs, behind the mean.
    seeds
        The means of the single seeds where there is no interval; empty where there is one, and for
        a mean over several datasets.

    Examples
    --------
    >>> Estimate(0.912, 0.9, 0.924, 5).text()
    '0.912 [0.900, 0.924]'
    >>> Estimate(0.912, float("nan"), float("nan"), 2, (0.91, 0.914)).text()
    '0.912 (seeds 0.910, 0.914)'
    """

    mean: float
    low: float
    high: float
    n: int
    seeds: tuple[float, ...] = ()

    @property
    def measured(self) -> bool:
        """Whether there is a mean at all."""
        return not math.isnan(self.mean)

    @property
    def has_interval(self) -> bool:
        """Whether there are enough seeds for an interval."""
        return not (math.isnan(self.low) or math.isnan(self.high))

    @property
    def excludes_zero(self) -> bool:
        """Whether the interval lies on one side of zero.

        An interval of width zero, up to rounding, never does: seeds that agree to the last digit
        show how coarse the score is, not that the next seed would agree too.
        """
        wide = self.high - self.low > _ROUNDING * abs(self.mean)
        return wide and (self.low > 0 or self.high < 0)

    def within(self, lowest: float, highest: float) -> Estimate:
        """Cut the interval at the range of the score; its coverage stays the same."""
        if not self.has_interval:
            return self
        return replace(
            self,
            low=min(max(self.low, lowest), highest),
            high=max(min(self.high, highest), lowest),
        )

    def scaled(self, factor: float) -> Estimate:
        """Change the unit, for example from seconds to milliseconds, or the sign."""
        ends = (self.low * factor, self.high * factor)
        low, high = ends if factor >= 0 else ends[::-1]
        seeds = tuple(value * factor for value in self.seeds)
        return Estimate(self.mean * factor, low, high, self.n, seeds)

    def value(self, digits: int = 3, *, signed: bool = False) -> str:
        """Return the mean as text, a dash where nothing was measured."""
        return _number(self.mean, digits, signed) if self.measured else NOTHING

    def interval(self, digits: int = 3, *, signed: bool = False) -> str:
        """Return ``[low, high]``, or without an interval the values of the seeds, or nothing."""
        if self.has_interval:
            return f"[{_number(self.low, digits, signed)}, {_number(self.high, digits, signed)}]"
        if self.n == 1:
            return "(one seed)"
        values = ", ".join(_number(value, digits, signed) for value in self.seeds)
        return f"(seeds {values})" if values else ""

    def text(self, digits: int = 3, *, signed: bool = False) -> str:
        """Return mean and interval as text."""
        pieces = (self.value(digits, signed=signed), self.interval(digits, signed=signed))
        return " ".join(piece for piece in pieces if piece)


UNMEASURED = Estimate(math.nan, math.nan, math.nan, 0)


def mean_interval(per_seed: pd.Series, level: float = LEVEL) -> Estimate:
    """Estimate a mean time from one value per seed, by Student's t (Biometrika 6, 1908).

    Times have no test cases, so seeds are all there is to sample. Scores have both, and take
    `topoeval.statistics.standings`.

    Parameters
    ----------
    per_seed
        One value per seed; NaN means that the run gave no such value and is left out.
    level
        Confidence of the two-sided interval.

    Examples
    --------
    >>> mean_interval(pd.Series([0.8, 0.9, 1.0, 0.9, 0.9])).text(2)
    '0.90 [0.81, 0.99]'
    """
    values = np.asarray(per_seed, dtype=float)
    values = values[~np.isnan(values)]
    if values.size == 0:
        return UNMEASURED
    mean = float(values.mean())
    if values.size < LEAST_SEEDS:
        return Estimate(mean, math.nan, math.nan, values.size, tuple(values.tolist()))
    half = _quantile(level, values.size - 1) * float(values.std(ddof=1)) / math.sqrt(values.size)
    return Estimate(mean, mean - half, mean + half, int(values.size))


@lru_cache(maxsize=1024)
def _quantile(level: float, freedom: int) -> float:
    """Return how many standard errors the interval reaches to each side."""
    return float(stats.t.ppf((1 + level) / 2, freedom))


def _number(value: float, digits: int, signed: bool) -> str:
    # -0.0004 must not print as "-0.000".
    rounded = round(value, digits) + 0.0
    return f"{rounded:+.{digits}f}" if signed else f"{rounded:.{digits}f}"
