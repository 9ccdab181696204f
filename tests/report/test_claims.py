"""`bench/claims.py`: the tables of docs/claims.md from records."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from tests.report.conftest import make_record, write_records
from topoeval.cli.yardsticks import yardsticks_of
from topoeval.report.summary import Summary, summarise
from topoeval.results.records import read
from topoeval.statistics import NOTHING, Estimate


@pytest.fixture
def claims() -> ModuleType:
    """Load the script."""
    path = Path(__file__).parents[2] / "bench" / "claims.py"
    spec = importlib.util.spec_from_file_location("claims", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def swept(folder: Path) -> Summary:
    """A method that gains 1/4 on easy and 2/4 on hard, on every seed but one."""
    records = []
    gained = {"easy": (1, 1, 1, 1, 2), "hard": (2, 2, 3, 2, 2)}
    for level, gains in gained.items():
        for seed, gain in enumerate(gains):
            changes = {"spec.dataset.params": {"difficulty": level}}
            right = [False] * 4
            records.append(make_record(seed=seed, right=right, changes=changes))
            right = [place < gain for place in range(4)]
            records.append(make_record("betti_prior_sup", seed=seed, right=right, changes=changes))
    return summarise(read(write_records(folder, records)), "cross_entropy")


def test_tables_show_gains_to_the_own_base_and_their_growth(
    tmp_path: Path, claims: ModuleType
) -> None:
    """A mean gain of 6 and of 11 twentieths; the base's own score stands in italics."""
    accuracy = claims.tables(swept(tmp_path)).split("\n\n")[0].splitlines()
    heads = "| Betti accuracy, test | base | difficulty=easy | difficulty=hard |"
    assert accuracy[0].startswith(heads)
    assert accuracy[2].startswith(f"| Cross-entropy | {NOTHING} | *0.000")
    assert accuracy[3].startswith("| Betti prior, supervised | Cross-entropy | +0.300 [")
    assert "| +0.550 [" in accuracy[3]
    assert "| +0.250 [" in accuracy[3]


def test_verdicts_count_stars_margins_and_the_room_closed(
    tmp_path: Path, claims: ModuleType
) -> None:
    """Of 3/4 that the prior's ceiling leaves, 0.3 are 40 % and 0.55 are 73 %; Dice is the same."""
    summary = swept(tmp_path)
    (line,) = claims.verdicts(summary).splitlines()[2:]
    stars = sum("matches_truth" in row.better for row in summary.rows)
    assert f"better on {stars} of 2" in line
    assert "shown on 2 of 2" in line
    assert line.endswith("| 40 %, 73 % |")


def test_no_loss_is_shown_only_by_an_interval_above_the_margin(claims: ModuleType) -> None:
    """An interval that merely includes 0 is no proof that nothing was lost."""
    assert claims.not_below(Estimate(-0.002, -0.0049, 0.001, 5))
    assert not claims.not_below(Estimate(0.0, -0.006, 0.006, 5))
    assert not claims.not_below(Estimate(0.1, float("nan"), float("nan"), 3))


@pytest.mark.parametrize(
    ("datasets", "expected"),
    [
        (["a [difficulty=hard]", "a [difficulty=easy]"], ["easy", "hard"]),
        (["m [lines=12]", "m [lines=4]"], ["lines=4", "lines=12"]),
        (["s [kept=0.4, noise=0.03]", "s [kept=none, noise=none]"], ["none", "0.03"]),
    ],
)
def test_levels_go_from_easy_to_hard(
    claims: ModuleType, datasets: list[str], expected: list[str]
) -> None:
    """By name, by number, and none is the least."""
    (found,) = claims._by_test(datasets).values()
    assert all(word in name for word, name in zip(expected, found, strict=True))


def test_tests_are_told_apart_and_kinds_of_labels_have_no_level(claims: ModuleType) -> None:
    """A sweep is one of levels; a dataset is called by what sets it apart."""
    names = [f"c [difficulty={d}, test={t}]" for t in ("basal", "test") for d in ("easy", "hard")]
    assert {test: len(found) for test, found in claims._by_test(names).items()} == {
        "basal": 2,
        "test": 2,
    }
    assert claims._level("t [labels=noisy, revision=12ab, test=test]") is None
    assert claims._short("t [labels=noisy, revision=12ab, test=test]") == "labels=noisy"


@pytest.mark.parametrize(
    "suite",
    ["clough-mnist", "clough-myocardium", "clough-sunnybrook", "clough-placenta", "topomortar"],
)
def test_the_page_shows_what_the_records_say(claims: ModuleType, suite: str) -> None:
    """Every table of a suite's section in docs/claims.md is one that the script prints."""
    root = Path(__file__).parents[2]
    page = (root / "docs" / "claims.md").read_text(encoding="utf-8")
    section = page[page.index(f"`{suite}`") :].split("\n## ")[0]
    shown = [block for block in section.split("\n\n") if block.startswith("|")]
    records = read(root / "results" / suite / "records")
    summary = summarise(records, yardsticks_of(records, root / "results" / suite))
    made = {claims.verdicts(summary), *claims.tables(summary).split("\n\n")}
    assert len(shown) >= 2
    assert set(shown) <= made
