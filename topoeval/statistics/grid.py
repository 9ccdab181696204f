"""Scores of one dataset as an array: methods x seeds x cases.

Same seed means same initial weights and batches for every method, and every run is scored on the
same test cases: seeds and cases are crossed, and both are samples. What is missing stays visible.
A run that failed by the method's own fault counts as the worst score there is; a run that is
absent, or failed by the machine's fault, counts as not measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from topoeval.errors import UserError
from topoeval.metrics import Metric
from topoeval.metrics.metric import Better

COLUMNS = ("dataset", "method", "seed", "case", "value", "status", "fault")
OK = "ok"
METHOD = "method"


@dataclass(frozen=True, eq=False)
class Grid:
    """Scores of one dataset.

    Parameters
    ----------
    dataset
        Its label.
    methods, seeds, cases
        Names along the three axes.
    values
        ``(methods, seeds, cases)``; a run without scores is NaN throughout.
    failed
        ``(methods, seeds)``: runs that failed by the method's own fault.
    undefined
        Cases left out because no run has a value there.
    """

    dataset: str
    methods: tuple[str, ...]
    seeds: tuple[int, ...]
    cases: tuple[str, ...]
    values: NDArray[np.float64]
    failed: NDArray[np.bool_]
    undefined: int

    @property
    def scored(self) -> NDArray[np.bool_]:
        """``(methods, seeds)``: runs that have a score in every case."""
        if not self.cases:
            return np.zeros(self.failed.shape, dtype=bool)
        return ~np.isnan(self.values[..., 0])

    def with_worst(self, measure: Metric) -> NDArray[np.float64]:
        """Return the values with failed runs at the worst end of the score's range."""
        return np.where(self.failed[..., None], worst(measure), self.values)


def worst(measure: Metric) -> float:
    """Return the worst end of a score's range, infinite where there is none.

    >>> worst(metric_of("dice")), worst(metric_of("betti_error"))
    (0.0, inf)
    """
    return measure.high if direction(measure) == "lower" else measure.low


def direction(measure: Metric) -> Better:
    """Return which way a score is better.

    Raises
    ------
    UserError
        If the column describes the data, so that nothing can be ranked by it.
    """
    if measure.direction is None:
        raise UserError(f"{measure.name} has no better or worse; nothing is ranked by it")
    return measure.direction


def score_table(runs: pd.DataFrame, cases: pd.DataFrame, measure: str) -> pd.DataFrame:
    """Join runs and cases to the table that the statistics read.

    Parameters
    ----------
    runs
        One row per run: ``id``, ``dataset``, ``arm`` (its unique label), ``seed``, ``status`` and
        ``fault``, as `topoeval.results.load` gives them.
    cases
        One row per run and case: ``id``, ``case`` and the score.
    measure
        Column of ``cases``; a run whose cases lack it is undefined, not absent.

    Returns
    -------
    pandas.DataFrame
        ``dataset, method, seed, case, value, status, fault``: a row per case of every run that is
        ok, and one row without case and value per run that is not.
    """
    frame = runs[["id", "dataset", "arm", "seed", "status", "fault"]].rename(
        columns={"arm": "method"}
    )
    values = cases.reindex(columns=["id", "case", measure]).rename(columns={measure: "value"})
    table = frame.merge(values, on="id", how="left", validate="one_to_many")
    table["value"] = table["value"].astype(float)
    return table[list(COLUMNS)]


def grids(scores: pd.DataFrame) -> list[Grid]:
    """Arrange scores as one array per dataset.

    Parameters
    ----------
    scores
        As `score_table` returns them.

    Raises
    ------
    UserError
        If columns are missing, there is no row, or a run has two values of one case.
    """
    missing = [name for name in COLUMNS if name not in scores.columns]
    if missing:
        raise UserError(f"scores lack the columns {', '.join(missing)}; score_table makes them")
    if scores.empty:
        raise UserError("no scores: the table has no row")
    methods = tuple(sorted(scores["method"].unique()))
    return [_grid(str(name), rows, methods) for name, rows in scores.groupby("dataset", sort=True)]


def _grid(dataset: str, rows: pd.DataFrame, methods: Sequence[str]) -> Grid:
    seeds = sorted(rows["seed"].unique())
    every = pd.MultiIndex.from_product([methods, seeds], names=["method", "seed"])
    keys = rows["method"].astype(str) + "\0" + rows["seed"].astype(str)
    ok = (rows["status"] == OK) & rows["case"].notna()
    if rows.loc[ok].duplicated(["method", "seed", "case"]).any() or keys[~ok].duplicated().any():
        raise UserError(f"two values of one case, or two runs of one method and seed, on {dataset}")
    table = rows[ok].pivot(index=["method", "seed"], columns="case", values="value").reindex(every)
    undefined = table.isna().all(axis=0)
    table = table.loc[:, ~undefined]
    values = table.to_numpy(dtype=float, copy=True)
    # The cases that happened to work are no fair sample of all of them.
    values[np.isnan(values).any(axis=1)] = np.nan
    failures = rows[(rows["status"] != OK) & (rows["fault"] == METHOD)]
    failed = every.isin(pd.MultiIndex.from_frame(failures[["method", "seed"]]))
    shape = (len(methods), len(seeds))
    return Grid(
        dataset=dataset,
        methods=tuple(methods),
        seeds=tuple(int(seed) for seed in seeds),
        cases=tuple(str(case) for case in table.columns),
        values=values.reshape(*shape, len(table.columns)),
        failed=np.asarray(failed).reshape(shape),
        undefined=int(undefined.sum()),
    )
