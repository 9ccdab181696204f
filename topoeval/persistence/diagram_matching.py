"""Matching the bars of two barcodes by their values: the longest, or at least cost.

A matching pairs bars of one table with bars of another, within each image and homology dimension; a
bar without a partner is matched with the diagonal, its nearest point of length zero. Bars with an
infinite end are matched with bars that are infinite in the same way and with nothing else.

Three facts keep this exact without a square matrix of all bars and all diagonal points:

1. Matching i with j instead of both with the diagonal gains ``a_i + e_j - c_ij`` (costs to the
   diagonal less the cost of the pair). The cheapest matching is the one of largest total gain, and
   a pair of negative gain is never in it. An n x m assignment problem is left.
2. If the m bars of the second table are all one point, as those of a binary mask are, the gain of
   a pair does not depend on j. A matching that uses the bars S, ``|S| <= m``, gains the sum of
   gains over S, so the best S is the m largest positive gains: a sort, done for a whole batch at
   once, on the device of the table.
3. A bar that is not among the m best partners of any of the m bars is not needed: with a partner
   it leaves one of the m better ones free, and that one could take its place. Of thousands of bars
   of noise a few hundred remain.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from topoeval.errors import UserError
from topoeval.persistence.barcode import host_array
from topoeval.persistence.diagram import (
    PairFunction,
    Table,
    check_comparable,
    diagonal_distances,
    extent,
    finite,
    group_index,
    kind_of,
    pairwise_distances,
    points_of,
    rows_of_groups,
)
from topoeval.persistence.ranking import rank_in_group

# Entries of one dense block, and of the largest assignment problem (256 MiB in double precision).
_BLOCK = 2**20
_LARGEST = 2**25


@dataclass(frozen=True, slots=True, eq=False)
class Matching:
    """Pairs of rows of two tables; what is in no pair is matched with the diagonal.

    Parameters
    ----------
    first, second
        int64 rows of the first and of the second table, of equal length.
    """

    first: torch.Tensor
    second: torch.Tensor

    def unmatched(self, first: Table, second: Table) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the rows of each table that are in no pair."""
        return _others(self.first, len(first)), _others(self.second, len(second))


def ranked_matching(first: Table, second: Table) -> Matching:
    """Match the longest bars with the longest, the next with the next.

    Examples
    --------
    >>> from topoeval.persistence import compute
    >>> hills = compute(torch.tensor([[[0.9, 0.1, 0.8, 0.3, 0.7]]]))
    >>> hill = compute(torch.tensor([[[0.9, 0.1, 0.1, 0.2, 1.0]]]))
    >>> matching = ranked_matching(hills, hill)
    >>> hills.birth[matching.first].tolist(), hill.birth[matching.second].tolist()
    ([0.8999999761581421, 0.800000011920929], [1.0, 0.8999999761581421])
    """
    kinds_first, kinds_second = _kinds(first), _kinds(second)
    return _join(
        kinds_first,
        rank_in_group(kinds_first, extent(first)),
        kinds_second,
        rank_in_group(kinds_second, extent(second)),
    )


def optimal_matching(
    first: Table, second: Table, *, order: float = 2.0, internal_norm: float = 2.0
) -> Matching:
    """Return a matching of least cost, the optimal transport between persistence diagrams.

    Parameters
    ----------
    first, second
        Tables of equally many images, in the same dimensions, on one device.
    order
        q; a pair costs the q-th power of the distance of its points.
    internal_norm
        p of the distance between points of the plane, at least 1, `math.inf` for the largest
        coordinate.

    Raises
    ------
    UserError
        Tables that do not belong together, q or p below 1, or an assignment problem that does not
        fit in memory.
    """
    check_exponents(order, internal_norm)
    check_comparable(first, second)
    with torch.no_grad():
        ends = infinite_matching(first, second)
        one_point, rest = _one_point_matching(first, second, order, internal_norm)
        if not rest.any():
            return joined(ends, one_point)
        gain = _distance_gain(first, second, order, internal_norm)
        return joined(ends, one_point, assign(first, second, gain, rest))


def infinite_matching(first: Table, second: Table) -> Matching:
    """Match bars with an infinite end by rank: they lie on a line, where sorting is optimal."""
    rows = [(kind_of(table) > 0).nonzero().flatten() for table in (first, second)]
    columns = []
    for table, chosen in zip((first, second), rows, strict=True):
        kinds = _kinds(table)[chosen]
        columns += [kinds, rank_in_group(kinds, extent(table)[chosen])]
    return _subset(_join(*columns), *rows)


def joined(*matchings: Matching) -> Matching:
    """Return the pairs of several matchings of the same two tables as one."""
    return Matching(
        torch.cat([matching.first for matching in matchings]),
        torch.cat([matching.second for matching in matchings]),
    )


def assign(
    first: Table, second: Table, gain: PairFunction, groups: torch.Tensor | None = None
) -> Matching:
    """Match the finite bars of each image and dimension so that the sum of gains is the largest.

    Parameters
    ----------
    gain
        Returns the gain of each pair over leaving both bars alone. Pairs without a positive gain
        are left alone.
    groups
        Boolean ``(n_images * len(dims),)``: where to look; everywhere by default.

    Raises
    ------
    UserError
        Too many bars in one image for a matrix of pairs.
    """
    pairs: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []
    rows = [rows_of_groups(table) for table in (first, second)]
    both = np.intersect1d(list(rows[0]), list(rows[1])).astype(np.int64)
    if groups is not None:
        both = both[host_array(groups)[both]]
    for group in both.tolist():
        left, right, gains = _worthwhile(rows[0][group], rows[1][group], gain, first, group)
        chosen = linear_sum_assignment(np.maximum(gains, 0, out=gains), maximize=True)
        real = gains[chosen] > 0
        pairs.append((left[chosen[0][real]], right[chosen[1][real]]))
    columns = zip(*pairs, strict=True) if pairs else [(np.empty(0, np.int64),)] * 2
    return Matching(
        *(torch.from_numpy(np.concatenate(column)).to(first.image.device) for column in columns)
    )


def matched_distances(
    first: Table, second: Table, matching: Matching, internal_norm: float = 2.0
) -> torch.Tensor:
    """Return the distance of the points of each pair, ``(n_pairs,)``; 0 between equal infinities.

    Differentiable; at distance 0 the gradient is 0.
    """
    difference = torch.stack(
        [
            finite(a[matching.first]) - finite(b[matching.second])
            for a, b in ((first.birth, second.birth), (first.death, second.death))
        ],
        dim=-1,
    )
    return torch.linalg.vector_norm(difference, ord=internal_norm, dim=-1)


def check_exponents(order: float, internal_norm: float) -> None:
    """Refuse an order or an internal norm that gives no distance."""
    if not 1 <= order < np.inf:
        raise UserError(f"order must be a number from 1, got {order}")
    if not internal_norm >= 1:
        raise UserError(f"internal_norm must be at least 1 (or inf), got {internal_norm}")


def _kinds(barcodes: Table) -> torch.Tensor:
    return group_index(barcodes) * 4 + kind_of(barcodes)


def _others(rows: torch.Tensor, n: int) -> torch.Tensor:
    alone = torch.ones(n, dtype=torch.bool, device=rows.device)
    alone[rows] = False
    return alone.nonzero().flatten()


def _join(
    group_first: torch.Tensor,
    rank_first: torch.Tensor,
    group_second: torch.Tensor,
    rank_second: torch.Tensor,
) -> Matching:
    """Pair rows of equal group and rank; ranks are 0, 1, ... in each group of the second table."""
    # by rank, then by group: rank r of a group stands r places behind the group's first row
    order = torch.argsort(rank_second)
    order = order[torch.argsort(group_second[order], stable=True)]
    grouped = group_second[order].contiguous()
    group_first = group_first.contiguous()
    begin = torch.searchsorted(grouped, group_first)
    end = torch.searchsorted(grouped, group_first, right=True)
    place = begin + rank_first
    rows = (place < end).nonzero().flatten()
    return Matching(rows, order[place[rows]])


def _subset(matching: Matching, first: torch.Tensor, second: torch.Tensor) -> Matching:
    """Translate a matching of some rows of two tables to rows of the whole tables."""
    return Matching(first[matching.first], second[matching.second])


def _one_point_matching(
    first: Table, second: Table, order: float, internal_norm: float
) -> tuple[Matching, torch.Tensor]:
    """Match where the finite bars of the second table are all one point (fact 2 above).

    Also return where they are not: boolean ``(n_images * len(dims),)``.
    """
    rows = [(kind_of(table) == 0).nonzero().flatten() for table in (first, second)]
    groups = [
        group_index(table)[chosen] for table, chosen in zip((first, second), rows, strict=True)
    ]
    points = [points_of(table)[chosen] for table, chosen in zip((first, second), rows, strict=True)]
    n_groups = first.n_images * len(first.dims)
    target = groups[1][:, None].expand(-1, 2)
    extremes = [
        points[1]
        .new_zeros(n_groups, 2)
        .scatter_reduce(0, target, points[1], end, include_self=False)
        for end in ("amin", "amax")
    ]
    one_point = (extremes[0] == extremes[1]).all(1)
    present = torch.bincount(groups[1], minlength=n_groups)

    point = extremes[0][groups[0]]
    length = [(p[:, 0] - p[:, 1]).abs() * 2 ** (1 / internal_norm - 1) for p in (points[0], point)]
    apart = torch.linalg.vector_norm(points[0] - point, ord=internal_norm, dim=-1)
    gain = length[0] ** order + length[1] ** order - apart**order
    rank = rank_in_group(groups[0], gain)
    taken = one_point[groups[0]] & (gain > 0) & (rank < present[groups[0]])
    matching = _join(
        groups[0][taken],
        rank[taken],
        groups[1],
        rank_in_group(groups[1], points[1][:, 0]),
    )
    return _subset(matching, rows[0][taken], rows[1]), ~one_point


def _distance_gain(first: Table, second: Table, order: float, internal_norm: float) -> PairFunction:
    apart = pairwise_distances(first, second, internal_norm)
    alone = [
        host_array(diagonal_distances(table, internal_norm).double() ** order)
        for table in (first, second)
    ]

    def gain(rows: NDArray[np.int64], columns: NDArray[np.int64]) -> NDArray[np.float64]:
        return alone[0][rows, None] + alone[1][None, columns] - apart(rows, columns) ** order

    return gain


def _worthwhile(
    left: NDArray[np.int64], right: NDArray[np.int64], gain: PairFunction, table: Table, group: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Return the rows that a best matching can need (fact 3), and the gains between them.

    Rows come longest first, so that the first block shows what later ones have to reach.
    """
    m = len(right)
    step = max(1, min(max(_BLOCK // m, 4 * m), _LARGEST // (2 * m)))
    kept, blocks, size = [], [], 0
    least = np.zeros(m)
    for start in range(0, len(left), step):
        rows = left[start : start + step]
        check_size(size + len(rows) * m, (len(left), m), table, group)
        gains = gain(rows, right)
        needed = _reach(gains, least)
        rows, gains = rows[needed], gains[needed]
        if start == 0:
            least = _least(gains)
        kept.append(rows)
        blocks.append(gains)
        size += gains.size
    rows, gains = np.concatenate(kept), np.concatenate(blocks)
    needed = _reach(gains, _least(gains))
    rows, gains = rows[needed], gains[needed]
    columns = _reach(gains.T, _least(gains.T))
    return rows, right[columns], gains[:, columns]


def _least(gains: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the m-th best of n gains in each of m columns; 0 where there are no m."""
    n, m = gains.shape
    return np.partition(gains, n - m, axis=0)[n - m] if n > m > 0 else np.zeros(m)


def _reach(gains: NDArray[np.float64], least: NDArray[np.float64]) -> NDArray[np.bool_]:
    return np.asarray(((gains >= least) & (gains > 0)).any(1))


def check_size(size: int, bars: tuple[int, int], table: Table, group: int) -> None:
    """Refuse a matrix of pairs that would not fit in memory, naming image and dimension."""
    if size > _LARGEST:
        image, column = divmod(group, len(table.dims))
        raise UserError(
            f"{bars[0]} bars against {bars[1]} in image {image}, dimension {table.dims[column]}: "
            "too many for a matrix of pairs; compare smaller patches or leave short bars out"
        )
