"""Distances between barcodes: Wasserstein and bottleneck, exact, per image and dimension."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from topoeval.persistence.barcode import Barcodes, host_array
from topoeval.persistence.bottleneck import bottleneck
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

    Exact: the result is one of the finitely many distances between points and to the diagonal, and
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
        # the bars of a binary mask are one point many times over, a single column of the matrix
        check_size(len(x) * len(np.unique(y, axis=0)), (len(x), len(y)), a, group)
        result[group] = max(result[group], bottleneck(x, y))
    return result.reshape(a.n_images, len(a.dims))


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
