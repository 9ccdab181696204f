"""Errors a user can mend: one line that names the thing, the value and the remedy.

The command line prints these without a traceback and exits with status 2. Anything else that
escapes is a fault of ours and keeps its traceback.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


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
