"""What a repair of files has finished, for the same command after an interruption.

A hidden file in the output folder says which files the command writes and which of them it has
finished. It goes once all are.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any, TextIO

from topoeval import __version__
from topoeval.errors import UserError
from topoeval.images.reading import Reading
from topoeval.images.survey import digest
from topoeval.repair.edits import REVISION, Options
from topoeval.repair.files import Priors, RepairedClass, RepairedFile
from topoeval.topology import Topology

NAME = ".repairs.jsonl"


def key_of(
    content: str,
    softmax: Path | None,
    reading: Reading,
    priors: Priors,
    topology: Topology,
    options: Options,
    ignored: int | None = None,
) -> str:
    """Return what decides the repair of a file, as a hash.

    Parameters
    ----------
    content
        The sha256 of the file.
    softmax, reading, priors, topology, options, ignored
        As for `topoeval.repair.files.repair_file`.
    """
    facts: dict[str, Any] = {
        "topoeval": __version__,
        "repair": REVISION,
        "file": content,
        "softmax": None if softmax is None else digest(softmax),
        "values": [
            reading.one,
            reading.fractions,
            sorted(reading.parts),
            reading.background,
            sorted(reading.labels),
            reading.terms.threshold,
            reading.terms.axes,
        ],
        "priors": {str(name): prior for name, prior in priors.items()},
        "topology": str(topology),
        "options": asdict(options),
        "ignored": ignored,
    }
    return sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()[:16]


class Journal:
    """The journal of an output folder.

    Parameters
    ----------
    out
        The folder; it need not be there.
    keys
        By the name of each file what decides its repair; see `key_of`.
    """

    def __init__(self, out: Path, keys: Mapping[str, str]) -> None:
        self._path = out / NAME
        self._keys = dict(keys)
        self._seen = _content(self._path)
        self._lines = [
            line
            for line in _lines(self._seen)
            if self._keys.get(line["name"], "") == line.get("key")
        ]
        self._file: TextIO | None = None

    def writes(self, name: str) -> bool:
        """Whether an interrupted command, the same as this one, was to write this file."""
        return any(line["name"] == name for line in self._lines)

    def finished(self, name: str, source: Path, target: Path) -> RepairedFile | None:
        """Return what it has done to a file; None if it has not, or the result is another now."""
        for line in self._lines:
            done = line.get("done")
            if line["name"] == name and done is not None and target.exists():
                try:
                    if digest(target) != done["sha256"]:
                        return None
                    classes = {int(label): _class(one) for label, one in done["classes"].items()}
                    rows = [dict(row) for row in done["rows"]]
                    return RepairedFile(source, target, classes, rows)
                except (AttributeError, KeyError, TypeError, ValueError):
                    return None  # a line that was damaged: the file is repaired again
        return None

    def begin(self) -> None:
        """Write down which files this command writes, and hold the folder until it is closed.

        Raises
        ------
        UserError
            Another command writes into the folder: files of both would lie there as those of each.
        """
        known = {line["name"] for line in self._lines}
        new = [{"name": name, "key": key} for name, key in self._keys.items() if name not in known]
        file = self._path.open("a", encoding="utf-8")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # the other one may have ended since it was looked at, and taken the file with it
            is_free = os.fstat(file.fileno()).st_nlink > 0 and _content(self._path) == self._seen
        except BlockingIOError:
            is_free = False
        if not is_free:
            file.close()
            raise UserError(
                f"another 'topoeval repair' writes into {self._path.parent}; wait until it is "
                "done, or name another folder"
            )
        # later lines count; the last one may be torn
        file.write("\n" + "".join(json.dumps(line) + "\n" for line in new))
        file.flush()
        self._file = file

    def add(self, name: str, done: RepairedFile) -> None:
        """Write down that a file is finished."""
        assert self._file is not None  # it has begun
        document = {
            "sha256": digest(done.target),
            "classes": {label: asdict(one) for label, one in done.classes.items()},
            "rows": done.rows,
        }
        line = {"name": name, "key": self._keys[name], "done": document}
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()

    def close(self, complete: bool) -> None:
        """Close it; with `complete` nothing is left to be done, and it goes."""
        if complete:
            self._path.unlink(missing_ok=True)
        if self._file is not None:
            self._file.close()


def _class(found: dict[str, Any]) -> RepairedClass:
    numbers = {key: tuple(found[key]) for key in ("before", "after")}
    return RepairedClass(**{**found, **numbers})


def _content(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""


def _lines(content: str) -> list[dict[str, Any]]:
    """Return the whole lines; a torn last one is dropped. A finished file counts once."""
    found: dict[str, dict[str, Any]] = {}
    for text in content.splitlines():
        try:
            line = json.loads(text)
            found[line["name"]] = line
        except (ValueError, KeyError, TypeError):
            continue
    return list(found.values())
