"""What papers report of our methods, and where it can be set beside our own numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from topoeval.errors import UserError
from topoeval.metrics import Metric
from topoeval.metrics.catalogue import every_column
from topoeval.records.variant import variants
from topoeval.report.conditions import Conditions
from topoeval.report.row import MethodRow
from topoeval.report.summary import Summary
from topoeval.statistics.estimate import UNMEASURED

COLUMNS = ("dataset", "setting", "metric", "value", "source")
OURS = "ours"


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
    ours
        The same dataset and setting as a suite names them, for example
        ``topomortar[labels=noisy]``: what the number may stand beside. Empty where we have nothing
        alike, or where the paper's test is not the main test of a suite.
    """

    method: str
    dataset: str
    setting: str
    metric: str
    value: str
    source: str
    ours: str = ""


@dataclass(frozen=True, slots=True)
class Pair:
    """A published number beside our own for the same dataset and score."""

    published: Published
    row: MethodRow
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
            Published(
                method=path.parent.name,
                ours=row.get(OURS, ""),
                **{column: row[column] for column in COLUMNS},
            )
            for row in table.to_dict("records")
        ]
    return found


def pairs(published: Sequence[Published], summary: Summary) -> list[Pair]:
    """Find the published numbers of which we have the same method, dataset, setting and score.

    Only the dataset that the number's ``ours`` names, with all the parameters that it names, and of
    our numbers only those of the main test. That does not make the same split, size or training:
    the paper's setting stands beside the number.

    Raises
    ------
    UserError
        If ``ours`` is not of the form ``name[key=value]``.
    """
    measures = _measures()
    return [
        Pair(number, row, measures[number.metric])
        for number in published
        if number.ours and number.metric in measures
        for row in summary.rows
        if row.is_main
        and row.method == number.method
        and _is_the_same(number.ours, summary.conditions[row.dataset])
        and row.estimates.get(measures[number.metric].name, UNMEASURED).measured
    ]


def _measures() -> Mapping[str, Metric]:
    return {
        name: metric
        for metric in every_column().values()
        for name in (metric.name, metric.column_label)
    }


def _is_the_same(ours: str, dataset: Conditions) -> bool:
    return any(
        one.name == dataset.name
        and all(dataset.params.get(key) == value for key, value in one.params.items())
        for one in variants(ours)
    )
