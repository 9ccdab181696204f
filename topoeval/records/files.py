"""The files of records: read and checked in one place, written whole or not at all.

A file that cannot be read as a record (cut off, empty, of another form, of a later topoeval, or
the record of another run, or changed
since it was written) is *damaged*. Who reads many records names it and goes on with the
others; ``topoeval run`` moves it aside and runs its run again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
from pydantic import ValidationError

from topoeval.archives import DamagedFileError
from topoeval.checksums import canonical_text, sealed
from topoeval.errors import UserError
from topoeval.foreign_text import visible
from topoeval.records.migration import migrate
from topoeval.records.record import FilesRecord, Outcome, Record
from topoeval.whole_file import read_bytes, write_text

_HALVES = re.compile("[\ud800-\udfff]")


class DamagedRecordError(DamagedFileError):
    """A file that is no record, or not the one that its name says."""

    def __str__(self) -> str:
        return f"record {self.path} is set aside: {self.problem}"


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


def read_record(path: Path) -> Record:
    """Read the record of a run, of any schema there has been.

    Raises
    ------
    DamagedRecordError
        The message names the file and says what is wrong with it.
    """
    try:
        found = orjson.loads(read_bytes(path))
    except OSError as error:
        raise DamagedRecordError(path, f"it cannot be read ({error.strerror})") from None
    except orjson.JSONDecodeError as error:
        raise DamagedRecordError(path, f"it is not whole JSON ({error})") from None
    try:
        record = Record.model_validate(migrate(found))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        words = first["msg"].removeprefix("Value error, ")
        raise DamagedRecordError(path, f"{place}: {words}") from None
    except ValueError as error:
        raise DamagedRecordError(path, str(error)) from None
    if record.id != path.stem:
        raise DamagedRecordError(path, f"it is the record of run {record.id}")
    _check_cases(record, path)
    return record


def parse_files_record(data: bytes) -> FilesRecord:
    """Read the record of an evaluation of files, of any schema there has been.

    Raises
    ------
    ValueError
        It is no such record.
    """
    return FilesRecord.model_validate(migrate(orjson.loads(data)))


def read_records(
    paths: Sequence[Path],
) -> tuple[list[tuple[Record, Path]], list[DamagedRecordError]]:
    """Read many records; return those that can be read, with their files, and what is damaged."""
    records: list[tuple[Record, Path]] = []
    damaged: list[DamagedRecordError] = []
    for path in paths:
        try:
            records.append((read_record(path), path))
        except DamagedRecordError as error:
            damaged.append(error)
    return records, damaged


def record_text(record: Outcome) -> str:
    """Return the content of a record's file: one line of canonical JSON with its checksum."""
    return document_text(record.model_dump(mode="json", by_alias=True))


def document_text(document: Mapping[str, Any]) -> str:
    """Return a document as the content of a file, with the checksum of what will be read of it.

    Halves of characters, as names of files have them that are no UTF-8, are written out: readers of
    JSON refuse them.
    """
    text = json.dumps(document, allow_nan=False, ensure_ascii=False)
    text = _HALVES.sub(lambda found: f"\\{visible(found[0])}", text)
    # read once, since a whole number of more than 64 bits comes back as a real one
    return canonical_text(sealed(orjson.loads(text))) + "\n"


def write_record(path: Path, record: Outcome) -> None:
    """Write a record; a reader finds the whole of it or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, record_text(record), durable=True)


def _check_cases(record: Record, path: Path) -> None:
    if not record.ok or record.spec.task == "judge":
        return
    tests = {name: test.cases for name, test in record.tests.items()}
    for name, cases in {"": record.cases, **tests}.items():
        lengths = sorted({len(values) for values in cases.values()})
        where = f"tests.{name}.cases" if name else "cases"
        if "case" not in cases:
            raise DamagedRecordError(path, f"{where}: it is ok, but there is no column 'case'")
        if len(lengths) != 1:
            raise DamagedRecordError(
                path, f"{where}: it is ok, but its columns have lengths {lengths}"
            )
