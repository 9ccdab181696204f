"""A site of two suites, and a browser to look at it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.report.conftest import make_record, make_suite, write_records
from topoeval.report import build_leaderboard
from topoeval.report.published import Published
from topoeval.results.records import read

CHROMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build a leaderboard of two suites, one with failures and many methods."""
    folder = tmp_path_factory.mktemp("results")
    error = "Traceback\nRuntimeError: no <component>"
    failed = make_record("largest_component", seed=5, status="failed", error=error)
    first = write_records(folder / "first" / "records", [*make_suite(), failed])
    second = write_records(
        folder / "second" / "records",
        [
            make_record(
                method, seed=seed, dice=[0.5 + 0.01 * m + 0.003 * seed] * 4, dataset="rings",
                changes={"suite": "second"},
            )
            for m, method in enumerate(["cross_entropy", *(f"method_{i}" for i in range(12))])
            for seed in range(3)
        ],
    )  # fmt: skip
    papers = [
        Published("dice_ce", "strokes", "their split", "dice", "0.9", "A paper, 2020", "strokes"),
        Published("dice_ce", "Elsewhere", "", "betti_error_0", "3.3", "A paper, 2020"),
    ]
    out = folder / "leaderboard"
    suites = {"first": read(first), "second": read(second)}
    build_leaderboard(suites, out, published=papers)
    return out


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Start the machine's own browser, without a window."""
    path = next((found for name in CHROMES if (found := shutil.which(name))), None)
    if path is None:
        pytest.skip(f"none of the browsers {', '.join(CHROMES)} is installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield started
        started.close()


class Look:
    """A page that is being looked at, and what it asked for and complained of."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.requests: list[str] = []
        self.complaints: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("requestfailed", lambda request: self.complaints.append(request.url))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on(
            "console",
            lambda message: (
                self.complaints.append(message.text)
                if message.type in ("error", "warning")
                else None
            ),
        )

    def open(self, path: Path) -> Any:
        """Open a page from disk."""
        self.page.goto(path.as_uri())
        return self.page


@contextmanager
def looking(browser: Any, **options: Any) -> Iterator[Look]:
    """Look at pages in a window of its own: scheme, width, scripts as asked."""
    options.setdefault("viewport", {"width": 1400, "height": 900})
    context = browser.new_context(**options)
    try:
        yield Look(context.new_page())
    finally:
        context.close()
