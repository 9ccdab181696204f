"""Every page of the built site in a browser: `tox run -e docs-site` builds it and runs these.

It is served, as where it is published: a browser lets no page from disk read the index of the
search.
"""

import functools
import http.server
import os
import threading
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.site.conftest import looking

SITE = os.environ.get("TOPOEVAL_DOCS_SITE", "")
if not SITE:
    pytest.skip("no built site: tox run -e docs-site", allow_module_level=True)

PAGES = sorted(path.relative_to(SITE).as_posix() for path in Path(SITE).rglob("*.html"))
PHONE = {"width": 390, "height": 844}


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves files without a line for each."""

    def log_message(self, *arguments):
        """Print nothing."""


@pytest.fixture(scope="module")
def address():
    """Serve the site on this machine."""
    handler = functools.partial(Handler, directory=SITE)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_there_are_pages():
    """Of every section."""
    assert len(PAGES) > 100
    for section in ("decisions", "gallery", "reference", "tutorials"):
        assert any(page.startswith(f"{section}/") for page in PAGES), section


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_is_accessible_and_quiet(browser, address, scheme):
    """axe-core finds nothing, the console is empty, and no request leaves the machine."""
    wrong = {}
    with looking(browser, color_scheme=scheme) as look:
        for name in PAGES:
            look.page.goto(f"{address}/{name}")
            found = Axe().run(look.page)
            if found.violations_count:
                wrong[name] = sorted(
                    (one["id"], one["nodes"][0]["html"][:160])
                    for one in found.response["violations"]
                )
    assert wrong == {}
    assert look.complaints == []
    assert [url for url in look.requests if not url.startswith((address, "data:"))] == []


def test_no_page_is_wider_than_a_phone(browser, address):
    """Wide tables and code scroll inside their own frame."""
    with looking(browser, viewport=PHONE) as look:
        wide = {}
        for name in PAGES:
            look.page.goto(f"{address}/{name}")
            width = look.page.evaluate("document.documentElement.scrollWidth")
            if width > PHONE["width"]:
                wide[name] = width
    assert wide == {}


def test_pictures_are_there(browser, address):
    """Every image of every page has pixels."""
    broken = "[...document.images].filter(i => i.complete && !i.naturalWidth).map(i => i.src)"
    with looking(browser) as look:
        for name in PAGES:
            look.page.goto(f"{address}/{name}")
            assert look.page.evaluate(broken) == [], name


@pytest.mark.parametrize(
    ("words", "page"),
    [("betti_numbers", "reference/metrics.html"), ("ignore label", "evaluate.html")],
)
def test_the_search_finds(browser, address, words, page):
    """A public name in the reference, and words in a page."""
    with looking(browser) as look:
        look.page.goto(f"{address}/index.html")
        box = look.page.get_by_role("textbox", name="Search")
        box.click()
        box.fill(words)
        result = look.page.locator(f'.md-search-result a[href*="{page}"]').first
        result.wait_for(timeout=20000)
        result.click()
        look.page.wait_for_url(f"**/{page}*")


def test_dark_and_light_by_a_button(browser, address):
    """It stays on the next page."""
    ground = "getComputedStyle(document.body).getPropertyValue('--md-default-bg-color')"
    with looking(browser, color_scheme="light") as look:
        look.page.goto(f"{address}/index.html")
        before = look.page.evaluate(ground)
        look.page.locator("label[for='__palette_1']:visible").click()
        after = look.page.evaluate(ground)
        assert after != before
        look.page.goto(f"{address}/metrics.html")
        assert look.page.evaluate(ground) == after
