"""Scores of one dataset as an array: methods x seeds x cases.

Same seed means same initial weights and batches for every method, and every run is scored on the
same test cases: seeds and cases are crossed, and both are samples. What is missing stays visible.
A run that failed by the method's own fault counts as the worst score there is; a run that is
absent, or failed by the machine's fault, counts as not measured.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

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
class ScoreGrid:
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

    def over(self, methods: Sequence[str]) -> ScoreGrid:
        """Return the grid over other methods; those that it lacks were not measured."""
        places = [self.methods.index(name) if name in self.methods else -1 for name in methods]
        missing = np.array(places) < 0
        values, failed = self.values[places].copy(), self.failed[places].copy()
        values[missing], failed[missing] = np.nan, False
        return replace(self, methods=tuple(methods), values=values, failed=failed)


def worst(measure: Metric) -> float:
    """Return the worst end of a score's range, infinite where there is none.

    >>> from topoeval.metrics.catalogue import metric_of
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


def grids(scores: pd.DataFrame) -> list[ScoreGrid]:
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
    found = []
    for name, rows in scores.groupby("dataset", sort=True, observed=True):
        ok = ((rows["status"] == OK) & rows["case"].notna()).to_numpy()
        seeds = tuple(sorted(int(seed) for seed in rows["seed"].unique()))
        place = _places(rows["method"], rows["seed"], methods, seeds)
        failed = place[((rows["status"] != OK) & (rows["fault"] == METHOD)).to_numpy()]
        if len(np.unique(place[~ok])) < (~ok).sum():
            raise UserError(f"two runs of one method and seed on {name}")
        values = {"value": rows.loc[ok, "value"].to_numpy(dtype=float)}
        case = rows.loc[ok, "case"].to_numpy(dtype=object)
        found.append(_arranged(str(name), methods, seeds, place[ok], case, values, failed)["value"])
    return found


def score_grids(
    runs: pd.DataFrame, cases: pd.DataFrame, measures: Sequence[str]
) -> dict[str, dict[str, ScoreGrid]]:
    """Arrange several scores of the same runs, by dataset and score.

    The same as `grids` of every `score_table`, but where a case stands is looked up once.

    Parameters
    ----------
    runs, cases
        As for `score_table`.
    measures
        Columns of ``cases``; a score that a record lacks is NaN throughout.

    Raises
    ------
    UserError
        If a run has two values of one case, or two runs are of one method and seed.
    """
    found = {}
    of_run = cases["id"].astype(str).to_numpy(dtype=object)
    names = cases["case"].to_numpy(dtype=object)
    columns = {
        name: cases[name].to_numpy(dtype=float)
        if name in cases.columns
        else np.full(len(cases), np.nan)
        for name in measures
    }
    for dataset, rows in runs.groupby("dataset", sort=True):
        methods = tuple(sorted(rows["arm"].unique()))
        seeds = tuple(sorted(int(seed) for seed in rows["seed"].unique()))
        place = _places(rows["arm"], rows["seed"], methods, seeds)
        if len(np.unique(place)) < len(place):
            raise UserError(f"two runs of one method and seed on {dataset}")
        failed = place[((rows["status"] != OK) & (rows["fault"] == METHOD)).to_numpy()]
        where = pd.Index(rows["id"].astype(str)).get_indexer(pd.Index(of_run))
        inside = where >= 0
        found[str(dataset)] = _arranged(
            str(dataset),
            methods,
            seeds,
            place[where[inside]],
            names[inside],
            {name: values[inside] for name, values in columns.items()},
            failed,
        )
    return found


def _places(
    method: pd.Series, seed: pd.Series, methods: Sequence[str], seeds: Sequence[int]
) -> NDArray[np.int64]:
    """Return where each run stands among methods x seeds, flattened."""
    m = pd.Index(methods).get_indexer(pd.Index(method.astype(str)))
    s = pd.Index(seeds).get_indexer(pd.Index(seed.astype(int)))
    return np.asarray(m * len(seeds) + s, dtype=np.int64)


def _arranged(
    dataset: str,
    methods: tuple[str, ...],
    seeds: tuple[int, ...],
    place: NDArray[np.int64],
    case: NDArray[np.object_],
    columns: Mapping[str, NDArray[np.float64]],
    failed: NDArray[np.int64],
) -> dict[str, ScoreGrid]:
    """Return a grid for each column of values, given each value's run and case."""
    codes, names = pd.factorize(case, sort=True)
    shape = (len(methods), len(seeds))
    flat = place * max(len(names), 1) + codes
    if len(np.unique(flat)) < len(flat):
        raise UserError(f"two values of one case, or two runs of one method and seed, on {dataset}")
    failures = np.zeros(shape, dtype=bool)
    failures.flat[failed] = True
    found = {}
    for name, values in columns.items():
        table = np.full((len(methods) * len(seeds), len(names)), np.nan)
        table.flat[flat] = values
        kept = ~np.isnan(table).all(axis=0)
        table = table[:, kept]
        # The cases that happened to work are no fair sample of all of them.
        table[np.isnan(table).any(axis=1)] = np.nan
        found[name] = ScoreGrid(
            dataset=dataset,
            methods=methods,
            seeds=seeds,
            cases=tuple(str(one) for one in names[kept]),
            values=table.reshape(*shape, table.shape[1]),
            failed=failures,
            undefined=int((~kept).sum()),
        )
    return found
