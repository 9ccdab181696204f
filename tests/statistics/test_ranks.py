"""Tiers, three ways to rank, and who wins how often."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.statistics.conftest import fail, simulate, table
from topoeval.metrics import metric_of
from topoeval.statistics.grid import grids
from topoeval.statistics.ranks import (
    rank,
    rank_then_mean,
    significance_rank,
    tiers,
    win_matrix,
)

DICE, ERROR = metric_of("dice"), metric_of("betti_error")
NAMES = list("abcdef")
# Pairs in which an earlier name is the better one.
orders = st.sets(
    st.tuples(st.sampled_from(range(6)), st.sampled_from(range(6))).filter(lambda p: p[0] < p[1])
).map(lambda pairs: {(NAMES[i], NAMES[j]) for i, j in pairs})


@given(orders)
def test_no_two_of_a_tier_are_separated_and_later_tiers_have_a_reason(
    separated: set[tuple[str, str]],
) -> None:
    """A tier is shared by methods the data cannot tell apart; a lower one is lower than someone."""
    found = tiers(NAMES, np.arange(6.0)[::-1], separated)
    for better, worse in separated:
        assert found.loc[better, "tier"] < found.loc[worse, "tier"]
    for name, tier in found["tier"].items():
        above = [found.loc[better, "tier"] for better, worse in separated if worse == name]
        assert tier == 1 + max(above, default=0)


@given(orders)
def test_rank_ranges_hold_every_order_that_the_pairs_allow(separated: set[tuple[str, str]]) -> None:
    """The alphabetical order contradicts no pair, so each rank of it lies in its range."""
    found = tiers(NAMES, np.arange(6.0)[::-1], separated)
    for place, name in enumerate(NAMES, start=1):
        assert found.loc[name, "rank_low"] <= place <= found.loc[name, "rank_high"]


def test_a_circle_of_pairs_ends() -> None:
    """With different seeds missing, three methods may beat each other in turn."""
    found = tiers(list("abc"), np.ones(3), [("a", "b"), ("b", "c"), ("c", "a")])
    assert found["tier"].notna().all()


def test_a_method_without_scores_has_no_tier() -> None:
    """And the others are ranked among themselves."""
    found = tiers(["a", "b"], np.array([0.5, np.nan]), [])
    assert found.loc["a"].tolist() == [1, 1, 1]
    assert found.loc["b"].isna().all()


def test_equal_means_share_a_rank_whatever_their_last_bits() -> None:
    """0.1 + 0.2 is 0.3 to anyone who reads a table."""
    found = rank(np.array([0.1 + 0.2, 0.3, 0.5, 0.2]), higher_is_better=True)
    assert found.tolist() == [2, 2, 1, 4]
    assert rank(np.array([np.inf, 1.0, np.inf]), higher_is_better=False).tolist() == [2, 1, 2]


def test_rank_then_mean_ranks_every_case_of_every_run() -> None:
    """By hand: three cells, one of them a tie."""
    values = np.array([[[0.9, 0.5, 0.7]], [[0.8, 0.5, 0.9]]])
    assert rank_then_mean(grids(table(values)), DICE).tolist() == [1.5, 1.5]
    assert rank_then_mean(grids(table(values)), ERROR).tolist() == [1.5, 1.5]
    values[1, 0, 2] = 0.1
    assert rank_then_mean(grids(table(values)), DICE) == pytest.approx([3.5 / 3, 5.5 / 3])


def test_schemes_can_disagree() -> None:
    """One very bad case costs the mean much and the ranks little; both are shown."""
    values = np.array([[[0.81, 0.81, 0.81, 0.0]], [[0.8, 0.8, 0.8, 0.8]]])
    found = grids(table(values))
    assert np.argmin(rank_then_mean(found, DICE)) == 0
    assert np.argmax(found[0].values.mean((1, 2))) == 1


def test_failed_runs_rank_last_even_behind_the_worst_score() -> None:
    """A Dice of 0 is a result; a crash is none."""
    values = np.zeros((2, 2, 3))
    found = grids(fail(table(values), "b", 0))
    assert rank_then_mean(found, DICE).tolist() == [1.25, 1.75]
    assert win_matrix(found, DICE).loc["a", "b"] == 0.75


def test_runs_that_were_not_measured_take_no_rank() -> None:
    """Others are ranked without them."""
    values = simulate(np.random.default_rng(0), (5.0, 0.0), seeds=3, sd_rest=0.1, sd_case=0.1)[0]
    values += np.array([5.0, 0])[:, None, None]
    found = grids(fail(table(values), "a", 0, fault="machine"))
    assert rank_then_mean(found, DICE) == pytest.approx([1.0, 1 + 2 / 3])


def test_wins_and_losses_add_up() -> None:
    """A tie is half a win to each, in both directions of a score."""
    rng = np.random.default_rng(1)
    found = grids(table(rng.integers(0, 3, (4, 5, 6)).astype(float)))
    for measure in (DICE, ERROR):
        wins = win_matrix(found, measure).to_numpy()
        off = ~np.eye(4, dtype=bool)
        assert (wins + wins.T)[off] == pytest.approx(1)
        assert np.isnan(np.diag(wins)).all()
    assert win_matrix(found, ERROR).to_numpy().T[off] == pytest.approx(
        win_matrix(found, DICE).to_numpy()[off]
    )


def test_significance_ranks_count_whom_a_method_beats() -> None:
    """As challengeR does; ties share the better rank."""
    assert significance_rank(list("abc"), [("a", "c"), ("b", "c")]).tolist() == [1, 1, 3]


def test_datasets_count_alike_whatever_their_size() -> None:
    """A dataset of a thousand cases does not outvote one of ten."""
    small, large = np.zeros((2, 2, 2)), np.zeros((2, 2, 50))
    small[0], large[1] = 1, 1
    found = grids(pd.concat([table(small, "s"), table(large, "t")]))
    assert rank_then_mean(found, DICE).tolist() == [1.5, 1.5]
    assert win_matrix(found, DICE).loc["a", "b"] == 0.5
