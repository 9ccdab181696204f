"""The way from older records to those of today.

A record says by ``schema`` how it is to be read. Older ones are brought up to date when they are
read; the files stay as they are, and their identities are of their specifications, which no step
touches.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from topoeval.checksums import opened, unknown
from topoeval.records.record import RECORD_SCHEMA
from topoeval.records.spec import SPEC_SCHEMA

# the first schema whose records have a checksum
_SEALED_FROM = 4
_DIRTY = "-dirty"

Document = dict[str, Any]


def migrate(document: object) -> Document:
    """Bring a record up to date, and take away its checksum after a comparison.

    Parameters
    ----------
    document
        What a file holds, of any schema there has been.

    Raises
    ------
    ValueError
        It is no object; the schema of the record, or of the specification in it, is none that is
        known; a record that must have a checksum has none, or another one.
    """
    current = opened(document, _SEALED_FROM, RECORD_SCHEMA)
    for step in range(current["schema"], RECORD_SCHEMA):
        current = _STEPS[step](current)
        current["schema"] = step + 1
    spec = current.get("spec")
    if not isinstance(spec, Mapping):
        raise ValueError("it has no spec")
    # that of an evaluation of files has always been the same
    if spec.get("kind") != "files" and spec.get("schema") != SPEC_SCHEMA:
        raise unknown("spec.schema", spec.get("schema"), SPEC_SCHEMA)
    return current


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


def _from_2(document: Document) -> Document:
    """Schema 3 calls an accuracy that, and may have its cases packed."""
    summary = dict(document.get("summary") or {})
    if "judge_accuracy" not in summary:
        return document
    return document | {"summary": summary | {"accuracy": summary.pop("judge_accuracy")}}


def _from_3(document: Document) -> Document:
    """Schema 4 has a checksum in its file, and is otherwise the same."""
    return document


_STEPS: Mapping[int, Callable[[Document], Document]] = {1: _from_1, 2: _from_2, 3: _from_3}
