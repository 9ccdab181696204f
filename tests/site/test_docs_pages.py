"""Every page of the built documentation in a browser: `tox run -e docs-site` builds it first.

It is served, as where it is published: a browser lets no page from disk read the index of the
search. Each page is opened once, and looked at in a wide light window, a dark one and on a phone.
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
WIDE, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
_NO_PIXELS = "[...document.images].filter(i => i.complete && !i.naturalWidth).map(i => i.src)"
_GROUND = "getComputedStyle(document.body).backgroundColor"


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves files without a line for each."""

    def log_message(self, *arguments):
        """Print nothing."""


@pytest.fixture(scope="module")
def address():
    """Serve the site on this machine."""
    handler = functools.partial(Handler, directory=SITE)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def violations(page, **options):
    """Return the rules of axe-core that a page breaks, each with its first place."""
    found = Axe().run(page, **options).response["violations"]
    return [(one["id"], one["nodes"][0]["html"][:160]) for one in found]


@pytest.fixture(scope="module")
def facts(browser, address):
    """What is seen of each page."""
    found = {name: {} for name in PAGES}
    complaints, requests = [], []
    # the theme keeps the scheme that a window began with, so the dark one is a window of its own
    for scheme, options in (("light", {}), ("dark", {"runOnly": ["color-contrast"]})):
        with looking(browser, viewport=WIDE, color_scheme=scheme) as look:
            page = look.page
            for name in PAGES:
                page.set_viewport_size(WIDE)
                page.goto(f"{address}/{name}")
                of_page = found[name]
                of_page[scheme] = violations(page, options=options)
                of_page["pictures"] = page.evaluate(_NO_PIXELS)
                page.set_viewport_size(PHONE)
                of_page["width"] = page.evaluate("document.documentElement.scrollWidth")
            of_page["ground", scheme] = page.evaluate(_GROUND)
            complaints += look.complaints
            requests += look.requests
    grounds = [of_page["ground", scheme] for scheme in ("light", "dark")]
    assert grounds[0] != grounds[1]
    return found | {"": {"complaints": complaints, "requests": requests}}


def test_there_are_pages():
    """Of every section."""
    assert len(PAGES) > 100
    for section in ("decisions", "gallery", "reference", "tutorials"):
        assert any(page.startswith(f"{section}/") for page in PAGES), section


@pytest.mark.parametrize("what", ["light", "dark", "pictures"])
def test_every_page_is_accessible_and_whole(facts, what):
    """axe-core finds nothing, in the dark no lack of contrast, and every picture has pixels."""
    assert {name: facts[name][what] for name in PAGES if facts[name][what]} == {}


def test_no_page_is_wider_than_a_phone(facts):
    """Wide tables and code scroll inside their own frame."""
    wide = {name: facts[name]["width"] for name in PAGES}
    assert {name: width for name, width in wide.items() if width > PHONE["width"]} == {}


def test_nothing_is_asked_of_another_machine(facts, address):
    """And the console stays empty."""
    assert facts[""]["complaints"] == []
    ours = (address, "data:")
    assert [url for url in facts[""]["requests"] if not url.startswith(ours)] == []


@pytest.mark.parametrize(
    ("words", "page"),
    [("betti_numbers", "reference/metrics.html"), ("which files belong together", "evaluate.html")],
)
def test_the_search_finds(browser, address, words, page):
    """A public name in the reference, and words in a page."""
    with looking(browser) as look:
        look.page.goto(f"{address}/index.html")
        box = look.page.get_by_role("textbox", name="Search")
        box.click()
        # the index is made first, on a busy machine slowly
        ready = look.page.locator(".md-search-result__meta", has_text="Type to start searching")
        ready.wait_for(timeout=120_000)
        box.press_sequentially(words)  # the theme listens to keys
        result = look.page.locator(f'.md-search-result a[href*="{page}"]').first
        result.wait_for(timeout=60_000)
        result.click()
        look.page.wait_for_url(f"**/{page}*")


def test_dark_and_light_by_a_button(browser, address):
    """What it chose stays on the next page."""
    with looking(browser, color_scheme="light") as look:
        look.page.goto(f"{address}/index.html")
        before = look.page.evaluate(_GROUND)
        look.page.locator("label[for^='__palette']:visible").first.click()
        look.page.wait_for_function(f"{_GROUND} !== '{before}'")
        after = look.page.evaluate(_GROUND)
        look.page.goto(f"{address}/metrics.html")
        assert look.page.evaluate(_GROUND) == after
