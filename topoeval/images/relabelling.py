"""Labels of one side written as those of the other: 51 of the predictions is 1 of the truth."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from topoeval.errors import UserError
from topoeval.json_files import read_json_file

_MAX_LABEL = 2**32 - 1
_REST = "*"
_SPAN = re.compile(r"(\d+)(?:-(\d+))?")
# Labels below this are looked up in a table; of larger ones each is looked for.
_TABLE = 1 << 16
_NAMED = 12


@dataclass(frozen=True, slots=True)
class Relabelling:
    """Which labels become which.

    Parameters
    ----------
    spans
        First label, last label, and what the labels between them become; two that hold the same
        label say the same of it.
    rest
        What all other labels become; None: they stay. Background stays background.
    """

    spans: tuple[tuple[int, int, int], ...]
    rest: int | None = None

    def of(self, label: int) -> int:
        """Return what a label becomes.

        >>> parse_relabelling("51:1,60-69:2,*:0").of(65)
        2
        """
        found = [new for low, high, new in self.spans if low <= label <= high]
        if found:
            return found[-1]
        return label if self.rest is None or label == 0 else self.rest

    def applied(self, array: NDArray[Any]) -> NDArray[Any]:
        """Return a label map with other labels, of the smallest type that holds them."""
        most = int(array.max(initial=0))
        if most < _TABLE:
            table = np.array([self.of(label) for label in range(most + 1)], np.int64)
            new = table[array]
        else:
            held, places = np.unique(array, return_inverse=True)
            new = np.array([self.of(int(label)) for label in held])[places.reshape(array.shape)]
        return new.astype(np.min_scalar_type(int(new.max(initial=0))))

    def line(self, held: Collection[int]) -> str:
        """Return in words what becomes of the labels that files hold.

        Raises
        ------
        UserError
            No file holds a label that is named.
        """
        named = [one for one in sorted(held) if any(a <= one <= b for a, b, _ in self.spans)]
        if self.spans and not named:
            there = ", ".join(map(str, sorted(held)[:20])) or "none but 0"
            raise UserError(f"no file holds a label that {self} names; there are: {there}")
        changed = [f"{one} as {self.of(one)}" for one in sorted(held) if self.of(one) != one]
        more = f" and {len(changed) - _NAMED} more" if len(changed) > _NAMED else ""
        line = f"read {', '.join(changed[:_NAMED])}{more}" if changed else "none of them changed"
        kept = {one for one in held if self.of(one) == one}
        joined = sorted(kept & {self.of(one) for one in held if self.of(one) != one})
        if joined:
            line += f" ({', '.join(map(str, joined))} of the files stays beside it)"
        return line

    def __str__(self) -> str:
        parts = [f"{a}:{new}" if a == b else f"{a}-{b}:{new}" for a, b, new in self.spans]
        return ",".join(parts + ([] if self.rest is None else [f"{_REST}:{self.rest}"]))


def parse_relabelling(text: str) -> Relabelling:
    """Read ``"51:1,60-69:2,*:0"``, or the path of a JSON file like ``{"51": 1, "60-69": 2}``.

    Raises
    ------
    UserError
        If it is neither; the message names what is wrong.

    Examples
    --------
    >>> str(parse_relabelling("51:1, 60-69:2, *:0"))
    '51:1,60-69:2,*:0'
    """
    if text.lower().endswith(".json"):
        return _built(text, _of_file(Path(text)).items())
    parts = [part.strip() for part in text.split(",") if part.strip()]
    pairs = [part.rpartition(":")[::2] for part in parts]
    return _built(text, pairs)


def _of_file(path: Path) -> Mapping[str, Any]:
    found = read_json_file(path)
    if not isinstance(found, dict):
        raise UserError(f'{path}: says no labels; for example {{"51": 1, "60-69": 2, "*": 0}}')
    return found


def _built(text: str, pairs: Iterable[tuple[str, Any]]) -> Relabelling:
    spans: list[tuple[int, int, int]] = []
    rest: int | None = None
    for old, new in pairs:
        told = UserError(
            f"{text}: {old!r} to {new!r} is not of the form 51:1, 60-69:2 or *:0, labels up to "
            f"{_MAX_LABEL}"
        )
        number = str(new).strip()
        if isinstance(new, bool) or not number.isdecimal() or int(number) > _MAX_LABEL:
            raise told
        if old.strip() == _REST:
            if rest not in (None, int(number)):
                raise UserError(f"{text}: {_REST} is mapped to {rest} and to {number}; keep one")
            rest = int(number)
            continue
        found = _SPAN.fullmatch(old.strip())
        if found is None:
            raise told
        low, high = int(found[1]), int(found[2] or found[1])
        if not 1 <= low <= high <= _MAX_LABEL:
            raise told
        for a, b, other in spans:
            if max(a, low) <= min(b, high) and other != int(number):
                raise UserError(
                    f"{text}: label {max(a, low)} is mapped to {other} and to {number}; keep one"
                )
        spans.append((low, high, int(number)))
    if not spans and rest is None:
        raise UserError(f"{text!r} names no label; for example 51:1,60-69:2,*:0")
    return Relabelling(tuple(spans), rest)
