"""How pages are filled in: templates, and what becomes of text in them."""

from __future__ import annotations

from functools import cache

import jinja2
from markupsafe import Markup, escape


def template(name: str) -> jinja2.Template:
    """Return a page's template; what is put into it is escaped, and must be there."""
    return _environment().get_template(name)


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("topoeval.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["breakable"] = _breakable
    environment.filters["header"] = _header
    return environment


def _header(text: str) -> str:
    """Keep an arrow on the line of its word."""
    return text.replace(" ↑", "\N{NO-BREAK SPACE}↑").replace(" ↓", "\N{NO-BREAK SPACE}↓")


def _breakable(text: str) -> Markup:
    """Let a long label break after punctuation, where a narrow column needs it to."""
    return Markup(escape(text)).replace(Markup("="), Markup("=<wbr>")).replace(
        Markup("_"), Markup("_<wbr>")
    )  # fmt: skip
