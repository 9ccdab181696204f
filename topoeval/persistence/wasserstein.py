"""Distances between barcodes: Wasserstein and bottleneck, exact, per image and dimension."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_flow

from topoeval.persistence.barcode import Barcodes, host_array
from topoeval.persistence.diagram import (
    Table,
    check_comparable,
    diagonal_distances,
    group_index,
    kind_of,
    points_of,
    rows_of_groups,
    sum_per_group,
)
from topoeval.persistence.diagram_matching import (
    check_size,
    infinite_matching,
    matched_distances,
    optimal_matching,
)


def wasserstein_distance(
    first: Barcodes[Any], second: Barcodes[Any], *, order: float = 2.0, internal_norm: float = 2.0
) -> NDArray[np.float64]:
    r"""Return the Wasserstein distance of two barcodes, per image and dimension.

    .. math:: W_q = \Big( \inf_\pi \sum_x \| x - \pi(x) \|_p^q \Big)^{1/q}

    Parameters
    ----------
    first, second
        NumPy or torch tables of equally many images, in the same dimensions.
    order, internal_norm
        q and p, at least 1; p may be `math.inf`. gudhi's default is q = 1, p = inf.

    Returns
    -------
    ``(n_images, len(dims))``, float64 >= 0, in units of the image's values. Infinite where the
    tables differ in the number of bars with infinite ends.

    Raises
    ------
    UserError
        As `optimal_matching`.

    Examples
    --------
    A second hill of height 0.6 is 0.6 / sqrt(2) away from no hill:

    >>> from topoeval.persistence import compute
    >>> two = compute(np.array([[[1.0, 0.0, 0.6]]]), dims=[0])
    >>> one = compute(np.array([[[1.0, 0.0, 0.0]]]), dims=[0])
    >>> wasserstein_distance(two, one).round(4).tolist()
    [[0.4243]]
    """
    a, b = _as_torch(first), _as_torch(second)
    matching = optimal_matching(a, b, order=order, internal_norm=internal_norm)
    pairs = matched_distances(a, b, matching, internal_norm) ** order
    total = sum_per_group(a, matching.first, pairs)
    for table, rows in zip((a, b), matching.unmatched(a, b), strict=True):
        alone = diagonal_distances(table, internal_norm)[rows] ** order
        total = total + sum_per_group(table, rows, alone)
    return host_array(total ** (1 / order))


def bottleneck_distance(first: Barcodes[Any], second: Barcodes[Any]) -> NDArray[np.float64]:
    r"""Return the bottleneck distance of two barcodes, per image and dimension.

    .. math:: W_\infty = \inf_\pi \sup_x \| x - \pi(x) \|_\infty

    Exact: the answer is one of the finitely many distances between points and to the diagonal, and
    bisection over them asks for matchings in bipartite graphs. All long bars of both tables are
    matched within a distance if those of the first can be and those of the second can be
    (Mendelsohn and Dulmage), so each question is two maximum matchings.

    Parameters
    ----------
    first, second
        NumPy or torch tables of equally many images, in the same dimensions.

    Returns
    -------
    ``(n_images, len(dims))``, float64 >= 0, in units of the image's values. Infinite where the
    tables differ in the number of bars with infinite ends.

    Raises
    ------
    UserError
        Tables that do not belong together, or too many bars in one image for a matrix of pairs.

    Examples
    --------
    >>> from topoeval.persistence import compute
    >>> two = compute(np.array([[[1.0, 0.0, 0.6]]]), dims=[0])
    >>> one = compute(np.array([[[1.0, 0.0, 0.0]]]), dims=[0])
    >>> bottleneck_distance(two, one).tolist()
    [[0.3]]
    """
    a, b = _as_torch(first), _as_torch(second)
    check_comparable(a, b)
    ends = infinite_matching(a, b)
    result = np.zeros(a.n_images * len(a.dims))
    far = host_array(matched_distances(a, b, ends, torch.inf))
    np.maximum.at(result, host_array(group_index(a)[ends.first]), far)
    for table, paired in ((a, ends.first), (b, ends.second)):
        alone = kind_of(table) > 0
        alone[paired] = False
        result[host_array(group_index(table)[alone])] = np.inf

    points = [host_array(points_of(table)) for table in (a, b)]
    rows = [rows_of_groups(table) for table in (a, b)]
    nothing = np.empty(0, np.int64)
    for group in set(rows[0]) | set(rows[1]):
        x, y = (points[k][rows[k].get(group, nothing)] for k in (0, 1))
        result[group] = max(result[group], _bottleneck(x, y, a, group))
    return result.reshape(a.n_images, len(a.dims))


def _bottleneck(x: NDArray[np.float64], y: NDArray[np.float64], table: Table, group: int) -> float:
    """Return the bottleneck distance of two sets of finite points, ``(n, 2)`` and ``(m, 2)``."""
    # the bars of a binary mask are one point many times over: one column of capacity m
    y, count = np.unique(y, axis=0, return_counts=True)
    check_size(len(x) * len(y), (len(x), int(count.sum())), table, group)
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


def _as_torch(barcodes: Barcodes[Any]) -> Table:
    """Return the table on the CPU in torch, its ends in double precision."""
    table = barcodes.numpy()
    columns: Any = {
        name: torch.from_numpy(np.ascontiguousarray(getattr(table, name)))
        for name in ("image", "dim")
    }
    columns["locations"] = None  # a distance is a matter of values
    for name in ("birth", "death"):
        columns[name] = torch.from_numpy(np.asarray(getattr(table, name), np.float64))
    return replace(barcodes, **columns)
