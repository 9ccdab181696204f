"""A table of bars read as persistence diagrams: points in the plane, one diagram a group.

A group is an image and a homology dimension. The point of a bar is ``(birth, death)``; the diagonal
holds the bars of length zero.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from topoeval.errors import UserError
from topoeval.persistence.barcode import Barcodes, host_array

Table = Barcodes[torch.Tensor]
# (n,) rows of the first and (m,) rows of the second table -> a number for each pair, (n, m)
PairFunction = Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.float64]]


def check_comparable(first: Barcodes[Any], second: Barcodes[Any]) -> None:
    """Refuse barcodes of different numbers of images or different dimensions."""
    for field in ("n_images", "dims"):
        ours, theirs = getattr(first, field), getattr(second, field)
        if ours != theirs:
            raise UserError(f"barcodes to be matched differ in {field}: {ours} and {theirs}")


def group_index(barcodes: Table) -> torch.Tensor:
    """Return the number of each row's image and dimension, ``image * len(dims) + column``."""
    dims = torch.tensor(barcodes.dims, device=barcodes.dim.device)
    return barcodes.image * len(barcodes.dims) + torch.searchsorted(dims, barcodes.dim.contiguous())


def kind_of(barcodes: Table) -> torch.Tensor:
    """Return 0 where both ends are finite, else a number for which ends are infinite."""
    born, dies = barcodes.birth.detach().isinf(), barcodes.death.detach().isinf()
    return 2 * born.long() + dies.long()


def finite(ends: torch.Tensor) -> torch.Tensor:
    """Return the ends with 0 in place of an infinite one; differentiable."""
    return torch.where(ends.isinf(), torch.zeros_like(ends), ends)


def extent(barcodes: Table) -> torch.Tensor:
    """Return the length of a finite bar, the finite end of another, by which bars are ranked."""
    birth, death = finite(barcodes.birth.detach()), finite(barcodes.death.detach())
    return torch.where(kind_of(barcodes) > 0, birth + death, (birth - death).abs())


def points_of(barcodes: Table) -> torch.Tensor:
    """Return ``(n, 2)`` float64 points, infinite ends as 0."""
    ends = (finite(end.detach()).double() for end in (barcodes.birth, barcodes.death))
    return torch.stack(tuple(ends), dim=-1)


def rows_of_groups(barcodes: Table) -> dict[int, NDArray[np.int64]]:
    """Return the rows of finite bars of each group that has any, the longest first."""
    rows = host_array((kind_of(barcodes) == 0).nonzero().flatten())
    groups, lengths = host_array(group_index(barcodes))[rows], host_array(extent(barcodes))[rows]
    order = np.lexsort((-lengths, groups))
    rows, groups = rows[order], groups[order]
    numbers, begin = np.unique(groups, return_index=True)
    end = np.append(begin, len(rows))[1:]
    return {
        group: rows[first:last]
        for group, first, last in zip(numbers.tolist(), begin, end, strict=True)
    }


def sum_per_group(barcodes: Table, rows: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    """Return the sum of the values of some rows, ``(n_images, len(dims))``; differentiable."""
    sums = values.new_zeros(barcodes.n_images * len(barcodes.dims))
    sums = sums.index_add(0, group_index(barcodes)[rows], values)
    return sums.reshape(barcodes.n_images, len(barcodes.dims))


def diagonal_distances(barcodes: Table, internal_norm: float = 2.0) -> torch.Tensor:
    """Return the distance of each bar to the diagonal, ``(n,)``; inf where an end is infinite.

    The nearest point is the middle of the bar in every p-norm, ``2^(1/p - 1)`` lengths away.
    """
    length = (finite(barcodes.birth) - finite(barcodes.death)).abs()
    distance = length * 2 ** (1 / internal_norm - 1)
    return torch.where(kind_of(barcodes) > 0, torch.full_like(distance, torch.inf), distance)


def pairwise_distances(first: Table, second: Table, internal_norm: float = 2.0) -> PairFunction:
    """Return the function that computes the distances between given rows of two tables."""
    points = [host_array(points_of(table)) for table in (first, second)]

    def apart(rows: NDArray[np.int64], columns: NDArray[np.int64]) -> NDArray[np.float64]:
        return distances(points[0][rows], points[1][columns], internal_norm)

    return apart


def distances(
    x: NDArray[np.float64], y: NDArray[np.float64], norm: float = 2.0
) -> NDArray[np.float64]:
    """Return the distances in a p-norm between points ``(n, d)`` and ``(m, d)``, ``(n, m)``."""
    quick = {1.0: "cityblock", 2.0: "euclidean", np.inf: "chebyshev"}.get(norm)
    return np.asarray(cdist(x, y, quick) if quick else cdist(x, y, "minkowski", p=norm))
