"""The options that choose runs of a suite, the same for every command."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from topoeval.harness.suites.selection import Filters


def _suites(begun: str) -> list[str]:
    """Return the names of suites that go on from what was typed, for the shell."""
    from topoeval.harness.suites.catalogue import suite_names

    return [name for name in suite_names() if name.startswith(begun)]


Suite = Annotated[
    str,
    typer.Argument(help="Name of a suite, or path of its TOML file.", autocompletion=_suites),
]
Methods = Annotated[
    list[str] | None,
    typer.Option(
        "--method",
        "-m",
        help="Only this method: a name, a pattern like betti*, or NAME[KEY=VALUE], the one with "
        "this value of a parameter; may be repeated.",
    ),
]
Datasets = Annotated[
    list[str] | None,
    typer.Option(
        "--dataset",
        "-d",
        help="Only this dataset: a name, a pattern like stroke*, or NAME[KEY=VALUE], the one with "
        "this value of a parameter; may be repeated.",
    ),
]
Seeds = Annotated[
    list[int] | None, typer.Option("--seed", "-s", help="Only this seed; may be repeated.")
]
Backends = Annotated[
    list[str] | None,
    typer.Option("--backend", "-b", help="Only runs with this backend; may be repeated."),
]
Devices = Annotated[
    list[str] | None,
    typer.Option("--device", help="Only runs on this device, cpu or cuda; may be repeated."),
]
ResultsFolder = Annotated[
    Path | None,
    typer.Option("--results", help="Results folder; results/SUITE by default."),
]
DataFolder = Annotated[
    Path | None,
    typer.Option(
        "--data",
        help="Folder of the datasets that are read from files (topoeval data prepare puts them "
        "there); by default what the environment variable TOPOEVAL_DATA names.",
    ),
]


def filters(
    methods: list[str] | None,
    datasets: list[str] | None,
    seeds: list[int] | None,
    backends: list[str] | None,
    devices: list[str] | None,
) -> Filters:
    """Return what the options say; a method named by the path of its folder has its name."""
    from topoeval.harness.suites.selection import Filters

    names = [_name(text) for text in methods or ()]
    return Filters(names, datasets or (), seeds or (), backends or (), devices or ())


def _name(text: str) -> str:
    head, bracket, params = text.partition("[")
    return f"{Path(head).name}{bracket}{params}" if "/" in head else text
