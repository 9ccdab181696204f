"""The order in which voxels enter, and the graphs whose components are followed.

Components of the foreground are followed as voxels enter, those of the background as they leave
again: by duality the latter are the classes of the highest dimension. Both are the same task on a
graph of *nodes* numbered by age: node 0 is what lies beyond the border, 1 to N are the voxels.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from topoeval.topology import Topology

Offset = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Sweep:
    """One of the two graphs.

    Parameters
    ----------
    dim
        Homology dimension of the classes that its components stand for.
    corners
        Whether voxels that share a corner are neighbours, or only those that share a face.
    rooted
        Whether all border voxels are neighbours of node 0, the oldest; else it has no neighbours.
    backwards
        Whether voxels are met in the reverse of the order in which they enter.
    """

    dim: int
    corners: bool
    rooted: bool
    backwards: bool


def sweeps(topology: Topology, dims: Sequence[int], ndim: int) -> list[Sweep]:
    """Return the graphs for those of `dims` that components can tell: 0 and ``ndim - 1``.

    A frame enters first, so it is the oldest component; where there is none, what lies beyond the
    border is background, and the oldest of that.
    """
    through_corners = topology.foreground_connectivity(ndim) > 2 * ndim
    both = (
        Sweep(0, through_corners, rooted=topology.framed, backwards=False),
        Sweep(ndim - 1, not through_corners, rooted=not topology.framed, backwards=True),
    )
    return [sweep for sweep in both if sweep.dim in dims]


def voxel_order(values: Tensor, superlevel: bool) -> Tensor:
    """Return int64 ``(B, N)``: the voxel at each place of the order, of `sortable` values."""
    return torch.sort(values, dim=1, descending=superlevel, stable=True).indices


def sortable(values: Tensor) -> Tensor:
    """Return values of the same order in a dtype that every device sorts."""
    if values.is_floating_point():
        return values + 0.0  # -0.0 and 0.0 are one value, also where bits are sorted
    if values.dtype == torch.bool:
        return values.to(torch.uint8)
    if values.dtype == torch.uint64:
        return values.contiguous().view(torch.int64) ^ torch.iinfo(torch.int64).min
    if values.dtype in (torch.uint16, torch.uint32):
        return values.to(torch.int64)
    return values


def voxel_ranks(order: Tensor) -> Tensor:
    """Return int32 ``(B, N)``: the place of each voxel in the order."""
    places = torch.arange(order.shape[1], dtype=torch.int32, device=order.device)
    ranks = torch.empty(order.shape, dtype=torch.int32, device=order.device)
    return ranks.scatter_(1, order, places.expand_as(order))


def padded_nodes(ranks: Tensor, graphs: Sequence[Sweep], spatial: Sequence[int]) -> Tensor:
    """Return int32 ``(B, graphs, *spatial + 2)``: the node of each voxel, inside a layer of pad.

    The pad is node 0 where that is a neighbour of the border, so it is always the lowest, and else
    a number that no voxel exceeds, so it never is.
    """
    n_images, size = ranks.shape
    padded = tuple(side + 2 for side in spatial)
    nodes = ranks.new_empty((n_images, len(graphs), *padded))
    image = ranks.reshape(n_images, *spatial)
    for number, graph in enumerate(graphs):
        nodes[:, number] = 0 if graph.rooted else size + 1
        inside = shifted(nodes[:, number], (0,) * len(spatial))
        if graph.backwards:
            torch.sub(size, image, out=inside)
        else:
            torch.add(image, 1, out=inside)
    return nodes


def neighbours(ndim: int) -> list[Offset]:
    """Return the 8 or 26 steps to a neighbour: through faces first, then edges, then corners."""
    steps = itertools.product((-1, 0, 1), repeat=ndim)
    return sorted((step for step in steps if any(step)), key=lambda step: (distance(step), step))


def distance(step: Offset) -> int:
    """Return 1 for a step through a face, 2 through an edge (2D: a corner), 3 through a corner."""
    return sum(map(abs, step))


def shifted(padded: Tensor, step: Offset) -> Tensor:
    """Return, as a view ``(B, *spatial)``, what lies one `step` from each voxel."""
    window = [
        slice(1 + move, side - 1 + move) for move, side in zip(step, padded.shape[1:], strict=True)
    ]
    return padded[(slice(None), *window)]
