"""Checksums of what we write: of the bytes of a file, and of documents that carry their own.

The checksum of a document, such as a record, is that of the canonical text of all its other keys.
Their order and white space are free; a key that is changed, added or taken away is noticed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

PREFIX: Final = "sha256:"
LENGTH: Final = len(PREFIX) + 64
KEY: Final = "checksum"
"""Where a document has its checksum."""

Document = dict[str, Any]


def checksum(data: bytes) -> str:
    """Return the checksum of some bytes: ``sha256:`` and 64 hexadecimal digits.

    >>> checksum(b"")[:23]
    'sha256:e3b0c44298fc1c14'
    """
    return PREFIX + hashlib.sha256(data).hexdigest()


def canonical_text(data: Any) -> str:
    """Return plain JSON values as the same text for the same values.

    >>> canonical_text({"b": 1, "a": [0.5, None]})
    '{"a":[0.5,null],"b":1}'
    """
    return json.dumps(data, sort_keys=True, separators=(",", ":"), allow_nan=False)


def sealed(document: Mapping[str, Any]) -> Document:
    """Return a document with its checksum; one that it has already is replaced.

    >>> sorted(sealed({"dice": 0.5}))
    ['checksum', 'dice']
    >>> unsealed(sealed({"dice": 0.5}))
    {'dice': 0.5}
    """
    rest = _rest(document)
    return rest | {KEY: checksum(canonical_text(rest).encode())}


def unsealed(document: Mapping[str, Any]) -> Document:
    """Return a document without its checksum, after a comparison.

    Raises
    ------
    ValueError
        It has no checksum, or that of another content.
    """
    if KEY not in document:
        raise ValueError(f"it has no {KEY}")
    try:
        same = document[KEY] == sealed(document)[KEY]
    except (ValueError, TypeError, RecursionError):  # such as dates, of which we write none
        same = False
    if not same:
        raise ValueError("it was changed after it was written: its content has another checksum")
    return _rest(document)


def opened(document: object, since: int, latest: int, version: str = "schema") -> Document:
    """Return a document of any schema without its checksum, after a comparison.

    Parameters
    ----------
    document
        What was read from a file.
    since
        The first schema whose documents have a checksum; where it is 1, older ones have no schema.
        A document of an older schema must not have a checksum: no change of the schema alone makes
        a reader pass over it.
    latest
        The last schema that is known.
    version
        The key of the schema.

    Raises
    ------
    ValueError
        It is no object, has an unknown schema, lacks the checksum that it must have, has one that
        it cannot have, or another one.
    """
    if not isinstance(document, Mapping):
        raise ValueError(f"it holds {_kind(document)} and not an object")
    schema: Any = document.get(version)
    older = since == 1 and version not in document
    if not older and (type(schema) is not int or not 1 <= schema <= latest):
        raise unknown(version, schema, latest)
    if not older and schema >= since:
        return unsealed(document)
    if KEY in document:
        raise ValueError(f"it has a {KEY}, and its {version} {schema!r} has none")
    return dict(document)


def unknown(what: str, found: object, known: int) -> ValueError:
    """Return what is said of a schema that is not known."""
    return ValueError(
        f"it has {what} {found!r}, this topoeval reads {known}; "
        "read it with the topoeval that wrote it"
    )


def _kind(value: object) -> str:
    return {list: "a list", str: "a text", type(None): "null"}.get(type(value), "a number")


def _rest(document: Mapping[str, Any]) -> Document:
    return {key: value for key, value in document.items() if key != KEY}
