"""How many seeds and cases would separate two methods, and which differences could be seen.

The variance components of the observed paired difference (`topoeval.statistics.crossed`) say how
its standard error would fall with more seeds and more cases; the power of the t-test follows from
the non-central t distribution (Cohen, Statistical Power Analysis, 1988, chapter 2). The difference
and its components are estimates themselves, and the first is likely too large where methods were
picked for leading: read the numbers as orders of magnitude.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import optimize, stats

from topoeval.statistics.crossed import Crossed, Mean
from topoeval.statistics.estimate import LEVEL

POWER = 0.8
_MOST_SEEDS = 200
_MOST_CASES = 100


@dataclass(frozen=True, slots=True)
class Power:
    """What it would take to separate two methods, others aside.

    Parameters
    ----------
    first, second
        The methods, the leading one first.
    difference
        First minus second, as observed.
    seeds, cases
        Seeds and cases per dataset behind it, the least of all datasets.
    now
        Chance that a repetition of this size would separate them, were the difference the true one.
    seeds_needed
        Seeds for a chance of 80 %, at the same cases; None where no number up to 200 suffices.
    cases_factor
        How many times the cases for it, at the same seeds; None where 100 times do not suffice.
    """

    first: str
    second: str
    difference: float
    seeds: int
    cases: int
    now: float
    seeds_needed: int | None
    cases_factor: float | None

    def text(self, digits: int = 3) -> str:
        """Return the note as a sentence or two."""
        lead = (
            f"{self.first} leads {self.second} by {abs(self.difference):.{digits}g} with "
            f"{self.seeds} seeds and {self.cases} cases: a repetition of this size would separate "
            f"the two (at 5 %, were they alone) with a chance of {_percent(self.now)}."
        )
        if self.now >= POWER:
            return lead
        ways = []
        if self.seeds_needed is not None:
            ways.append(f"{self.seeds_needed} seeds at the same cases")
        if self.cases_factor is not None:
            ways.append(f"{self.cases_factor:.2g} times the cases at the same seeds")
        if not ways:
            return (
                f"{lead} For {_percent(POWER)} neither {_MOST_SEEDS} seeds nor {_MOST_CASES} times "
                "the cases alone would suffice."
            )
        return f"{lead} For {_percent(POWER)} it would take about {', or '.join(ways)}."


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def power(parts: Sequence[Crossed], seeds: int | None = None, factor: float = 1.0) -> float:
    """Return the chance to separate a difference at 5 %, two-sided.

    Parameters
    ----------
    parts
        The paired difference on each dataset.
    seeds
        Seeds per dataset; those there are by default.
    factor
        By which the cases of each dataset are multiplied.
    """
    expected = Mean(tuple(_repeated(part, seeds, factor) for part in parts))
    test = _test(expected, LEVEL)
    return math.nan if test is None else test.power(abs(float(expected.mean)))


def least_difference(
    part: Crossed, level: float = LEVEL, seeds: int | None = None, factor: float = 1.0
) -> float:
    """Return the smallest difference that would be separated with a chance of 80 %.

    Parameters
    ----------
    part
        A paired difference, of which the variance components count.
    level
        Confidence of the test; ``1 - 0.05 / k`` for the strictest of k methods after Holm.
    seeds, factor
        As for `power`.

    Returns
    -------
    float
        NaN where the difference does not vary.
    """
    test = _test(Mean((_repeated(part, seeds, factor),)), level)
    if test is None:
        return math.nan
    high = test.bound * test.error
    while test.power(high) < POWER:
        high *= 1.2
    return float(optimize.brentq(lambda difference: test.power(difference) - POWER, 0.0, high))


@dataclass(frozen=True, slots=True)
class _Test:
    """A t-test: its standard error, the number of them that it asks for, degrees of freedom."""

    error: float
    bound: float
    freedom: float

    def power(self, difference: float) -> float:
        """Return the chance to separate a difference."""
        shift = difference / self.error
        above = float(stats.nct.sf(self.bound, self.freedom, shift))
        below = float(stats.nct.cdf(-self.bound, self.freedom, shift))
        # SciPy has NaN for a lower tail that is next to nothing
        return above + (0.0 if math.isnan(below) else below)


def _repeated(part: Crossed, seeds: int | None, factor: float) -> Crossed:
    """Return what is to be expected of other numbers of seeds and cases."""
    seed, case, rest = (np.maximum(value, 0.0) for value in part.components)
    n_seeds = seeds or part.seeds
    n_cases = max(round(part.cases * factor), 1)
    return Crossed(
        mean=part.mean,
        ms_seeds=rest + n_cases * seed,
        ms_cases=rest + n_seeds * case,
        ms_rest=rest,
        seeds=n_seeds,
        cases=n_cases,
    )


def _test(expected: Mean, level: float) -> _Test | None:
    """Return the test of a mean; None where nothing varies."""
    (of_seeds, seeds_freedom), (of_cases, cases_freedom) = expected.parts
    variance = float(of_seeds + of_cases)
    if variance <= 0:
        return None
    low, high = expected.interval(level)
    # How much the estimated variance itself varies: Satterthwaite's count for the whole of it.
    freedom = variance**2 / float(of_seeds**2 / seeds_freedom + of_cases**2 / cases_freedom)
    error = math.sqrt(variance)
    return _Test(error, float(high - low) / 2 / error, freedom)


def power_note(first: str, second: str, parts: Sequence[Crossed]) -> Power | None:
    """Say what would separate the leading method from the second; None where nothing varies."""
    now = power(parts)
    if math.isnan(now):
        return None
    return Power(
        first=first,
        second=second,
        difference=float(np.mean([float(part.mean) for part in parts])),
        seeds=min(part.seeds for part in parts),
        cases=min(part.cases for part in parts),
        now=now,
        seeds_needed=_fewest_seeds(parts),
        cases_factor=_least_factor(parts),
    )


def _fewest_seeds(parts: Sequence[Crossed]) -> int | None:
    # Power grows with seeds: halve the range.
    low, high = 2, _MOST_SEEDS
    if not power(parts, seeds=high) >= POWER:
        return None
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if power(parts, seeds=middle) >= POWER else (middle + 1, high)
    return low


def _least_factor(parts: Sequence[Crossed]) -> float | None:
    low, high = 1 / max(part.cases for part in parts), float(_MOST_CASES)
    if not power(parts, factor=high) >= POWER:
        return None
    while high / low > 1.02:
        middle = math.sqrt(low * high)
        low, high = (low, middle) if power(parts, factor=middle) >= POWER else (middle, high)
    return high
