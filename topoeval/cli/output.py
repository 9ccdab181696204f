"""What a terminal can show: characters that its encoding lacks, and warnings as one line."""

from __future__ import annotations

import codecs
import logging
import sys
import warnings
from typing import TextIO

from topoeval.foreign_text import visible, visible_lines

# how people write these without them; all others become a question mark
_PLAIN = {
    "\u00b1": "+/-",
    "\u00b7": ".",
    "\u00d7": "x",
    "\u2013": "-",
    "\u2014": "-",
    "\u2018": "'",
    "\u2019": "'",
    "\u201c": '"',
    "\u201d": '"',
    "\u2026": "...",
    "\u2191": "^",
    "\u2193": "v",
    "\u2212": "-",
    "\u2264": "<=",
    "\u2265": ">=",
    "\u2500": "-",
    "\u2501": "-",
    "\u2502": "|",
}
_HANDLER = "topoeval.plain"
_SAID: set[str] = set()


def set_up() -> None:
    """Make output possible in every encoding, and print a warning as one line."""
    codecs.register_error(_HANDLER, _replaced)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=_HANDLER)
    warnings.showwarning = _show
    # of a home that cannot be written it says in two lines what helps nobody who makes SVG
    logging.getLogger("matplotlib").setLevel(logging.ERROR)


def say(text: object, *, err: bool = False) -> None:
    """Print lines, control characters in them written out; `err`: on the other stream."""
    lines = map(visible, str(text).split("\n"))
    print("\n".join(lines), file=sys.stderr if err else sys.stdout)


def escape(text: str) -> str:
    """Return a text of others for rich: without control characters, and no markup of its own."""
    from rich.markup import escape as without_markup

    return without_markup(visible(text))


def _replaced(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lost = error.object[error.start : error.end]
    return "".join(_PLAIN.get(character, "?") for character in lost), error.end


def _show(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    told = f"topoeval: {visible_lines(str(message))}"
    # once is enough, from wherever it comes
    if told not in _SAID:
        _SAID.add(told)
        print(told, file=file or sys.stderr)
