"""Two sets of predictions of the same cases: by how much one scores better, and is it chance.

The networks are given and the cases are the sample, so what is found holds for these predictions on
cases like these, and not for the methods behind them: for that, seeds must be drawn as well
(`topoeval.statistics.crossed`).

Two intervals are computed, and both must agree before a difference is claimed: Student's, and the
studentised bootstrap over cases (Efron and Tibshirani, An Introduction to the Bootstrap, 1993,
section 12.5). The interval reaches from the lower of their lower ends to the higher of their higher
ends, and p is the larger of the two. Alone, Student's covers too rarely where differences are
skewed (88 % with 5 exponential differences), and the bootstrap where they are tied or come from
heavy tails (90 %); docs/decisions/0046-paired-cases.md has the figures.

From eight cases on the bootstrap cannot widen the interval beyond the differences that were seen,
and 0: where one case differs by far more than the others, resamples without it have next to no
spread. Of fewer cases the true mean lies beyond them too often. Where all cases that differ do so
by the same amount, up or down, p is no smaller than that of the exact sign test.

Where differences are rare and huge (in one case of ten, say), the interval covers if such a case is
among those seen, and never if none is; then nothing in them tells (decision 46). `unseen_share`
says how frequent such a thing can be, and `outweighing` which case it is, where there is one.

Scores that are right or wrong are pairs of proportions: their interval and test are the adjusted
ones of Bonett and Price (Journal of Educational and Behavioral Statistics 37, 2012), which stay
honest with few cases, and where no case or every case differs. Which of the two is used follows
from the score, and not from the values that happen to be there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from topoeval.errors import UserError

Array = NDArray[np.float64]
Basis = Literal["cases", "proportions", "none"]

LEVEL = 0.95
LEAST_CASES = 5
"""With fewer cases no interval is given: their spread says next to nothing."""
_LEAST_CHANGED = 3
# Of 5 exponential differences all lie below their true mean in 10 % of samples, of 8 in 3 %: from
# here on no coverage is lost by keeping the bootstrap within what was seen.
_LEAST_KEPT_WITHIN = 8
RESAMPLES = 9999
# of squared deviations: what one case has more of outweighs all others
_MOST_SHARE = 0.8
# of resamples times cases: bounds memory to 160 MB
_MOST_DRAWS = 20_000_000
# A difference this small beside the scores is rounding.
_ROUNDING = 1e-12
# Differences this close beside their size are one difference.
_ALIKE = 1e-9


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """The mean difference of two scores over cases, first minus second.

    Parameters
    ----------
    n
        Cases that have both scores.
    mean
        Mean difference, in units of the score.
    low, high
        Ends of the two-sided interval; NaN where there is none.
    p
        Two-sided p-value of a true mean of 0, not corrected. Without an interval 1, but where all
        cases differ by the same the exact sign test's.
    effect
        Mean over standard deviation of the differences (Cohen's d of pairs); NaN without spread.
    basis
        ``"cases"``: Student's t and bootstrap. ``"proportions"``: scores that are right or wrong.
        ``"none"``: no interval, because there are fewer than five cases; or, of other scores than
        right or wrong, fewer than three on which they differ, or one difference in all.
    """

    n: int
    mean: float
    low: float
    high: float
    p: float
    effect: float
    basis: Basis


def paired_difference_of_cases(
    first: ArrayLike,
    second: ArrayLike,
    level: float = LEVEL,
    rng: int = 0,
    resamples: int = RESAMPLES,
    *,
    binary: bool = False,
) -> PairedDifference:
    """Estimate the mean difference of two scores over the cases that both have.

    Parameters
    ----------
    first, second
        ``(cases,)`` scores of the same cases in the same order, finite.
    level
        Confidence of the two-sided interval.
    rng
        Seed of the bootstrap: the same seed gives the same interval.
    resamples
        How many times the cases are drawn again; fewer of more than 2,000 cases.
    binary
        Whether a case is right or wrong, 1 or 0, under this score (`Metric.right_or_wrong`).

    Raises
    ------
    UserError
        Shapes that differ, no case, a score that is not finite, or, if `binary`, neither 0 nor 1.

    Examples
    --------
    >>> a, b = [0.90, 0.80, 0.85, 0.95, 0.70, 0.90], [0.80, 0.75, 0.80, 0.90, 0.65, 0.75]
    >>> found = paired_difference_of_cases(a, b)
    >>> f"{found.mean:.3f} [{found.low:.3f}, {found.high:.3f}]"
    '0.075 [0.031, 0.119]'
    """
    a, b = (np.asarray(values, dtype=float) for values in (first, second))
    if a.shape != b.shape or a.ndim != 1 or not len(a):
        raise UserError(
            f"two scores of the same cases are compared, got shapes {a.shape} and {b.shape}"
        )
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise UserError("a score to be compared is not finite; leave its case out")
    difference = a - b
    difference[np.abs(difference) <= _ROUNDING * np.maximum(np.abs(a), np.abs(b))] = 0.0
    n, mean = len(a), float(difference.mean())
    alike = bool(np.allclose(difference, mean, rtol=_ALIKE, atol=0))
    spread = 0.0 if alike else float(difference.std(ddof=1))
    effect = mean / spread if spread > 0 else math.nan
    if binary and not np.isin([a, b], (0.0, 1.0)).all():
        raise UserError("a score that is right or wrong has a value that is neither 0 nor 1")
    few = n < LEAST_CASES or np.count_nonzero(difference) < _LEAST_CHANGED
    if binary and n >= LEAST_CASES:
        # two pairs more are counted as if one model alone were right in each
        low, high, p = _of_proportions(difference, level)
        return PairedDifference(n, mean, low, high, p, effect, "proportions")
    if few or alike:
        p = 1.0 if few else _of_signs(difference)
        return PairedDifference(n, mean, math.nan, math.nan, p, effect, "none")
    low, high, p = _of_cases(difference, level, rng, resamples)
    return PairedDifference(n, mean, low, high, p, effect, "cases")


def outweighing(first: ArrayLike, second: ArrayLike) -> int | None:
    """Return the place of the one case that makes most of the spread of the differences.

    It has more than 80 % of the squared deviations from their median; None where no case has. Of
    normal differences one has in 1 % of samples of 8 cases, and in none of 15.

    Parameters
    ----------
    first, second
        ``(cases,)`` scores of the same cases in the same order, finite.

    Examples
    --------
    >>> outweighing([0.9, 0.8, 0.9, 0.1, 0.8], [0.8, 0.8, 0.8, 0.8, 0.7])
    3
    """
    difference = np.asarray(first, dtype=float) - np.asarray(second, dtype=float)
    squared = (difference - np.median(difference)) ** 2
    place = int(squared.argmax())
    return place if squared[place] > _MOST_SHARE * squared.sum() else None


def unseen_share(n: int) -> float:
    """Return in what share of all cases something can happen and be in none of n, 5 % of the time.

    Examples
    --------
    >>> round(unseen_share(15), 3)
    0.181
    """
    return float(1 - (1 - LEVEL) ** (1 / n))


def least_p(n: int, *, binary: bool = False) -> float:
    """Return the smallest p-value that `paired_difference_of_cases` can give with n cases.

    Of right-or-wrong scores (`binary`) it is that of one model right in all cases and the other in
    none; of others the bootstrap's, which has so many resamples; 1 below five cases.
    """
    if n < LEAST_CASES:
        return 1.0
    if binary:
        return _of_proportions(np.ones(n), LEVEL)[2]
    return 2 / (_drawn(n, RESAMPLES) + 1)


def _drawn(n: int, resamples: int) -> int:
    return min(resamples, max(1999, _MOST_DRAWS // n))


def _of_cases(
    difference: Array, level: float, rng: int, resamples: int
) -> tuple[float, float, float]:
    """Return the outer ends of Student's and the bootstrap's interval, and the larger p."""
    n, mean = len(difference), float(difference.mean())
    error = float(difference.std(ddof=1)) / math.sqrt(n)
    observed = mean / error
    tail = (1 - level) / 2
    half = -float(special.stdtrit(n - 1, tail)) * error
    p = 2 * float(special.stdtr(n - 1, -abs(observed)))
    drawn = _studentised(difference, rng, resamples)
    lower, upper = np.quantile(drawn, [tail, 1 - tail])
    beyond = np.count_nonzero(drawn >= observed if observed > 0 else drawn <= observed)
    p_drawn = min(1.0, 2 * (beyond + 1) / (len(drawn) + 1))
    # with 0, so that the interval holds 0 wherever p says that it may
    least, most = min(float(difference.min()), 0.0), max(float(difference.max()), 0.0)
    if n < _LEAST_KEPT_WITHIN:
        least, most = -math.inf, math.inf
    low = min(mean - half, max(mean - float(upper) * error, least))
    high = max(mean + half, min(mean - float(lower) * error, most))
    p = max(p, p_drawn, _of_signs(difference))
    if p > 1 - level:
        low, high = min(low, 0.0), max(high, 0.0)
    return low, high, p


def _of_signs(difference: Array) -> float:
    """Return the p-value of the exact sign test where all differences have one size, else 0.

    They are then signs and nothing else: their spread is small because nearly all agree, and
    Student's p and the bootstrap's are both far too small.
    """
    changed = difference[difference != 0]
    if not np.allclose(np.abs(changed), abs(changed[0]), rtol=_ALIKE, atol=0):
        return 0.0
    fewer = min(np.count_nonzero(changed > 0), np.count_nonzero(changed < 0))
    return min(1.0, 2 * float(special.bdtr(fewer, len(changed), 0.5)))


def _studentised(difference: Array, rng: int, resamples: int) -> Array:
    """Return t of each resample about the observed mean; resamples without spread have none."""
    n = len(difference)
    resamples = _drawn(n, resamples)
    shares = np.random.default_rng(rng).multinomial(n, np.full(n, 1 / n), size=resamples) / n
    centred = difference - difference.mean()
    means = shares @ centred
    variances = (shares @ centred**2 - means**2) * n / (n - 1)
    kept = variances > 1e-12 * centred.var()
    found: Array = means[kept] / np.sqrt(variances[kept] / n)
    return found


def _of_proportions(difference: Array, level: float) -> tuple[float, float, float]:
    """Return Bonett and Price's interval and the p-value whose interval ends at 0."""
    n = len(difference)
    only_first = (np.count_nonzero(difference > 0) + 1) / (n + 2)
    only_second = (np.count_nonzero(difference < 0) + 1) / (n + 2)
    mean = only_first - only_second
    error = math.sqrt((only_first + only_second - mean**2) / (n + 2))
    # Student's tails in place of the normal ones: of fifty cases the normal ones claimed a false
    # difference in 6.5 % of families of ten scores
    half = -float(special.stdtrit(n - 1, (1 - level) / 2)) * error
    p = 2 * float(special.stdtr(n - 1, -abs(mean) / error))
    return max(mean - half, -1.0), min(mean + half, 1.0), p
