"""The page of a barcode in a browser: by mouse and by keyboard, from disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.site.conftest import looking
from topoeval import Topology
from topoeval.persistence import compute
from topoeval.plot import barcode_page


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """A ring of 0.8 round 0.2 beside a spot of 0.5, in 2D and as the middle of a volume."""
    image = np.zeros((24, 40), np.float32)
    image[4:20, 4:20], image[10:14, 10:14], image[8:10, 30:33] = 0.8, 0.2, 0.5
    volume = np.zeros((5, 24, 40), np.float32)
    volume[1:4] = image
    folder = tmp_path_factory.mktemp("pages")
    found = {}
    for array in (image, volume):
        bars = compute(array[None], Topology("V"), spatial_dims=array.ndim)
        found[array.ndim] = folder / f"page{array.ndim}.html"
        found[array.ndim].write_text(barcode_page(array, bars, title="Ring"), encoding="utf-8")
    return found


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("ndim", [2, 3])
def test_it_is_accessible_and_quiet(browser: Any, pages: Any, scheme: str, ndim: int) -> None:
    """axe-core finds nothing, the console is empty, and nothing but the page is loaded."""
    with looking(browser, color_scheme=scheme) as look:
        page = look.open(pages[ndim])
        found = Axe().run(page, options={"preload": False})
        assert found.violations_count == 0, found.generate_report()
        assert look.complaints == []
        assert [url for url in look.requests if not url.startswith("data:")] == [
            pages[ndim].as_uri()
        ]


@pytest.mark.parametrize("ndim", [2, 3])
def test_the_slider_is_moved_by_keys(browser: Any, pages: Any, ndim: int) -> None:
    """Betti numbers follow, in the page and in what a screen reader is given."""
    with looking(browser) as look:
        page = look.open(pages[ndim])
        slider = page.get_by_label("Threshold")
        slider.focus()
        said = []
        page.keyboard.press("Home")
        for _ in range(4):
            page.wait_for_timeout(100)
            said.append(slider.get_attribute("aria-valuetext"))
            assert page.locator("#betti").inner_text() in said[-1]
            page.keyboard.press("ArrowRight")
        assert [text.partition(":")[0] for text in said] == [
            "at least 0", "at least 0.2", "at least 0.5", "at least 0.8"
        ]  # fmt: skip
        ring = "1 hole" if ndim == 2 else "1 loop"
        assert said[1].partition(": ")[2].startswith("2 components, 0 ")
        assert said[2].partition(": ")[2].startswith(f"2 components, {ring}")
        assert said[3].partition(": ")[2].startswith(f"1 component, {ring}")


def test_a_bar_shows_its_voxels(browser: Any, pages: Any) -> None:
    """Chosen by keys in the list, the bar of the hole is marked where it dies."""
    with looking(browser) as look:
        page = look.open(pages[2])
        page.locator("#rows button").first.focus()
        page.keyboard.press("End")
        page.keyboard.press("Enter")
        page.wait_for_timeout(100)
        chosen = page.locator('#rows button[aria-pressed="true"]')
        assert chosen.inner_text() == "hole"
        row, column = map(int, page.locator("tr.chosen td").nth(4).inner_text().split(", "))
        assert 10 <= row < 14
        assert 10 <= column < 14
        mark = page.locator("#death").evaluate("e => [e.style.top, e.style.left]")
        assert [float(text.rstrip("%")) for text in mark] == pytest.approx(
            [100 * (row + 0.5) / 24, 100 * (column + 0.5) / 40], abs=0.01
        )


def test_the_mask_is_drawn(browser: Any, pages: Any) -> None:
    """A pixel of the mask is blue, one outside of it grey; in 3D in the slice that is asked for."""
    read = "([x, y]) => [...document.getElementById('picture').getContext('2d')" + (
        ".getImageData(x, y, 1, 1).data]"
    )
    with looking(browser) as look:
        page = look.open(pages[3])
        page.get_by_label("Threshold").fill("3")
        page.get_by_label("Slice", exact=True).fill("2")
        page.wait_for_timeout(100)
        red, _, blue, _ = page.evaluate(read, [5, 5])
        assert blue > red
        assert len(set(page.evaluate(read, [12, 12])[:3])) == 1
        page.get_by_label("Slice", exact=True).fill("0")
        page.wait_for_timeout(100)
        assert len(set(page.evaluate(read, [5, 5])[:3])) == 1


def test_it_fits_a_phone(browser: Any, pages: Any) -> None:
    """Nothing but the table, in its frame, is wider than 390 pixels."""
    with looking(browser, viewport={"width": 390, "height": 844}) as look:
        for path in pages.values():
            assert look.open(path).locator("html").evaluate("e => e.scrollWidth") <= 390
