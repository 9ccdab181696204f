"""``topoeval list`` and ``topoeval info``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from typing import Any

from rich.console import Console
from rich.table import Table

from topoeval import datasets
from topoeval.errors import UserError, nearest
from topoeval.harness import catalogue
from topoeval.losses import LOSSES
from topoeval.persistence import BACKENDS

Row = tuple[str, str, str]  # name, state, title


def print_list(kind: str | None) -> None:
    """Print the names of one kind, or of all."""
    if kind is not None and kind not in _LISTS:
        raise UserError(f"unknown kind {kind!r}{nearest(kind, _LISTS)}")
    console = Console()
    for name, rows in _LISTS.items():
        if kind in (None, name):
            table = Table("name", "state", "what", title=name, title_justify="left", box=None)
            for row in rows():
                table.add_row(*row)
            console.print(table)
            console.print()


def print_info(name: str) -> None:
    """Print the card of whatever is called `name`; a name of several kinds prints all of them."""
    found = [(kind, row) for kind, rows in _LISTS.items() for row in rows() if row[0] == name]
    if not found:
        names = {row[0] for rows in _LISTS.values() for row in rows()}
        raise UserError(f"nothing is called {name!r}{nearest(name, names)}")
    console = Console()
    for kind, (_, state, _) in found:
        console.print(f"[bold]{name}[/] ({kind.removesuffix('s')}, {state})")
        for key, value in _CARDS[kind](name).items():
            if value not in ("", None, (), {}):
                console.print(f"  {key.replace('_', ' ')}: {value}", markup=False, highlight=False)


def _suites() -> Iterator[Row]:
    for name in catalogue.suite_names():
        yield name, "available", catalogue.load_suite(name).title


def _methods() -> Iterator[Row]:
    for name in catalogue.method_names():
        yield name, "available", catalogue.load_method(name).title


def _datasets() -> Iterator[Row]:
    for name in datasets.DATASETS:
        info = datasets.info(name)
        yield name, "needs data" if info.needs_data else "available", info.title


def _losses() -> Iterator[Row]:
    for name in LOSSES:
        yield name, LOSSES.status(name).state, LOSSES.load(name).info.title


def _backends() -> Iterator[Row]:
    for name in BACKENDS:
        status = BACKENDS.status(name)
        yield name, status.state, status.reason or BACKENDS.load(name).info.title


def _dataclass(value: Any) -> dict[str, Any]:
    return {field.name: getattr(value, field.name) for field in fields(value)}


def _method_card(name: str) -> dict[str, Any]:
    method = catalogue.load_method(name)
    card = {**method.model_dump(exclude={"name", "role"}), "search": method.search}
    card["folder"] = catalogue.baselines_folder() / name
    return card


_LISTS: Mapping[str, Callable[[], Iterator[Row]]] = {
    "suites": _suites,
    "methods": _methods,
    "datasets": _datasets,
    "losses": _losses,
    "backends": _backends,
}

_CARDS: Mapping[str, Callable[[str], dict[str, Any]]] = {
    "suites": lambda name: catalogue.load_suite(name).model_dump(exclude={"name"}),
    "methods": _method_card,
    "datasets": lambda name: _dataclass(datasets.info(name)),
    "losses": lambda name: _dataclass(LOSSES.load(name).info),
    "backends": lambda name: _dataclass(BACKENDS.load(name).info),
}
