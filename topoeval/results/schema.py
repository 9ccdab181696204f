"""The version of records, and the way from older ones to it.

A record says by ``schema`` how it is to be read. Older ones are brought up to date when they are
read; the files stay as they are, and their identities are of their specifications, which no step
touches.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from topoeval.errors import UserError
from topoeval.records.spec import SPEC_SCHEMA

RECORD_SCHEMA = 2

_DIRTY = "-dirty"

Document = dict[str, Any]


def migrate(document: Mapping[str, Any], where: object) -> Document:
    """Bring a record up to date.

    Parameters
    ----------
    document
        What a file holds, of any schema there has been.
    where
        Name of the file, for messages.

    Raises
    ------
    UserError
        If the schema of the record, or of the specification in it, is none that is known.
    """
    current = dict(document)
    schema = current.get("schema")
    if type(schema) is not int or not 1 <= schema <= RECORD_SCHEMA:
        raise _unknown(where, "schema", schema, RECORD_SCHEMA)
    for step in range(schema, RECORD_SCHEMA):
        current = _STEPS[step](current)
        current["schema"] = step + 1
    spec = current.get("spec")
    found = spec.get("schema") if isinstance(spec, Mapping) else None
    if found != SPEC_SCHEMA:
        raise _unknown(where, "spec.schema", found, SPEC_SCHEMA)
    return current


def _unknown(where: object, what: str, found: object, known: int) -> UserError:
    return UserError(
        f"record {where} has {what} {found!r}, this topoeval reads {known}; "
        "make the report with the topoeval that wrote the record"
    )


def split_commit(commit: str | None) -> dict[str, Any]:
    """Tell the commit of the sources from whether they were changed since.

    >>> split_commit("99fef2f27e-dirty")
    {'commit': '99fef2f27e', 'dirty': True}
    """
    if not commit:
        return {"commit": None, "dirty": None}
    return {"commit": commit.removesuffix(_DIRTY), "dirty": commit.endswith(_DIRTY)}


def _from_1(document: Document) -> Document:
    """Schema 2 tells a changed checkout by a flag, not by the end of the commit's name."""
    environment = dict(document.get("environment") or {})
    if "topoeval" in environment:
        ours = dict(environment["topoeval"])
        environment["topoeval"] = ours | split_commit(ours.get("commit"))
    return document | {"environment": environment}


_STEPS: Mapping[int, Callable[[Document], Document]] = {1: _from_1}
