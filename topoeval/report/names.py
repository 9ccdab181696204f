"""Names of pages: what a label is called as a file and as an anchor."""

from __future__ import annotations

import re
from collections.abc import Iterable

_LONGEST = 60


def slug(label: str) -> str:
    """Turn a label into lower-case letters, digits and hyphens.

    >>> slug("mnist [lines=12]")
    'mnist-lines-12'
    """
    return re.sub(r"[^a-z0-9]+", "-", label.lower()).strip("-")[:_LONGEST].rstrip("-") or "unnamed"


def slugs(labels: Iterable[str]) -> dict[str, str]:
    """Give every label a slug of its own; namesakes are numbered in the order of their labels.

    >>> slugs(["a b", "a-b", "c"])
    {'a b': 'a-b', 'a-b': 'a-b-2', 'c': 'c'}
    """
    named: dict[str, str] = {}
    taken: set[str] = set()
    for label in sorted(labels):
        stem = name = slug(label)
        count = 1
        while name in taken:
            count += 1
            name = f"{stem}-{count}"
        named[label] = name
        taken.add(name)
    return named
