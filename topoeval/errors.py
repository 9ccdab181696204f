"""Errors a user can mend: one line that names the thing, the value and the remedy.

The command line prints these without a traceback and exits with status 2. Anything else that
escapes is a fault of ours and keeps its traceback.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

# What the light installation leaves out, by the extra that brings it.
_EXTRAS = {"torch": "train", "monai": "train", "edt": "train"}


class UserError(ValueError):
    """Something the user wrote or left out; the message says how to mend it."""


class UnavailableError(UserError, ImportError):
    """A known optional part that this environment cannot run."""


class DivergedError(RuntimeError):
    """A loss is no longer finite; what was trained is of no use."""


def nearest(wrong: str, known: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"`` for a near miss, else the list of what there is.

    >>> nearest("strokse", ["strokes", "digits"])
    "; did you mean 'strokes'?"
    """
    known = sorted(known)
    if same := [name for name in known if name.lower() == wrong.lower()]:
        return f"; did you mean {same[0]!r}?"
    close = difflib.get_close_matches(wrong, known, n=1)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; known: {', '.join(known)}" if known else ""


def install_line(module: str | None) -> str:
    """Return the line that installs a library which the light installation leaves out, else "".

    >>> install_line("torch.nn"), install_line("numpy")
    ('pip install "topoeval[train]"', '')
    """
    extra = _EXTRAS.get((module or "").partition(".")[0])
    return f'pip install "topoeval[{extra}]"' if extra else ""


@contextmanager
def naming_extra(what: str) -> Iterator[None]:
    """Where an import in the block does not find torch or MONAI, name the extra that brings it.

    Parameters
    ----------
    what
        The subject of the message: what needs the library.

    Raises
    ------
    UnavailableError
        A library of an extra is not installed. Other failed imports are raised as they are.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if not (line := install_line(error.name)):
            raise
        reason = f"{what} needs {error.name}, which is not installed; {line}"
        raise UnavailableError(reason) from error
