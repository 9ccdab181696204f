"""Text of others, such as names of files: shown without doing anything to what shows it.

A file may be called anything. Its name must not clear a terminal, colour it, or turn the words
around it on a page.
"""

from __future__ import annotations

import re

# All control characters but the ends of lines and tabs, the marks that turn the direction of
# writing, and halves of characters, which no UTF-8 holds.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


def visible(text: str) -> str:
    r"""Return a text of one line in which everything that cannot be printed is written out.

    >>> visible("a\x1b[2J\u202eb\n")
    'a\\x1b[2J\\u202eb\\n'
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else _written_out(c) for c in text)


def visible_lines(text: str) -> str:
    r"""Return a text of any number of lines, with no control character but their ends and tabs.

    >>> visible_lines("a\x1b[2J\nb\r\n")
    'a\\x1b[2J\nb\\r\n'
    """
    return _UNSEEN.sub(lambda found: _written_out(found[0]), text)


def _written_out(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
