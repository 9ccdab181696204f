"""The option ``--plugin``, the same for every command that looks parts up by name."""

from __future__ import annotations

from typing import Annotated

import typer


def _load(named: list[str] | None) -> list[str] | None:
    from topoeval import plugins

    for text in named or ():
        plugins.load(text)
    return named


_HELP = "Your own Python file or module with more losses, metrics, datasets, ...; may be repeated."

# read before the other options, which may name what a plug-in brings
Plugins = Annotated[
    list[str] | None,
    typer.Option("--plugin", metavar="FILE_OR_MODULE", help=_HELP, callback=_load, is_eager=True),
]
# for a command that lists broken plug-ins and goes on
NamedPlugins = Annotated[
    list[str] | None, typer.Option("--plugin", metavar="FILE_OR_MODULE", help=_HELP)
]
