"""Two or more sets of predictions compared case by case."""

import json

import numpy as np
import pandas as pd
import pytest

from topoeval import UserError
from topoeval.checksums import checksum, sealed
from topoeval.evaluate.comparison import compare_predictions, same_question
from topoeval.evaluate.finished import read_evaluation
from topoeval.records.record import RECORD_SCHEMA
from topoeval.statistics.paired_cases import least_p


def table(**scores):
    """Return a table of cases of class 1 with the scores given."""
    n = len(next(iter(scores.values())))
    return pd.DataFrame(
        {
            "case": [f"case{i:02d}" for i in range(n)],
            "class": "1",
            **scores,
            "prediction_empty": False,
            "target_empty": False,
        }
    )


SPEC = {
    "kind": "files",
    "topology": "T-superlevel-plain",
    "classes": ["1"],
    "settings": {"tolerance": None},
    "inputs": {"case00": {"prediction": "p", "target": "t"}},
}


def test_the_fewer_betti_errors_are_separated_with_their_interval():
    """2.67 against 29.5 errors over eight cases is no chance; the row says it in numbers."""
    a = np.array([1, 2, 0, 5, 4, 3, 2, 4.36])
    b = np.array([20, 35, 18, 41, 30, 28, 25, 39])
    found = compare_predictions({"a": table(betti_error=a), "b": table(betti_error=b)})
    (row,) = found.table.to_dict("records")
    assert row["difference"] == pytest.approx((a - b).mean())
    assert row["low"] < row["difference"] < row["high"] < 0
    assert (row["better"], row["wins"], row["ties"], row["losses"]) == ("a", 8, 0, 0)
    assert row["p_holm"] < 0.01
    assert found.standings.set_index("model")["tier"].to_dict() == {"a": 1, "b": 2}


def test_who_is_better_where_and_where_each_is_worst():
    """A row per class with the better model; the worst cases of each by the first score."""
    rng = np.random.default_rng(0)
    good, bad = 0.9 + 0.05 * rng.random(12), 0.6 + 0.05 * rng.random(12)
    good[7], bad[3] = 0.7, 0.2
    same = 0.75 + 0.2 * rng.random(12)

    def both(dice):
        second = table(dice=same, hd95=same).assign(**{"class": "2"})
        return pd.concat([table(dice=dice, hd95=same), second], ignore_index=True)

    found = compare_predictions({"a": both(good), "b": both(bad)})
    assert found.glance().to_numpy().tolist() == [["1", "a", "-"], ["2", "-", "-"]]
    assert "a is better in dice of class 1" in found.verdict()[0]
    worst = found.worst(most=1).set_index("model")
    assert worst["case"].to_dict() == {"a": "case07", "b": "case03"}
    assert worst["Dice ↑"].tolist() == ["0.700", "0.200"]
    assert worst["class"].tolist() == ["1", "1"]


def test_equal_predictions_are_separated_in_nothing():
    """Neither by an interval nor by a tier."""
    scores = np.random.default_rng(0).random(12)
    same = table(dice=scores, hd95=scores)
    found = compare_predictions({"a": same, "b": same.copy()})
    assert found.table["better"].eq("").all()
    assert found.table["ties"].eq(12).all()
    assert found.table["low"].isna().all()
    assert found.standings["tier"].eq(1).all()
    assert found.deciding("1", "dice").empty


def test_one_and_the_same_difference_has_no_interval_and_the_verdict_says_why():
    """Of eight cases that all differ by 2 it is no reason that few differ."""
    scores = np.arange(8.0)
    found = compare_predictions({"a": table(hd95=scores), "b": table(hd95=scores + 2)})
    assert found.table["basis"].tolist() == ["none"]
    assert "or all differ by the same" in found.verdict()[-1]
    assert found.table["better"].tolist() == ["a"]


def test_the_kind_of_interval_follows_the_score():
    """Betti errors of 0 and 1 are numbers; Betti accuracy is right or wrong."""
    one, none = np.ones(8), np.zeros(8)
    found = compare_predictions(
        {
            "a": table(betti_error=one, nsd=one, matches_truth=none),
            "b": table(betti_error=none, nsd=one, matches_truth=one),
        },
        ["betti_error", "nsd", "matches_truth"],
    )
    assert found.table["basis"].tolist() == ["none", "none", "proportions"]
    assert found.table["better"].tolist() == ["b", "", "b"]
    said = " ".join(found.verdict())
    assert "2 differences have no interval" in said
    assert "right or wrong have the interval of pairs of proportions" in said


def test_no_interval_goes_beyond_what_the_score_can_differ_by():
    """Dice lies in [0, 1], Student's interval of five differences does not."""
    a, b = np.array([1.0, 1, 1, 0.9, 0.0]), np.array([0.0, 0, 0, 0, 0.05])
    (row,) = compare_predictions({"a": table(dice=a), "b": table(dice=b)}).table.to_dict("records")
    assert row["basis"] == "cases"
    assert row["high"] == 1.0


def test_holm_is_taken_over_pairs_scores_and_classes():
    """Three models, two scores: six tests in one family."""
    rng = np.random.default_rng(1)
    models = {
        name: table(dice=rng.random(20) + lead, nsd=rng.random(20))
        for name, lead in (("a", 1.0), ("b", 0.0), ("c", 0.02))
    }
    found = compare_predictions(models).table
    assert len(found) == 6
    smallest = found["p"].idxmin()
    assert found["p_holm"][smallest] == pytest.approx(min(1, 6 * found["p"][smallest]))
    assert set(found[found["better"] == "a"]["score"]) == {"dice"}


def test_a_class_that_no_mask_holds_is_left_out_and_one_that_is_predicted_falsely_counts():
    """A false prediction of an absent class costs its model, and not the one without it."""
    a, b = (table(dice=np.array([1.0, 1.0, 0.9, 0.8, 0.7, 0.9])) for _ in "ab")
    for one in (a, b):
        one.loc[:1, ["prediction_empty", "target_empty"]] = True
    b.loc[1, "prediction_empty"] = False
    b.loc[1, "dice"] = 0.0
    found = compare_predictions({"a": a, "b": b})
    assert found.table["n"].tolist() == [5]
    assert found.table["difference"].tolist() == [pytest.approx(1 / 5)]
    assert found.notes == ("class 1: 1 cases without it in any mask are left out",)


def test_cases_that_one_model_lacks_are_named_and_left_out():
    """And those without a value of every model."""
    a = table(dice=np.linspace(0.5, 0.9, 7))
    b = table(dice=np.linspace(0.4, 0.8, 6))
    a.loc[2, "dice"] = np.nan
    found = compare_predictions({"a": a, "b": b})
    assert found.table["n"].tolist() == [5]
    assert "b lacks 1 cases that others have, case06 first; left out" in found.notes
    assert "class 1, dice: 1 cases without a value are left out" in found.notes


def test_a_class_that_one_model_lacks_is_said_of_that_model():
    """Its cases are there, so it is no case that is lacking."""
    one = table(dice=np.linspace(0.5, 0.9, 5))
    both = pd.concat([one, one.assign(**{"class": "2"})], ignore_index=True)
    found = compare_predictions({"a": both, "few": one})
    assert found.notes == ("few lacks class 2 in 5 cases, case00 first; left out",)


def test_what_so_few_cases_cannot_separate_among_so_many_tests_is_said():
    """Right in all of five cases against none, but one of three tests: and the remedy is named."""
    values = np.random.default_rng(2).random(5)
    models = {
        "a": table(matches_truth=np.ones(5), dice=values, nsd=values),
        "b": table(matches_truth=np.zeros(5), dice=values, nsd=values),
    }
    found = compare_predictions(models, ["matches_truth", "dice", "nsd"])
    least = least_p(5, binary=True)
    assert found.table["p"].min() == pytest.approx(least)
    assert found.table["better"].eq("").all()
    (line,) = [line for line in found.verdict() if "at the least" in line]
    assert f"Betti accuracy of 5 cases has a p of {least:.2g} at the least" in line
    assert f"times 3 tests {3 * least:.2g}" in line
    assert "--measure" in line


def test_a_difference_that_only_the_number_of_tests_hides_is_said():
    """Its p is below 5 %, times the tests it is not."""
    rng = np.random.default_rng(0)
    a = rng.normal(0, 1, 12)
    b = a + rng.normal(1.0, 0.9, 12)
    same = dict.fromkeys(("dice", "nsd", "cldice", "hd95"), a)
    found = compare_predictions(
        {"a": table(betti_error=a, **same), "b": table(betti_error=b, **same)}
    )
    p = found.table["p"].min()
    assert p <= 0.05 < 5 * p
    (line,) = [line for line in found.verdict() if line.startswith("the smallest p")]
    assert f"{p:.2g} (betti_error of class 1), times 5 tests {5 * p:.2g}" in line


def test_the_deciding_cases_are_those_furthest_apart():
    """The widest first."""
    a = np.array([0.9, 0.8, 0.7, 0.6, 0.5])
    b = np.array([0.9, 0.7, 0.1, 0.55, 0.5])
    found = compare_predictions({"a": table(dice=a), "b": table(dice=b)})
    assert found.deciding("1", "dice")["case"].tolist() == ["case02", "case01", "case03"]


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        (["dise"], "no score 'dise' in a, b; did you mean 'dice'"),
        (["hd95"], "no score 'hd95' in b"),
        (["b0"], "b0 describes a mask"),
    ],
)
def test_a_score_that_cannot_be_compared_is_refused(scores, message):
    """With the reason, and the nearest name."""
    values = np.random.default_rng(0).random(6)
    a, b = table(dice=values, b0=values, hd95=values), table(dice=values, b0=values)
    with pytest.raises(UserError, match=message):
        compare_predictions({"a": a, "b": b}, scores)


def test_what_has_nothing_in_common_is_refused():
    """One model alone, and models of other cases."""
    one = table(dice=np.ones(5))
    with pytest.raises(UserError, match="two models or more, got 1"):
        compare_predictions({"a": one})
    other = one.assign(case="x" + one["case"])
    with pytest.raises(UserError, match="no case and class is in all of a, b"):
        compare_predictions({"a": one, "b": other})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"topology": "V-superlevel-plain"}, "a and b differ in topology"),
        ({"settings": {"tolerance": 2.0}}, "a and b differ in settings"),
        ({"inputs": {"case00": {"target": "u"}}}, "against other truths of case00"),
    ],
)
def test_evaluations_of_other_questions_are_refused(change, message):
    """Scores under two topologies, tolerances or truths have no difference."""
    same_question({"a": SPEC, "b": {**SPEC, "inputs": {"case00": {"target": "t"}}}})
    with pytest.raises(UserError, match=message):
        same_question({"a": SPEC, "b": {**SPEC, **change}})


def test_a_finished_evaluation_is_read_and_others_are_refused(tmp_path):
    """Names of cases stay texts; a folder of something else is one clear line."""
    cases = table(dice=np.ones(2)).assign(case=["001", "002"])
    cases.to_csv(tmp_path / "cases.csv", index=False)
    with pytest.raises(UserError, match="holds no finished 'topoeval evaluate'"):
        read_evaluation(tmp_path)
    (tmp_path / "record.json").write_text(
        json.dumps({"schema": 1, "spec": {"schema": 1, "method": "x"}})
    )
    with pytest.raises(UserError, match="records of runs"):
        read_evaluation(tmp_path)
    beside = checksum((tmp_path / "cases.csv").read_bytes())
    told = {"schema": RECORD_SCHEMA, "spec": SPEC, "cases_csv": beside}
    (tmp_path / "record.json").write_text(json.dumps(sealed(told)))
    read = read_evaluation(tmp_path)
    found, spec = read.cases, read.spec
    assert found["case"].tolist() == ["001", "002"]
    assert spec == SPEC
    text = (tmp_path / "cases.csv").read_text()
    (tmp_path / "cases.csv").write_text(text.replace("1.0", "0.9", 1))
    with pytest.raises(UserError, match=r"cases\.csv was changed after it was written"):
        read_evaluation(tmp_path)


def test_an_interval_that_rests_on_one_case_is_marked_and_the_case_named():
    """And what is too rare to be seen is told of all intervals; without any, nothing is."""
    quiet = 0.9 + 0.001 * np.arange(10)
    broken = quiet - 0.002 * (np.arange(10) % 3)
    broken[7] = 0.1
    found = compare_predictions({"a": table(dice=quiet), "b": table(dice=broken)}, ["dice"])
    told = "\n".join(found.verdict())
    assert found.table["rests_on"].tolist() == ["case07"]
    assert found.shown()["95 %"].tolist()[0].endswith("] *")
    assert "the interval rests on it: dice of class 1 on case07" in told
    assert "in fewer than 26 % of cases may not occur in these 10, and no interval" in told
    even = compare_predictions({"a": table(dice=quiet), "b": table(dice=quiet - 0.1)}, ["dice"])
    assert even.table["rests_on"].tolist() == [""]
    assert "*" not in even.shown()["95 %"].tolist()[0]
    assert "rests on it" not in "\n".join(even.verdict())
