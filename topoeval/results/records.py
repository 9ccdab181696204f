"""The records of a suite, whole and as tables: one row per run, one row per run and case.

A record is one JSON file, written by the harness and complete in itself. Nothing but records is
read here, so a report can be made long after, and far from, the machine that ran the suite.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from topoeval.errors import UserError
from topoeval.records.code import old_records
from topoeval.records.files import DamagedRecordError, read_records, record_files
from topoeval.records.record import Record
from topoeval.records.spec import RESTORE
from topoeval.results.arms import label_runs
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
    old
        Rows like those of ``runs``, of records that older code of a loss or a dataset made: they
        are in none of the other tables. ``old_code`` names that code.
    damaged
        Files that could not be read as records, each with what is wrong with it.
    """

    folder: Path
    documents: Mapping[str, Record]
    runs: pd.DataFrame
    cases: pd.DataFrame
    auxiliary: pd.DataFrame
    old: pd.DataFrame
    damaged: tuple[DamagedRecordError, ...] = ()

    @property
    def suites(self) -> list[str]:
        """Names of the suites the records come from."""
        return sorted({record.suite for record in self.documents.values()})


def read(folder: Path | str) -> Records:
    """Read every ``*.json`` of a folder.

    Parameters
    ----------
    folder
        Folder of records, not searched recursively; hidden files are not records.

    Raises
    ------
    UserError
        If the folder is missing or empty, or holds two records of the same run.
    """
    folder = Path(folder)
    entries, damaged = read_entries(folder)
    old = [entry for entry in entries if entry.old_code and entry.record.spec.task == RESTORE]
    present = [entry for entry in entries if not entry.old_code]
    restoring = [entry for entry in present if entry.record.spec.task == RESTORE]
    auxiliary = [entry for entry in present if entry.record.spec.task != RESTORE]
    if not restoring:
        told = "".join(f"\n{error}" for error in damaged)
        raise UserError(f"the records in {folder} hold no run that restores images{told}")
    runs = run_frame(restoring)
    return Records(
        folder=folder,
        documents={entry.record.id: entry.record for entry in present},
        runs=runs,
        cases=case_frame(restoring),
        auxiliary=run_frame(auxiliary) if auxiliary else runs.iloc[:0],
        old=run_frame(old) if old else runs.iloc[:0],
        damaged=tuple(damaged),
    )


def read_entries(folder: Path) -> tuple[list[Entry], list[DamagedRecordError]]:
    """Read and label the records of a folder, in the order of their identities.

    Returns
    -------
    tuple
        The records, and the files that are damaged.

    Raises
    ------
    UserError
        As `read`.
    """
    with no_collection():
        records, damaged = read_records(record_files(folder))
        return labelled(records), damaged


def labelled(records: Sequence[tuple[Record, Path]]) -> list[Entry]:
    """Label records that belong together, in the order of their identities.

    Raises
    ------
    UserError
        If two have the same identity, or are of one run.
    """
    files: dict[str, tuple[Record, Path]] = {}
    for record, path in records:
        if record.id in files:
            raise UserError(
                f"records {files[record.id][1]} and {path} have the same id {record.id}"
            )
        files[record.id] = (record, path)
    old = old_records({identity: record for identity, (record, _) in files.items()})
    entries: list[Entry] = []
    # apart, so that the labels of today's runs do not have to say what sets them off from old ones
    for code in sorted({"", *old.values()}):
        parts = {
            part.id: (part, path)
            for identity, (record, path) in files.items()
            if old.get(identity, "") == code
            for part in record.by_test()
        }
        labels = label_runs(
            {identity: record.spec for identity, (record, _) in parts.items()},
            {identity: record.test for identity, (record, _) in parts.items()},
        )
        if code:
            labels = {
                identity: replace(label, arm=f"{label.arm} (of the old code: {code})")
                for identity, label in labels.items()
            }
        entries += [Entry(*parts[identity], labels[identity], code) for identity in parts]
    entries.sort(key=lambda entry: entry.record.id)
    _refuse_twins(entries)
    return entries


def _refuse_twins(entries: Sequence[Entry]) -> None:
    seen: dict[tuple[Any, ...], Path] = {}
    for entry in entries:
        seed = entry.record.spec.seed
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
