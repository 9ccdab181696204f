"""``topoeval list`` and ``topoeval info``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from topoeval import datasets, plugins
from topoeval.errors import UserError, nearest
from topoeval.harness.suites import catalogue
from topoeval.losses import LOSSES
from topoeval.persistence import BACKENDS
from topoeval.registry import State


@dataclass(frozen=True)
class _Kind:
    """One kind of thing: its noun, the names, state and title of one, and the card of one."""

    noun: str
    names: Callable[[], Iterable[str]]
    state_and_title: Callable[[str], tuple[str, str]]
    card: Callable[[str], dict[str, Any]]


def print_list(kind: str | None, named: Sequence[str] = ()) -> None:
    """Print the names of one kind, or of all; a plug-in that is broken is a row that says why.

    Parameters
    ----------
    kind
        One of the kinds; None for all of them.
    named
        Plug-ins to load first.
    """
    if kind is not None and kind not in _KINDS:
        raise UserError(f"unknown kind {kind!r}{nearest(kind, _KINDS)}")
    console = Console()
    if rows := [_plugin(text) for text in named]:
        _print_table(console, "plug-ins", rows)
    for title, one in _KINDS.items():
        if kind in (None, title):
            rows = [(name, *_state_and_title(one, name)) for name in one.names()]
            _print_table(console, title, rows)


def _print_table(console: Console, title: str, rows: Iterable[tuple[str, str, str]]) -> None:
    table = Table("name", "state", "what", title=title, title_justify="left", box=None)
    for row in rows:
        # as text, for rich takes [homcloud] for a style, and what a plug-in says may be anything
        table.add_row(*map(Text, row))
    console.print(table)
    console.print()


def _plugin(text: str) -> tuple[str, str, str]:
    try:
        plugin = plugins.load(text)
    except UserError as error:
        return text, State.BROKEN, str(error).partition(" is broken: ")[2]
    return text, State.AVAILABLE, f"registers {', '.join(plugin.names)}"


def _state_and_title(kind: _Kind, name: str) -> tuple[str, str]:
    try:
        return kind.state_and_title(name)
    except UserError as error:
        return State.BROKEN, str(error)


def print_info(name: str) -> None:
    """Print the card of whatever is called `name`; a name of several kinds prints all of them."""
    found = [title for title, one in _KINDS.items() if name in one.names()]
    if not found:
        names = {known for one in _KINDS.values() for known in one.names()}
        raise UserError(f"nothing is called {name!r}{nearest(name, names)}")
    console = Console()
    for title in found:
        state, what = _state_and_title(_KINDS[title], name)
        console.print(
            Text.assemble((name, "bold"), f" ({_KINDS[title].noun}, {state})"), soft_wrap=True
        )
        if state in (State.MISSING, State.BROKEN):
            console.print(f"  {what}", markup=False, highlight=False, soft_wrap=True)
            continue
        for key, value in _KINDS[title].card(name).items():
            if value not in ("", None, (), {}):
                console.print(f"  {key.replace('_', ' ')}: {value}", markup=False, highlight=False)


def _dataset(name: str) -> tuple[str, str]:
    status = datasets.DATASETS.status(name)
    if status.state is not State.AVAILABLE:
        return status.state, status.reason
    info = datasets.info(name)
    return "needs data" if info.needs_data else status.state, info.title


def _loss(name: str) -> tuple[str, str]:
    status = LOSSES.status(name)
    return status.state, status.reason or LOSSES.load(name).info.title


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
        "suite",
        catalogue.suite_names,
        lambda name: ("available", catalogue.load_suite(name).title),
        lambda name: catalogue.load_suite(name).model_dump(exclude={"name"}),
    ),
    "methods": _Kind(
        "method",
        catalogue.method_names,
        lambda name: ("available", catalogue.load_method(name).title),
        _method_card,
    ),
    "datasets": _Kind(
        "dataset", lambda: datasets.DATASETS, _dataset, lambda name: _dataclass(datasets.info(name))
    ),
    "losses": _Kind("loss", lambda: LOSSES, _loss, lambda name: _dataclass(LOSSES.load(name).info)),
    "backends": _Kind(
        "backend", lambda: BACKENDS, _backend, lambda name: _dataclass(BACKENDS.load(name).info)
    ),
}
