"""The records of a suite, whole and as tables: one row per run, one row per run and case.

A record is one JSON file, written by the harness and complete in itself. Nothing but records is
read here, so a report can be made long after, and far from, the machine that ran the suite.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from topoeval.errors import UserError
from topoeval.records.spec import RESTORE
from topoeval.results.arms import label_runs
from topoeval.results.document import Document, by_test, read_document, record_files
from topoeval.results.rows import Entry, case_frame, run_frame


@dataclass(frozen=True)
class Records:
    """What a folder of records holds.

    Parameters
    ----------
    folder
        Where the records lie.
    documents
        The records themselves by identity, sorted by identity.
    runs
        One row per run that restores images: identity, dataset, method, seed, status, timings.
        ``dataset`` and ``arm`` are unique labels (see `topoeval.results.arms`). A run that was
        scored on further tests has one more row, and one more document, for each: ``ID/NAME``,
        without timings.
    cases
        One row per such run and case, with the run's ``id``, ``dataset``, ``arm`` and ``seed``.
    auxiliary
        One row per run that trained an auxiliary network of a dataset.
    """

    folder: Path
    documents: Mapping[str, Document]
    runs: pd.DataFrame
    cases: pd.DataFrame
    auxiliary: pd.DataFrame

    @property
    def suites(self) -> list[str]:
        """Names of the suites the records come from."""
        return sorted({str(document["suite"]) for document in self.documents.values()})


def read(folder: Path | str) -> Records:
    """Read every ``*.json`` of a folder.

    Parameters
    ----------
    folder
        Folder of records, not searched recursively; hidden files are not records.

    Raises
    ------
    UserError
        If the folder is missing or empty, or a file is broken, of an unknown schema, incomplete, or
        a second record of the same run. The message names the file: a record that silently does
        not count would change the table.
    """
    folder = Path(folder)
    entries = read_entries(folder)
    restoring = [entry for entry in entries if entry.document["spec"]["task"] == RESTORE]
    auxiliary = [entry for entry in entries if entry.document["spec"]["task"] != RESTORE]
    if not restoring:
        raise UserError(f"the records in {folder} hold no run that restores images")
    runs = run_frame(restoring)
    return Records(
        folder=folder,
        documents={str(entry.document["id"]): entry.document for entry in entries},
        runs=runs,
        cases=case_frame(restoring),
        auxiliary=run_frame(auxiliary) if auxiliary else runs.iloc[:0],
    )


def read_entries(folder: Path) -> list[Entry]:
    """Read and label the records of a folder, in the order of their identities.

    Raises
    ------
    UserError
        As `read`.
    """
    with no_collection():
        return labelled([(read_document(path), path) for path in record_files(folder)])


def labelled(documents: Sequence[tuple[Document, Path]]) -> list[Entry]:
    """Label records that belong together, in the order of their identities.

    Raises
    ------
    UserError
        If two have the same identity, or are of one run.
    """
    files: dict[str, tuple[Document, Path]] = {}
    for document, path in documents:
        identity = str(document["id"])
        if identity in files:
            raise UserError(f"records {files[identity][1]} and {path} have the same id {identity}")
        files[identity] = (document, path)
    parts = {
        str(part["id"]): (part, path)
        for document, path in files.values()
        for part in by_test(document)
    }
    labels = label_runs({identity: document["spec"] for identity, (document, _) in parts.items()})
    entries = [Entry(*parts[identity], labels[identity]) for identity in sorted(parts)]
    _refuse_twins(entries)
    return entries


def _refuse_twins(entries: Sequence[Entry]) -> None:
    seen: dict[tuple[Any, ...], Path] = {}
    for entry in entries:
        seed = entry.document["spec"]["seed"]
        key = (entry.labels.dataset, entry.labels.arm, seed)
        if key in seen:
            raise UserError(
                f"records {seen[key]} and {entry.path} are the same run "
                f"({entry.labels.arm} on {entry.labels.dataset}, seed {seed}); keep one"
            )
        seen[key] = entry.path


@contextmanager
def no_collection() -> Iterator[None]:
    """Keep the garbage collector from walking millions of fresh numbers, none of them garbage."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
