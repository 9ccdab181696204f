"""The site of several suites."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.report.conftest import make_record, make_suite, write_records
from topoeval.report import build, build_leaderboard
from topoeval.report.boards import boards, further_boards
from topoeval.report.summary import summarise
from topoeval.results.records import Records, read
from topoeval.statistics import score_table, standings


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


@pytest.mark.parametrize("fault", ["machine", "method"])
def test_a_method_without_a_score_has_a_report_all_the_same(tmp_path: Path, fault: str) -> None:
    """Every run of it failed: it is in the standings, and in the figures if it has a rank."""
    runs = [make_record(name, seed=s) for name in ("cross_entropy", "dice_ce") for s in (0, 1)]
    runs += [
        make_record("betti_prior_sup", seed=s, status="failed", changes={"fault": fault})
        for s in (0, 1)
    ]
    records = read(write_records(tmp_path / "records", runs))
    build(records, tmp_path / "out")
    board = boards(records, summarise(records))[1]
    last = board.places[-1]
    assert (last.method, last.failed, last.value) == (
        "Betti prior, supervised",
        2 if fault == "method" else 0,
        "\N{EN DASH}",
    )
    stability = next(f for f in board.figures if f.name.startswith("rank-stability"))
    assert (">Betti prior, supervised<" in stability.svg) == (fault == "method")


def test_methods_that_were_never_on_one_dataset_have_a_report(tmp_path: Path) -> None:
    """A sweep that was stopped early: nobody has a rank, and nothing is drawn of ranks."""
    runs = [
        make_record("cross_entropy", dataset="strokes"),
        make_record("dice_ce", dataset="digits"),
    ]
    records = read(write_records(tmp_path / "records", runs))
    build(records, tmp_path / "out")
    for board in boards(records, summarise(records)):
        assert "nothing is ranked" in board.verdict
        assert [figure.name.split("-")[0] for figure in board.figures] == ["wins"]


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


def on_two_tests(
    method: str, right: int, shifted: int, seed: int, status: str = "ok"
) -> dict[str, Any]:
    """Make a run that is right in some of 12 cases of its main test, and of a shifted one."""
    record = make_record(
        method,
        seed=seed,
        status=status,
        right=[c < right for c in range(12)],
        dice=[0.5] * 12,
        changes={"spec.dataset.tests": {"shifted": {"split": "shifted"}}},
    )
    further = make_record(seed=seed, right=[c < shifted for c in range(12)], dice=[0.5] * 12)
    return {**record, "tests": {"shifted": {"cases": further["cases"]}} if status == "ok" else {}}


@pytest.fixture
def two_tests(tmp_path: Path) -> Records:
    """Read a suite whose best method on the main test is the worst on the shifted one."""
    runs = [
        on_two_tests(name, right, shifted, seed)
        for name, right, shifted in (
            ("cross_entropy", 1, 1),
            ("dice_ce", 1, 1),
            ("betti_prior_sup", 12, 0),
        )
        for seed in range(6)
    ]
    return read(write_records(tmp_path / "two" / "records", runs))


def test_a_suite_is_ranked_by_its_main_test_alone(two_tests: Records) -> None:
    """As if the further test had not been there: one network on two tests is not two networks."""
    main = two_tests.runs["test"] == "test"
    assert main.sum() * 2 == len(two_tests.runs)
    found = boards(two_tests, summarise(two_tests))[0]
    alone = standings(
        score_table(two_tests.runs[main], two_tests.cases, "betti_error"), "betti_error"
    )
    pd.testing.assert_frame_equal(found.found.table, alone.table)
    assert found.datasets == ["strokes [test=test]"]
    assert found.verdict == "Betti prior, supervised is separated from all 2 others."
    assert {place.runs for place in found.places} == {"6/6"}


def test_a_further_test_has_standings_apart(two_tests: Records, tmp_path: Path) -> None:
    """By its name, in words on the first page and as a table on the suite's; without figures."""
    summary = summarise(two_tests)
    (name, found), *others = further_boards(two_tests, summary).items()
    assert (name, others) == ("shifted", [])
    assert found[0].places[-1].method == "Betti prior, supervised"
    assert not any(board.figures for board in found)
    page = build_leaderboard({"two": two_tests}, tmp_path / "board")
    first = page.read_text(encoding="utf-8")
    assert f"<li>shifted, Betti error: {found[0].verdict}</li>" in first
    assert '<td class="n">1</td><td class="n">6</td>' in first  # one dataset of six seeds
    inside = (tmp_path / "board" / "two" / "index.html").read_text(encoding="utf-8")
    apart = inside[inside.index("Further tests of the same networks") :]
    assert f"shifted. By Betti error: {found[0].verdict}" in apart
    assert "strokes [test=shifted]" in apart


def test_suites_without_further_tests_do_not_speak_of_them(
    suites: dict[str, Records], tmp_path: Path
) -> None:
    """Nothing is apart where nothing else was asked."""
    build_leaderboard(suites, tmp_path / "board")
    for page in (tmp_path / "board").rglob("*.html"):
        text = page.read_text(encoding="utf-8").lower()
        assert "further test" not in text
        assert "main test" not in text


def test_a_failed_run_with_two_tests_is_one_failure(tmp_path: Path) -> None:
    """It is missing on both, and listed once."""
    failed = on_two_tests("dice_ce", 1, 1, seed=1, status="timeout")
    runs = [failed, *(on_two_tests(name, 1, 1, 0) for name in ("cross_entropy", "dice_ce"))]
    folder = write_records(tmp_path / "records", runs)
    summary = summarise(read(folder))
    assert [(row.dataset, row.ok, row.total) for row in summary.rows if row.failures] == [
        ("strokes [test=shifted]", 1, 2),
        ("strokes [test=test]", 1, 2),
    ]
    assert [failure.dataset for failure in summary.failures] == ["strokes [test=test]"]
    build(folder, tmp_path / "out")
    for page in ("index.html", "methods/dice-cross-entropy.html"):
        text = (tmp_path / "out" / page).read_text(encoding="utf-8")
        section = text[text.index('id="failures"') :]
        assert section[: section.index("</section>")].count(">timeout<") == 1
