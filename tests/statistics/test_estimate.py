"""Means and intervals of times over seeds, and how an estimate prints."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from topoeval.statistics.estimate import Estimate, mean_interval

scores = st.lists(st.floats(0, 1).map(lambda x: round(x, 6)), min_size=5, max_size=12)


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


def test_few_seeds_print_their_values_in_place_of_an_interval() -> None:
    """Four seeds have no interval, five have one; a wide interval cut at its range helps nobody."""
    four = mean_interval(by_seed(0.4, 0.5, 0.6, 0.5))
    assert four.text(2) == "0.50 (seeds 0.40, 0.50, 0.60, 0.50)"
    assert (four.has_interval, four.excludes_zero) == (False, False)
    assert mean_interval(by_seed(0.4, 0.5, 0.6, 0.5, 0.5)).has_interval


def test_interval_is_cut_at_the_range_of_the_score() -> None:
    """No reader should meet an accuracy above 1."""
    cut = mean_interval(by_seed(0.9, 1.0, 0.9, 1.0, 0.95)).within(0, 1)
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
