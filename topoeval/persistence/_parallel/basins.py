"""Basins: each node belongs to the minimum that steepest descent leads to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from topoeval.persistence._parallel.order import Sweep, distance, neighbours, shifted

_JUMPS = 3  # between two looks at whether all have arrived; each look waits for the device


class Basins(NamedTuple):
    """The minima of all graphs of a batch, and whose basin each node lies in.

    Nodes are numbered through: those of image b and graph g begin at (b * graphs + g) * (N + 1).
    So are basins: by image, graph and age of the minimum, and the smaller number is the older.
    """

    minima: Tensor  # int64 (K,): node of each minimum
    of_node: Tensor  # int32 (B * graphs * (N + 1),): number of the basin


def find_basins(nodes: Tensor, order: Tensor, graphs: Sequence[Sweep]) -> Basins:
    """Return the basins of ``(B, graphs, *spatial + 2)`` nodes."""
    n_images, size = order.shape
    lowest = nodes.new_zeros((n_images, len(graphs), size + 1))
    for number, graph in enumerate(graphs):
        below = lowest_neighbour(nodes[:, number], graph.corners).reshape(order.shape)
        below = below.gather(1, order)
        lowest[:, number, 1:] = below.flip(1) if graph.backwards else below
    lowest += first_nodes(nodes, size)[..., None]
    pointer = lowest.reshape(-1)
    own = torch.arange(len(pointer), dtype=torch.int32, device=pointer.device)
    is_minimum = pointer == own
    del own, lowest
    basin = is_minimum.cumsum(0, dtype=torch.int32).sub_(1)
    return Basins(is_minimum.nonzero()[:, 0], basin.index_select(0, follow(pointer)))


def first_nodes(nodes: Tensor, size: int) -> Tensor:
    """Return int32 ``(B, graphs)``: where the nodes of each image and graph begin."""
    n_images, n_graphs = nodes.shape[:2]
    first = torch.arange(n_images * n_graphs, dtype=torch.int32, device=nodes.device)
    return first.mul_(size + 1).reshape(n_images, n_graphs)


def lowest_neighbour(padded: Tensor, corners: bool) -> Tensor:
    """Return ``(B, *spatial)``: the lowest among each voxel and its neighbours."""
    ndim = padded.ndim - 1
    if not corners:
        lowest = shifted(padded, (0,) * ndim)
        for step in neighbours(ndim):
            if distance(step) == 1:
                lowest = torch.minimum(lowest, shifted(padded, step))
        return lowest
    lowest = padded
    for axis in range(1, padded.ndim):  # a box is a row of rows
        before, own, after = (
            lowest.narrow(axis, start, padded.shape[axis] - 2) for start in range(3)
        )
        lowest = torch.minimum(torch.minimum(before, own), after)
    return lowest


def follow(pointer: Tensor) -> Tensor:
    """Return where each pointer ends: at one that points to itself.

    Each jump doubles the way gone, so the number of jumps is the logarithm of the longest way.
    """
    while True:
        ahead = pointer
        for _ in range(_JUMPS):
            ahead = ahead.index_select(0, ahead)
        if torch.equal(ahead, pointer):
            return pointer
        pointer = ahead
