"""``--json`` and ``--quiet``: what a program reads, and what people need not see.

With ``--json`` standard output holds one JSON document and nothing else; words for people go to
standard error. With ``--quiet`` they go nowhere, and problems alone are told, on standard error.
"""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from functools import wraps
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

if TYPE_CHECKING:
    from rich.console import Console

JSON_HELP = "Print one JSON document, for programs; words for people go to standard error."
QUIET_HELP = "Print problems only, on standard error."
QUIET_JSON_HELP = "Print problems only, on standard error, and with --json its document."
# Where the document goes while standard output is turned elsewhere; whether words go nowhere.
_answers: list[TextIO] = []
_hushed: list[bool] = []


@contextmanager
def _turned(stream: TextIO, quiet: bool) -> Iterator[None]:
    """Send what is printed to a stream, and documents to where it went before."""
    _answers.append(_answers[-1] if _answers else sys.stdout)
    _hushed.append(quiet or is_quiet())
    try:
        with redirect_stdout(stream):
            yield
    finally:
        _answers.pop()
        _hushed.pop()


def _answer_alone(ctx: typer.Context, asked: bool) -> bool:
    if asked and not ctx.resilient_parsing and not is_quiet():
        ctx.with_resource(_turned(sys.stderr, False))
    return asked


def _hush(ctx: typer.Context, asked: bool) -> bool:
    if asked and not ctx.resilient_parsing:
        nowhere = ctx.with_resource(open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        ctx.with_resource(_turned(nowhere, True))
    return asked


AsJson = Annotated[
    bool, typer.Option("--json", help=JSON_HELP, callback=_answer_alone, is_eager=True)
]


def _quiet(told: str) -> Any:
    return Annotated[bool, typer.Option("--quiet", "-q", help=told, callback=_hush, is_eager=True)]


QUIET, QUIET_JSON = _quiet(QUIET_HELP), _quiet(QUIET_JSON_HELP)


def allow_quiet(app: typer.Typer) -> None:
    """Give every command that is registered with an app the option ``--quiet``."""
    for command in app.registered_commands:
        if command.callback is not None:
            command.callback = _with_quiet(command.callback)
    for group in app.registered_groups:
        if group.typer_instance is not None:
            allow_quiet(group.typer_instance)


def _with_quiet(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function with one more parameter, whose callback does all that it does."""

    @wraps(function)
    def command(*args: Any, quiet: bool = False, **options: Any) -> Any:
        return function(*args, **options)

    of_function = inspect.signature(function, eval_str=True)
    quiet = inspect.Parameter(
        "quiet",
        inspect.Parameter.KEYWORD_ONLY,
        default=False,
        annotation=QUIET_JSON if "as_json" in of_function.parameters else QUIET,
    )
    parameters = [*of_function.parameters.values(), quiet]
    command.__signature__ = of_function.replace(parameters=parameters)  # type: ignore[attr-defined]
    # evaluated once, for they are long: `topoeval --help` builds all commands
    command.__annotations__ = {one.name: one.annotation for one in parameters}
    return command


def is_quiet() -> bool:
    """Whether the command that runs was called with ``--quiet``."""
    return bool(_hushed) and _hushed[-1]


def problems_to(console: Console) -> Console:
    """Return where problems are printed: standard error where words for people go nowhere."""
    if not is_quiet():
        return console
    from topoeval.cli.terminal import Terminal

    return Terminal(stderr=True)


def print_json(data: Any) -> None:
    """Print a document: paths as texts, numbers that are not finite and what is missing as null.

    Parameters
    ----------
    data
        Mappings and sequences of texts, numbers, paths, NumPy numbers and arrays; tables of pandas
        as lists of rows; dataclasses and pydantic's models as mappings.
    """
    import orjson

    options = orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS | orjson.OPT_SERIALIZE_NUMPY
    print_document(orjson.dumps(data, default=_plain, option=options).decode("utf-8"))


def print_document(text: str) -> None:
    """Print a document that is JSON already where documents go."""
    stream = _answers[-1] if _answers else sys.stdout
    stream.write(text + "\n")


def rows(frame: Any) -> list[dict[str, Any]]:
    """Return the rows of a table, missing values as None."""
    return [
        {str(key): None if _missing(value) else value for key, value in row.items()}
        for row in frame.to_dict("records")
    ]


def _missing(value: Any) -> bool:
    import pandas as pd

    return bool(pd.api.types.is_scalar(value) and pd.isna(value))


def _plain(value: Any) -> Any:
    """Return what JSON knows for a value that it does not know."""
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    if hasattr(value, "to_dict") and hasattr(value, "columns"):
        return rows(value)
    if isinstance(value, set | frozenset):
        return sorted(value, key=str)
    return str(value)
