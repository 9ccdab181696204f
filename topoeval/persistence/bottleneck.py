"""The bottleneck distance of two sets of points, exactly; without torch."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_flow


def bottleneck(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """Return the bottleneck distance of two diagrams.

    It is one of the finitely many distances between points and to the diagonal, found by bisection
    over matchings in bipartite graphs; `topoeval.persistence.wasserstein` says why two suffice.

    Parameters
    ----------
    x, y
        Finite points, ``(n, 2)`` and ``(m, 2)``, birth and death in either order. Memory grows with
        n times the number of different points of `y`.

    Returns
    -------
    The distance, in the L-infinity norm.

    Examples
    --------
    >>> bottleneck(np.array([[0.0, 1.0], [0.2, 0.3]]), np.array([[0.1, 1.0]]))
    0.1
    """
    # the bars of a binary mask are one point many times over: one column of capacity m
    y, count = np.unique(y, axis=0, return_counts=True)
    across = np.abs(x[:, None] - y[None]).max(2, initial=0)
    one = np.ones(len(x), count.dtype)
    to_diagonal = [np.abs(points[:, 0] - points[:, 1]) / 2 for points in (x, y)]

    def feasible(distance: float) -> bool:
        within = across <= distance
        long_x, long_y = (alone > distance for alone in to_diagonal)
        return _saturated(within[long_x], one[long_x], count) and _saturated(
            within.T[long_y], count[long_y], one
        )

    furthest = max((alone.max() for alone in to_diagonal if len(alone)), default=0.0)
    candidates = np.unique(np.concatenate([[0.0], *to_diagonal, across[across < furthest]]))
    low, high = 0, len(candidates) - 1  # the furthest is feasible: all bars to the diagonal
    while low < high:
        middle = (low + high) // 2
        if feasible(candidates[middle]):
            high = middle
        else:
            low = middle + 1
    return float(candidates[low])


def _saturated(
    within: NDArray[np.bool_], supply: NDArray[np.int64], capacity: NDArray[np.int64]
) -> bool:
    """Whether all rows can send their supply to columns within reach, by maximum flow."""
    if supply.sum() > capacity.sum():
        return False
    n, m = within.shape
    i, j = within.nonzero()
    source, sink = n + m, n + m + 1
    tails = np.concatenate([np.full(n, source), i, n + np.arange(m)])
    heads = np.concatenate([np.arange(n), n + j, np.full(m, sink)])
    sizes = np.concatenate([supply, np.minimum(supply[i], capacity[j]), capacity])
    # numbers of 32 bits throughout: SciPy before 1.14 takes no others here
    ends = (tails.astype(np.int32), heads.astype(np.int32))
    graph = csr_array((sizes.astype(np.int32), ends), shape=(n + m + 2, n + m + 2))
    return int(maximum_flow(graph, source, sink).flow_value) == int(supply.sum())
