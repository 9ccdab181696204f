"""How pages are filled in: templates, and what becomes of text in them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import jinja2
from markupsafe import Markup, escape

from topoeval.foreign_text import visible_lines


@dataclass(frozen=True, slots=True)
class Template:
    """A page's template."""

    _filled: jinja2.Template

    def render(self, **values: Any) -> str:
        """Return the page; what is put into it is escaped, and must be there.

        A browser shows no control character, but what reads the file in a terminal obeys it.
        """
        return visible_lines(self._filled.render(**values))


def template(name: str) -> Template:
    """Return a page's template."""
    return Template(_environment().get_template(name))


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
