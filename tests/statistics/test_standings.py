"""The face of the statistics: everything of a table of scores at once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tests.statistics.conftest import fail, simulate, table
from topoeval.errors import UserError
from topoeval.metrics import metric_of
from topoeval.statistics import score_table, standings


def ladder(seed: int = 0, **options: float) -> pd.DataFrame:
    """Return scores of a, b and c: b is like a, c is far behind."""
    rng = np.random.default_rng(seed)
    spread = {"sd_seed": 0.01, "sd_case": 0.02, "sd_rest": 0.02} | options
    return table(simulate(rng, (0.8, 0.799, 0.6), seeds=6, cases=30, **spread)[0])


def test_equals_share_a_tier_and_a_known_difference_does_not() -> None:
    """The ranges of ranks say the same."""
    found = standings(ladder(), "dice")
    rows = found.table.set_index("method")
    assert rows.loc[["a", "b"], "tier"].tolist() == [1, 1]
    assert rows.loc["c", ["tier", "rank_low", "rank_high"]].tolist() == [2, 3, 3]
    assert found.separated_best is None
    assert rows.loc["c", "by_tests"] == 3
    assert found.critical_difference is not None
    assert found.critical_difference.blocks == 6


def test_a_lower_score_is_better_where_it_is_an_error() -> None:
    """The same scores, turned round."""
    found = standings(ladder(), "betti_error")
    assert found.table["method"].iloc[0] == "c"
    assert found.separated_best == "c"


def test_estimates_are_cut_at_the_range_of_the_score() -> None:
    """No reader should meet a Dice above 1."""
    scores = ladder()
    scores["value"] = scores["value"].clip(upper=1) + 0.19
    scores["value"] = scores["value"].clip(0, 1)
    assert (standings(scores, "dice").table["high"] <= 1).all()


@pytest.mark.parametrize(("measure", "mean_is"), [("dice", 0.8 * 5 / 6), ("betti_error", np.inf)])
def test_failed_runs_are_counted_ranked_and_told(measure: str, mean_is: float) -> None:
    """They do not vanish: the mean is of the others, the rank is not."""
    found = standings(fail(ladder(), "a", 2), measure)
    row = found.table.set_index("method").loc["a"]
    assert (row["runs"], row["failed"], row["absent"]) == (5, 1, 0)
    assert row["mean"] == pytest.approx(0.8, abs=0.05)
    assert row["by_mean"] == (2 if np.isfinite(mean_is) else 3)
    assert any(note.startswith("a: 1 failed runs") for note in found.notes)


def test_a_method_that_always_fails_is_a_row_without_a_tier() -> None:
    """It is last by mean, and no tie with the best."""
    scores = ladder()
    for seed in range(6):
        scores = fail(scores, "a", seed)
    found = standings(scores, "dice")
    last = found.table.iloc[-1]
    assert last["method"] == "a"
    assert pd.isna(last["tier"])
    assert last["by_mean"] == 3
    assert np.isnan(last["mean"])
    assert any("a has no tier" in note for note in found.notes)


def test_a_method_that_was_never_measured_has_no_rank() -> None:
    """A machine's fault is not held against it, and it takes nobody's place."""
    scores = ladder()
    for seed in range(6):
        scores = fail(scores, "a", seed, fault="machine")
    found = standings(scores, "dice")
    row = found.table.set_index("method").loc["a"]
    assert row[["tier", "by_mean", "by_cases", "by_tests"]].isna().all()
    assert row["absent"] == 6
    assert list(found.stability.shares.index) == ["b", "c"]


def test_an_undefined_case_makes_the_run_unmeasured() -> None:
    """The cases on which a score could be computed are no fair sample of all."""
    scores = ladder()
    scores.loc[(scores["method"] == "a") & (scores["seed"] == 0) & (scores["case"] == "003"),
               "value"] = np.nan  # fmt: skip
    row = standings(scores, "dice").table.set_index("method").loc["a"]
    assert (row["runs"], row["absent"]) == (5, 1)


def test_a_case_that_no_run_has_a_value_for_is_left_out_and_told() -> None:
    """It is a property of the data, not of a method."""
    scores = ladder()
    scores.loc[scores["case"] == "003", "value"] = np.nan
    found = standings(scores, "dice")
    assert found.table["runs"].tolist() == [6, 6, 6]
    assert any(note.startswith("1 cases of d left out") for note in found.notes)


def test_a_test_without_power_is_told() -> None:
    """Three seeds and three pairs: Wilcoxon's p cannot be below 0.75."""
    scores = ladder()
    found = standings(scores[scores["seed"] < 3], "dice")
    assert any("no corrected p is below 0.75" in note for note in found.notes)


def test_several_datasets_make_one_order_and_one_seed_makes_no_tiers() -> None:
    """Means are of relative errors; with a seed each nothing is separated."""
    scores = pd.concat([ladder(), ladder(1).assign(dataset="e")])
    found = standings(scores, "dice")
    assert found.datasets == ("d", "e")
    errors = 1 - scores.groupby(["method", "dataset"])["value"].mean()
    means = (errors / errors.groupby("dataset").mean()).groupby("method").mean()
    assert found.table.set_index("method")["mean"].to_dict() == pytest.approx(means.to_dict())
    single = standings(scores[scores["seed"] == 0], "dice").table
    assert single["tier"].tolist() == [1, 1, 1]
    assert single["low"].isna().all()


def test_a_method_missing_on_one_dataset_has_no_place_overall() -> None:
    """A mean over fewer datasets is another mean."""
    scores = pd.concat([ladder(), ladder(1).assign(dataset="e")])
    scores = scores[~((scores["method"] == "c") & (scores["dataset"] == "e"))]
    row = standings(scores, "dice").table.set_index("method").loc["c"]
    assert row[["mean", "tier", "by_mean", "by_cases", "by_tests"]].isna().all()


def test_the_same_scores_give_the_same_standings() -> None:
    """Whatever the order of the rows."""
    scores = ladder()
    shuffled = scores.sample(frac=1, random_state=1)
    first, second = standings(scores, "dice"), standings(shuffled, "dice")
    pd.testing.assert_frame_equal(first.table, second.table)
    pd.testing.assert_frame_equal(first.stability.shares, second.stability.shares)


def test_a_score_of_ones_own_is_ranked_by_its_card() -> None:
    """A metric that is in no registry."""
    card = replace(metric_of("dice"), name="own")
    assert standings(ladder(), card).measure == "own"


@pytest.mark.parametrize(
    ("measure", "message"),
    [("dise", "did you mean 'dice'"), ("b0", "no better or worse"),
     ("truth_matches_prior", "no better or worse")],
)  # fmt: skip
def test_what_cannot_be_ranked_is_refused(measure: str, message: str) -> None:
    """An unknown name, and a column that describes the data."""
    with pytest.raises(UserError, match=message):
        standings(ladder(), measure)


def test_a_table_of_something_else_is_refused() -> None:
    """The message names what is missing, or that there is nothing, or twice the same."""
    with pytest.raises(UserError, match="lack the columns dataset"):
        standings(pd.DataFrame({"x": [1]}), "dice")
    with pytest.raises(UserError, match="has no row"):
        standings(ladder().iloc[:0], "dice")
    with pytest.raises(UserError, match="two values of one case"):
        standings(pd.concat([ladder(), ladder()]), "dice")
    with pytest.raises(UserError, match="level"):
        standings(ladder(), "dice", level=95)


def test_score_table_keeps_failed_runs_as_rows() -> None:
    """A run without cases is one row without a value."""
    runs = pd.DataFrame({
        "id": ["1", "2"], "dataset": "d", "arm": ["a", "b"], "seed": 0,
        "status": ["ok", "crashed"], "fault": ["", "method"],
    })  # fmt: skip
    cases = pd.DataFrame({"id": ["1", "1"], "case": ["x", "y"], "dice": [0.5, 0.7]})
    found = score_table(runs, cases, "dice")
    assert found["method"].tolist() == ["a", "a", "b"]
    assert found["status"].tolist() == ["ok", "ok", "crashed"]
    assert found["value"].isna().tolist() == [False, False, True]


def test_who_was_never_compared_leads_nobody() -> None:
    """One method with scores beside one that was not measured: there is no best of one."""
    scores = table(simulate(np.random.default_rng(0), (0.8, 0.7), sd_seed=0.01)[0])
    for seed in range(5):
        scores = fail(scores, "b", seed, fault="machine")
    found = standings(scores, "dice")
    assert found.table.set_index("method")["tier"].isna().to_dict() == {"a": False, "b": True}
    assert found.separated_best is None


def test_methods_on_different_datasets_have_no_order() -> None:
    """Nobody was measured everywhere: no rank, no stability, and no error."""
    scores = pd.concat(
        [
            table(simulate(np.random.default_rng(i), (0.8,))[0], dataset, [name])
            for i, (dataset, name) in enumerate((("d", "a"), ("e", "b")))
        ]
    )
    found = standings(scores, "dice")
    assert found.table["by_mean"].isna().all()
    assert found.stability.shares.empty
    assert np.isnan(found.stability.tau)
    assert found.power is None


def test_no_dataset_dominates_an_order_over_several() -> None:
    """A tenth of the error on the small dataset outweighs a twentieth more on the large one."""
    rng = np.random.default_rng(3)
    spread = {"sd_seed": 0.1, "sd_case": 0.1, "sd_rest": 0.1}
    small = table(simulate(rng, (20.0, 2.0), seeds=6, **spread)[0], "small", ["base", "other"])
    large = table(simulate(rng, (130.0, 136.0), seeds=6, **spread)[0], "large", ["base", "other"])
    small["value"], large["value"] = small["value"].clip(0), large["value"].clip(0)
    found = standings(pd.concat([small, large]), "betti_error", reference="base")
    # by raw means base had 75 and other 69 in one suite, and 65 to 68 with a larger second dataset
    rows = found.table.set_index("method")
    assert rows.loc["base", "mean"] == pytest.approx(1.0)
    assert rows.loc["other", "mean"] == pytest.approx((0.1 + 136 / 130) / 2, abs=0.05)
    assert rows["by_mean"].to_dict() == {"base": 2, "other": 1}
    assert rows["by_datasets"].to_dict() == {"base": 1, "other": 1}


def test_a_method_is_compared_with_its_own_base() -> None:
    """Not with every other method; the family is the methods that have a base."""
    found = standings(ladder(), "dice", bases={"a": "c", "b": "c", "c": "gone"})
    against = found.against_bases
    assert set(against) == {"a", "b"}
    assert against["a"].base == "c"
    assert against["a"].better
    assert not against["a"].worse
    p = sorted(one.p for one in against.values())
    assert sorted(one.p_holm for one in against.values()) == pytest.approx(
        [max(2 * p[0], 0), max(2 * p[0], p[1])]
    )
    assert against["a"].difference.mean == pytest.approx(
        found.estimates["a"].mean - found.estimates["c"].mean
    )


def test_fewer_than_five_seeds_have_values_and_no_star() -> None:
    """However clear the lead is in each of them."""
    scores = ladder()
    found = standings(scores[scores["seed"] < 4], "dice", bases={"a": "c"})
    one = found.against_bases["a"]
    assert not one.better
    assert np.isnan(one.p)
    assert len(one.difference.seeds) == 4
    assert min(one.difference.seeds) > 0.1
    assert len(found.estimates["a"].seeds) == 4
    assert found.table["tier"].tolist() == [1, 1, 1]


def test_the_same_answers_are_told() -> None:
    """A method that changes nothing equals its base in every case."""
    scores = ladder()
    copy = scores[scores["method"] == "c"].assign(method="copy")
    against = standings(
        pd.concat([scores, copy]), "dice", bases={"copy": "c", "a": "c"}
    ).against_bases
    assert (against["copy"].same, against["a"].same) == (True, False)
    assert not against["copy"].better


def test_a_failed_run_takes_the_star() -> None:
    """The seeds that a method survived flatter it, and a failed base does not help it."""
    scores = fail(pd.concat([ladder(), ladder(1)[lambda t: t["method"] == "none"]]), "a", 5)
    against = standings(scores, "dice", bases={"a": "c", "b": "c"}).against_bases
    assert (against["a"].better, against["b"].better) == (False, True)


def test_right_or_wrong_has_an_interval_where_all_are_right() -> None:
    """Eighteen right cases of eighteen do not show that the next one is right."""
    values = np.ones((1, 5, 18))
    found = standings(table(values), "matches_truth").estimates["a"]
    assert found.mean == 1.0
    assert 0.75 < found.low < 0.99
    graded = standings(table(values * 0.9), "matches_truth").estimates["a"]
    assert graded.high - graded.low == pytest.approx(0)
