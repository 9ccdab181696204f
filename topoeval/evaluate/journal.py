"""Rows written as they come, and found again by the same command.

``cases.csv`` gets the rows of a case as soon as it is scored, and ``inputs.csv`` then a line that
says of which files, under which settings, and the checksum of its rows. Cases with a problem get no
such line; they are tried again, as are those whose rows have changed.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from topoeval.checksums import checksum
from topoeval.csv_tables import csv_cell, text_of_cell
from topoeval.evaluate.pairs import FilePair
from topoeval.whole_file import whole_file

CASES, INPUTS = "cases.csv", "inputs.csv"
KEYS = ("case", "class")
FLAGS = ("prediction_empty", "target_empty")
_INPUTS = ("case", "key", "prediction", "target", "note", "rows")

Row = dict[str, Any]


class Journal:
    """The two files of a folder.

    Parameters
    ----------
    folder
        Made if it is not there.
    columns
        The columns of scores, in their order.
    keys
        What decides the scores of each case, in one text. Rows of other keys are dropped.
    """

    def __init__(self, folder: Path, columns: Sequence[str], keys: Mapping[str, str]) -> None:
        self.folder = folder
        self.columns = (*KEYS, *columns, *FLAGS)
        self.keys = dict(keys)
        folder.mkdir(parents=True, exist_ok=True)
        self.known = self._found()
        self._open: list[TextIO] = []
        # what an earlier command has finished is not lost where there is no room to copy it
        kept = list(self.known.values())
        self._cases = self._started(
            CASES, self.columns, [self._line(row) for _, rows, _ in kept for row in rows]
        )
        self._inputs = self._started(
            INPUTS, _INPUTS, [self._input(pair, rows, note) for pair, rows, note in kept]
        )

    def add(self, pair: FilePair, rows: Sequence[Row], note: str, done: bool) -> None:
        """Write the rows of a case; `done` if nothing of it is missing."""
        self._write(pair, rows, note, done)
        for file in self._open:
            file.flush()

    def close(self, order: Sequence[str]) -> None:
        """Put the rows into the order of the cases; what was written stays if this is stopped."""
        for file in self._open:
            file.close()
        place = {name: position for position, name in enumerate(order)}
        for name in (CASES, INPUTS):
            path = self.folder / name
            with path.open(newline="", encoding="utf-8") as file:
                found = csv.reader(file)
                head = _joined(next(found))
                # joined, since cells apart would take six times as much
                rows = [(place[text_of_cell(row[0])], _joined(row)) for row in found]
            rows.sort(key=lambda row: row[0])
            with (
                whole_file(path) as beside,
                beside.open("w", newline="", encoding="utf-8") as ordered,
            ):
                ordered.writelines([head, *(text for _, text in rows)])

    def _write(self, pair: FilePair, rows: Sequence[Row], note: str, done: bool) -> None:
        self._cases.writerows([self._line(row) for row in rows])
        if done:
            self._inputs.writerow(self._input(pair, rows, note))

    def _texts(self, row: Row) -> list[str]:
        return [str(row[name]) for name in KEYS] + [
            _text(row.get(name)) for name in self.columns[len(KEYS) :]
        ]

    def _line(self, row: Row) -> list[str]:
        texts = self._texts(row)
        return [*map(csv_cell, texts[: len(KEYS)]), *texts[len(KEYS) :]]

    def _input(self, pair: FilePair, rows: Sequence[Row], note: str) -> list[str]:
        files = str(pair.prediction or ""), str(pair.target)
        sum_of_rows = _checksum([self._texts(row) for row in rows])
        texts = pair.name, self.keys[pair.name], *files, note, sum_of_rows
        return [csv_cell(text) for text in texts]

    def _started(self, name: str, columns: Sequence[str], kept: Sequence[Sequence[str]]) -> Any:
        path = self.folder / name
        _write_lines(path, [columns, *kept])
        file = path.open("a", newline="", encoding="utf-8")
        self._open.append(file)
        return csv.writer(file)

    def _found(self) -> dict[str, tuple[FilePair, list[Row], str]]:
        """Return what an earlier run of the same command has finished."""
        done: dict[str, tuple[FilePair, list[Row], str]] = {}
        stated: dict[str, str] = {}
        texts: dict[str, list[list[str]]] = {}
        for line in _lines(self.folder / INPUTS, _INPUTS):
            name = line["case"]
            if self.keys.get(name) == line["key"]:
                prediction = Path(line["prediction"]) if line["prediction"] else None
                pair = FilePair(name, prediction, Path(line["target"]))
                done[name], stated[name], texts[name] = (pair, [], line["note"]), line["rows"], []
        for line in _lines(self.folder / CASES, self.columns):
            if line["case"] in done:
                texts[line["case"]].append(list(line.values()))
        for name, lines in texts.items():
            if _checksum(lines) != stated[name]:
                del done[name]
                continue
            done[name][1].extend(_row(dict(zip(self.columns, one, strict=True))) for one in lines)
        return done


def _checksum(rows: Sequence[Sequence[str]]) -> str:
    return checksum(json.dumps(rows).encode())


def _joined(row: Sequence[str]) -> str:
    text = io.StringIO()
    csv.writer(text).writerow(row)
    return text.getvalue()


def _write_lines(path: Path, lines: Sequence[Sequence[str]]) -> None:
    """Write a file so that a reader finds the old one or the new one."""
    with whole_file(path) as beside, beside.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(lines)


def _lines(path: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    """Return the whole lines of a file with these columns; a torn last one is dropped."""
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        found = csv.reader(file)
        if tuple(next(found, ())) != tuple(columns):
            return []
        whole = (row for row in found if len(row) == len(columns))
        return [dict(zip(columns, map(text_of_cell, row), strict=True)) for row in whole]


def _row(line: Mapping[str, str]) -> Row:
    row: Row = {name: line[name] for name in KEYS}
    row |= {name: line[name] == "True" for name in FLAGS}
    row |= {name: float(text) for name, text in line.items() if name not in row and text}
    return row


def _text(value: Any) -> str:
    return "" if value is None else repr(value) if isinstance(value, float) else str(value)
