"""What methods gain over their base, at each threshold."""

from pathlib import Path

import numpy as np
import pytest

from tests.report.conftest import make_record, write_records
from topoeval.report import build
from topoeval.report.bases import Yardsticks
from topoeval.report.difference import differences
from topoeval.report.gains import Gains, draw_gains, gains, to_markdown, verdict
from topoeval.report.gallery import Answer, Case, Gallery
from topoeval.report.summary import summarise
from topoeval.results.records import read

CASES = 30


def scored(errors: np.ndarray, method: str, seed: int, topology: np.ndarray) -> dict:
    """Return a record with these Betti errors at 0.5, and others at the threshold by topology."""

    def at(values: np.ndarray) -> dict:
        return {
            "dice": [0.9] * CASES,
            "betti_error": [float(value) for value in values],
            "matches_truth": [bool(value == 0) for value in values],
        }

    thresholds = {
        "half": {"value": 0.5, "cases": at(errors)},
        "topology": {"value": 0.7, "cases": at(topology)},
    }
    return make_record(
        method=method,
        seed=seed,
        dice=[0.9] * CASES,
        right=[bool(value == 0) for value in errors],
        changes={"thresholds": thresholds, "spec.method.base": "" if method == "base" else "base"},
    )


@pytest.fixture
def summary(tmp_path: Path):
    """A method that is better at 0.5 alone, one that is worse, and one that is its base."""
    rng = np.random.default_rng(0)
    records = []
    for seed in range(6):
        base = rng.integers(1, 4, CASES)
        own = {
            "base": (base, base),
            "ahead": (base - rng.integers(0, 2, CASES), base),
            "behind": (base + rng.integers(0, 3, CASES), base),
            "again": (base, base),
        }
        for method, (half, topology) in own.items():
            records.append(scored(half, method, seed, topology))
    return summarise(read(write_records(tmp_path, records)), "base")


def test_a_gain_is_decided_at_each_threshold_by_itself(summary) -> None:
    """What the base gets by its own threshold is no gain of the method."""
    (found,) = gains(summary)
    assert found.better("half") == ["ahead"]
    assert found.worse("half") == ["behind"]
    assert found.better("topology") == []
    assert "1 have a lower Betti error" in found.sentence
    assert "0 of the 1 remain better" in found.sentence


def test_what_does_as_its_base_is_named_so(summary) -> None:
    """A control under another name is no method that was not separated."""
    (found,) = gains(summary)
    verdicts = {line.method: line.verdict for line in found.lines}
    assert verdicts == {
        "ahead": "better", "again": "as its base", "behind": "worse",
    }  # fmt: skip
    assert np.isnan(next(line.least for line in found.lines if line.method == "again"))


def test_the_table_has_every_method_and_threshold(summary) -> None:
    """The largest gain first, stars as decided."""
    text = to_markdown(gains(summary))
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert [row.split(" | ")[0] for row in rows[1:]] == ["| ahead", "| again", "| behind"]
    assert rows[1].count("★") == 1
    assert rows[3].count("▽") == 1


def test_the_figure_counts_what_is_decided(summary) -> None:
    """Its title says how many methods are better, and it names each."""
    found = gains(summary)
    drawing = draw_gains(found, "how it was measured")
    assert drawing is not None
    assert "1 of 3" in drawing.title
    for name in ("ahead", "again", "behind"):
        assert name in drawing.svg
    assert draw_gains([], "") is None


def test_records_without_thresholds_have_no_gains(tmp_path: Path) -> None:
    """Nothing is shown of a suite that recorded none."""
    records = write_records(tmp_path, [make_record(seed=seed) for seed in range(5)])
    assert gains(summarise(read(records))) == []


def test_the_verdict_on_several_datasets_is_one_sentence_each_way(summary) -> None:
    """Counts of each dataset in the order of the panels; of one dataset all that is known."""
    (one,) = gains(summary)
    assert verdict([one]) == one.sentence
    other = Gains("placenta[side=32]", one.lines[:2], one.seeds, one.cases)
    text = verdict([one, other])
    assert "1 of 3 on strokes and 1 of 2 on placenta; with a higher one:" in text
    assert "Of the better ones 0 and 0 remain so" in text


def case(name: str) -> Case:
    """A case whose pictures do not matter."""
    return Case(name, "image", "target", "1, 1")


def test_the_case_shown_is_the_first_that_the_best_method_alone_has_right(summary) -> None:
    """With how many each has right of those stored, so that a chosen picture does not mislead."""
    found = gains(summary)
    right = {"base": [True, False, False, None], "ahead": [True, False, True, True]}
    answers = {
        arm: {f"case-{i}": Answer(arm, "1, 0", value) for i, value in enumerate(values)}
        for arm, values in right.items()
    }
    cases = tuple(case(f"case-{i}") for i in range(4))
    (shown,) = differences(found, {"strokes": Gallery(3, 2, cases, answers)})
    assert (shown.case.name, shown.seed, shown.right) == ("case-2", 3, (1, 3, 4))
    assert (shown.base[0], shown.method[0]) == ("base", "ahead")
    assert differences(found, {"strokes": Gallery(3, 2, cases[:2], answers)}) == []
    assert differences(found, {"strokes": None}) == []
    assert differences([], {}) == []


def test_the_first_screen_has_title_question_verdict_and_pictures(summary, tmp_path: Path) -> None:
    """In this order, all of it before the standings."""
    asked = Yardsticks("base", {}, "What helps <rings>?", "Which one, and how much?")
    page = build(tmp_path, tmp_path / "page", asked).read_text("utf-8")
    order = [
        "<h1>What helps &lt;rings&gt;?</h1>",
        "Which one, and how much?",
        "have a lower Betti error than their own base",
        "figures/gains.svg",
        'id="results"',
    ]
    places = [page.index(text) for text in order]
    assert places == sorted(places)
    assert "<h1>quickstart</h1>" in build(tmp_path, tmp_path / "plain", "base").read_text("utf-8")
