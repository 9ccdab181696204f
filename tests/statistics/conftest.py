"""Scores with a known truth: seeds and cases drawn anew, methods with known means."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from topoeval.statistics import ScoreGrid


def simulate(
    rng: np.random.Generator,
    means: Sequence[float] = (0.0,),
    *,
    seeds: int = 5,
    cases: int = 20,
    draws: int = 1,
    sd_seed: float = 1.0,
    sd_case: float = 1.0,
    sd_rest: float = 1.0,
) -> np.ndarray:
    """Return ``(draws, methods, seeds, cases)`` scores of crossed seeds and cases.

    Every method has seeds and cases of its own beside those that all of them share.
    """
    k = len(means)

    def normal(sd: float, *shape: int) -> np.ndarray:
        return sd * rng.standard_normal((draws, *shape))

    shared = normal(sd_seed, 1, seeds, 1) + normal(2 * sd_case, 1, 1, cases)
    own = normal(sd_seed, k, seeds, 1) + normal(sd_case, k, 1, cases)
    return np.reshape(means, (1, k, 1, 1)) + shared + own + normal(sd_rest, k, seeds, cases)


def table(values: np.ndarray, dataset: str = "d", names: Sequence[str] = ()) -> pd.DataFrame:
    """Return ``(methods, seeds, cases)`` scores as `score_table` would; methods a, b, c, ..."""
    k, seeds, cases = values.shape
    names = list(names) or [chr(ord("a") + i) for i in range(k)]
    index = pd.MultiIndex.from_product(
        [names, range(seeds), [f"{c:03d}" for c in range(cases)]], names=["method", "seed", "case"]
    )
    frame = pd.DataFrame({"value": values.ravel()}, index=index).reset_index()
    return frame.assign(dataset=dataset, status="ok", fault="")


def fail(scores: pd.DataFrame, method: str, seed: int, fault: str = "method") -> pd.DataFrame:
    """Return the scores with one run failed."""
    hit = (scores["method"] == method) & (scores["seed"] == seed)
    row = {
        "method": method, "seed": seed, "case": None, "value": np.nan,
        "dataset": scores["dataset"].iloc[0], "status": "failed", "fault": fault,
    }  # fmt: skip
    return pd.concat([scores[~hit], pd.DataFrame([row])], ignore_index=True)


def grid(values: np.ndarray) -> ScoreGrid:
    """Return ``(methods, seeds, cases)`` scores as a grid; methods a, b, c, ..."""
    k, seeds, cases = values.shape
    names = tuple(chr(ord("a") + i) for i in range(k))
    tests = tuple(map(str, range(cases)))
    return ScoreGrid("d", names, tuple(range(seeds)), tests, values, np.zeros((k, seeds), bool), 0)
