"""Means, intervals and claims over seeds."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from topoeval.statistics.estimate import (
    Estimate,
    mean_interval,
    paired_difference,
    run_means,
    separated_best,
)

scores = st.lists(st.floats(0, 1).map(lambda x: round(x, 6)), min_size=2, max_size=12)


def by_seed(*values: float) -> pd.Series:
    """Index values by seed."""
    return pd.Series(values, index=range(len(values)), dtype=float)


@given(scores, st.sampled_from([0.8, 0.95, 0.99]))
def test_interval_is_that_of_scipys_one_sample_t_test(values: list[float], level: float) -> None:
    """Mean and ends agree with an independent implementation."""
    if np.std(values) < 1e-9:
        values = [*values, values[0] + 0.5]
    ours = mean_interval(pd.Series(values), level)
    theirs = stats.ttest_1samp(values, 0).confidence_interval(level)
    assert ours.mean == pytest.approx(np.mean(values))
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high))
    assert ours.n == len(values)


@given(scores, st.randoms(use_true_random=False))
def test_paired_difference_is_scipys_paired_t_test(values: list[float], random: object) -> None:
    """Seeds are matched by label, whatever order they come in."""
    noise = np.random.default_rng(len(values)).normal(0, 0.1, len(values))
    left, right = by_seed(*values), by_seed(*(np.array(values) * 0.5 + noise))
    shuffled = list(right.index)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    ours = paired_difference(left, right[shuffled])
    theirs = stats.ttest_rel(left, right).confidence_interval(0.95)
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high))


def test_interval_covers_the_truth_and_pooling_would_not() -> None:
    """Over runs with a spread of their own, 95 % means 95 %; cases taken as draws do not."""
    random = np.random.default_rng(1)
    draws, seeds, cases = 3000, 5, 20
    networks = random.normal(0.7, 0.05, (draws, seeds, 1))
    values = networks + random.normal(0, 0.05, (draws, seeds, cases))
    covered = pooled = 0
    for draw in values:
        ours = mean_interval(pd.Series(draw.mean(axis=1)))
        covered += ours.low <= 0.7 <= ours.high
        wrong = mean_interval(pd.Series(draw.ravel()))
        pooled += wrong.low <= 0.7 <= wrong.high
    # Three standard errors of a proportion of 3000 are 0.012.
    assert covered / draws == pytest.approx(0.95, abs=0.012)
    assert pooled / draws < 0.75


def test_one_seed_has_a_mean_and_no_interval() -> None:
    """A single run says nothing about the next."""
    one = mean_interval(by_seed(0.5))
    assert (one.mean, one.n, one.has_interval, one.excludes_zero) == (0.5, 1, False, False)
    assert one.text() == "0.500 (one seed)"


def test_no_seed_prints_a_dash() -> None:
    """A method whose runs all failed has no numbers."""
    nothing = mean_interval(by_seed(math.nan))
    assert (nothing.measured, nothing.n, nothing.text()) == (False, 0, "\N{EN DASH}")


def test_missing_seed_is_left_out_and_counted() -> None:
    """A failed run thins the sample and shows in n."""
    assert mean_interval(by_seed(0.4, math.nan, 0.6)).n == 2
    assert paired_difference(by_seed(0.4, 0.5, 0.6), by_seed(0.1, math.nan, 0.2)).n == 2


def test_run_means_average_cases_inside_runs() -> None:
    """A run of many cases counts as much as a run of few."""
    cases = pd.DataFrame({"id": ["a"] * 3 + ["b"], "dice": [1.0, 1.0, 1.0, 0.0]})
    means = run_means(cases, ["dice", "absent"])
    assert means["dice"].tolist() == [1.0, 0.0]
    assert means["absent"].isna().all()


def test_run_with_a_missing_case_has_no_mean() -> None:
    """The cases on which a score could be computed are not a fair sample of all."""
    cases = pd.DataFrame({"id": ["a", "a"], "dice": [0.9, math.nan]})
    assert run_means(cases, ["dice"])["dice"].isna().all()


def test_best_is_named_when_every_rival_is_separated() -> None:
    """A lead that holds in every seed is a lead, in both directions of a score."""
    runs = {
        "a": by_seed(0.9, 0.91, 0.92),
        "b": by_seed(0.8, 0.8, 0.83),
        "c": by_seed(0.1, 0.2, 0.3),
    }
    assert separated_best(runs, higher_is_better=True) == "a"
    assert separated_best(runs, higher_is_better=False) == "c"


@pytest.mark.parametrize(
    "rival",
    [
        pytest.param(by_seed(0.95, 0.8, 0.92), id="overlaps"),
        pytest.param(by_seed(0.5), id="shares one seed"),
        pytest.param(by_seed(0.9, 0.91, 0.92), id="is equal"),
        pytest.param(by_seed(0.8, 0.81, 0.82), id="differs by a constant"),
    ],
)
def test_no_best_when_one_rival_is_not_separated(rival: pd.Series) -> None:
    """One rival that the data cannot tell apart is enough to stay silent."""
    runs = {"a": by_seed(0.9, 0.91, 0.92), "clearly worse": by_seed(0.1, 0.1, 0.2), "rival": rival}
    assert separated_best(runs, higher_is_better=True) is None


def test_a_lone_method_is_not_the_best() -> None:
    """Without a rival there is no order to claim."""
    runs = {"a": by_seed(0.9, 0.91), "b": by_seed(math.nan, math.nan)}
    assert separated_best(runs, higher_is_better=True) is None


def test_interval_is_cut_at_the_range_of_the_score() -> None:
    """No reader should meet an accuracy above 1."""
    cut = mean_interval(by_seed(0.9, 1.0)).within(0, 1)
    assert 0 <= cut.low < 0.95 < cut.high == 1


def test_scaling_by_a_negative_number_keeps_the_ends_in_order() -> None:
    """A change of sign turns the interval round."""
    assert Estimate(1, 0.5, 2, 3).scaled(-1) == Estimate(-1, -2, -0.5, 3)


@pytest.mark.parametrize(
    ("estimate", "signed", "text"),
    [
        (Estimate(0.912, 0.9, 0.924, 5), False, "0.912 [0.900, 0.924]"),
        (Estimate(0.05, -0.01, 0.11, 5), True, "+0.050 [-0.010, +0.110]"),
        (Estimate(-0.0001, -0.1, 0.1, 5), False, "0.000 [-0.100, 0.100]"),
    ],
)
def test_text_of_an_estimate(estimate: Estimate, signed: bool, text: str) -> None:
    """Numbers read the same everywhere."""
    assert estimate.text(signed=signed) == text
