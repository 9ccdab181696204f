"""The site in a browser: what works with scripts, what stays without them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.site.conftest import looking
from topoeval.statistics import NOTHING

PAGES = (
    "index.html",
    "first/index.html",
    "first/datasets/strokes.html",
    "first/methods/largest-component.html",
    "first/methods/dice-cross-entropy.html",
    "first/runs.html",
    "second/index.html",
)
PHONE = {"width": 390, "height": 844}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_are_accessible_and_quiet(browser: Any, site: Path, scheme: str) -> None:
    """axe-core finds nothing (contrast included), the console is empty, nothing leaves the disk."""
    with looking(browser, color_scheme=scheme) as look:
        for name in PAGES:
            page = look.open(site / name)
            # Contrast of what is unfolded only on demand counts, too.
            page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true })")
            # From disk no script may fetch the style sheet, so axe is not to try.
            found = Axe().run(page, options={"preload": False})
            assert found.violations_count == 0, f"{name}: {found.generate_report()}"
        assert look.complaints == []
        assert look.requests
        assert all(url.startswith(("file://", "data:")) for url in look.requests)


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_no_page_is_wider_than_a_phone(browser: Any, site: Path, scripts: bool) -> None:
    """Wide tables and figures scroll inside their own frame."""
    with looking(browser, viewport=PHONE, java_script_enabled=scripts) as look:
        for name in PAGES:
            page = look.open(site / name)
            widest = page.locator("html").evaluate("e => e.scrollWidth") if scripts else None
            widest = widest or page.locator("body").bounding_box()["width"]
            assert widest <= PHONE["width"], name


def column(page: Any, table: str, index: int) -> list[str]:
    """Return the first words of a column's visible cells."""
    rows = page.locator(f"{table} tbody tr:visible")
    return [
        text.split()[0] for text in rows.locator(f"> :nth-child({index + 1})").all_inner_texts()
    ]


def test_columns_sort(browser: Any, site: Path) -> None:
    """By number, both ways, the state announced; text as text."""
    with looking(browser) as look:
        page = look.open(site / "second" / "index.html")
        table = "#results table"
        head = page.locator(f"{table} thead th", has_text="Dice").first
        head.get_by_role("button").click()
        assert head.get_attribute("aria-sort") == "ascending"
        rising = [float(text) for text in column(page, table, 1)]
        assert rising == sorted(rising)
        assert rising[0] < rising[-1]
        head.get_by_role("button").click()
        assert head.get_attribute("aria-sort") == "descending"
        assert [float(text) for text in column(page, table, 1)] == rising[::-1]
        first = page.locator(f"{table} thead th", has_text="Method").first
        first.get_by_role("button").click()
        assert head.get_attribute("aria-sort") is None
        names = page.locator(f"{table} tbody th").all_inner_texts()
        assert names[:3] == ["Cross-entropy", "method_0", "method_1"]
        assert names[-1] == "method_11"


def test_missing_values_sort_last(browser: Any, site: Path) -> None:
    """A failed run has no Dice, and is neither the best nor the worst."""
    with looking(browser) as look:
        page = look.open(site / "first" / "methods" / "largest-component.html")
        table = "[aria-label='Runs on strokes'] table"
        button = page.locator(f"{table} thead th", has_text="Dice").get_by_role("button")
        for _ in range(2):
            button.click()
            assert column(page, table, 1)[-1] == NOTHING
            assert len(column(page, table, 1)) == 6


def test_rows_filter(browser: Any, site: Path) -> None:
    """All words must occur; the number of rows left is said; emptied, all rows are back."""
    with looking(browser) as look:
        page = look.open(site / "first" / "runs.html")
        every = page.locator("tbody tr:visible").count()
        box = page.get_by_role("searchbox", name="Filter runs")
        box.fill("dice STROKES")
        assert page.locator("tbody tr:visible").count() == 5
        assert page.locator("output").inner_text() == f"5 of {every}"
        box.fill("no such run")
        assert page.locator("tbody tr:visible").count() == 0
        box.fill("")
        assert page.locator("tbody tr:visible").count() == every
        assert page.locator("output").inner_text() == ""


def ground(page: Any) -> str:
    """Return the colour behind the text."""
    return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_dark_mode_switches_and_stays(browser: Any, site: Path, scheme: str) -> None:
    """The button turns what the system prefers into its opposite, on the next page, too."""
    with looking(browser, color_scheme=scheme) as look:
        page = look.open(site / "index.html")
        before, button = ground(page), page.get_by_role("button", name="Dark")
        assert button.get_attribute("aria-pressed") == str(scheme == "dark").lower()
        button.click()
        after = ground(page)
        assert {before, after} == {"rgb(255, 255, 255)", "rgb(20, 23, 28)"}
        assert button.get_attribute("aria-pressed") == str(scheme == "light").lower()
        assert ground(look.open(site / "first" / "index.html")) == after


def corner(page: Any) -> tuple[int, ...]:
    """Return the colour of the corner of a page's first figure, as it is seen."""
    import io

    from PIL import Image

    picture = page.locator("#figures figure.drawing img").first.screenshot()
    return Image.open(io.BytesIO(picture)).convert("RGB").getpixel((3, 3))  # type: ignore[return-value]


def test_figures_follow_the_scheme(browser: Any, site: Path) -> None:
    """One file, light or dark as the page around it."""
    with looking(browser) as look:
        page = look.open(site / "first" / "index.html")
        assert corner(page) == (255, 255, 255)
        page.get_by_role("button", name="Dark").click()
        assert corner(page) == (20, 23, 28)


def test_everything_is_there_without_scripts(browser: Any, site: Path) -> None:
    """Every table, figure and failure shows; what only scripts can do is not offered."""
    with looking(browser, java_script_enabled=False, color_scheme="dark") as look:
        page = look.open(site / "first" / "index.html")
        assert page.locator("#results tbody tr:visible").count() == 14
        assert page.locator("figure.drawing img:visible").count() >= 2
        assert page.get_by_text("RuntimeError: no <component>").is_visible()
        assert page.locator("button, input").count() == 0
        page.get_by_role("link", name="All runs").click()
        assert page.locator("tbody tr:visible").count() == 71
        assert look.complaints == []


def test_keyboard_alone_sorts_and_switches(browser: Any, site: Path) -> None:
    """Tab reaches the skip link, the switch and the headers, Enter works them."""
    with looking(browser) as look:
        page = look.open(site / "second" / "index.html")
        focused = "`${document.activeElement.tagName} ${document.activeElement.textContent.trim()}`"
        page.keyboard.press("Tab")
        assert page.evaluate(focused) == "A Skip to the content"
        assert page.locator(".skip").bounding_box()["x"] >= 0
        for _ in range(25):
            page.keyboard.press("Tab")
            reached = page.evaluate(focused)
            if reached == "BUTTON Dark":
                page.keyboard.press("Enter")
            if reached.startswith("BUTTON Betti error"):
                page.keyboard.press("Enter")
                break
        assert ground(page) == "rgb(20, 23, 28)"
        assert "Betti error" in page.locator("th[aria-sort='ascending']").inner_text()
