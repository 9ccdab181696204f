"""Which node dies at which edge where ages and edges come from two orders: image persistence.

Edges are met in the order of one filtration. Where two components meet, the one whose oldest node
*in another filtration* is the younger loses that node: the pairs of the matrix whose rows are in
the one order and whose columns in the other. All nodes are there from the beginning, so a node may
die before it is born: such a pair is what the published matching looks at too, and is left to the
caller.

Most nodes need no rounds. One whose first edge leads to an older one dies there: until then it is
alone, and from then on never the oldest. Taking it out, with its other edges given to the older
one, changes nothing else, whatever the two orders are, and all such nodes may go at once. Of the
edges, the last of four that form a cell of the lattice joins nothing: the other three are a way
round.
"""

from __future__ import annotations

import torch
from torch import Tensor

from topoeval.persistence._parallel.basins import follow
from topoeval.persistence._parallel.lattice import OUTSIDE
from topoeval.persistence._parallel.pairing import pair
from topoeval.persistence._parallel.saddles import Edges


def deaths(nodes: Tensor, edges: Tensor) -> Tensor:
    """Return int32 ``(n, R * S)``: the edge at which each node dies; -1: it never does.

    Of n graphs with ``(n, R, S)`` ages and ``(n, 2, R, S)`` edges, as in `Lattice`; nodes with the
    age `OUTSIDE` are one, which is no node's death.
    """
    place = torch.arange(nodes.numel(), dtype=torch.int32, device=nodes.device).reshape(nodes.shape)
    first, beyond = _first_edges(edges, place)
    age = nodes.reshape(-1)
    outside = nodes == OUTSIDE
    dies = (age[beyond] < nodes) & ~outside
    pointer = torch.where(dies, beyond, place)
    pointer = torch.where(outside, place[:, :1, :1], pointer).reshape(-1)
    left = (pointer == place.reshape(-1)).nonzero()[:, 0]
    death = torch.where(dies, first, -1)
    del place, first, beyond, outside, dies
    root = follow(pointer).reshape(nodes.shape)
    del pointer

    # What is left is numbered by age, over all graphs: only inside one does it matter.
    left = left[age[left].argsort()]
    number = torch.empty_like(age)
    number[left] = torch.arange(len(left), dtype=torch.int32, device=nodes.device)
    ends = number[root]
    del number, root
    joins = _may_join(edges)
    parts = []
    for direction, (one, other) in enumerate(
        ((ends[..., :-1], ends[..., 1:]), (ends[:, :-1], ends[:, 1:]))
    ):
        height, width = one.shape[1:]
        between = (one != other) & joins[:, direction, :height, :width]
        times = edges[:, direction, :height, :width]
        parts.append((one[between], other[between], times[between]))
    del ends, joins
    met = Edges.sorted(*map(torch.cat, zip(*parts, strict=True)))
    death.view(-1)[left] = pair(met, len(left))
    return death.flatten(1)


def _first_edges(edges: Tensor, place: Tensor) -> tuple[Tensor, Tensor]:
    """Return when the first edge of each node enters, and which node is beyond it.

    Nodes are called by their `place`; one that has no edge is told to have itself beyond.
    """
    row, column = edges.unbind(1)
    first = torch.minimum(row, column)
    first[..., 1:] = torch.minimum(first[..., 1:], row[..., :-1])
    first[:, 1:] = torch.minimum(first[:, 1:], column[:, :-1])
    beyond = place.clone()
    for times, here, there in (
        (row[..., :-1], (..., slice(-1)), (..., slice(1, None))),
        (column[:, :-1], (slice(None), slice(-1)), (slice(None), slice(1, None))),
    ):
        beyond[here] = torch.where(times == first[here], place[there], beyond[here])
        beyond[there] = torch.where(times == first[there], place[here], beyond[there])
    return first, beyond


def _may_join(edges: Tensor) -> Tensor:
    """Return which edges are not the last one of a cell of the lattice."""
    row, column = edges.unbind(1)
    sides = row[:, :-1, :-1], row[:, 1:, :-1], column[:, :-1, :-1], column[:, :-1, 1:]
    last = torch.maximum(torch.maximum(*sides[:2]), torch.maximum(*sides[2:]))
    may_join = torch.ones_like(edges, dtype=torch.bool)
    for direction, (near, far) in enumerate(((sides[0], sides[1]), (sides[2], sides[3]))):
        mine = may_join[:, direction]
        mine[:, :-1, :-1] &= near != last
        beyond = mine[:, 1:, :-1] if direction == 0 else mine[:, :-1, 1:]
        beyond &= far != last
    return may_join
