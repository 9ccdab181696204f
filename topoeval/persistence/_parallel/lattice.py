"""The graph whose components are followed, with every cell in its place of the order.

Ascending (H0 of V): nodes are voxels, and edges join them. Descending (H1 of V, by duality): nodes
are squares between voxels, those across the border included, and each edge between two voxels joins
the squares on its sides. Either way the nodes form a rectangle and have four neighbours.

A cell enters with the last of its voxels, and cells that enter with one voxel by their number in
its star: here the first corner of the cell, then its axis. So a cell is known by its *time*, four
times a rank plus a number of two bits; descending, that is counted from the other end.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

NONE = 2**31 - 1  # the time of an edge that is not there
OUTSIDE = -1  # the time of what lies beyond the border: one component, older than all others


@dataclass(frozen=True, slots=True)
class Lattice:
    """The nodes and edges of one sense, of any number of images alike in shape.

    Parameters
    ----------
    nodes
        int32 ``(..., R, S)``: when each node enters; `OUTSIDE` where it lies beyond the border.
    edges
        int32 ``(..., 2, R, S)``: when the edge to the next node of the row enters, and that to the
        next of the column; `NONE` past the last.
    ascending
        In which sense.
    n_voxels
        Of one image.
    """

    nodes: Tensor
    edges: Tensor
    ascending: bool
    n_voxels: int

    def rank(self, time: Tensor) -> Tensor:
        """Return the rank of the voxel that a cell enters with, int64."""
        place = (time >> 2).long()
        return place if self.ascending else self.n_voxels - place

    @property
    def n_times(self) -> int:
        """Return a number that no time of a cell reaches."""
        return 4 * (self.n_voxels + 1)


def ascending(ranks: Tensor, *, outside_first: bool) -> Lattice:
    """Return the lattice of voxels of ``(..., H, W)`` ranks.

    What lies beyond the border enters before all voxels, or after them and then is not there.
    """
    n_voxels = ranks.shape[-2] * ranks.shape[-1]
    nodes = 4 * ranks
    if outside_first:
        ranks = _padded(ranks, -1)
        nodes = _padded(nodes, OUTSIDE)
    edges = ranks.new_full((*ranks.shape[:-2], 2, *ranks.shape[-2:]), NONE)
    edges[..., 0, :, :-1] = _beside(ranks[..., :-1], ranks[..., 1:])
    edges[..., 1, :-1, :] = _below(ranks[..., :-1, :], ranks[..., 1:, :])
    return Lattice(nodes, edges, True, n_voxels)


def descending(ranks: Tensor, *, outside_first: bool) -> Lattice:
    """Return the lattice of squares of ``(..., H, W)`` ranks.

    What lies beyond the border enters before all voxels, or after them: then it is the eldest.
    """
    n_voxels = ranks.shape[-2] * ranks.shape[-1]
    latest = 4 * n_voxels + 3
    ranks = _padded(ranks, -1 if outside_first else n_voxels)
    upper = torch.maximum(4 * ranks[..., :-1, :-1] + 3, 4 * ranks[..., :-1, 1:] + 2)
    lower = torch.maximum(4 * ranks[..., 1:, :-1] + 1, 4 * ranks[..., 1:, 1:])
    nodes = latest - torch.maximum(upper, lower)
    nodes.masked_fill_(nodes < 4, OUTSIDE)
    edges = torch.full_like(nodes, NONE)[..., None, :, :].repeat_interleave(2, dim=-3)
    edges[..., 0, :, :-1] = latest - _below(ranks[..., :-1, 1:-1], ranks[..., 1:, 1:-1])
    edges[..., 1, :-1, :] = latest - _beside(ranks[..., 1:-1, :-1], ranks[..., 1:-1, 1:])
    return Lattice(nodes, edges, False, n_voxels)


def _padded(ranks: Tensor, value: int) -> Tensor:
    height, width = ranks.shape[-2:]
    padded = ranks.new_full((*ranks.shape[:-2], height + 2, width + 2), value)
    padded[..., 1:-1, 1:-1] = ranks
    return padded


# The numbers in the star of the last voxel are: 0 up, 1 to the left, 2 down, 3 to the right.


def _beside(left: Tensor, right: Tensor) -> Tensor:
    return torch.where(left < right, 4 * right + 1, 4 * left + 3)


def _below(upper: Tensor, lower: Tensor) -> Tensor:
    return torch.where(upper < lower, 4 * lower, 4 * upper + 2)
