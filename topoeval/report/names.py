"""What a label is called as a file and as an anchor, and where there is little room."""

from __future__ import annotations

import re
from collections.abc import Iterable

_LONGEST = 60
_NARROW, _FRONT, _BACK = 14, 4, 9


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


def cut(name: str) -> str:
    """Return a name that fits below an axis; many begin alike, so its middle is cut.

    >>> cut("nnUNetTrainer"), cut("nnUNetTrainerTopoevalClDice")
    ('nnUNetTrainer', 'nnUN…valClDice')
    """
    return name if len(name) <= _NARROW else f"{name[:_FRONT]}…{name[-_BACK:]}"


def short_names(names: Iterable[str]) -> dict[str, str]:
    """Give every name one that fits below an axis, or its own where two would be the same.

    >>> short_names(["trainer_of_fold_0_with_loss", "trainer_of_fold_1_with_loss"]).values()
    dict_values(['trainer_of_fold_0_with_loss', 'trainer_of_fold_1_with_loss'])
    """
    short = {name: cut(name) for name in names}
    return short if len(set(short.values())) == len(short) else {name: name for name in short}
