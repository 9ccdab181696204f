"""Errors relative to the reference, so that no dataset decides a ranking over several.

A mean over datasets whose errors are 20 and 131 is the second dataset's. Over several datasets a
score therefore becomes an error, its distance from the best end of its range, divided on each
dataset by the mean error of the reference there: 1 is the reference, 0.5 half of its error. The
divisor is taken as it was measured, so intervals do not hold its own error.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from topoeval.metrics import Metric
from topoeval.statistics.grid import ScoreGrid, direction


def relative_errors(
    found: Sequence[ScoreGrid], measure: Metric, reference: str = ""
) -> tuple[list[ScoreGrid], Metric]:
    """Return grids of relative errors, and the measure that describes them.

    Parameters
    ----------
    found
        One grid per dataset, over the same methods.
    measure
        Says where the best end of the range is. A score whose better end is unbounded is divided
        as it is, and higher stays better.
    reference
        Label of the method whose error is 1; where it has none, or makes none, the mean error of
        all methods takes its place.

    Examples
    --------
    >>> import numpy as np
    >>> from topoeval.metrics.catalogue import metric_of
    >>> values = np.array([[[10.0, 30.0]], [[5.0, 5.0]]])
    >>> failed = np.zeros((2, 1), dtype=bool)
    >>> grid = ScoreGrid("d", ("base", "other"), (0,), ("x", "y"), values, failed, 0)
    >>> grids, _ = relative_errors([grid], metric_of("betti_error"), "base")
    >>> grids[0].values.mean(2).ravel().tolist()
    [1.0, 0.25]
    """
    turned = direction(measure) == "higher" and np.isfinite(measure.high)
    least = measure.low if direction(measure) == "lower" else 0.0
    scaled = []
    for grid in found:
        errors = measure.high - grid.values if turned else grid.values - least
        scaled.append(replace(grid, values=errors / _scale(grid, errors, reference)))
    which = "lower" if turned else direction(measure)
    return scaled, replace(measure, direction=which, range=(0.0, None))


def _scale(grid: ScoreGrid, errors: NDArray[np.float64], reference: str) -> float:
    if not grid.cases:
        return 1.0
    runs = errors.mean(2)
    of_reference = runs[grid.methods.index(reference)] if reference in grid.methods else runs[:0]
    for candidates in (of_reference, runs):
        present = candidates[~np.isnan(candidates)]
        if present.size and present.mean() > 0:
            return float(present.mean())
    return 1.0
