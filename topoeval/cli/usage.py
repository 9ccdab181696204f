"""What is told of a command line that cannot be parsed: one line, as of every other mistake.

Typer prints a box of several lines for these, which no log and no other message of ours has.
"""

from __future__ import annotations

import difflib
import re
from typing import Any, Final

import typer

# newer versions of typer bring click along under a name of their own
USAGE_ERROR: Final[type[Exception]] = next(
    one for one in typer.BadParameter.__mro__ if one.__name__ == "ClickException"
)
"""What typer raises for a command line that cannot be parsed."""

# how versions of typer before 0.20 or so, which had no pydantic below, say that a value is none
_NO_VALUE = re.compile(
    r"^'?(?P<value>.*?)'? is not (?P<what>a valid|in the range) (?P<kind>.*)$", re.DOTALL
)
_KINDS = {"integer": "a whole number", "int": "a whole number", "float": "a number"}
_LIMITS = {
    "ge": "{:g} or more",
    "gt": "more than {:g}",
    "le": "{:g} or less",
    "lt": "less than {:g}",
}


def usage_line(error: Any) -> str:
    """Return one line that names the option or argument, its value, and what to write instead.

    Parameters
    ----------
    error
        An `USAGE_ERROR`.
    """
    ctx, kind = getattr(error, "ctx", None), type(error).__name__
    path = ctx.command_path if ctx else "topoeval"
    param = getattr(error, "param", None)
    said = str(error.message).strip().rstrip(".")
    subject = path.partition(" ")[2] or path
    if kind == "MissingParameter" and param is not None:
        return f"{subject} needs {_name(param)}; write {_form(ctx)}"
    if kind == "NoSuchOption":
        return f"{subject} has no option {error.option_name}{_nearest(error.option_name, ctx)}"
    if kind == "BadParameter" and param is not None:
        value, takes = _refused(error, said)
        if takes:
            return f"{_name(param)} {value}: it takes {takes} ({path} --help)"
        return f"{_name(param)}: {said} ({path} --help)"
    if kind == "BadOptionUsage" and said.endswith("requires an argument"):
        return f"{error.option_name} needs a value after it"
    if ctx is None:
        return said
    said = f"{said[:1].lower()}{said[1:]}"
    if ". Did you mean" in said:
        return f"{subject}: {said.replace('. Did', '; did')}"
    return f"{subject}: {said}; write {_form(ctx)}, see {path} --help"


def _name(param: Any) -> str:
    """Return what a parameter is called where it is written: an option, or its place."""
    try:
        hint = str(param.get_error_hint())
    except TypeError:  # click's own, in older versions of typer
        hint = str(param.get_error_hint(None))
    return hint.split("'")[1] if "'" in hint else hint


def _form(ctx: Any) -> str:
    return " ".join([ctx.command_path, *ctx.command.collect_usage_pieces(ctx)])


def _nearest(option: str, ctx: Any) -> str:
    known = [name for param in ctx.command.get_params(ctx) for name in param.opts] if ctx else []
    close = difflib.get_close_matches(option, known, n=1)
    if close:
        return f"; did you mean {close[0]}?"
    return f" ({ctx.command_path} --help lists them)" if ctx else ""


def _refused(error: Any, said: str) -> tuple[object, str]:
    """Return a value and in words what is taken instead; no words where the message says more."""
    details = getattr(error.__cause__, "errors", None)
    if details is not None:
        first = details()[0]
        kind = _KINDS.get(str(first["type"]).partition("_")[0], "")
        limits = [
            form.format(first["ctx"][key])
            for key, form in _LIMITS.items()
            if key in first.get("ctx", {})
        ]
        return first["input"], " and ".join(limits) or kind
    found = _NO_VALUE.match(said)
    if found is None:
        return "", ""
    if found["what"] == "in the range":
        return found["value"], f"a number in the range {found['kind']}"
    return found["value"], _KINDS.get(found["kind"].split()[0], "")
