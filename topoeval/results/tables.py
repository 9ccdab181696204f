"""All records of any number of folders, as two tables in one call."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from pandas.api.types import union_categoricals

from topoeval.errors import UserError, nearest
from topoeval.records.files import DamagedRecordError
from topoeval.records.parts import MAIN_TEST
from topoeval.records.spec import RESTORE
from topoeval.results import cache
from topoeval.results.notes import code_versions
from topoeval.results.records import no_collection, read_entries
from topoeval.results.rows import KEYS, case_frame, run_frame
from topoeval.statistics.grid import score_table

DEFAULT = Path("results")


@dataclass(frozen=True, eq=False)
class Results:
    """Runs and cases of one or more results folders.

    Parameters
    ----------
    runs
        A row per record and test, failed ones included: suite, identity, dataset, test, arm,
        method, seed, status, times, memory, hardware, code version, and the specification as JSON
        in ``spec``. ``old_code`` is empty but for runs that newer code of a loss or dataset has
        made again: they have an arm of their own, which says so.
    cases
        A row per case of every run that is ok: suite, identity, dataset, arm, method, seed, case,
        and the scores.
    folders
        The folders of records they come from.
    damaged
        Files that could not be read as records, each with what is wrong with it.
    """

    runs: pd.DataFrame
    cases: pd.DataFrame
    folders: tuple[Path, ...]
    damaged: tuple[DamagedRecordError, ...] = ()

    def scores(self, measure: str, suite: str | None = None, test: str = MAIN_TEST) -> pd.DataFrame:
        """Return one score in the form that `topoeval.statistics.standings` reads.

        Parameters
        ----------
        measure
            Column of ``cases``.
        suite
            Take only this suite; needed where runs of several suites are repetitions of each other.
        test
            Which of the tests of a run; its scores on several are of one network, no repetitions.

        Raises
        ------
        UserError
            If no case has the score, or there is no such suite or test.
        """
        if measure not in self.cases.columns:
            raise UserError(f"no case has the score {measure!r}")
        # runs of the old code are of other methods than those of today
        runs = self.runs[(self.runs["task"] == RESTORE) & (self.runs["old_code"] == "")]
        if suite is not None:
            runs = runs[runs["suite"] == suite]
            if runs.empty:
                known = ", ".join(sorted(self.runs["suite"].unique()))
                raise UserError(f"no records of suite {suite!r}; there are: {known}")
        known_tests = runs["test"].unique()
        if test not in known_tests:
            raise UserError(f"no run has the test {test!r}{nearest(test, known_tests)}")
        runs = runs[runs["test"] == test]
        if runs["id"].duplicated().any():
            raise UserError("a run is in several of these suites; name one of them")
        return score_table(runs, self.cases[self.cases["id"].isin(runs["id"])], measure)

    @property
    def code_versions(self) -> pd.Series:
        """How many runs each version of the code made, most first; see `mixed_code`."""
        return code_versions(self.runs)


def load(*folders: Path | str) -> Results:
    """Read all records below some folders.

    Parameters
    ----------
    folders
        Results folders (with ``records/`` inside), folders of records, or folders of such;
        ``results`` by default. Labels of datasets and arms are unique inside each folder of
        records, as in its report.

    Raises
    ------
    UserError
        If a folder is missing or has no records.
    """
    found = record_folders([Path(folder) for folder in folders] or [DEFAULT])
    tables: list[cache.Tables] = []
    damaged: list[DamagedRecordError] = []
    for folder in found:
        table, errors = _table(folder)
        tables += [table] if table is not None else []
        damaged += errors
    if not tables:
        raise UserError("\n".join(str(error) for error in damaged))
    return Results(
        runs=pd.concat([runs for runs, _ in tables], ignore_index=True),
        cases=_stacked([cases for _, cases in tables]),
        folders=tuple(found),
        damaged=tuple(damaged),
    )


def record_folders(folders: Sequence[Path]) -> list[Path]:
    """Return the folders of records at or below the folders given, each once.

    Raises
    ------
    UserError
        If one is missing, or holds none.
    """
    found: dict[Path, None] = {}
    for folder in folders:
        if not folder.is_dir():
            raise UserError(f"no results folder {folder}; topoeval run SUITE makes one")
        inside = [
            path
            for path in (folder / "records", folder, *sorted(folder.glob("*/records")))
            if path.is_dir() and next(_records(path), None)
        ]
        if not inside:
            raise UserError(f"no records in {folder} or below it; topoeval run SUITE makes them")
        # A folder of records may have others beside it, but they are then meant by name.
        found |= dict.fromkeys(inside[:1] if inside[0] == folder / "records" else inside)
    return list(found)


def _records(folder: Path) -> Iterator[Path]:
    return (path for path in folder.glob("*.json") if not path.name.startswith("."))


def _table(folder: Path) -> tuple[cache.Tables | None, list[DamagedRecordError]]:
    """Return the tables of a folder, None if no record can be read, and what is damaged."""
    key = cache.fingerprint(folder)
    stored = cache.fetch(folder, key)
    if stored is not None:
        return stored, []
    with no_collection():
        entries, damaged = read_entries(folder)
        if not entries:
            return None, damaged
        tables = run_frame(entries, with_spec=True), case_frame(entries)
        del entries
    if not damaged:  # the next call is to say so again
        cache.keep(folder, key, *tables)
    return tables, damaged


def _stacked(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Put tables below each other and keep categories categories."""
    if len(frames) == 1:
        return frames[0]
    plain = [frame.drop(columns=list(KEYS)) for frame in frames]
    stacked = pd.concat(plain, ignore_index=True)
    for place, name in enumerate(KEYS):
        joined = union_categoricals([frame[name] for frame in frames], sort_categories=True)
        stacked.insert(place, name, joined)
    return stacked
