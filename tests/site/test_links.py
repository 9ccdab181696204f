"""What the pages refer to, without a browser."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag

import pytest

PAPERS = "https://arxiv.org/abs/"


class Collector(HTMLParser):
    """Collects identifiers and references of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.references: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Record one element."""
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name in ("src", "href", "xlink:href", "srcset", "data", "action", "poster"):
                self.references.append((tag, value or ""))


def collect(page: Path) -> Collector:
    """Parse a page."""
    collector = Collector()
    collector.feed(page.read_text(encoding="utf-8"))
    return collector


def broken(folder: Path) -> list[str]:
    """Return every reference of every page that leads nowhere or loads from elsewhere."""
    pages = {path.resolve(): collect(path) for path in sorted(folder.rglob("*.html"))}
    wrong = []
    for page, found in pages.items():
        for tag, reference in found.references:
            target, anchor = urldefrag(reference)
            if reference.startswith("data:image/png;base64,") or reference == "data:,":
                continue
            if tag == "a" and reference.startswith(PAPERS):
                continue
            goal = (page.parent / unquote(target)).resolve() if target else page
            if not goal.is_file() or (anchor and anchor not in pages[goal].ids):
                wrong.append(f"{page.relative_to(folder.resolve())}: {reference}")
    return wrong


def test_every_link_resolves(site: Path) -> None:
    """Pages, anchors, figures, tables, assets and records are all there, beside the pages."""
    assert broken(site) == []
    assert len(list(site.rglob("*.html"))) > 20


@pytest.mark.parametrize(
    "link", ["nowhere.html", "b.html#nowhere", "#nowhere", "https://example.org/x.js"]
)
def test_broken_links_are_found(tmp_path: Path, link: str) -> None:
    """The check above can fail."""
    (tmp_path / "a.html").write_text(f'<p id="here"><a href="{link}">x</a><a href="b.html#b">')
    (tmp_path / "b.html").write_text('<p id="b">')
    assert broken(tmp_path) == [f"a.html: {link}"]


def test_identifiers_are_unique(site: Path) -> None:
    """An anchor that two elements share leads to the wrong one."""
    for page in site.rglob("*.html"):
        ids = collect(page).ids
        assert len(ids) == len(set(ids)), page


def test_every_number_of_a_table_leads_to_a_record(site: Path) -> None:
    """From the main table to the runs of the method, and from there to the record's file."""
    overview = collect(site / "first" / "index.html")
    methods = {urldefrag(r)[0] for _, r in overview.references if r.startswith("methods/")}
    assert len(methods) == 7
    records = {path.name for path in (site.parent / "first" / "records").glob("*.json")}
    reached = set()
    for method in methods:
        for _, reference in collect(site / "first" / method).references:
            if reference.endswith(".json"):
                reached.add((site / "first" / method).parent.joinpath(reference).resolve().name)
    assert reached == records
