"""The page and its files as a whole."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

import topoeval.report
from tests.report.conftest import make_record, pack, write_records
from topoeval.errors import UserError
from topoeval.report import build
from topoeval.report.drawing import looks
from topoeval.report.figures import forest
from topoeval.report.gallery import decode
from topoeval.report.page import finding
from topoeval.report.summary import summarise
from topoeval.results.records import read

HOSTILE = '<img src=x onerror=alert(1)> & "$\\frac$" \''


class Collector(HTMLParser):
    """Collects identifiers, elements and what they refer to."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.tags: list[str] = []
        self.references: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Record one element."""
        self.tags.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name in ("src", "href", "xlink:href", "srcset", "data", "action"):
                self.references.append((tag, value or ""))


def collect(page: Path) -> Collector:
    """Parse a page."""
    collector = Collector()
    collector.feed(page.read_text(encoding="utf-8"))
    return collector


def files_of(folder: Path) -> dict[str, bytes]:
    """Read every file below a folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_face_of_the_package() -> None:
    """Two names are public."""
    assert topoeval.report.__all__ == ["build", "terminal_table"]


def test_build_writes_page_tables_and_figures(report: Path) -> None:
    """Every file is there, and no temporary one is left."""
    assert set(files_of(report)) == {
        "index.html",
        "table.csv",
        "table.md",
        "figures/examples-digits.svg",
        "figures/examples-strokes.svg",
        "figures/dice-against-betti-accuracy.svg",
        "figures/difference-to-reference.svg",
        "figures/time-per-step.svg",
    }


def test_rebuilding_gives_the_same_bytes(suite: Path, tmp_path: Path) -> None:
    """A report in version control changes only when its records do."""
    build(suite, tmp_path / "one")
    build(suite, tmp_path / "two")
    assert files_of(tmp_path / "one") == files_of(tmp_path / "two")


def test_redrawing_gives_the_same_figure(suite: Path) -> None:
    """Memory addresses leave no trace, which one rebuild alone may not show."""
    summary = summarise(read(suite))
    first = forest(summary)
    assert first is not None
    for held in range(5):
        ballast = [bytearray(64 * size) for size in range(40 * held)]
        assert forest(summary) == first, f"with {len(ballast)} objects in memory"


def test_page_loads_nothing(report: Path) -> None:
    """No script, and no reference leaves the folder or names a missing place or file."""
    page = collect(report / "index.html")
    assert not {"script", "link", "iframe", "object", "embed", "base"} & set(page.tags)
    for tag, reference in page.references:
        if reference.startswith("#"):
            assert reference[1:] in page.ids
        elif tag == "image":
            assert reference.startswith("data:image/png;base64,")
        else:
            assert tag == "a"
            assert (report / reference).is_file()
    text = (report / "index.html").read_text(encoding="utf-8")
    assert not re.search(r"https?://|@import|url\((?!#)", text)


def test_identifiers_are_unique(report: Path) -> None:
    """Several figures on one page do not share clip paths or marks."""
    ids = collect(report / "index.html").ids
    assert len(ids) == len(set(ids)) > 100


def test_failures_are_listed(report: Path) -> None:
    """The section names method, seed and reason, escaped."""
    text = (report / "index.html").read_text(encoding="utf-8")
    section = text[text.index('id="failures"') : text.index('id="method"')]
    assert "Largest component" in section
    assert "RuntimeError: no &lt;component&gt;" in section
    assert "<td>3</td>" in section


def test_failed_judge_is_listed(tmp_path: Path) -> None:
    """A classifier that did not train explains missing digit accuracies."""
    judge = make_record("judge", status="timeout", changes={"spec.task": "judge"})
    folder = write_records(tmp_path / "records", [make_record(), judge])
    text = build(folder, tmp_path / "out").read_text(encoding="utf-8")
    section = text[text.index('id="failures"') : text.index('id="method"')]
    assert ">timeout<" in section


def test_nothing_from_records_becomes_markup(tmp_path: Path) -> None:
    """Titles, cases, reasons, versions: all of it is text, in the page and in the figures."""
    changes = {
        "suite": HOSTILE,
        "spec.method.title": HOSTILE,
        "spec.dataset.name": HOSTILE,
        "spec.training.note": HOSTILE,
        "environment.cpu": HOSTILE,
        "environment.versions.torch": HOSTILE,
        "started": HOSTILE,
    }
    good = make_record(changes=changes)
    good["cases"]["case"][0] = good["examples"][0]["case"] = HOSTILE
    bad = make_record("dice_ce", status="failed", error=HOSTILE, changes=changes)
    out = tmp_path / "out"
    page = collect(build(write_records(tmp_path / "records", [good, bad]), out))
    assert "img" not in page.tags
    text = (out / "index.html").read_text(encoding="utf-8")
    assert "<img" not in text
    assert "&amp;lt;" not in text
    for path in (out / "figures").glob("*.svg"):
        ElementTree.parse(path)


def test_page_states_conventions(report: Path) -> None:
    """Topology, threshold, hardware and versions stand on the page and in every figure."""
    text = (report / "index.html").read_text(encoding="utf-8")
    line = "T-construction (foreground 8, background 4), superlevel, plain border"
    for wanted in (line, "p ≥ 0.5", "Example CPU @ 2.00GHz", "torch 2.13.0", "topoeval 0.1.0"):
        assert wanted in text
    for path in (report / "figures").glob("*.svg"):
        assert line in path.read_text(encoding="utf-8").replace("\n", " ")


def test_figures_carry_no_date(report: Path) -> None:
    """The moment of building is not part of a figure."""
    for path in (report / "figures").glob("*.svg"):
        assert "<dc:date>" not in path.read_text(encoding="utf-8")


def test_examples_are_signed_not_only_coloured(report: Path) -> None:
    """Right and wrong answers differ in a letter too."""
    svg = (report / "figures" / "examples-strokes.svg").read_text(encoding="utf-8")
    shown = read(report.parent / "records").cases.query("dataset == 'strokes' and seed == 0")
    shown = shown[shown["case"].isin(["test-000", "test-001", "test-002"])]
    right = int(shown["matches_truth"].sum())
    assert svg.count("✓") == right > 0
    assert svg.count("✗") == len(shown) - right > 0


def test_findings_separate_what_the_data_separate(suite: Path) -> None:
    """Methods without a result are neither better nor equal."""
    folder = write_records(suite, [make_record("opening", status="timeout")])
    found = finding(summarise(read(folder)), "strokes")
    assert any("post-processing (+0." in title for title in found.higher)
    assert found.unknown == ("opening",)
    assert not any("(start)" in title for title in (*found.higher, *found.lower, *found.open))


def test_failure_of_nobody_has_no_fault(tmp_path: Path) -> None:
    """What a record leaves open stays open, also beside records that say it."""
    open_fault = make_record("dice_ce", status="timeout", changes={"fault": None, "started": None})
    blamed = make_record("dice_ce", seed=1, status="failed")
    folder = write_records(tmp_path / "records", [make_record(), open_fault, blamed])
    assert [f.fault for f in summarise(read(folder)).failures] == ["", "method"]
    text = build(folder, tmp_path / "out").read_text(encoding="utf-8")
    assert ">nan<" not in text
    assert ">None<" not in text


def test_suite_of_failures_still_makes_a_page(tmp_path: Path) -> None:
    """Nothing measured is a result too."""
    folder = write_records(tmp_path / "records", [make_record(status="crashed")])
    text = build(folder, tmp_path / "out").read_text(encoding="utf-8")
    assert "No run has values to draw." in text
    assert "crashed" in text


def test_broken_example_names_its_record(tmp_path: Path) -> None:
    """A picture that cannot be unpacked is the record's fault, not a traceback."""
    record = make_record()
    record["examples"][0]["target"] = "!!"
    folder = write_records(tmp_path / "records", [record])
    with pytest.raises(UserError, match=rf"{record['id']}: example 'test-000'"):
        build(folder, tmp_path / "out")


def test_machines_have_figures_of_their_own(tmp_path: Path) -> None:
    """Bars of two machines would invite a comparison that means nothing."""
    other = make_record("dice_ce", changes={"environment.cpu": "Another CPU"})
    folder = write_records(tmp_path / "records", [make_record(), other])
    build(folder, tmp_path / "out")
    figures = tmp_path / "out" / "figures"
    first, second = (figures / f"time-per-step-{letter}.svg" for letter in "ab")
    assert "Machine A: Another CPU" in first.read_text(encoding="utf-8")
    assert "Dice + cross-entropy" not in second.read_text(encoding="utf-8")


def test_failed_build_leaves_the_old_page(suite: Path, tmp_path: Path) -> None:
    """A broken record does not take the last good report away."""
    index = build(suite, tmp_path / "out")
    before = files_of(tmp_path / "out")
    (suite / "broken.json").write_text("{")
    with pytest.raises(UserError):
        build(suite, tmp_path / "out")
    assert index.exists()
    assert files_of(tmp_path / "out") == before


def test_examples_show_every_topology_before_repeating_one(tmp_path: Path) -> None:
    """Of many rings and one disc at the end, the disc is shown."""
    record = make_record(dice=[0.9] * 9, right=[True] * 9)
    record["cases"]["b1_true"][8] = 0
    first = record["examples"][0]
    record["examples"] = [{**first, "case": case} for case in record["cases"]["case"]]
    build(write_records(tmp_path / "records", [record]), tmp_path / "out")
    svg = (tmp_path / "out" / "figures" / "examples-strokes.svg").read_text(encoding="utf-8")
    shown = [case for case in record["cases"]["case"] if f">{case}<" in svg]
    assert shown == [*record["cases"]["case"][:5], "test-008"]


def test_decode_inverts_packing() -> None:
    """Shape and values come back in C order."""
    picture = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    assert np.array_equal(decode(pack(picture), [2, 3, 4]), picture)


def test_no_two_methods_look_alike() -> None:
    """Colour and mark together tell 40 methods apart; the start is none of them."""
    arms = [f"method {i}" for i in range(40)]
    chosen = looks(arms, frozenset(arms[:1]))
    assert len({(look.colour, look.mark) for look in chosen.values()}) == 40
