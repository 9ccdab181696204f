"""Rows of scores, kept as numbers: a dictionary of floats takes ten times as much."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

_WHOLE = (int, np.integer)
_TRUTH = (bool, np.bool_)


class Rows:
    """The rows of cases, of each case one for every class.

    Parameters
    ----------
    keys
        Columns of text.
    columns
        Columns of numbers, in their order.

    Examples
    --------
    >>> rows = Rows(("case",), ("dice", "b0"))
    >>> rows.add("a", [{"case": "a", "dice": 0.5, "b0": 2}])
    >>> rows.frame(["a"]).to_dict("list")
    {'case': ['a'], 'dice': [0.5], 'b0': [2]}
    """

    def __init__(self, keys: Sequence[str], columns: Sequence[str]) -> None:
        self.keys, self.columns = tuple(keys), tuple(columns)
        self._texts: dict[str, list[tuple[str, ...]]] = {}
        self._numbers: dict[str, NDArray[np.float64]] = {}
        self._whole = np.ones(len(columns), dtype=bool)
        self._truth = np.ones(len(columns), dtype=bool)

    def add(self, case: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Keep the rows of a case; a column that a row lacks is NaN."""
        numbers = np.full((len(rows), len(self.columns)), np.nan)
        for place, row in enumerate(rows):
            values = [row.get(name) for name in self.columns]
            truth = np.array([isinstance(value, _TRUTH) for value in values])
            whole = np.array([isinstance(value, _WHOLE) for value in values])
            self._truth &= truth
            self._whole &= whole & ~truth
            numbers[place] = [np.nan if value is None else float(value) for value in values]
        self._numbers[case] = numbers
        self._texts[case] = [tuple(str(row[key]) for key in self.keys) for row in rows]

    def frame(self, cases: Iterable[str]) -> pd.DataFrame:
        """Return a table of the rows of some cases, in their order."""
        cases = list(cases)
        if not cases:
            return pd.DataFrame()
        texts = [text for case in cases for text in self._texts[case]]
        numbers = np.concatenate([self._numbers[case] for case in cases])
        table: dict[str, Any] = dict(zip(self.keys, zip(*texts, strict=True), strict=True))
        for place, name in enumerate(self.columns):
            values: NDArray[Any] = numbers[:, place]
            if self._truth[place]:
                values = values.astype(bool)
            elif self._whole[place]:
                values = values.astype(np.int64)
            table[name] = values
        return pd.DataFrame(table)
