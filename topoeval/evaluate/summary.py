"""Per-case scores to one row per class and score."""

from __future__ import annotations

import pandas as pd

KEYS = ("case", "class")
FLAGS = ("prediction_empty", "target_empty")


def summarise(cases: pd.DataFrame) -> pd.DataFrame:
    """Reduce a table of cases to means and spreads.

    Parameters
    ----------
    cases
        As of `topoeval.evaluate.Evaluation`.

    Returns
    -------
    Columns ``class``, ``metric``, ``n`` (cases that have the score), ``mean``, ``sd``, ``median``,
    ``min``, ``max``; classes and scores in the order of the table. The two flags of emptiness count
    as scores: their mean is the share of cases that took a rule for empty masks.
    """
    columns = [name for name in cases.columns if name not in KEYS]
    rows = []
    for name, group in cases.groupby("class", sort=False):
        for column in columns:
            values = group[column].dropna().astype(float)
            rows.append(
                {
                    "class": name,
                    "metric": column,
                    "n": len(values),
                    "mean": values.mean(),
                    "sd": values.std(),
                    "median": values.median(),
                    "min": values.min(),
                    "max": values.max(),
                }
            )
    return pd.DataFrame(rows)
