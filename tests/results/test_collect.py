"""Parquet files of all records, and questions to them."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pandas as pd
import pytest

from tests.report.conftest import make_record, write_records
from tests.results.conftest import write_suite
from topoeval.errors import UnavailableError, UserError
from topoeval.results import collect, load, query

pytest.importorskip("pyarrow")


def test_the_same_records_give_the_same_bytes(suite: Path, tmp_path: Path) -> None:
    """Fresh or cached, and whatever the order of the folders."""
    other = write_suite(suite.parent / "two", a=make_record(seed=9, changes={"suite": "other"}))
    collect([suite, other], tmp_path / "a")
    collect([other, suite], tmp_path / "b")
    for name in ("runs.parquet", "cases.parquet"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_what_is_collected_is_what_is_loaded(suite: Path, tmp_path: Path) -> None:
    """Every run and case, and a new record changes the files."""
    found = collect([suite], tmp_path / "out")
    runs = pd.read_parquet(tmp_path / "out" / "runs.parquet")
    cases = pd.read_parquet(tmp_path / "out" / "cases.parquet")
    pd.testing.assert_frame_equal(runs, found.runs)
    pd.testing.assert_frame_equal(cases, found.cases)
    before = (tmp_path / "out" / "runs.parquet").read_bytes()
    write_records(suite / "records", [make_record(seed=8)])
    collect([suite], tmp_path / "out")
    assert (tmp_path / "out" / "runs.parquet").read_bytes() != before
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "cases.parquet", "runs.parquet",
    ]  # fmt: skip


def test_sql_gives_the_means_that_pandas_gives(suite: Path) -> None:
    """Over cases, joined to runs, failures among them."""
    pytest.importorskip("duckdb")
    found = load(suite)
    answer = query(
        "SELECT dataset, method, avg(dice) AS dice FROM cases GROUP BY ALL ORDER BY ALL", found
    )
    expected = found.cases.groupby(["dataset", "method"], observed=True)["dice"].mean()
    assert answer.set_index(["dataset", "method"])["dice"].to_dict() == pytest.approx(
        expected.to_dict()
    )
    failed = query("SELECT id, reason FROM runs WHERE status <> 'ok'", found)
    assert failed["reason"].tolist() == ["RuntimeError: no"]
    joined = query("SELECT count(*) AS n FROM cases JOIN runs USING (suite, id)", found)
    assert joined["n"].tolist() == [len(found.cases)]


def test_sql_can_look_into_a_specification(suite: Path) -> None:
    """Whatever has no column of its own."""
    pytest.importorskip("duckdb")
    answer = query("SELECT DISTINCT spec ->> '$.training.epochs' AS epochs FROM runs", load(suite))
    assert answer["epochs"].tolist() == ["5"]


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELEC 1", "syntax error"),
        ("SELECT dise FROM cases", "dice"),
        ("SELECT * FROM case_table", "case_table"),
        ("SELECT 1; SELECT", "query:"),
        ("", "takes one statement, got 0"),
    ],
)
def test_a_wrong_statement_is_one_clear_line(suite: Path, sql: str, message: str) -> None:
    """What DuckDB says of it, without the picture."""
    pytest.importorskip("duckdb")
    with pytest.raises(UserError, match=message) as caught:
        query(sql, load(suite))
    assert "\n" not in str(caught.value)


def test_what_is_not_installed_is_named(suite: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the line that installs it."""
    found = load(suite)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UnavailableError, match=r"topoeval\[query\]"):
        collect([suite], suite / "out")
    with pytest.raises(UnavailableError, match=r"topoeval\[query\]"):
        query("SELECT 1", found)
