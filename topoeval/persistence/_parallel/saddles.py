"""The edges on which components can meet: few, and all that the pairing needs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from topoeval.persistence._parallel.basins import Basins, first_nodes
from topoeval.persistence._parallel.links import lower_links, may_join
from topoeval.persistence._parallel.order import Sweep, distance, neighbours


class Edges(NamedTuple):
    """Edges between basins, three int32 columns sorted by `key`.

    `key` is the node at which the edge appears, the younger of its two ends; basins are those of
    that node and of the other end, which differ.
    """

    one: Tensor
    other: Tensor
    key: Tensor

    @classmethod
    def sorted(cls, one: Tensor, other: Tensor, key: Tensor) -> Edges:
        """Return the edges in the order in which they appear."""
        key, order = key.sort(stable=True)
        return cls(one[order], other[order], key)


def saddle_edges(nodes: Tensor, basins: Basins, graphs: Sequence[Sweep]) -> Edges:
    """Return the edges from voxels that may join components to their older neighbours.

    A voxel whose older neighbours are connected among themselves joins nothing but itself, and its
    way down the basin keeps it connected to them: its other edges can go.
    """
    parts = [_edges_of(nodes, number, graph, basins) for number, graph in enumerate(graphs)]
    return Edges.sorted(*map(torch.cat, zip(*parts, strict=True)))


def _edges_of(
    nodes: Tensor, number: int, graph: Sweep, basins: Basins
) -> tuple[Tensor, Tensor, Tensor]:
    padded = nodes[:, number]
    ndim = padded.ndim - 1
    size = len(basins.of_node) // (nodes.shape[0] * nodes.shape[1]) - 1
    saddles = may_join(lower_links(padded, graph.corners), ndim, graph.corners).nonzero()
    image, where = saddles[:, 0], saddles[:, 1:] + 1

    reach = ndim if graph.corners else 1
    steps = [step for step in neighbours(ndim) if distance(step) <= reach]
    strides = torch.tensor(nodes.stride()[2:], device=nodes.device)
    ways = (torch.tensor(steps, device=nodes.device) * strides).sum(1)
    place = image * nodes.stride(0) + number * nodes.stride(1) + (where * strides).sum(1)
    flat = nodes.reshape(-1)
    own = flat[place]
    ends = flat[place[:, None] + ways]

    first = first_nodes(nodes, size)[:, number][image]
    key = first + own
    one = basins.of_node[key]
    older = torch.where(ends < own[:, None], ends, own[:, None])  # itself, where there is none
    other = basins.of_node[first[:, None] + older]
    saddle, way = (other != one[:, None]).nonzero(as_tuple=True)
    return one[saddle], other[saddle, way], key[saddle]
