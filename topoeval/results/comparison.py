"""What changed between two sets of records: scores, statuses, what came and what went."""

from __future__ import annotations

import io
import re
import subprocess
import tarfile
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from topoeval.errors import UserError
from topoeval.metrics import Metric, metric_of
from topoeval.metrics.catalogue import every_column
from topoeval.records.code import old_records
from topoeval.records.files import DamagedRecordError, read_records, record_files
from topoeval.records.record import OK, Record
from topoeval.records.spec import RESTORE
from topoeval.results.arms import label_runs
from topoeval.results.rows import Entry, case_frame, run_frame
from topoeval.results.tables import record_folders
from topoeval.statistics.crossed import Mean, crossed
from topoeval.statistics.estimate import LEVEL
from topoeval.statistics.grid import ScoreGrid, direction, grids, score_table
from topoeval.statistics.pairs import holm

_RUN = ["dataset", "arm", "seed"]
_REVISION = re.compile(r"(?P<revision>[^:]+):(?P<path>.+)")
_MADE_BY = re.compile(r"(?P<path>.+)@(?P<commit>[0-9a-f]{4,40}(-dirty)?)")


@dataclass(frozen=True)
class Side:
    """The records of one side, by their tests, and what could not be read as a record."""

    records: list[tuple[Record, Path]]
    damaged: list[DamagedRecordError]


@dataclass(frozen=True, eq=False)
class Comparison:
    """Two sets of records side by side.

    Parameters
    ----------
    differences
        A row per dataset, arm and measure that both sides have: ``a`` and ``b``, the means over the
        runs and cases both have; ``difference`` b - a with ``low`` and ``high`` (95 % each, over
        seeds and cases; NaN with one seed); ``runs`` in pairs; ``p_holm``, corrected over the whole
        table; ``change``: "better" or "worse" where that is below 0.05, "same" where no score
        differs, else "open".
    statuses
        Runs whose status is another: ``dataset, arm, seed, a, b, reason``.
    only_a, only_b
        Runs that one side alone has: ``dataset, arm, seed, status``.
    damaged
        Files that could not be read as records; their runs are on neither side. Nor are those of
        the old code (`topoeval.records.code`) of either side.
    """

    differences: pd.DataFrame
    statuses: pd.DataFrame
    only_a: pd.DataFrame
    only_b: pd.DataFrame
    damaged: tuple[DamagedRecordError, ...] = ()

    @property
    def regressions(self) -> list[str]:
        """What got worse, a line each: separated scores, and runs that were ok and are not."""
        worse = self.differences[self.differences["change"] == "worse"]
        lines = [
            f"{row.arm} on {row.dataset}: {row.measure} {row.a:.4g} -> {row.b:.4g} "
            f"({row.difference:+.3g} [{row.low:+.3g}, {row.high:+.3g}])"
            for row in worse.itertuples()
        ]
        broken = self.statuses[self.statuses["a"] == OK]
        lines += [
            f"{row.arm} on {row.dataset}, seed {row.seed}: {row.a} -> {row.b} {row.reason}".strip()
            for row in broken.itertuples()
        ]
        return lines


def compare(a: str | Path, b: str | Path, measures: Sequence[str] = ()) -> Comparison:
    """Compare two sets of records, run by run.

    Parameters
    ----------
    a, b
        A results folder; ``FOLDER@COMMIT``, the records in it that this commit of the code made; or
        ``REVISION:FOLDER``, the folder as git has it in a revision (run inside the repository).
    measures
        Columns of the cases; by default all that are known and have a better and a worse.

    Raises
    ------
    UserError
        If a side cannot be found or read, a measure is unknown or not there, or nothing is on both
        sides.
    """
    chosen = [metric_of(name) for name in measures] or [
        metric for metric in every_column().values() if metric.direction
    ]
    for measure in chosen:
        direction(measure)
    with _side(str(a)) as left, _side(str(b)) as right:
        frames = _tables(left.records, right.records)
    runs = [runs[runs["task"] == RESTORE] for runs, _ in frames]
    cases = [cases for _, cases in frames]
    for name in measures:  # asked for by name, it must not be passed in silence
        for side, frame in zip((a, b), cases, strict=True):
            if name not in frame.columns:
                raise UserError(f"no case of {side} has the score {name!r}")
    joined = runs[0].merge(runs[1], on=_RUN, how="outer", suffixes=("_a", "_b"), indicator=True)
    both = joined[joined["_merge"] == "both"]
    if both.empty:
        raise UserError(f"no run is in both {a} and {b}: no dataset, method and seed of one name")
    changed = both[both["status_a"] != both["status_b"]]
    statuses = pd.DataFrame(
        {
            **{name: changed[name] for name in _RUN},
            "a": changed["status_a"],
            "b": changed["status_b"],
            "reason": changed["reason_b"],
        }
    )
    return Comparison(
        differences=_differences(runs, cases, chosen),
        statuses=statuses.reset_index(drop=True),
        only_a=_only(joined, "left_only", "status_a"),
        only_b=_only(joined, "right_only", "status_b"),
        damaged=(*left.damaged, *right.damaged),
    )


@contextmanager
def _side(operand: str) -> Iterator[Side]:
    """Read the records that an operand names."""
    if Path(operand).is_dir():
        yield _documents([Path(operand)])
    elif (match := _MADE_BY.fullmatch(operand)) and Path(match["path"]).is_dir():
        every = _documents([Path(match["path"])])
        made = [one for one in every.records if _commit(one[0]).startswith(match["commit"])]
        if not made:
            known_ones = ", ".join(
                sorted({_commit(record) or "unknown" for record, _ in every.records})
            )
            raise UserError(
                f"no record in {match['path']} was made by commit {match['commit']}; "
                f"there are: {known_ones}"
            )
        yield Side(made, every.damaged)
    elif match := _REVISION.fullmatch(operand):
        with tempfile.TemporaryDirectory() as folder:
            _checkout(match["revision"], match["path"], Path(folder))
            yield _documents([Path(folder) / match["path"]])
    else:
        if not Path(operand).exists() and not {"@", ":"} & set(operand):
            raise UserError(f"{operand}: no such folder")
        raise UserError(
            f"{operand} is no results folder, no FOLDER@COMMIT and no REVISION:FOLDER to compare"
        )


def _checkout(revision: str, path: str, folder: Path) -> None:
    """Write a folder as git has it in a revision."""
    found = subprocess.run(
        ["git", "archive", "--format=tar", revision, "--", path], capture_output=True
    )
    if found.returncode != 0:
        told = found.stderr.decode(errors="replace").strip().splitlines()[:1]
        raise UserError(f"git has no {revision}:{path} here: {' '.join(told)}")
    with tarfile.open(fileobj=io.BytesIO(found.stdout)) as archive:
        archive.extractall(folder, filter="data")


def _documents(folders: Sequence[Path]) -> Side:
    paths = [path for folder in record_folders(folders) for path in record_files(folder)]
    records, damaged = read_records(paths)
    old = old_records({record.id: record for record, _ in records})
    parts = [
        (part, path)
        for record, path in records
        if record.id not in old
        for part in record.by_test()
    ]
    return Side(parts, damaged)


def _commit(record: Record) -> str:
    return record.environment.topoeval.label


def _tables(
    left: list[tuple[Record, Path]], right: list[tuple[Record, Path]]
) -> list[tuple[pd.DataFrame, pd.DataFrame]]:
    """Return runs and cases of both sides, labelled together: a variant is one on both."""
    both = [record for record, _ in (*left, *right)]
    labels = label_runs(
        {record.id: record.spec for record in both}, {record.id: record.test for record in both}
    )
    sides = []
    for side in (left, right):
        seen: dict[str, Path] = {}
        for record, path in side:
            if record.id in seen:
                raise UserError(
                    f"{seen[record.id]} and {path} are the same run; compare one folder"
                )
            seen[record.id] = path
        entries = [Entry(record, path, labels[record.id]) for record, path in side]
        sides.append((run_frame(entries), case_frame(entries)))
    return sides


def _only(joined: pd.DataFrame, side: str, status: str) -> pd.DataFrame:
    rows = joined.loc[joined["_merge"] == side, [*_RUN, status]]
    return rows.rename(columns={status: "status"}).reset_index(drop=True)


def _differences(
    runs: Sequence[pd.DataFrame], cases: Sequence[pd.DataFrame], measures: Iterable[Metric]
) -> pd.DataFrame:
    rows = []
    for measure in measures:
        if not all(measure.name in frame.columns for frame in cases):
            continue
        sides = []
        for r, c in zip(runs, cases, strict=True):
            table = score_table(r, c, measure.name)
            sides.append({grid.dataset: grid for grid in grids(table)})
        for dataset in sorted(sides[0].keys() & sides[1].keys()):
            rows += _rows(sides[0][dataset], sides[1][dataset], measure)
    columns = ["dataset", "arm", "measure", "a", "b", "difference", "low", "high", "runs", "p"]
    table = pd.DataFrame(rows, columns=[*columns, "same", "sign"])
    table["p_holm"] = holm(table["p"].to_numpy(dtype=float))
    gain = np.sign(table["difference"].to_numpy(dtype=float)) * table["sign"].to_numpy(dtype=float)
    sure = (table["p_holm"] < 1 - LEVEL).to_numpy()
    table["change"] = np.select(
        [table["same"].astype(bool), sure & (gain > 0), sure & (gain < 0)],
        ["same", "better", "worse"],
        "open",
    )
    return table.drop(columns=["same", "sign", "p"])


def _rows(a: ScoreGrid, b: ScoreGrid, measure: Metric) -> list[dict[str, object]]:
    cases = sorted(set(a.cases) & set(b.cases))
    seeds = sorted(set(a.seeds) & set(b.seeds))
    rows: list[dict[str, object]] = []
    if not cases or not seeds:
        return rows
    for method in sorted(set(a.methods) & set(b.methods)):
        left, right = (_values(grid, method, seeds, cases) for grid in (a, b))
        paired = ~(np.isnan(left).any(1) | np.isnan(right).any(1))
        if not paired.any():
            continue
        left, right = left[paired], right[paired]
        difference = right - left
        row = {
            "dataset": a.dataset, "arm": method, "measure": measure.name,
            "a": left.mean(), "b": right.mean(), "difference": difference.mean(),
            "low": np.nan, "high": np.nan, "runs": len(left), "p": np.nan,
            "same": not difference.any(), "sign": 1 if direction(measure) == "higher" else -1,
        }  # fmt: skip
        if len(left) > 1:
            mean = Mean((crossed(difference),))
            low, high = mean.interval()
            row |= {"low": float(low), "high": float(high), "p": float(mean.p_value())}
        rows.append(row)
    return rows


def _values(grid: ScoreGrid, method: str, seeds: Sequence[int], cases: Sequence[str]) -> np.ndarray:
    m = grid.methods.index(method)
    s = [grid.seeds.index(seed) for seed in seeds]
    c = [grid.cases.index(case) for case in cases]
    return grid.values[m][np.ix_(s, c)]
