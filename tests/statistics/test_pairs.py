"""Comparisons of every pair."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from tests.statistics.conftest import fail, grid, simulate, table
from topoeval.metrics import metric_of
from topoeval.statistics.grid import grids
from topoeval.statistics.pairs import compare_pairs, holm, run_blocks, wilcoxon

DICE, ERROR = metric_of("dice"), metric_of("betti_error")


def test_equal_methods_are_separated_in_at_most_six_of_a_hundred_families() -> None:
    """The chance of one false claim among all pairs is what is bounded."""
    rng = np.random.default_rng(4)
    draws = 300
    values = simulate(rng, (0.0,) * 5, seeds=5, cases=20, draws=draws)
    wrong = sum(bool(compare_pairs([grid(v)], DICE).separated()) for v in values)
    assert wrong / draws <= 0.06


def test_a_known_difference_is_separated() -> None:
    """One method ahead by several standard errors is told from the four that are equal."""
    rng = np.random.default_rng(5)
    values = simulate(rng, (1.0, 0, 0, 0, 0), draws=40, sd_seed=0.15, sd_case=0.2, sd_rest=0.2)
    found = [compare_pairs([grid(v)], DICE).separated() for v in values]
    assert np.mean([{("a", other) for other in "bcde"} <= pairs for pairs in found]) > 0.9
    lower = compare_pairs(grids(table(values[0])), ERROR).separated()
    assert {("b", "a"), ("e", "a")} <= lower


@pytest.mark.parametrize("n", [1, 2, 7])
def test_holm_is_that_of_statsmodels(n: int) -> None:
    """With ties among the values."""
    p = np.random.default_rng(n).integers(0, 40, n) / 100
    assert holm(p) == pytest.approx(multipletests(p, method="holm")[1])


def test_holm_counts_only_tests_that_were_made() -> None:
    """A pair that cannot be compared is no test."""
    assert holm([0.01, np.nan, 0.04])[[0, 2]].tolist() == pytest.approx([0.02, 0.04])
    assert np.isnan(holm([np.nan])).all()


@pytest.mark.parametrize("n", [4, 6, 9])
def test_wilcoxon_is_exact_with_and_without_ties(n: int) -> None:
    """The p-value is the share of all sign patterns at least as extreme."""
    rng = np.random.default_rng(n)
    for values in (rng.standard_normal(n), rng.integers(-2, 3, n).astype(float)):
        ranks = stats.rankdata(np.abs(values))
        zeros = values == 0
        # zsplit: half of each zero's rank to either side, whatever the signs
        fixed = ranks[zeros].sum() / 2
        seen = ranks[values > 0].sum() + fixed
        mean = ranks.sum() / 2
        sums = [
            (ranks[~zeros] * np.array(signs)).sum() + fixed
            for signs in itertools.product([0, 1], repeat=int((~zeros).sum()))
        ]
        expected = np.mean(np.abs(np.array(sums) - mean) >= abs(seen - mean) - 1e-9)
        _, p = wilcoxon(np.stack([values, np.zeros(n)], axis=1), [(0, 1)])
        assert p[0] == pytest.approx(expected)


def test_wilcoxon_of_equal_columns_is_one() -> None:
    """Nothing speaks against equality, nor does anything break."""
    n, p = wilcoxon(np.ones((7, 2)), [(0, 1)])
    assert (n[0], p[0]) == (7, 1.0)


def test_five_blocks_can_separate_nothing() -> None:
    """2 / 2^5 is above 0.05 already without correction, and the table says so."""
    values = simulate(np.random.default_rng(0), (9.0, 0.0), seeds=5, sd_seed=0.01)[0]
    found = compare_pairs(grids(table(values)), DICE)
    assert found.table["wilcoxon_p"].tolist() == [2 / 2**5]
    assert found.least_p == 2 / 2**5


def test_blocks_of_two_datasets_are_joined() -> None:
    """Each pair of dataset and seed is a block of Wilcoxon's test; means count datasets alike."""
    rng = np.random.default_rng(6)
    scores = pd.concat(
        [table(simulate(rng, (0, 0), seeds=n)[0], name) for n, name in ((3, "d"), (5, "e"))]
    )
    found = compare_pairs(grids(scores), DICE).table.iloc[0]
    assert found["wilcoxon_n"] == 8
    means = scores.groupby(["dataset", "method"])["value"].mean().unstack()
    assert found["difference"] == pytest.approx((means["a"] - means["b"]).mean())


def test_a_method_with_failed_runs_is_not_the_better_one() -> None:
    """The seeds it survived flatter it; another may still be better than it."""
    rng = np.random.default_rng(7)
    values = simulate(rng, (9.0, 0.0, -9.0), seeds=6, sd_seed=0.1, sd_case=0.1, sd_rest=0.1)[0]
    scores = fail(fail(table(values), "a", 1), "c", 2)
    assert compare_pairs(grids(scores), DICE).separated() == {("b", "c")}


def test_a_machines_fault_is_not_held_against_a_method() -> None:
    """The run is missing, and the others decide."""
    values = simulate(np.random.default_rng(8), (9.0, 0.0), seeds=6, sd_seed=0.1)[0]
    found = compare_pairs(grids(fail(table(values), "a", 1, fault="machine")), DICE)
    assert found.separated() == {("a", "b")}
    assert found.table["runs"].tolist() == [5]


def test_four_common_seeds_separate_nothing() -> None:
    """However large the difference, it is shown and not tested."""
    values = simulate(np.random.default_rng(8), (9.0, 0.0), seeds=4, sd_seed=0.1)[0]
    found = compare_pairs(grids(table(values)), DICE)
    assert found.separated() == set()
    assert found.table["difference"].tolist() == pytest.approx([9.0], abs=1.0)
    assert found.table[["low", "high", "p"]].isna().all().all()


def test_methods_without_two_common_seeds_are_not_compared() -> None:
    """One pair of runs has no spread to judge by; the row stays."""
    values = simulate(np.random.default_rng(9), (9.0, 0.0), seeds=2)[0]
    found = compare_pairs(grids(fail(table(values), "a", 1)), ERROR).table.iloc[0]
    assert np.isnan(found["difference"])
    assert found["better"] == ""


def test_failed_runs_score_the_worst_in_blocks() -> None:
    """Dice has a worst value; a Betti error has none, so that a failure is infinitely bad."""
    scores = fail(table(simulate(np.random.default_rng(1), (0, 0))[0]), "b", 3)
    assert run_blocks(grids(scores), DICE).loc[("d", 3), "b"] == 0.0
    assert run_blocks(grids(scores), ERROR).loc[("d", 3), "b"] == np.inf
