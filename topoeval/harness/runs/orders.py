"""What lies between those who want calls to be done and the process that does them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ORDER, CWD, AT = "order.pickle", "cwd.txt", "at.txt"


@dataclass(frozen=True)
class Order:
    """What is to be done.

    Parameters
    ----------
    function, items
        It is called with each item.
    names
        What a problem of each item names.
    memory
        Bytes that the process may use; None for no limit of its own.
    """

    function: Callable[[Any], Any]
    items: tuple[Any, ...]
    names: tuple[str, ...]
    memory: int | None


@dataclass(frozen=True)
class Raised:
    """An error of a call that is no user's: a fault of the function.

    Parameters
    ----------
    text
        Its traceback.
    """

    text: str


def result_file(folder: Path, place: int) -> Path:
    """Return where the result of an item lies."""
    return folder / f"{place}.pickle"
