"""A page that an earlier command left beside tables that are written anew."""

from __future__ import annotations

from pathlib import Path

PAGE = "index.html"
_OURS = '<p class="kicker">topoeval '


def remove_stale_page(out: Path) -> str | None:
    """Remove the page of an earlier command; return a line that says so, None if there was none.

    A page that is not of `topoeval` is left as it is.
    """
    page = out / PAGE
    if not page.is_file() or _OURS not in page.read_text(encoding="utf-8", errors="replace"):
        return None
    page.unlink()
    return f"{page} of an earlier command removed: it showed other numbers; --html writes it anew"
