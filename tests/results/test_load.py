"""All records in one call."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.report.conftest import make_record, write_records
from tests.results.conftest import write_suite
from topoeval.errors import UserError
from topoeval.results import load
from topoeval.results.notes import mixed_code
from topoeval.statistics import standings


def test_every_record_is_a_run_and_every_case_a_row(suite: Path) -> None:
    """2 datasets x 7 methods x 3 seeds, 40 cases each, and one run that failed."""
    found = load(suite)
    assert len(found.runs) == 2 * 7 * 3 + 1
    assert len(found.cases) == 2 * 7 * 3 * 40
    assert found.runs["status"].value_counts().to_dict() == {"ok": 42, "failed": 1}
    assert set(found.cases["id"]) == set(found.runs.loc[found.runs["status"] == "ok", "id"])


def test_a_judge_is_a_run_without_cases(tmp_path: Path) -> None:
    """It trains the classifier that reads digits, and takes no part in any ranking."""
    judge = make_record("judge", changes={"spec.task": "judge", "cases": {}})
    found = load(write_suite(tmp_path / "x", judge=judge, run=make_record()))
    assert found.runs["task"].value_counts().to_dict() == {"judge": 1, "restore": 1}
    assert set(found.cases["method"]) == {"cross_entropy"}
    assert set(found.scores("dice")["method"]) == {"Cross-entropy"}


def test_values_are_those_of_the_files(suite: Path) -> None:
    """Scores, text and truth values, found by identity and case."""
    found = load(suite).cases.set_index(["id", "case"])
    for path in (suite / "records").glob("*.json"):
        document = json.loads(path.read_text())
        for name, values in document["cases"].items():
            if name != "case":
                got = found.loc[document["id"]].loc[document["cases"]["case"], name]
                assert got.tolist() == [float(value) for value in values], name


@pytest.mark.parametrize("below", [".", "..", "records"])
def test_folders_are_found_by_any_of_their_names(
    suite: Path, below: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The results folder, the folder of such, the folder of records; ``results`` by default."""
    assert len(load(suite / below).runs) == 43
    monkeypatch.chdir(suite.parents[1])
    assert len(load().runs) == 43


def test_several_folders_are_one_table(suite: Path) -> None:
    """Runs of each keep their labels; categories stay categories."""
    other = write_suite(suite.parent / "two", a=make_record(seed=9, changes={"suite": "other"}))
    found = load(suite, other)
    assert len(found.runs) == 44
    assert found.cases["method"].dtype == "category"
    assert found.cases.groupby("suite", observed=True).size().to_dict() == {
        "other": 4, "quickstart": 1680,
    }  # fmt: skip
    assert len(load(suite.parent).runs) == 44


def test_columns_that_only_some_records_have_are_missing_in_the_others(tmp_path: Path) -> None:
    """Whether they come first or last."""
    records = {
        "a": make_record(seed=0, prior=False), "b": make_record(seed=1),
        "c": make_record(seed=2, prior=False),
    }  # fmt: skip
    cases = load(write_suite(tmp_path / "x", **records)).cases
    with_prior = cases.groupby("seed")["matches_prior"].apply(lambda column: column.notna().all())
    assert with_prior.to_dict() == {0: False, 1: True, 2: False}
    assert len(cases) == 12


def test_names_of_digits_stay_names(tmp_path: Path) -> None:
    """``007`` is no 7, and a column of words is one of words."""
    cases = load(
        write_suite(
            tmp_path / "x",
            a=make_record(
                changes={
                    "cases.case": ["000", "007", "x", "1e3"],
                    "cases.site": ["1", "2", "3", "4"],
                }
            ),
        )
    ).cases
    assert cases["case"].tolist() == ["000", "007", "x", "1e3"]
    assert cases["site"].tolist() == ["1", "2", "3", "4"]


def test_null_is_not_a_number(tmp_path: Path) -> None:
    """A score that is undefined stays undefined."""
    record = make_record(changes={"cases.dice": [0.5, None, 1, 0]})
    cases = load(write_suite(tmp_path / "x", a=record)).cases
    assert np.isnan(cases["dice"].iloc[1])
    assert cases["dice"].iloc[2] == 1.0


def test_a_second_call_reads_what_the_first_one_kept(
    suite: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same tables, without parsing."""
    first = load(suite)
    monkeypatch.setattr("topoeval.results.tables.read_entries", None)  # would fail if called
    second = load(suite)
    pd.testing.assert_frame_equal(first.runs, second.runs)
    pd.testing.assert_frame_equal(first.cases, second.cases)


def test_a_changed_record_is_read_anew(suite: Path) -> None:
    """A rewritten file, an added one, a removed one; and old tables do not pile up."""
    load(suite)
    path = sorted((suite / "records").glob("*.json"))[0]
    document = json.loads(path.read_text())
    document["timing"]["wall_s"] = 99.0
    path.write_text(json.dumps(document))
    assert 99.0 in load(suite).runs["wall_s"].tolist()
    write_records(suite / "records", [make_record(seed=8)])
    assert len(load(suite).runs) == 44
    path.unlink()
    assert len(load(suite).runs) == 43
    assert len(list(Path(os.environ["TOPOEVAL_CACHE"]).rglob("*.parquet"))) == 2


def test_a_damaged_or_unwritable_cache_is_no_reason_to_fail(
    suite: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Records are what counts."""
    load(suite)
    for path in Path(os.environ["TOPOEVAL_CACHE"]).rglob("*.parquet"):
        path.write_bytes(b"nothing")
    assert len(load(suite).runs) == 43
    (tmp_path / "file").write_text("")
    for value in (str(tmp_path / "file"), ""):
        monkeypatch.setenv("TOPOEVAL_CACHE", value)
        assert len(load(suite).runs) == 43


def test_missing_and_empty_folders_are_named(tmp_path: Path) -> None:
    """In one line, with what makes one."""
    with pytest.raises(UserError, match=r"no results folder .*nowhere; topoeval run"):
        load(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"no records in .*empty"):
        load(tmp_path / "empty")


def test_a_damaged_record_is_told_by_every_call(suite: Path) -> None:
    """It is missing from the tables, which are not kept for the next call as if they were whole."""
    (suite / "records" / "half.json").write_text("{")
    for _ in range(2):
        found = load(suite)
        assert [error.path.name for error in found.damaged] == ["half.json"]
        assert len(found.runs)


def test_scores_go_to_the_statistics(suite: Path) -> None:
    """From a folder to tiers in two calls; the failed run is a row and is told."""
    scores = load(suite).scores("matches_truth")
    found = standings(scores[scores["dataset"] == "strokes"], "matches_truth")
    assert found.table["method"].iloc[0] == "Betti prior, post-processing"
    assert found.table["failed"].sum() == 1
    assert found.notes


def test_scores_that_do_not_exist_or_mean_two_things_are_refused(suite: Path) -> None:
    """An unknown column or suite, and a run that two suites share."""
    found = load(suite)
    with pytest.raises(UserError, match="no case has the score 'dise'"):
        found.scores("dise")
    with pytest.raises(UserError, match="no records of suite 'x'; there are: quickstart"):
        found.scores("dice", suite="x")
    (suite.parent / "two").mkdir()
    record = json.loads(next((suite / "records").glob("*.json")).read_text())
    write_records(suite.parent / "two" / "records", [record | {"suite": "two"}])
    with pytest.raises(UserError, match="several of these suites"):
        load(suite.parent).scores("dice")


def test_scores_are_of_one_test(tmp_path: Path) -> None:
    """The main one unless another is named: several tests of one network are no repetitions."""
    cases = {"case": ["shifted-0"], "dice": [0.25]}
    changes = {"spec.dataset.tests": {"shifted": {"split": "shifted"}}}
    record = {**make_record(changes=changes), "tests": {"shifted": {"cases": cases}}}
    found = load(write_suite(tmp_path / "x", run=record))
    assert found.runs["test"].tolist() == ["test", "shifted"]
    assert len(found.scores("dice")) == len(record["cases"]["dice"])
    assert found.scores("dice", test="shifted")["value"].tolist() == [0.25]
    with pytest.raises(UserError, match=r"no run has the test 'shfted'; did you mean 'shifted'"):
        found.scores("dice", test="shfted")


def test_tables_that_mix_versions_of_the_code_say_so(tmp_path: Path) -> None:
    """Two commits, or one that nobody can get back."""

    def runs(*commits: str) -> pd.DataFrame:
        records = [
            make_record(seed=i, changes={"environment.topoeval.commit": commit})
            for i, commit in enumerate(commits)
        ]
        folder = tmp_path / "-".join(commits)
        return load(write_suite(folder, **{str(i): r for i, r in enumerate(records)})).runs

    assert mixed_code(runs("aaaaaaa", "aaaaaaa")) is None
    mixed = mixed_code(runs("aaaaaaa", "bbbbbbb", "bbbbbbb"))
    assert mixed is not None
    assert "2 versions" in mixed
    assert "0.1.0 bbbbbbb (2), 0.1.0 aaaaaaa (1)" in mixed
    assert "not committed" in (mixed_code(runs("aaaaaaa-dirty")) or "")
