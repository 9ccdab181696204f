"""Rows written as they come, and found again by the same command.

``cases.csv`` gets the rows of a case as soon as it is scored, and ``inputs.csv`` then a line that
says of which files, under which settings. Cases with a problem get no such line; they are tried
again.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from topoeval.evaluate.pairs import FilePair

CASES, INPUTS = "cases.csv", "inputs.csv"
KEYS = ("case", "class")
FLAGS = ("prediction_empty", "target_empty")
_INPUTS = ("case", "key", "prediction", "target", "note")

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
        self._cases = self._started(CASES, self.columns)
        self._inputs = self._started(INPUTS, _INPUTS)
        for pair, rows, note in self.known.values():
            self._write(pair, rows, note, done=True)

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
                head, *rows = csv.reader(file)
            rows.sort(key=lambda row: place[row[0]])
            beside = path.with_suffix(".part")
            with beside.open("w", newline="", encoding="utf-8") as file:
                csv.writer(file).writerows([head, *rows])
            os.replace(beside, path)

    def _write(self, pair: FilePair, rows: Sequence[Row], note: str, done: bool) -> None:
        for row in rows:
            self._cases.writerow([_text(row.get(name)) for name in self.columns])
        if done:
            files = str(pair.prediction or ""), str(pair.target)
            self._inputs.writerow([pair.name, self.keys[pair.name], *files, note])

    def _started(self, name: str, columns: Sequence[str]) -> Any:
        file = (self.folder / name).open("w", newline="", encoding="utf-8")
        self._open.append(file)
        writer = csv.writer(file)
        writer.writerow(columns)
        return writer

    def _found(self) -> dict[str, tuple[FilePair, list[Row], str]]:
        """Return what an earlier run of the same command has finished."""
        done: dict[str, tuple[FilePair, list[Row], str]] = {}
        for line in _lines(self.folder / INPUTS, _INPUTS):
            name = line["case"]
            if self.keys.get(name) == line["key"]:
                prediction = Path(line["prediction"]) if line["prediction"] else None
                pair = FilePair(name, prediction, Path(line["target"]))
                done[name] = (pair, [], line["note"])
        for line in _lines(self.folder / CASES, self.columns):
            if line["case"] in done:
                done[line["case"]][1].append(_row(line))
        return done


def _lines(path: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    """Return the whole lines of a file with these columns; a torn last one is dropped."""
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        found = csv.reader(file)
        if tuple(next(found, ())) != tuple(columns):
            return []
        return [dict(zip(columns, row, strict=True)) for row in found if len(row) == len(columns)]


def _row(line: Mapping[str, str]) -> Row:
    row: Row = {name: line[name] for name in KEYS}
    row |= {name: line[name] == "True" for name in FLAGS}
    row |= {name: float(text) for name, text in line.items() if name not in row and text}
    return row


def _text(value: Any) -> str:
    return "" if value is None else repr(value) if isinstance(value, float) else str(value)
