"""``topoeval list`` and ``topoeval info``."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from topoeval import datasets, plugins
from topoeval.cli import cards
from topoeval.cli.habits import print_json
from topoeval.cli.output import visible
from topoeval.cli.terminal import Terminal
from topoeval.errors import UnavailableError, UserError, nearest
from topoeval.harness.suites import catalogue
from topoeval.harness.suites.method_file import MethodFile
from topoeval.losses import LOSSES
from topoeval.networks import NETWORKS
from topoeval.persistence import BACKENDS
from topoeval.registry import Registry, State


@dataclass(frozen=True)
class _Kind:
    """One kind of thing: its noun, the names, and of one state and title, card and what it says."""

    noun: str
    names: Callable[[], Iterable[str]]
    state_and_title: Callable[[str], tuple[str, str]]
    card: Callable[[str], dict[str, Any]]
    told: Callable[[str], Iterable[tuple[str, str]]]


def print_list(kind: str | None, named: Sequence[str] = (), as_json: bool = False) -> None:
    """Print the names of one kind, or of all; a plug-in that is broken is a row that says why.

    Parameters
    ----------
    kind
        One of the kinds; None for all of them.
    named
        Plug-ins to load first.
    as_json
        Print rows for programs instead.
    """
    if kind is not None and kind not in _KINDS:
        raise UserError(f"unknown kind {kind!r}{nearest(kind, _KINDS)}")
    tables = {"plug-ins": [_plugin(text) for text in named]} if named else {}
    tables |= {title: _rows(title, one) for title, one in _KINDS.items() if kind in (None, title)}
    if as_json:
        heads = ("name", "state", "what")
        print_json(
            {title: [dict(zip(heads, r, strict=True)) for r in of] for title, of in tables.items()}
        )
        return
    console = Terminal()
    for title, of in tables.items():
        _print_table(console, title, of)


def _names(kind: _Kind) -> list[str]:
    """Return the names of a kind; none where the kind itself needs what is not installed."""
    try:
        return list(kind.names())
    except UnavailableError:
        return []


def _rows(title: str, kind: _Kind) -> list[tuple[str, str, str]]:
    """Return name, state and title of each of a kind; one row where the kind itself needs torch."""
    try:
        names = list(kind.names())
    except UnavailableError as error:
        return [(title, State.MISSING, str(error))]
    return [(name, *_state_and_title(kind, name)) for name in names]


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


def print_info(name: str, as_json: bool = False) -> None:
    """Print the card of whatever is called `name`; a name of several kinds prints all of them."""
    if catalogue.is_path(name):
        method = catalogue.read_method(Path(name).expanduser().resolve())
        if as_json:
            known = {"name": method.name, "kind": "method", "state": "available"}
            print_json([known | {"card": _card_of(method, Path(name))}])
        else:
            _print_card(method.name, "method, available", _method_told(method, Path(name)))
        return
    # remedies import torch: they are looked up only where no other kind has the name
    quick = [title for title in _KINDS if title != "remedies"]
    found = [title for title in quick if name in _KINDS[title].names()]
    if not found and name in _names(_KINDS["remedies"]):
        found = ["remedies"]
    if not found:
        names = {known for one in _KINDS.values() for known in _names(one)}
        raise UserError(
            f"nothing is called {name!r} (what a plug-in brings needs --plugin FILE)"
            f"{nearest(name, names)}"
        )
    documents = []
    for title in found:
        kind = _KINDS[title]
        state, what = _state_and_title(kind, name)
        broken = state in (State.MISSING, State.BROKEN)
        if as_json:
            card = {"reason": what} if broken else kind.card(name)
            documents.append({"name": name, "kind": kind.noun, "state": str(state), "card": card})
        else:
            told = [("reason", what)] if broken else kind.told(name)
            _print_card(name, f"{kind.noun}, {state}", told)
    if as_json:
        print_json(documents)


def _print_card(name: str, what: str, told: Iterable[tuple[str, str]]) -> None:
    console = Terminal()
    console.print(Text.assemble((name, "bold"), f" ({what})"), soft_wrap=True)
    # a line that is too long goes on below its first word, not below its subject
    table = Table(box=None, show_header=False, padding=(0, 1), pad_edge=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for subject, text in told:
        if text:
            table.add_row(Text(f"{subject}:"), Text(visible(text)))
    console.print(table)


def _dataset(name: str) -> tuple[str, str]:
    status = datasets.DATASETS.status(name)
    if status.state is not State.AVAILABLE:
        return status.state, status.reason
    info = datasets.info(name)
    return "needs data" if info.needs_data else status.state, info.title


def _loss(name: str) -> tuple[str, str]:
    status = LOSSES.status(name)
    return status.state, status.reason or LOSSES.load(name).info.title


def _network(name: str) -> tuple[str, str]:
    status = NETWORKS.status(name)
    return status.state, status.reason or NETWORKS.load(name).title


def _network_card(name: str) -> dict[str, Any]:
    card = NETWORKS.load(name)
    shown = ("title", "ndims", "citation", "advice")
    return {key: getattr(card, key) for key in shown} | {"parameters": card.settings({})}


def _network_told(name: str) -> Iterator[tuple[str, str]]:
    card = NETWORKS.load(name)
    yield "what", card.title
    yield "images", " and ".join(f"{ndim}D" for ndim in card.ndims)
    yield "parameters", ", ".join(f"{key} = {value}" for key, value in card.settings({}).items())
    yield "when to use", card.advice
    yield "from", card.citation


def _backend(name: str) -> tuple[str, str]:
    status = BACKENDS.status(name)
    return status.state, status.reason or BACKENDS.load(name).info.title


def _dataclass(value: Any) -> dict[str, Any]:
    return {field.name: getattr(value, field.name) for field in fields(value)}


def _remedies() -> Registry[Any]:
    from topoeval.training.remedies import REMEDIES

    return REMEDIES


def _remedy(name: str) -> tuple[str, str]:
    status = _remedies().status(name)
    return status.state, status.reason or _remedy_card(name)["summary"]


def _remedy_card(name: str) -> dict[str, Any]:
    remedy = _remedies().load(name)
    # the card of a remedy is the first sentence of its docstring, and its parameters
    summary = (inspect.getdoc(remedy) or "").partition("\n")[0]
    given = ("probabilities", "prior", "topology")
    known = inspect.signature(remedy).parameters.values()
    return {
        "summary": summary,
        "parameters": ", ".join(str(one) for one in known if one.name not in given),
    }


def _metrics() -> Registry[Any]:
    from topoeval.metrics import METRICS

    return METRICS


def _metric(name: str) -> tuple[str, str]:
    status = _metrics().status(name)
    return status.state, status.reason or _metrics().load(name).header


def _metric_card(name: str) -> dict[str, Any]:
    card = _dataclass(_metrics().load(name))
    return {key: value for key, value in card.items() if key not in ("name", "scores", "label")}


def _card_of(method: MethodFile, folder: Path) -> dict[str, Any]:
    card = {**method.model_dump(exclude={"name", "role"}), "search": method.search}
    card["folder"] = folder
    return card


def _method_told(method: MethodFile, folder: Path) -> Iterator[tuple[str, str]]:
    yield from cards.of_method(method)
    yield "folder", str(folder)


def _method_card(name: str) -> dict[str, Any]:
    return _card_of(catalogue.load_method(name), catalogue.baselines_folder() / name)


_KINDS: Mapping[str, _Kind] = {
    "suites": _Kind(
        "suite",
        catalogue.suite_names,
        lambda name: ("available", catalogue.load_suite(name).title),
        lambda name: catalogue.load_suite(name).model_dump(exclude={"name"}),
        lambda name: cards.of_suite(catalogue.load_suite(name)),
    ),
    "methods": _Kind(
        "method",
        catalogue.method_names,
        lambda name: ("available", catalogue.load_method(name).title),
        _method_card,
        lambda name: _method_told(catalogue.load_method(name), catalogue.baselines_folder() / name),
    ),
    "datasets": _Kind(
        "dataset",
        lambda: datasets.DATASETS,
        _dataset,
        lambda name: _dataclass(datasets.info(name)),
        lambda name: cards.of_dataset(datasets.info(name)),
    ),
    "losses": _Kind(
        "loss",
        lambda: LOSSES,
        _loss,
        lambda name: _dataclass(LOSSES.load(name).info),
        lambda name: cards.of_loss(LOSSES.load(name).info),
    ),
    "backends": _Kind(
        "backend",
        lambda: BACKENDS,
        _backend,
        lambda name: _dataclass(BACKENDS.load(name).info),
        lambda name: cards.of_backend(BACKENDS.load(name).info),
    ),
    "networks": _Kind("network", lambda: NETWORKS, _network, _network_card, _network_told),
    "metrics": _Kind(
        "metric",
        lambda: list(_metrics()),
        _metric,
        _metric_card,
        lambda name: cards.of_metric(_metrics().load(name)),
    ),
    "remedies": _Kind(
        "remedy", _remedies, _remedy, _remedy_card, lambda name: _remedy_card(name).items()
    ),
}
