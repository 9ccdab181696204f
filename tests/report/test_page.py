"""The page and its files as a whole."""

from __future__ import annotations

import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

import topoeval.report
from tests.report.conftest import make_record, write_records
from topoeval.errors import UserError
from topoeval.report import build
from topoeval.report.drawing import looks
from topoeval.report.figures import forest, method_looks
from topoeval.report.folder import Folder
from topoeval.report.pages import finding
from topoeval.report.published import Published
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
    """Three names are public."""
    assert topoeval.report.__all__ == ["build", "build_leaderboard", "terminal_table"]


def test_build_writes_pages_tables_and_figures(report: Path) -> None:
    """Every file is there, and no temporary one is left."""
    methods = (
        "betti-prior-post-processing", "betti-prior-semi-supervised", "betti-prior-supervised",
        "cross-entropy", "cross-entropy-first-epochs", "dice-cross-entropy", "largest-component",
    )  # fmt: skip
    figures = (
        "betti-error-against-time", "dice-against-betti-accuracy",
        *(
            f"{kind}-{name}" for name in ("digits", "strokes")
            for kind in ("difference-to-base", "time-per-step")
        ),
        *(
            f"{kind}-{score}" for score in ("betti-error", "dice")
            for kind in ("critical-difference", "rank-stability", "wins")
        ),
    )  # fmt: skip
    assert set(files_of(report)) == {
        "SHA256SUMS",
        "index.html",
        "runs.html",
        "table.csv",
        "table.md",
        "table.tex",
        "assets/site.css",
        "assets/site.js",
        "datasets/digits.html",
        "datasets/strokes.html",
        *(f"methods/{name}.html" for name in methods),
        *(f"figures/{name}.svg" for name in figures),
    }


def test_rebuilding_gives_the_same_bytes(suite: Path, tmp_path: Path) -> None:
    """A report in version control changes only when its records do."""
    build(suite, tmp_path / "one")
    before = files_of(tmp_path / "one")
    build(suite, tmp_path / "one")
    assert files_of(tmp_path / "one") == before
    build(suite, tmp_path / "two")
    assert files_of(tmp_path / "two") == before


def test_redrawing_gives_the_same_figure(suite: Path) -> None:
    """Memory addresses leave no trace, which one rebuild alone may not show."""
    summary = summarise(read(suite))
    look = method_looks(summary)
    first = forest(summary, look, "x")
    assert first is not None
    for held in range(5):
        ballast = [bytearray(64 * size) for size in range(40 * held)]
        assert forest(summary, look, "x") == first, f"with {len(ballast)} objects in memory"


def test_pages_load_their_own_files_only(report: Path) -> None:
    """One style sheet, one script, figures; everything below the folder or in the page."""
    for path in report.rglob("*.html"):
        page = collect(path)
        assert not {"iframe", "object", "embed", "base", "form"} & set(page.tags)
        loaded = {ref for tag, ref in page.references if tag in ("link", "script", "img")}
        for reference in loaded - {"data:,"}:
            if not reference.startswith("data:image/png;base64,"):
                assert (path.parent / reference).resolve().is_relative_to(report.resolve())
                assert (path.parent / reference).is_file()
    for path in (report / "assets").iterdir():
        assert not re.search(r"https?://|@import|url\(", path.read_text(encoding="utf-8"))


def test_what_a_report_no_longer_makes_is_removed(suite: Path, tmp_path: Path) -> None:
    """Pages of a method that is gone go with it; files of others stay."""
    out = tmp_path / "out"
    build(suite, out)
    (out / "methods" / "notes.txt").write_text("mine")
    for path in suite.glob("*.json"):
        if json.loads(path.read_text())["spec"]["method"]["name"] == "dice_ce":
            path.unlink()
    build(suite, out)
    assert not (out / "methods" / "dice-cross-entropy.html").exists()
    assert (out / "methods" / "notes.txt").read_text() == "mine"
    listed = {line.split("  ")[1] for line in (out / "SHA256SUMS").read_text().splitlines()}
    assert listed == set(files_of(out)) - {"SHA256SUMS", "methods/notes.txt"}


def test_a_list_from_elsewhere_removes_nothing_outside(tmp_path: Path) -> None:
    """Whatever SHA256SUMS says, only files of the folder are removed, and empty folders."""
    (tmp_path / "mine.txt").write_text("mine")
    out = tmp_path / "out"
    out.mkdir()
    (out / "old").mkdir()
    (out / "old" / "page.html").write_text("")
    (out / "SHA256SUMS").write_text("00  ../mine.txt\n00  old/page.html\n00  gone.html\n00  old\n")
    folder = Folder(out)
    folder.add("new.html", "new")
    folder.save()
    assert (tmp_path / "mine.txt").exists()
    assert not (out / "old").exists()
    assert set(files_of(out)) == {"SHA256SUMS", "new.html"}


def test_sums_are_those_of_the_files(report: Path) -> None:
    """A copy can be checked."""
    for line in (report / "SHA256SUMS").read_text().splitlines():
        digest, _, name = line.partition("  ")
        assert hashlib.sha256((report / name).read_bytes()).hexdigest() == digest, name


def test_records_are_linked_or_copied(suite: Path, tmp_path: Path) -> None:
    """Where they lie, or inside a folder that is to travel alone."""
    names = {path.name for path in suite.glob("*.json")}
    build(suite, tmp_path / "linked")
    assert record_links(tmp_path / "linked" / "runs.html") == {f"../records/{n}" for n in names}
    build(suite, tmp_path / "copied", copy_records=True)
    assert record_links(tmp_path / "copied" / "runs.html") == {f"records/{n}" for n in names}
    copied = tmp_path / "copied" / "records"
    assert {path.name: path.read_text() for path in copied.iterdir()} == {
        path.name: path.read_text() for path in suite.glob("*.json")
    }


def record_links(page: Path) -> set[str]:
    """Return the records that a page leads to."""
    return {ref for _, ref in collect(page).references if ref.endswith(".json")}


def test_every_run_stands_on_its_methods_page(report: Path) -> None:
    """Dataset by dataset and seed by seed, with its own numbers and its record."""
    records = read(report.parent / "records")
    text = (report / "methods" / "dice-cross-entropy.html").read_text(encoding="utf-8")
    runs = records.runs[records.runs["method"] == "dice_ce"]
    assert len(runs) == 10
    for run in runs.to_dict("records"):
        row = re.search(rf'<tr id="run-{run["id"]}">(.*?)</tr>', text)
        assert row is not None
        dice = records.cases[records.cases["id"] == run["id"]]["dice"].mean()
        assert f">{dice:.3f}<" in row[1]
        assert f"../../records/{run['file']}" in row[1]


def test_failures_are_listed(report: Path) -> None:
    """The section names method, seed and reason, escaped, and leads to the record."""
    for page in ("index.html", "methods/largest-component.html"):
        text = (report / page).read_text(encoding="utf-8")
        section = text[text.index('id="failures"') :]
        section = section[: section.index("</section>")]
        assert "Largest component" in section
        assert "RuntimeError: no &lt;component&gt;" in section
        assert ">5</td>" in section
        assert ".json" in section
    table = (report / "datasets" / "strokes.html").read_text(encoding="utf-8")
    assert '5/6</a> <span class="note wrong">1 failed</span>' in table


def test_failed_judge_is_listed(tmp_path: Path) -> None:
    """A classifier that did not train explains missing digit accuracies."""
    judge = make_record("judge", status="timeout", changes={"spec.task": "judge"})
    folder = write_records(tmp_path / "records", [make_record(), judge])
    text = build(folder, tmp_path / "out").read_text(encoding="utf-8")
    section = text[text.index('id="failures"') : text.index('id="conventions"')]
    assert ">timeout<" in section


def test_nothing_from_records_becomes_markup(tmp_path: Path) -> None:
    """Titles, cases, reasons, versions: all of it is text, in the pages and in the figures."""
    changes = {
        "suite": HOSTILE,
        "spec.method.title": HOSTILE,
        "spec.method.summary": HOSTILE,
        "spec.method.paper": HOSTILE,
        "spec.dataset.name": HOSTILE,
        "environment.cpu": HOSTILE,
        "environment.versions.torch": HOSTILE,
        "environment.topoeval.commit": HOSTILE,
    }
    good = make_record(changes=changes)
    good["cases"]["case"][0] = good["examples"][0]["case"] = HOSTILE
    bad = make_record("dice_ce", status="failed", error=HOSTILE, changes=changes)
    out = tmp_path / "out"
    papers = [Published("cross_entropy", HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE)]
    build(write_records(tmp_path / "records", [good, bad]), out, published=papers)
    for path in out.rglob("*.html"):
        page = collect(path)
        assert not any(ref == "x" for _, ref in page.references)
        text = path.read_text(encoding="utf-8")
        assert "<img src=x" not in text
        assert "&amp;lt;" not in text
    for path in (out / "figures").glob("*.svg"):
        ElementTree.parse(path)


def test_pages_state_conventions(report: Path) -> None:
    """Topology and hardware stand on every page and in every figure."""
    line = "T-construction (foreground 8, background 4), superlevel, plain border"
    for path in report.rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert line in text, path
        assert "Example CPU @ 2.00GHz" in text, path
    for path in (report / "figures").glob("*.svg"):
        text = " ".join(path.read_text(encoding="utf-8").split())
        assert line in text, path
        assert "Example CPU @ 2.00GHz" in text, path
    overview = (report / "index.html").read_text(encoding="utf-8")
    assert "p ≥ 0.5" in overview
    assert "torch 2.13.0" in overview


def test_figures_carry_no_date(report: Path) -> None:
    """The moment of building is not part of a figure."""
    for path in (report / "figures").glob("*.svg"):
        assert "<dc:date>" not in path.read_text(encoding="utf-8")


def test_figures_are_light_and_dark(report: Path) -> None:
    """One file: ink and ground exchanged where the reader prefers dark."""
    for path in (report / "figures").glob("*.svg"):
        svg = path.read_text(encoding="utf-8")
        assert svg.count("@media (prefers-color-scheme: dark)") == 1
        assert 'style="fill: #ffffff"' in svg
        ElementTree.parse(path)


def test_examples_are_signed_not_only_coloured(report: Path) -> None:
    """Right and wrong answers differ in a sign and in words too."""
    page = (report / "datasets" / "strokes.html").read_text(encoding="utf-8")
    shown = read(report.parent / "records").cases.query("dataset == 'strokes' and seed == 0")
    shown = shown[shown["case"].isin(["test-000", "test-001", "test-002"])]
    right = int(shown["matches_truth"].sum())
    section = page[page.index('<div class="gallery">') :]
    assert section.count("✓") == section.count(", as the truth") == right > 0
    assert section.count("✗") == section.count(", unlike the truth") == len(shown) - right > 0


def test_findings_separate_what_the_data_separate(suite: Path) -> None:
    """Methods without a result are neither better nor equal."""
    folder = write_records(suite, [make_record("opening", status="timeout")])
    found = finding(summarise(read(folder)), "strokes")
    assert any("post-processing (+0." in title for title in found.higher)
    assert found.unknown == ("opening",)
    assert not any("(start)" in title for title in (*found.higher, *found.lower, *found.open))


def test_failure_of_nobody_has_no_fault(tmp_path: Path) -> None:
    """What a record leaves open stays open, also beside records that say it."""
    open_fault = make_record("dice_ce", status="timeout", changes={"fault": None, "started": ""})
    blamed = make_record("dice_ce", seed=1, status="failed")
    folder = write_records(tmp_path / "records", [make_record(), open_fault, blamed])
    assert [f.fault for f in summarise(read(folder)).failures] == ["", "method"]
    build(folder, tmp_path / "out")
    for path in (tmp_path / "out").rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r">\s*(nan|None)\s*<", text), path


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
    first, second = (figures / f"time-per-step-strokes-{letter}.svg" for letter in "ab")
    assert "Machine A: Another CPU" in first.read_text(encoding="utf-8")
    assert "Dice + cross-entropy" not in second.read_text(encoding="utf-8")


def test_failed_build_leaves_the_old_page(suite: Path, tmp_path: Path) -> None:
    """A broken picture does not take the last good report away."""
    index = build(suite, tmp_path / "out")
    before = files_of(tmp_path / "out")
    for path in suite.glob("*.json"):
        record = json.loads(path.read_text())
        for example in record["examples"]:
            example["target"] = "!!"
        path.write_text(json.dumps(record))
    with pytest.raises(UserError):
        build(suite, tmp_path / "out")
    assert index.exists()
    assert files_of(tmp_path / "out") == before


def test_no_two_methods_look_alike() -> None:
    """Colour and mark together tell 40 methods apart; the start is none of them."""
    arms = [f"method {i}" for i in range(40)]
    chosen = looks(arms, frozenset(arms[:1]))
    assert len({(look.colour, look.mark) for look in chosen.values()}) == 40
