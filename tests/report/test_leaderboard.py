"""The site of several suites."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.report.conftest import make_record, make_suite, write_records
from topoeval.report import build_leaderboard
from topoeval.report.boards import boards
from topoeval.report.summary import summarise
from topoeval.results.records import Records, read


@pytest.fixture
def suites(tmp_path: Path) -> dict[str, Records]:
    """Read two suites: one of several methods, one of a single method."""
    folders = {
        "many": write_records(tmp_path / "many" / "records", make_suite(datasets=("strokes",))),
        "one": write_records(tmp_path / "one" / "records", [make_record()]),
    }
    return {name: read(folder) for name, folder in folders.items()}


def files_of(folder: Path) -> dict[str, bytes]:
    """Read every file below a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_rebuilding_changes_nothing(suites: dict[str, Records], tmp_path: Path) -> None:
    """The same records give the same bytes, here and in another folder beside the records."""
    build_leaderboard(suites, tmp_path / "board")
    before = files_of(tmp_path / "board")
    build_leaderboard(suites, tmp_path / "board")
    assert files_of(tmp_path / "board") == before
    build_leaderboard(suites, tmp_path / "other")
    assert files_of(tmp_path / "other") == before


def test_assets_are_there_once(suites: dict[str, Records], tmp_path: Path) -> None:
    """All pages of all suites share one style sheet and one script."""
    build_leaderboard(suites, tmp_path / "board")
    names = set(files_of(tmp_path / "board"))
    assert {name for name in names if name.endswith((".css", ".js"))} == {
        "assets/site.css",
        "assets/site.js",
    }
    assert {"index.html", "many/index.html", "one/index.html"} <= names


def test_a_suite_that_is_gone_leaves_nothing(suites: dict[str, Records], tmp_path: Path) -> None:
    """Its pages are removed with their folder; what others put there is not ours to remove."""
    build_leaderboard(suites, tmp_path / "board")
    (tmp_path / "board" / "many" / "mine.txt").write_text("mine")
    build_leaderboard({"many": suites["many"]}, tmp_path / "board")
    assert not (tmp_path / "board" / "one").exists()
    build_leaderboard({"one": suites["one"]}, tmp_path / "board")
    assert [path.name for path in (tmp_path / "board" / "many").rglob("*")] == ["mine.txt"]


def test_first_page_says_what_is_separated(suites: dict[str, Records], tmp_path: Path) -> None:
    """Tiers and a verdict per suite; a suite of one method ranks nothing."""
    text = build_leaderboard(suites, tmp_path / "board").read_text(encoding="utf-8")
    many, one = text[text.index('id="many"') :].split('id="one"')
    assert boards(suites["many"], summarise(suites["many"]))[0].verdict in many
    assert "Betti prior, post-processing" in many
    assert "nothing is ranked" in one


def test_the_start_is_not_ranked(suites: dict[str, Records]) -> None:
    """It is where the methods come from."""
    for board in boards(suites["many"], summarise(suites["many"])):
        methods = [place.method for place in board.places]
        assert len(methods) == 6
        assert "Cross-entropy, first epochs" not in methods


def test_clear_lead_is_said_and_equals_are_not_ordered(tmp_path: Path) -> None:
    """Far apart in every case and seed is separated; the same values are one tier."""
    runs = [
        make_record(name, seed=seed, right=[c >= wrong for c in range(12)], dice=[0.5] * 12)
        for name, wrong in (("cross_entropy", 11), ("dice_ce", 11), ("betti_prior_sup", 0))
        for seed in range(6)
    ]
    records = read(write_records(tmp_path / "records", runs))
    error, dice = boards(records, summarise(records))
    assert error.verdict == "Betti prior, supervised is separated from all 2 others."
    assert [place.tier for place in error.places] == ["1", "2", "2"]
    assert dice.verdict == "No two of the 3 methods are separated: all share the first tier."
    assert {place.ranks for place in dice.places} == {"1\N{EN DASH}3"}
