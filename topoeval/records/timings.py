"""The files of what a step of a method costs: one JSON document for each method that was timed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from topoeval.archives import DamagedFileError
from topoeval.checksums import opened
from topoeval.records.files import document_text
from topoeval.records.record import rounded
from topoeval.whole_file import read_bytes, write_text

SCHEMA: Final = 2
_SEALED_FROM = 2
_NEEDED = {"id", "spec", "machine", "software", "settings", "rounds"}

Document = dict[str, Any]


def read_timing(path: Path) -> Document:
    """Return what a file says of one method.

    Raises
    ------
    DamagedFileError
        It is no such document, has another schema, or has changed since it was written.
    """
    try:
        document = opened(json.loads(read_bytes(path)), _SEALED_FROM, SCHEMA)
        if missing := sorted(_NEEDED - set(document)):
            raise ValueError(f"it lacks {', '.join(missing)}")
        if not isinstance(document["rounds"], list):
            raise ValueError("its rounds are no list")
    except (ValueError, OSError, RecursionError) as error:
        raise DamagedFileError(path, str(error)) from None
    return document | {"schema": SCHEMA}


def write_timing(path: Path, document: Mapping[str, Any]) -> None:
    """Write what is known of one method; numbers are rounded to six significant digits."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, document_text(rounded(document)), durable=True)
