"""Per-case scores to one row per class and score, and to means over the classes of a case."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import pandas as pd

from topoeval.topology import Topology

KEYS = ("case", "class")
FLAGS = ("prediction_empty", "target_empty")
MEAN = "mean of classes"
_COLUMNS = ("class", "metric", "n", "absent", "mean", "sd", "median", "min", "max")

Absent = Literal["leave-out", "score"]


def summarise(
    cases: pd.DataFrame, absent: Absent = "leave-out", averaged: Sequence[str] = ()
) -> pd.DataFrame:
    """Reduce a table of cases to means and spreads.

    Parameters
    ----------
    cases
        As of `topoeval.evaluate.Evaluation`.
    absent
        Rows of a class that neither mask holds are left out, or take the rules for empty masks.
    averaged
        The classes whose mean is taken in each case, over those that are present there; the rows of
        class ``"mean of classes"`` are of these means. Fewer than two have no such rows.

    Returns
    -------
    Columns ``class``, ``metric``, ``n`` (cases that have the score), ``absent`` (cases left out
    because neither mask holds the class), ``mean``, ``sd``, ``median``, ``min``, ``max``; classes
    and scores in the order of the table. The two flags of emptiness count as scores, of all cases:
    their mean is the share of cases with an empty mask.
    """
    if cases.empty:  # no file could be scored
        return pd.DataFrame(columns=_COLUMNS)
    columns = [name for name in cases.columns if name not in KEYS]
    gone = (cases[FLAGS[0]] & cases[FLAGS[1]]).astype(bool) if absent == "leave-out" else None
    rows = []
    for name, group in cases.groupby("class", sort=False):
        left = group if gone is None else group[~gone[group.index]]
        for column in columns:
            of = group if column in FLAGS else left
            rows.append(_row(name, column, of[column], len(group) - len(of)))
    if len(averaged) > 1:
        among = cases["class"].isin(averaged)
        present = cases[among if gone is None else among & ~gone]
        scores = [column for column in columns if column not in FLAGS]
        means = present.groupby("case", sort=False)[scores].mean()
        absences = cases.loc[among, "case"].nunique() - len(means)
        rows += [_row(MEAN, column, means[column], absences) for column in scores]
    return pd.DataFrame(rows)


def _row(name: Any, column: str, values: pd.Series, absent: int) -> dict[str, Any]:
    numbers = values.dropna().astype(float)
    return {
        "class": name,
        "metric": column,
        "n": len(numbers),
        "absent": absent,
        "mean": numbers.mean(),
        "sd": numbers.std(),
        "median": numbers.median(),
        "min": numbers.min(),
        "max": numbers.max(),
    }


def shown_class(name: str, topology: Topology) -> str:
    """Return the name of a class in tables, which says so where its outside is counted.

    >>> shown_class("foreground", Topology("V")), shown_class("1", Topology("V", "sublevel"))
    ('foreground', '1 (topology of its outside)')
    """
    return name if topology.superlevel else f"{name} (topology of its outside)"
