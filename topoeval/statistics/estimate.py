"""What a mean over few seeds supports, and what it does not.

Cases are nested inside runs: two cases scored by one network share its weights, so they are not
independent draws of "how well does this method train". Every number is therefore averaged over the
cases of a run first, and only the run means, one per seed, enter an interval. Pooling image x seed
would divide by the number of images and print intervals far too narrow.

The interval is Student's t-interval of the mean (Student, Biometrika 6, 1908), over seeds; for a
comparison, of the mean of the differences paired by seed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import pandas as pd
from scipy import stats

LEVEL = 0.95
_ROUNDING = 1e-9
# An en dash, wider than a minus sign, where nothing was measured.
NOTHING = "\N{EN DASH}"


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over seeds with its confidence interval.

    Parameters
    ----------
    mean
        NaN where nothing was measured.
    low, high
        Ends of the interval; NaN where one seed (or none) gives no interval.
    n
        Seeds, or pairs of seeds, behind the mean.

    Examples
    --------
    >>> Estimate(0.912, 0.9, 0.924, 5).text()
    '0.912 [0.900, 0.924]'
    >>> Estimate(0.912, float("nan"), float("nan"), 1).text()
    '0.912 (one seed)'
    """

    mean: float
    low: float
    high: float
    n: int

    @property
    def measured(self) -> bool:
        """Whether there is a mean at all."""
        return not math.isnan(self.mean)

    @property
    def has_interval(self) -> bool:
        """Whether at least two seeds give an interval."""
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
        return replace(
            self,
            low=min(max(self.low, lowest), highest) if self.has_interval else self.low,
            high=max(min(self.high, highest), lowest) if self.has_interval else self.high,
        )

    def scaled(self, factor: float) -> Estimate:
        """Change the unit, for example from seconds to milliseconds, or the sign."""
        ends = (self.low * factor, self.high * factor)
        low, high = ends if factor >= 0 else ends[::-1]
        return Estimate(self.mean * factor, low, high, self.n)

    def value(self, digits: int = 3, *, signed: bool = False) -> str:
        """Return the mean as text, a dash where nothing was measured."""
        return _number(self.mean, digits, signed) if self.measured else NOTHING

    def interval(self, digits: int = 3, *, signed: bool = False) -> str:
        """Return the interval as text: ``[low, high]``, ``(one seed)``, or nothing."""
        if not self.measured:
            return ""
        if not self.has_interval:
            return "(one seed)"
        return f"[{_number(self.low, digits, signed)}, {_number(self.high, digits, signed)}]"

    def text(self, digits: int = 3, *, signed: bool = False) -> str:
        """Return mean and interval as text."""
        pieces = (self.value(digits, signed=signed), self.interval(digits, signed=signed))
        return " ".join(piece for piece in pieces if piece)


UNMEASURED = Estimate(math.nan, math.nan, math.nan, 0)


def run_means(cases: pd.DataFrame, measures: list[str]) -> pd.DataFrame:
    """Average each measure over the cases of each run.

    Parameters
    ----------
    cases
        One row per run and case, with the run's identity in ``id``.
    measures
        Columns to average. A measure that ``cases`` lacks is NaN throughout.

    Returns
    -------
    pandas.DataFrame
        One row per run (index ``id``), one column per measure. A value missing in one case makes
        the run's mean missing: a mean over the cases that happened to work would flatter.
    """
    values = cases.reindex(columns=["id", *measures]).astype(dict.fromkeys(measures, float))
    grouped = values.groupby("id", sort=True, observed=True)[measures]
    means: pd.DataFrame = grouped.mean()
    return means.where(grouped.count().eq(grouped.size(), axis=0))


def mean_interval(per_seed: pd.Series, level: float = LEVEL) -> Estimate:
    """Estimate a mean from one value per seed.

    Parameters
    ----------
    per_seed
        One run mean per seed; NaN means the run gave no such value and is left out.
    level
        Confidence of the two-sided t-interval.

    Examples
    --------
    >>> mean_interval(pd.Series([0.8, 0.9, 1.0])).text(2)
    '0.90 [0.65, 1.15]'
    """
    values = np.asarray(per_seed, dtype=float)
    values = values[~np.isnan(values)]
    if values.size == 0:
        return UNMEASURED
    mean = float(values.mean())
    if values.size == 1:
        return Estimate(mean, math.nan, math.nan, 1)
    half = _quantile(level, values.size - 1) * float(values.std(ddof=1)) / math.sqrt(values.size)
    return Estimate(mean, mean - half, mean + half, int(values.size))


@lru_cache(maxsize=1024)
def _quantile(level: float, freedom: int) -> float:
    """Return how many standard errors the interval reaches to each side."""
    return float(stats.t.ppf((1 + level) / 2, freedom))


def paired_difference(per_seed: pd.Series, reference: pd.Series, level: float = LEVEL) -> Estimate:
    """Estimate the mean of ``per_seed - reference`` over the seeds both have.

    Same seed means same initial weights and same batches, so the difference inside a seed carries
    less noise than the two means do. Seeds that only one side has are left out; ``n`` tells.

    Parameters
    ----------
    per_seed, reference
        One run mean per seed, indexed by seed.
    level
        Confidence of the two-sided t-interval.
    """
    left, right = per_seed.dropna().align(reference.dropna(), join="inner")
    return mean_interval(left - right, level)


def separated_best(
    per_seed: Mapping[str, pd.Series], *, higher_is_better: bool, level: float = LEVEL
) -> str | None:
    """Name the best method if the data separate it from every other, else None.

    The paired difference of the leader to each rival must exclude zero. Asking this of all rivals
    and not only of the runner-up by mean keeps a noisy third from being overtaken by accident; as
    all comparisons must hold at once, their number needs no correction (intersection-union test,
    Berger, Technometrics 24, 1982).

    Parameters
    ----------
    per_seed
        For each method, one run mean per seed, indexed by seed. Methods without any value do not
        compete.
    higher_is_better
        Direction of the score.
    level
        Confidence of each comparison.
    """
    competing = {name: values for name, values in per_seed.items() if values.notna().any()}
    if len(competing) < 2:
        return None
    sign = 1 if higher_is_better else -1
    leader = max(competing, key=lambda name: sign * float(competing[name].mean()))
    for name, values in competing.items():
        if name == leader:
            continue
        lead = paired_difference(competing[leader], values, level).scaled(sign)
        if not (lead.excludes_zero and lead.mean > 0):
            return None
    return leader


def _number(value: float, digits: int, signed: bool) -> str:
    # -0.0004 must not print as "-0.000".
    rounded = round(value, digits) + 0.0
    return f"{rounded:+.{digits}f}" if signed else f"{rounded:.{digits}f}"
