"""Intervals of means over crossed seeds and cases."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm

from tests.statistics.conftest import grid, simulate
from topoeval.metrics import metric_of
from topoeval.statistics.bootstrap import percentile_interval, resampled_means
from topoeval.statistics.crossed import Mean, crossed, crossed_interval


def covered(values: np.ndarray) -> float:
    """Return the share of draws whose interval of the mean holds 0."""
    low, high = Mean((crossed(values),)).interval()
    return float(np.mean((low <= 0) & (high >= 0)))


@pytest.mark.parametrize("seeds", [3, 5, 8])
@pytest.mark.parametrize(
    "spread",
    [
        pytest.param({}, id="all alike"),
        pytest.param({"sd_case": 0.1}, id="seeds differ"),
        pytest.param({"sd_seed": 0.1}, id="cases differ"),
        pytest.param({"sd_rest": 4.0}, id="noise"),
    ],
)
def test_intervals_of_differences_cover_as_stated(seeds: int, spread: dict[str, float]) -> None:
    """A paired difference of two methods with equal means lies in 95 % of its intervals."""
    rng = np.random.default_rng(seeds)
    values = simulate(rng, (0.0, 0.0), seeds=seeds, cases=30, draws=4000, **spread)
    assert 0.92 <= covered(values[:, 0] - values[:, 1]) <= 0.98


@pytest.mark.parametrize("seeds", [3, 5, 8])
def test_intervals_of_means_cover_as_stated(seeds: int) -> None:
    """So does the mean of one method, though all share seeds and cases."""
    values = simulate(np.random.default_rng(seeds), seeds=seeds, cases=40, draws=4000)
    assert 0.92 <= covered(values[:, 0]) <= 0.98


@pytest.mark.parametrize("spread", [{}, {"sd_case": 0.1}, {"sd_seed": 0.1}, {"sd_rest": 4.0}])
def test_two_seeds_never_cover_too_rarely(spread: dict[str, float]) -> None:
    """With one degree of freedom the interval is long, and up to 99.5 % are covered."""
    values = simulate(np.random.default_rng(2), (0.0, 0.0), seeds=2, draws=4000, **spread)
    assert 0.92 <= covered(values[:, 0] - values[:, 1]) <= 0.995


@pytest.mark.parametrize("mean", [0.05, 0.2, 0.7])
def test_the_p_value_is_the_level_whose_interval_ends_at_zero(mean: float) -> None:
    """Interval and test never disagree."""
    values = simulate(np.random.default_rng(4), seeds=5, cases=30)[:, 0] + mean
    found = Mean((crossed(values),))
    low, high = found.interval(1 - float(found.p_value()[0]))
    assert min(abs(low[0]), abs(high[0])) == pytest.approx(0, abs=1e-6)


def test_intervals_over_datasets_cover_as_stated() -> None:
    """Datasets of different sizes and spreads count alike, and the mean of them is covered."""
    rng = np.random.default_rng(1)
    parts = [
        simulate(rng, seeds=5, cases=20, draws=4000)[:, 0],
        simulate(rng, seeds=3, cases=60, draws=4000, sd_seed=0.2)[:, 0],
        simulate(rng, seeds=8, cases=10, draws=4000, sd_case=3.0)[:, 0],
    ]
    low, high = Mean(tuple(crossed(part) for part in parts)).interval()
    assert 0.92 <= np.mean((low <= 0) & (high >= 0)) <= 0.98


def test_pooled_and_naive_intervals_would_not() -> None:
    """Seeds x cases as so many draws, or a bootstrap of five seeds, cover far too rarely."""
    values = simulate(np.random.default_rng(2), seeds=5, cases=40, draws=400)[:, 0]
    flat = values.reshape(len(values), -1)
    half = stats.t.ppf(0.975, flat.shape[1] - 1) * stats.sem(flat, axis=1)
    assert np.mean(np.abs(flat.mean(1)) <= half) < 0.6
    hits = []
    for draw in values:
        draws = resampled_means([grid(draw[None])], metric_of("mse"), resamples=300, rng=0, fewer=0)
        low, high = percentile_interval(draws)
        hits.append(low[0] <= 0 <= high[0])
    assert np.mean(hits) < 0.92


def test_mean_squares_are_those_of_an_analysis_of_variance() -> None:
    """The decomposition agrees with statsmodels' two-way table."""
    values = simulate(np.random.default_rng(3), seeds=4, cases=6)[0, 0]
    frame = pd.DataFrame(
        [(s, c, values[s, c]) for s in range(4) for c in range(6)], columns=["s", "c", "y"]
    )
    expected = anova_lm(ols("y ~ C(s) + C(c)", frame).fit())["sum_sq"] / [3, 5, 15]
    found = crossed(values)
    assert [found.ms_seeds, found.ms_cases, found.ms_rest] == pytest.approx(list(expected))


def test_without_case_effects_it_is_students_interval_of_the_seeds() -> None:
    """Where cases differ less than noise, seeds are all there is."""
    values = np.array(
        [[0.1, 0.5, 0.3], [0.6, 0.2, 0.4], [0.9, 0.95, 0.91], [0.5, 0.5, 0.6], [0.4, 0.3, 0.2]]
    )
    values = values - values.mean(0) + values.mean()
    found = crossed_interval([values])
    low, high = stats.t.interval(0.95, 4, values.mean(), stats.sem(values.mean(1)))
    assert (found.low, found.high) == pytest.approx((low, high))


def test_one_seed_gives_a_mean_without_interval() -> None:
    """Cases of one network say nothing of the next network."""
    found = crossed_interval([np.array([[0.2, 0.4]])])
    assert found.mean == pytest.approx(0.3)
    assert not found.has_interval


def test_one_case_is_a_table_too() -> None:
    """Then only the seeds vary."""
    values = np.array([[0.1], [0.2], [0.4], [0.3], [0.2]])
    found = crossed_interval([values])
    low, high = stats.t.interval(0.95, 4, values.mean(), stats.sem(values[:, 0]))
    assert (found.low, found.high) == pytest.approx((low, high))


def test_a_difference_without_spread_has_no_p_below_one() -> None:
    """Seeds that agree to the last digit show how coarse a score is, not how sure it is."""
    same = Mean((crossed(np.full((5, 8), 0.1)),))
    assert float(same.p_value()) == 1.0
    wide = Mean((crossed(np.full((5, 8), 0.1) + 1e-3 * np.arange(5)[:, None]),))
    assert float(wide.p_value()) < 0.05
