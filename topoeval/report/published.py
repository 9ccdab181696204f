"""What papers report of our methods, and where it can be set beside our own numbers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from topoeval.errors import UserError
from topoeval.metrics import Metric
from topoeval.metrics.catalogue import every_column
from topoeval.report.row import Row
from topoeval.report.summary import Summary
from topoeval.statistics.estimate import UNMEASURED

COLUMNS = ("dataset", "setting", "metric", "value", "source")


@dataclass(frozen=True, slots=True)
class Published:
    """One number of a paper: never ours, never recomputed.

    Parameters
    ----------
    method
        Name of the folder in ``baselines/``.
    dataset, setting, metric, source
        In the words of ``published.csv``.
    value
        As it stands there.
    """

    method: str
    dataset: str
    setting: str
    metric: str
    value: str
    source: str


@dataclass(frozen=True, slots=True)
class Pair:
    """A published number beside our own for the same dataset and score."""

    published: Published
    row: Row
    measure: Metric


def read_published(folder: Path) -> list[Published]:
    """Read every ``NAME/published.csv`` of a folder of methods.

    Raises
    ------
    UserError
        If a file cannot be read or lacks a column.
    """
    found: list[Published] = []
    for path in sorted(folder.glob("*/published.csv")):
        try:
            table = pd.read_csv(path, dtype=str, keep_default_na=False)
        except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
            raise UserError(f"{path} is no table ({error}); mend or remove it") from None
        if lacking := [column for column in COLUMNS if column not in table]:
            raise UserError(f"{path} lacks the column {lacking[0]!r}; it needs {','.join(COLUMNS)}")
        found += [
            Published(path.parent.name, *(row[column] for column in COLUMNS))
            for row in table.to_dict("records")
        ]
    return found


def pairs(published: Sequence[Published], summary: Summary) -> list[Pair]:
    """Find the published numbers of which we have the same method, dataset and score.

    Of our numbers those of the main test: what a further test asks, no paper's number answers.
    Names of datasets are compared by their letters and digits alone. The same name does not make
    the same split, size or training: the setting stands beside the number.
    """
    rows: dict[tuple[str, str], list[Row]] = {}
    for row in filter(lambda row: row.is_main, summary.rows):
        rows.setdefault((row.method, _plain(row.dataset.partition(" [")[0])), []).append(row)
    measures = _measures()
    return [
        Pair(number, row, measures[number.metric])
        for number in published
        if number.metric in measures
        for row in rows.get((number.method, _plain(number.dataset)), ())
        if row.estimates.get(measures[number.metric].name, UNMEASURED).measured
    ]


def _measures() -> Mapping[str, Metric]:
    return {
        name: metric
        for metric in every_column().values()
        for name in (metric.name, metric.column_label)
    }


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
