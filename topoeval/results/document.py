"""One record: read from its file, checked, and brought up to date."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from topoeval.errors import UserError
from topoeval.records.parts import MAIN_TEST
from topoeval.records.spec import RESTORE
from topoeval.results.schema import migrate

OK = "ok"

Document = Mapping[str, Any]

# Of a run with several tests: told of the main one alone.
_ONCE = ("cases", "examples", "history", "timing", "memory")


def record_files(folder: Path) -> list[Path]:
    """Return the files of a folder's records in order of their names; hidden ones are none.

    Raises
    ------
    UserError
        If the folder is missing or has none.
    """
    if not folder.is_dir():
        raise UserError(f"no folder of records at {folder}; topoeval run SUITE makes one")
    paths = sorted(path for path in folder.glob("*.json") if not path.name.startswith("."))
    if not paths:
        raise UserError(f"no records (*.json) in {folder}; topoeval run SUITE makes them")
    return paths


def read_document(path: Path) -> Document:
    """Read one record.

    Raises
    ------
    UserError
        If the file is broken, of an unknown schema, or lacks what every record has. The message
        names the file: a record that silently does not count would change the table.
    """
    try:
        found = orjson.loads(path.read_bytes())
    except orjson.JSONDecodeError as error:
        raise UserError(
            f"record {path} is broken ({error}); delete it and run the suite again"
        ) from None
    if not isinstance(found, dict):
        raise UserError(f"record {path} is not a JSON object; delete it")
    document = migrate(found, path)
    spec = document["spec"]
    missing = [key for key in ("id", "suite", "status") if key not in document]
    missing += [
        f"spec.{key}"
        for key in ("task", "dataset", "topology", "method", "seed")
        if key not in spec and not (key == "method" and spec.get("task") != RESTORE)
    ]
    if missing:
        raise UserError(f"record {path} lacks {', '.join(missing)}; delete it and run it again")
    return document


def by_test(document: Document) -> list[Document]:
    """Return a record for each test of a run that has several: to a table, datasets of their own.

    What was spent on the run stands in the first, the main test's, and not a second time. A run
    with one test is returned as it is.
    """
    spec = document["spec"]
    tests = spec["dataset"].get("tests") or {}
    if not tests:
        return [document]
    scored = document.get("tests") or {}
    once = {key: document[key] for key in _ONCE if key in document}
    shared = {key: value for key, value in document.items() if key not in (*once, "tests")}

    def part(name: str, identity: str, own: Document) -> Document:
        dataset = {**spec["dataset"], "test": name}
        return {**shared, **own, "id": identity, "spec": {**spec, "dataset": dataset}}

    return [
        part(MAIN_TEST, document["id"], once),
        *(part(name, f"{document['id']}/{name}", scored.get(name) or {}) for name in tests),
    ]


def last_line(error: str | None) -> str:
    """Return the line of a traceback that names the error, or an empty string."""
    lines = [line.strip() for line in (error or "").splitlines() if line.strip()]
    return lines[-1] if lines else ""
