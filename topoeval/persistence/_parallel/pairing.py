"""Which basin dies at which edge: the elder rule, many mergers at a time.

Let every basin point across its first edge. The trees so formed have one edge that both ends point
across; its older end is the root. Along the pointers edges appear earlier and earlier, so inside a
tree one component grows from the root and takes in the other basins one by one, in the order of
their first edges: sorting by these and a running minimum of the ages is the elder rule. A basin
that is not the oldest so far dies where it is taken in, whatever happens elsewhere. One that is (a
*record*) kills the oldest before it, but that is certain only as long as no edge has left the tree;
later records stay basins of their own, and all else becomes one. Each new tree then holds the
remains of at least two old ones, unless it has no edge left: K basins need at most log2 K rounds.
"""

from __future__ import annotations

import torch
from torch import Tensor

from topoeval.persistence._parallel.basins import follow
from topoeval.persistence._parallel.saddles import Edges


def pair(edges: Edges, n_basins: int) -> Tensor:
    """Return int32 ``(n_basins,)``: the key of the edge at which each basin dies; -1: of none.

    The older basin is the one with the smaller number; of basins that meet, the oldest goes on.
    Nothing is asked of keys but that edges come in their order: ages may be those of another.
    """
    death = torch.full((n_basins + 1,), -1, dtype=torch.int32, device=edges.key.device)
    while len(edges.key):
        edges = merge(edges, death)
    return death[:-1]


def merge(edges: Edges, death: Tensor) -> Edges:
    """Do one round: write into `death` who dies, and return the edges between those that are left.

    `death` has one entry more than there are basins, for writes that are not wanted.
    """
    device = death.device
    # Basins without an edge are done; the others are numbered anew, still by age.
    left = torch.zeros(len(death) - 1, dtype=torch.bool, device=device)
    left[edges.one.long()] = True
    left[edges.other.long()] = True
    name = left.nonzero()[:, 0]
    number = left.cumsum(0).sub_(1)
    one, other = number[edges.one], number[edges.other]
    n = len(name)
    basin = torch.arange(n, device=device)
    edge = torch.arange(len(one), device=device)  # sorted by key: a smaller number appears first

    # Trees of first edges, and the first edge that leaves each tree.
    first = _earliest(n, edge, one, other)
    across = one[first] + other[first] - basin
    is_root = (across[across] == basin) & (basin < across)
    tree = follow(torch.where(is_root, basin, across))
    taken = torch.where(is_root, -1, first)
    leaving = torch.where(tree[one] != tree[other], edge, len(edge))
    certain = taken < _earliest(n, leaving, tree[one], tree[other])[tree]

    # In each tree, the basins in the order in which they are taken in, the root first; then the
    # running minimum of the ages. Trees follow each other, each shifted below the one before.
    order = (tree * (len(edge) + 1) + taken).argsort()
    shift = tree[order] * n
    oldest = (order - shift).cummin(0).values + shift
    before = torch.where(is_root[order], order, oldest.roll(1))
    is_record = order < before
    victim = torch.where(is_record, before, order)
    final = ~is_root[order] & (~is_record | certain[order])
    names = torch.where(final, name[victim], len(death) - 1)
    death[names] = edges.key[taken[order].clamp(min=0)]

    core = _earliest(n, torch.where(certain, basin, n), tree)[tree]
    stays = torch.zeros_like(is_root).index_put_((order,), is_record & ~certain[order])
    merged = torch.where(stays, basin, core)
    one, other = merged[one], merged[other]
    between = (one != other).nonzero()[:, 0]
    one, other = (name[end[between]].to(torch.int32) for end in (one, other))
    return Edges(one, other, edges.key[between])


def _earliest(n: int, values: Tensor, *slots: Tensor) -> Tensor:
    """Return int64 ``(n,)``: the least of the values written to each slot, by any of its names."""
    least = values.new_full((n,), torch.iinfo(values.dtype).max)
    for slot in slots:
        least.scatter_reduce_(0, slot, values, "amin")
    return least
