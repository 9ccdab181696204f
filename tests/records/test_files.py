"""Files of records: whole, checked, and compact."""

from __future__ import annotations

import json
import pickle
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.report.conftest import make_record
from topoeval.archives import set_aside
from topoeval.checksums import KEY, sealed
from topoeval.records.files import (
    DamagedRecordError,
    read_record,
    read_records,
    record_text,
    write_record,
)
from topoeval.records.record import Record


def write(folder: Path, **changes: Any) -> Path:
    """Write a record as a file of its name."""
    document = make_record(changes=changes)
    path = folder / f"{document['id']}.json"
    path.write_text(json.dumps(document))
    return path


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "it is not whole JSON"),
        ('{"schema": 1', "it is not whole JSON"),
        ("[]", "it holds a list"),
        ("null", "it holds null"),
        ('{"schema": 99}', "it has schema 99, this topoeval reads 4"),
        ('{"schema": 1, "spec": 3}', "it has no spec"),
        ('{"schema": 1, "spec": {"schema": 7}}', "it has spec.schema 7"),
    ],
)
def test_what_is_no_record_is_damaged(tmp_path: Path, text: str, problem: str) -> None:
    """The message names the file and says what it is instead (D5)."""
    path = tmp_path / "0123456789abcdef.json"
    path.write_text(text)
    with pytest.raises(DamagedRecordError, match=problem) as caught:
        read_record(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"status": "fine"}, "status: "),
        ({"timing": {"wall_s": "long"}}, "timing.wall_s: "),
        ({"cases.dice": [0.5]}, "its columns have lengths \\[1, 4\\]"),
        ({"cases": {}}, "there is no column 'case'"),
        ({"cases": {"zlib": "c$@(M"}}, "the packed cases are damaged"),
        ({"novelty": 1}, "novelty: "),
    ],
)
def test_a_record_with_a_wrong_field_is_damaged(
    tmp_path: Path, changes: dict[str, Any], problem: str
) -> None:
    """The message names the field."""
    path = write(tmp_path, **changes)
    with pytest.raises(DamagedRecordError, match=problem):
        read_record(path)


def test_another_runs_record_is_damaged_and_the_others_are_read(tmp_path: Path) -> None:
    """A file that was copied over another one."""
    path = write(tmp_path)
    copy = tmp_path / ("f" * 16 + ".json")
    copy.write_bytes(path.read_bytes())
    records, (damaged,) = read_records([path, copy])
    assert [(record.id, file) for record, file in records] == [(path.stem, path)]
    assert damaged.problem == f"it is the record of run {path.stem}"
    assert str(pickle.loads(pickle.dumps(damaged))) == str(damaged)  # from another process
    assert set_aside(copy).name == f"{copy.name}.damaged"
    assert sorted(tmp_path.glob("*.json")) == [path]


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """The same record, in one line, and nothing besides."""
    record = read_record(write(tmp_path))
    path = tmp_path / "new" / f"{record.id}.json"
    write_record(path, record)
    assert read_record(path) == record
    assert path.read_text().count("\n") == 1
    assert list(path.parent.iterdir()) == [path]


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """A record as it is written today."""
    record = read_record(write(tmp_path))
    path = tmp_path / "new" / f"{record.id}.json"
    write_record(path, record)
    return path


def test_every_changed_byte_of_a_record_is_noticed_or_harmless(written: Path) -> None:
    """Every third byte, in one of three ways: white space is free, a digit is not (D5)."""
    content, expected = written.read_bytes(), read_record(written)
    places, noticed = range(0, len(content), 3), 0
    for place in places:
        damaged = bytearray(content)
        damaged[place] ^= (1, 4, 0x20)[place // 3 % 3]
        written.write_bytes(damaged)
        try:
            assert read_record(written) == expected
        except DamagedRecordError:
            noticed += 1
    assert noticed > 0.9 * len(places)


def test_a_checksum_cannot_be_taken_away(written: Path) -> None:
    """Nor replaced by another key, nor left out by a record that says it is older."""
    document = json.loads(written.read_text())
    assert list(document) == sorted(document)
    for changes, problem in (
        ({KEY: None}, "another checksum"),
        ({"schema": 3}, "it has a checksum, and its schema 3 has none"),
        ({"cases": {}}, "it was changed after it was written"),
        ({"suit": ""}, "it was changed after it was written"),
    ):
        written.write_text(json.dumps({**document, **changes}))
        with pytest.raises(DamagedRecordError, match=problem):
            read_record(written)
    del document[KEY]
    written.write_text(json.dumps(document))
    with pytest.raises(DamagedRecordError, match="it has no checksum"):
        read_record(written)
    # of any order and with any white space
    written.write_text(json.dumps(sealed(dict(reversed(document.items()))), indent=3))
    assert read_record(written).id == written.stem


def test_a_record_is_read_whatever_its_texts_and_numbers(tmp_path: Path) -> None:
    """Names of files that are no UTF-8, and whole numbers that JSON readers make real ones."""
    spec = read_record(write(tmp_path)).spec
    dataset = spec.dataset.model_copy(update={"params": {"removed": 10**30, "note": "\U0001f600"}})
    spec = spec.model_copy(update={"dataset": dataset})
    result = {"status": "failed", "fault": "method", "error": "OSError: caf\udce9.png \x1b"}
    record = Record.of(spec, "s", datetime.now(UTC), result)
    path = tmp_path / f"{record.id}.json"
    write_record(path, record)
    found = read_record(path)
    assert found.error == "OSError: caf\\udce9.png \x1b"
    assert found.spec.dataset.params == {"removed": 1e30, "note": "\U0001f600"}


@pytest.mark.parametrize(("cases", "packed"), [(4, False), (2000, True)])
def test_many_cases_are_compact(tmp_path: Path, cases: int, packed: bool) -> None:
    """Few are plain lists; all come back to the six digits that a record has."""
    spec = read_record(write(tmp_path)).spec
    columns = {
        "case": [f"test-{i:04d}" for i in range(cases)],
        "dice": [1 / (3 + i) for i in range(cases)],
        "b0": [i % 3 for i in range(cases)],
        "matches_truth": [i % 2 == 0 for i in range(cases)],
        "hd95": [None if i % 5 else float("nan") for i in range(cases)],
    }
    record = Record.of(spec, "s", datetime.now(UTC), {"status": "ok", "cases": columns})
    path = tmp_path / "out" / f"{record.id}.json"
    write_record(path, record)
    assert (list(json.loads(path.read_text())["cases"]) == ["zlib"]) == packed
    assert read_record(path) == record
    assert record.cases["dice"][0] == 0.333333
    assert record.cases["hd95"] == [None] * cases
    if packed:
        plain = len(json.dumps(record.cases, separators=(",", ":")))
        assert len(record_text(record)) < 0.6 * plain
