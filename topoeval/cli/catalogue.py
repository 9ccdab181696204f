"""``topoeval list`` and ``topoeval info``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from rich.console import Console
from rich.table import Table

from topoeval import datasets
from topoeval.errors import UserError, nearest
from topoeval.harness.suites import catalogue
from topoeval.losses import LOSSES
from topoeval.persistence import BACKENDS


@dataclass(frozen=True)
class _Kind:
    """One kind of thing: the names, whether one can be used here and its title, its card."""

    names: Callable[[], Iterable[str]]
    state_and_title: Callable[[str], tuple[str, str]]
    card: Callable[[str], dict[str, Any]]


def print_list(kind: str | None) -> None:
    """Print the names of one kind, or of all."""
    if kind is not None and kind not in _KINDS:
        raise UserError(f"unknown kind {kind!r}{nearest(kind, _KINDS)}")
    console = Console()
    for title, one in _KINDS.items():
        if kind in (None, title):
            table = Table("name", "state", "what", title=title, title_justify="left", box=None)
            for name in one.names():
                table.add_row(name, *one.state_and_title(name))
            console.print(table)
            console.print()


def print_info(name: str) -> None:
    """Print the card of whatever is called `name`; a name of several kinds prints all of them."""
    found = [title for title, one in _KINDS.items() if name in one.names()]
    if not found:
        names = {known for one in _KINDS.values() for known in one.names()}
        raise UserError(f"nothing is called {name!r}{nearest(name, names)}")
    console = Console()
    for title in found:
        state, _ = _KINDS[title].state_and_title(name)
        console.print(f"[bold]{name}[/] ({title.removesuffix('s')}, {state})")
        for key, value in _KINDS[title].card(name).items():
            if value not in ("", None, (), {}):
                console.print(f"  {key.replace('_', ' ')}: {value}", markup=False, highlight=False)


def _dataset(name: str) -> tuple[str, str]:
    info = datasets.info(name)
    return "needs data" if info.needs_data else "available", info.title


def _loss(name: str) -> tuple[str, str]:
    return LOSSES.status(name).state, LOSSES.load(name).info.title


def _backend(name: str) -> tuple[str, str]:
    status = BACKENDS.status(name)
    return status.state, status.reason or BACKENDS.load(name).info.title


def _dataclass(value: Any) -> dict[str, Any]:
    return {field.name: getattr(value, field.name) for field in fields(value)}


def _method_card(name: str) -> dict[str, Any]:
    method = catalogue.load_method(name)
    card = {**method.model_dump(exclude={"name", "role"}), "search": method.search}
    card["folder"] = catalogue.baselines_folder() / name
    return card


_KINDS: Mapping[str, _Kind] = {
    "suites": _Kind(
        catalogue.suite_names,
        lambda name: ("available", catalogue.load_suite(name).title),
        lambda name: catalogue.load_suite(name).model_dump(exclude={"name"}),
    ),
    "methods": _Kind(
        catalogue.method_names,
        lambda name: ("available", catalogue.load_method(name).title),
        _method_card,
    ),
    "datasets": _Kind(
        lambda: datasets.DATASETS, _dataset, lambda name: _dataclass(datasets.info(name))
    ),
    "losses": _Kind(lambda: LOSSES, _loss, lambda name: _dataclass(LOSSES.load(name).info)),
    "backends": _Kind(
        lambda: BACKENDS, _backend, lambda name: _dataclass(BACKENDS.load(name).info)
    ),
}
