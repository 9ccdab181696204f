"""Thresholds chosen on validation images: what moving the threshold alone would gain.

A threshold is a method: it costs no training, and may gain as much as a loss. So a run whose
dataset has a validation split records two beside 0.5: the one with the best Dice, and, among those
whose Dice is within 0.005 of it, the one with the least Betti error.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from topoeval.metrics import Settings, score_cases
from topoeval.topology import Topology

CANDIDATES = tuple(round(0.05 * step, 2) for step in range(1, 20))
MARGIN = 0.005
"""How much Dice the threshold by topology may cost."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The chosen thresholds; a class is predicted where its map is at least that."""

    dice: float
    topology: float

    @property
    def named(self) -> dict[str, float]:
        """The thresholds by the names that suites give them."""
        return {"half": 0.5, "dice": self.dice, "topology": self.topology}


def choose(
    maps: NDArray[np.float32], targets: NDArray[np.float32], topology: Topology
) -> Thresholds:
    """Return the best thresholds of maps ``(N, C, *spatial)`` in [0, 1]; of equals that near 0.5.

    Examples
    --------
    >>> truth = np.zeros((1, 1, 4, 4), np.float32)
    >>> truth[..., 1:3, 1:3] = 1
    >>> choose(0.2 + 0.2 * truth, truth, Topology()).dice
    0.4
    """
    scored = {}
    for threshold in sorted(CANDIDATES, key=lambda one: abs(one - 0.5)):
        masks = (maps >= threshold).astype(np.float32)
        columns = score_cases(masks, targets, Settings(topology), ["dice", "betti_error"])
        scored[threshold] = (columns["dice"].mean(), columns["betti_error"].mean())
    best = max(scored, key=lambda one: scored[one][0])
    near = [one for one in scored if scored[one][0] >= scored[best][0] - MARGIN]
    return Thresholds(dice=best, topology=min(near, key=lambda one: scored[one][1]))


def shifted(maps: NDArray[np.float32], threshold: float) -> NDArray[np.float32]:
    """Return maps that are 0.5 or more exactly where the given ones reach the threshold.

    Linear on both sides of it, so that the order of the voxels is kept.
    """
    if threshold == 0.5:
        return maps
    above = maps >= np.float32(threshold)
    high = 0.5 + 0.5 * (maps - threshold) / (1 - threshold)
    low = 0.5 * maps / threshold
    below = np.nextafter(np.float32(0.5), np.float32(0))
    moved = np.where(above, np.maximum(high, 0.5), np.minimum(low, below))
    return np.clip(moved, 0, 1).astype(np.float32)


def scores_at(
    thresholds: Thresholds,
    maps: NDArray[np.float32],
    targets: NDArray[np.float32],
    topology: Topology,
) -> dict[str, Any]:
    """Return Dice and Betti errors of the cases of a test at each threshold, for a record."""
    wanted = ["dice", *(f"betti_error_{k}" for k in range(maps.ndim - 2)), "betti_error"]
    found: dict[str, Any] = {}
    for name, threshold in thresholds.named.items():
        masks = (maps >= np.float32(threshold)).astype(np.float32)
        columns = score_cases(masks, targets, Settings(topology), [*wanted, "matches_truth"])
        cases = {column: values.tolist() for column, values in columns.items()}
        found[name] = {"value": threshold, "cases": cases}
    return found
