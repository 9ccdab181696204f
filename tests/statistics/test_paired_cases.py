"""Differences over cases: intervals that cover, tests that claim nothing falsely."""

import math

import numpy as np
import pytest
from scipy import stats

from topoeval import UserError
from topoeval.statistics.paired_cases import (
    outweighing,
    paired_difference_of_cases,
    unseen_share,
)
from topoeval.statistics.pairs import holm

# Pairs of scores and the true mean difference.
KINDS = {
    "normal": (lambda rng, n: (rng.normal(0.5, 1, n), np.zeros(n)), 0.5),
    "skewed": (lambda rng, n: (rng.exponential(1, n), np.zeros(n)), 1.0),
    "binary": (lambda rng, n: _binary(rng.random(n)), 0.2),
    "tied": (lambda rng, n: (rng.poisson(1.0, n), rng.poisson(0.6, n)), 0.4),
}


def _binary(u):
    return (u < 0.6).astype(float), ((u < 0.3) | ((u >= 0.6) & (u < 0.7))).astype(float)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n", [5, 20])
def test_intervals_cover_the_true_difference(kind, n):
    """In at least 91 % of 250 repetitions where 95 % is promised, whatever the scores look like."""
    draw, true = KINDS[kind]
    rng = np.random.default_rng(n)
    binary = kind == "binary"
    found = [
        paired_difference_of_cases(*draw(rng, n), rng=i, resamples=999, binary=binary)
        for i in range(250)
    ]
    given = [one for one in found if one.basis != "none"]
    assert len(given) > 180
    covered = np.mean([one.low <= true <= one.high for one in given])
    assert covered >= 0.91


@pytest.mark.parametrize("kind", ["normal", "lognormal", "binary"])
def test_a_family_of_equal_models_claims_next_to_nothing(kind):
    """At most 5 % of families of ten scores hold a false claim; 9 % of 100 allow noise."""
    rng = np.random.default_rng(7)
    shapes = {"normal": lambda x: x, "lognormal": np.exp, "binary": lambda x: x > 0.5}
    false = 0
    for repetition in range(100):
        shared = rng.normal(size=(2, 12))
        p = []
        for _ in range(10):
            a, b = shapes[kind](0.6 * shared + 0.8 * rng.normal(size=(2, 12)))
            found = paired_difference_of_cases(
                a, b, rng=repetition, resamples=999, binary=kind == "binary"
            )
            p.append(found.p)
        false += holm(p).min() <= 0.05
    assert false / 100 <= 0.09


def test_the_interval_and_the_test_never_contradict_each_other():
    """P is at most 0.05 where the interval leaves 0 out, and not where it holds 0."""
    rng = np.random.default_rng(3)
    for repetition in range(60):
        n = int(rng.integers(5, 30))
        b = rng.gamma(1, 5, n)
        found = paired_difference_of_cases(b + rng.exponential(1, n) - 0.6, b, rng=repetition)
        outside = found.low > 0 or found.high < 0
        # the quantile of a sample and its tail may differ by one of 9,999 draws
        assert outside == (found.p <= 0.05) or abs(found.p - 0.05) < 0.001


def test_the_interval_holds_students():
    """It is never shorter, and p never smaller, than that of the paired t-test."""
    rng = np.random.default_rng(5)
    a, b = rng.normal(0.3, 1, (2, 9))
    found, student = paired_difference_of_cases(a, b), stats.ttest_rel(a, b)
    low, high = student.confidence_interval(0.95)
    assert found.low <= low + 1e-12
    assert found.high >= high - 1e-12
    assert found.p >= student.pvalue - 1e-12
    assert found.effect == pytest.approx((a - b).mean() / (a - b).std(ddof=1))


def test_swapping_the_models_changes_the_sign_alone():
    """Of the mean, and of Student's part of the interval."""
    rng = np.random.default_rng(6)
    a, b = rng.random((2, 20))
    one, other = paired_difference_of_cases(a, b), paired_difference_of_cases(b, a)
    assert one.mean == pytest.approx(-other.mean)
    assert one.low == pytest.approx(-other.high)
    assert one.p == pytest.approx(other.p, abs=1e-3)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ([0.9, 0.8, 0.7, 0.6], [0.1, 0.2, 0.3, 0.4]),
        ([0.9] * 8, [0.9] * 8),
        ([0.9] * 8, [0.9] * 6 + [0.1, 0.2]),
    ],
    ids=["four cases", "equal", "two cases differ"],
)
def test_where_the_cases_say_too_little_there_is_no_interval(a, b):
    """Then p is 1: nothing is claimed."""
    found = paired_difference_of_cases(a, b)
    assert (found.basis, found.p) == ("none", 1.0)
    assert math.isnan(found.low)
    assert found.mean == pytest.approx(np.mean(a) - np.mean(b))


@pytest.mark.parametrize("b", [np.full(8, 0.4), np.linspace(0.1, 0.8, 8)], ids=["equal", "apart"])
def test_one_difference_in_all_cases_has_no_interval_and_the_p_of_its_signs(b):
    """Also where rounding makes the last digits of the differences unlike."""
    found = paired_difference_of_cases(b + 0.1, b)
    assert found.basis == "none"
    assert math.isnan(found.low)
    assert math.isnan(found.effect)
    assert found.p == pytest.approx(stats.binomtest(8, 8).pvalue)


@pytest.mark.parametrize(
    ("a", "b"),
    [([1] * 8, [1] * 8), ([1] * 8, [0] * 8), ([0] * 8, [0] * 6 + [1, 1])],
    ids=["equal", "all differ alike", "two cases differ"],
)
def test_the_interval_follows_the_score_and_not_the_values_that_occur(a, b):
    """A clDice or Betti error that is 0 or 1 in every case is no share of right cases."""
    assert paired_difference_of_cases(a, b).basis == "none"
    found = paired_difference_of_cases(a, b, binary=True)
    assert found.basis == "proportions"
    assert found.low < found.high
    assert -1 <= found.low <= found.mean <= found.high <= 1


def test_one_case_that_differs_hugely_makes_no_interval_wider_than_what_was_seen():
    """Resamples without that case have next to no spread; the bootstrap alone reached to -480."""
    a = np.zeros(8)
    b = np.array([76.8, 1, 1, 1, 1, 1.4, 1, 1.1])
    found = paired_difference_of_cases(a, b)
    assert found.basis == "cases"
    assert found.low >= -76.8
    assert found.p > 0.05
    assert found.high >= 0


def test_differences_of_one_size_are_signs():
    """Seven Betti errors more in eight cases: Student alone would say p = 0.0002."""
    found = paired_difference_of_cases([1] * 7 + [0], [0] * 8)
    assert found.p == pytest.approx(stats.binomtest(7, 7).pvalue)
    assert found.low > 0
    five = paired_difference_of_cases([1] * 5 + [0] * 3, [0] * 8)
    assert five.p == pytest.approx(stats.binomtest(5, 5).pvalue)
    assert five.low <= 0 < five.high


def test_a_family_of_signs_claims_next_to_nothing():
    """Equal models whose Betti errors differ by one in most of eight cases; 9 % of 100 allow noise.

    Without the sign test a false claim is in 16 of 100 families.
    """
    rng = np.random.default_rng(8)
    false = 0
    for repetition in range(100):
        p = []
        for _ in range(10):
            d = rng.choice([-1.0, 0.0, 1.0], 8, p=[0.4, 0.2, 0.4])
            found = paired_difference_of_cases(d, np.zeros(8), rng=repetition, resamples=1999)
            p.append(found.p)
        false += holm(p).min() <= 0.05
    assert false / 100 <= 0.09


def test_rounding_is_no_difference():
    """Scores that differ in the last digit are equal."""
    a = np.linspace(0.1, 0.9, 9)
    assert paired_difference_of_cases(a, a * (1 + 1e-15)).basis == "none"


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        ([1, 2], [1], r"shapes \(2,\) and \(1,\)"),
        ([], [], "got shapes"),
        ([1, math.nan], [1, 2], "not finite"),
        ([1, 2], [1, math.inf], "not finite"),
    ],
)
def test_scores_that_are_no_pairs_are_refused(a, b, message):
    """One clear line."""
    with pytest.raises(UserError, match=message):
        paired_difference_of_cases(a, b)


def test_a_right_or_wrong_score_that_is_neither_is_refused():
    """Half a case is not right."""
    with pytest.raises(UserError, match="neither 0 nor 1"):
        paired_difference_of_cases([0.5, 1], [0, 1], binary=True)


def rare_and_huge(rng, cases):
    """One case in ten differs hugely, the others by noise; and how many do."""
    huge = rng.random(cases) < 0.1
    differences = np.where(huge, 1 + rng.exponential(size=cases), 0)
    return differences + 0.05 * rng.normal(size=cases), int(huge.sum())


def test_rare_and_huge_differences_are_covered_where_one_is_seen():
    """And never where none is, which is as often as `unseen_share` says; nothing in them tells."""
    rng = np.random.default_rng(3)
    covered = {True: [], False: []}
    for repetition in range(200):
        differences, seen = rare_and_huge(rng, 15)
        found = paired_difference_of_cases(differences, np.zeros(15), rng=repetition, resamples=999)
        covered[seen > 0].append(found.low <= 0.2 <= found.high)
    assert np.mean(covered[True]) >= 0.93
    assert not any(covered[False])
    assert len(covered[False]) / 200 == pytest.approx(0.9**15, abs=0.09)
    assert unseen_share(29) < 0.1 < unseen_share(28)


def test_the_case_that_outweighs_all_others_is_named():
    """Of rare huge differences where there is one; of normal ones hardly ever."""
    rng = np.random.default_rng(4)
    alone = [outweighing(rare_and_huge(rng, 15)[0], np.zeros(15)) for _ in range(200)]
    normal = [outweighing(rng.normal(size=8), np.zeros(8)) for _ in range(400)]
    assert sum(place is not None for place in alone) > 60
    assert sum(place is not None for place in normal) <= 0.03 * 400
    assert outweighing(np.zeros(5), np.zeros(5)) is None
    assert outweighing([0, 0, 9, 0.1, 0], np.zeros(5)) == 2
