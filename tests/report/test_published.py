"""Published numbers beside our own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.report.conftest import make_record, write_records
from topoeval.errors import UserError
from topoeval.harness.suites.catalogue import baselines_folder
from topoeval.report import build
from topoeval.report.published import Published, pairs, read_published
from topoeval.report.summary import Summary, summarise
from topoeval.results.records import read


@pytest.fixture
def summary(tmp_path: Path) -> Summary:
    """Reduce one run of one method on a dataset called strokes."""
    return summarise(read(write_records(tmp_path / "records", [make_record()])))


def number(**changes: str) -> Published:
    """Return a published Dice of that method on that dataset."""
    values = {
        "method": "cross_entropy",
        "dataset": "Strokes",
        "setting": "",
        "metric": "dice",
        "value": "0.91",
        "source": "A paper",
        "ours": "strokes[removed=8]",
    }
    return Published(**{**values, **changes})


def test_same_method_dataset_and_score_are_paired(summary: Summary) -> None:
    """The dataset is the one that the number names; the value stays the text of the file."""
    (pair,) = pairs([number()], summary)
    assert (pair.published.value, pair.row.method, pair.measure.name) == (
        "0.91",
        "cross_entropy",
        "dice",
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"method": "dice_ce"},
        {"metric": "diu"},
        {"metric": "mse2"},
        {"ours": ""},
        {"ours": "digits[removed=8]"},
        {"ours": "strokes[removed=4]"},
    ],
)
def test_anything_else_is_not(summary: Summary, changes: dict[str, str]) -> None:
    """Another method, dataset, setting or score is no reproduction."""
    assert pairs([number(**changes)], summary) == []


def test_a_further_test_is_no_pair(tmp_path: Path) -> None:
    """A paper's number stands for the test that the data set is known for."""
    record = make_record(changes={"spec.dataset.tests": {"shifted": {"split": "shifted"}}})
    record["tests"] = {"shifted": {"cases": record["cases"]}}
    summary = summarise(read(write_records(tmp_path / "records", [record])))
    assert {row.test for row in summary.rows} == {"test", "shifted"}
    (pair,) = pairs([number()], summary)
    assert pair.row.test == "test"


def test_a_score_that_we_did_not_measure_is_no_pair(tmp_path: Path) -> None:
    """A failed run reproduces nothing."""
    folder = write_records(tmp_path / "records", [make_record(status="failed")])
    assert pairs([number()], summarise(read(folder))) == []


def test_pages_mark_published_numbers(tmp_path: Path) -> None:
    """Paired on the first page; all of a method on its own; nothing claimed where there is none."""
    folder = write_records(tmp_path / "records", [make_record(), make_record("dice_ce")])
    elsewhere = number(method="dice_ce", dataset="Roads", value="6.733", ours="")
    build(folder, tmp_path / "out", published=[number(), elsewhere])
    overview = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert ">0.91<" in overview
    assert "6.733" not in overview
    page = (tmp_path / "out" / "methods" / "dice-cross-entropy.html").read_text(encoding="utf-8")
    assert ">6.733<" in page
    assert "None of these numbers is ours" in page
    build(folder, tmp_path / "out", published=[elsewhere])
    overview = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert "No paper reports one of these methods on a dataset of this suite" in overview


def test_files_of_the_baselines_are_read() -> None:
    """Every committed file has the columns and numbers as values."""
    found = read_published(baselines_folder())
    assert {row.method for row in found} == {
        path.parent.name for path in baselines_folder().glob("*/published.csv")
    }
    assert all(float(row.value) >= 0 and row.source for row in found)


@pytest.mark.parametrize(
    ("text", "message"),
    [("dataset,value\nx,1\n", "lacks the column 'setting'"), ("", "is no table")],
)
def test_broken_file_is_named(tmp_path: Path, text: str, message: str) -> None:
    """One line with the path, and what to do."""
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "published.csv").write_text(text)
    with pytest.raises(UserError, match=message):
        read_published(tmp_path)
