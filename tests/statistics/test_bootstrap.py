"""Resampling of seeds and cases."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from tests.statistics.conftest import fail, grid, simulate, table
from topoeval.metrics import metric_of
from topoeval.statistics.bootstrap import kendall, rank_stability, resampled_means
from topoeval.statistics.grid import grids

DICE, ERROR = metric_of("dice"), metric_of("betti_error")


def test_the_spread_of_draws_is_that_of_the_mean() -> None:
    """Drawing one fewer makes few seeds no narrower than they are: the variance is right."""
    rng = np.random.default_rng(0)
    spread = {"sd_rest": 0.0, "sd_seed": 1.0, "sd_case": 0.0}
    variances = []
    for values in simulate(rng, seeds=4, cases=5, draws=200, **spread):
        draws = resampled_means([grid(values)], DICE, resamples=200, rng=rng)
        variances.append(draws.var())
    # shared and own seeds, of variance 1 each, over 4 of them
    assert np.mean(variances) == pytest.approx(2 / 4, rel=0.15)


def test_all_methods_are_averaged_over_the_same_draw() -> None:
    """A constant lead is a constant in every resample."""
    values = simulate(np.random.default_rng(1))[0]
    both = np.concatenate([values, values + 0.25])
    draws = resampled_means(grids(table(both)), DICE, resamples=50)
    assert draws[:, 1] - draws[:, 0] == pytest.approx(0.25)


def test_the_same_seed_gives_the_same_draws() -> None:
    """A report made twice is the same report."""
    found = grids(table(simulate(np.random.default_rng(2), (0, 1))[0]))
    assert np.array_equal(*(resampled_means(found, DICE, rng=3) for _ in range(2)))
    assert not np.array_equal(*(resampled_means(found, DICE, rng=rng) for rng in (3, 4)))


def test_a_clear_order_is_stable_and_equals_are_not() -> None:
    """The share of first ranks is 1 for the one, and about a half for the others."""
    rng = np.random.default_rng(3)
    values = simulate(rng, (9.0, 0.0, 0.0), seeds=8)[0]
    values[2] = -values[1]
    found = grids(table(values))
    stability = rank_stability(found, DICE, values.mean((1, 2)))
    assert stability.shares.loc["a", 1] == 1
    assert 0.05 < stability.shares.loc["b", 2] < 0.95
    assert stability.shares.to_numpy().sum(1) == pytest.approx(1)
    assert 0 < stability.tau < 1


def test_a_failed_seed_counts_where_it_is_drawn() -> None:
    """Draws with it are infinitely bad where a score has no worst value, others are as usual."""
    values = simulate(np.random.default_rng(4), (0.0, 50.0), seeds=4)[0]
    found = grids(fail(table(values), "a", 0))
    draws = resampled_means(found, ERROR, resamples=2000)[:, 0]
    # three seeds are drawn of four: without the failed one with chance (3/4)^3
    assert np.isinf(draws).mean() == pytest.approx(1 - 0.75**3, abs=0.04)
    assert np.isfinite(draws).any()
    stability = rank_stability(found, ERROR, np.array([np.inf, 50.0]))
    assert 0 < stability.shares.loc["a", 2] < 1


def test_a_lone_method_has_no_order() -> None:
    """Its only rank is the first."""
    found = grids(table(simulate(np.random.default_rng(5))[0]))
    stability = rank_stability(found, DICE, np.array([0.0]))
    assert stability.shares.to_numpy().tolist() == [[1.0]]
    assert np.isnan(stability.tau)


def test_kendalls_tau_is_scipys() -> None:
    """With ties on either side."""
    rng = np.random.default_rng(6)
    reference, others = rng.integers(1, 5, 7).astype(float), rng.integers(1, 5, (20, 7))
    expected = [stats.kendalltau(reference, row).statistic for row in others]
    assert kendall(reference, others.astype(float)) == pytest.approx(expected)


def test_datasets_of_other_sizes_are_resampled_on_their_own() -> None:
    """Seeds of one dataset are no seeds of another."""
    rng = np.random.default_rng(7)
    scores = pd.concat(
        [table(simulate(rng, seeds=3)[0], "d"), table(simulate(rng, seeds=6, cases=4)[0], "e")]
    )
    draws = resampled_means(grids(scores), DICE, resamples=400)
    means = scores.groupby("dataset")["value"].mean().mean()
    assert draws.shape == (400, 1)
    assert draws.mean() == pytest.approx(means, abs=0.2)
