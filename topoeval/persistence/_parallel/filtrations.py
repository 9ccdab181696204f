"""The three filtrations of a Betti matching, in integers that can be compared among them.

All is said as for V: voxels enter in ascending order, a cell with the last of its voxels. T is the
V of the reversed order on the reversed grid, and a frame is one more layer of voxels that enter
first, as in the native engine (native/matching/order.hpp), whose ties these are too.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from topoeval.persistence._parallel.order import shifted, sortable, voxel_order, voxel_ranks
from topoeval.topology import Topology

P, G, C = range(3)  # two maps, and what they are compared in


class Filtrations(NamedTuple):
    """P, G and C of a batch; the first axis tells which.

    `ranks` are on the grid as the engine walks it, so backwards for T and with the frame. `voxels`
    and `levels` are by rank.
    """

    ranks: Tensor  # int32 (3, B, H, W): from 0, each once
    voxels: Tensor  # int64 (3, B, N): flat index in the image; -1: of the frame
    levels: Tensor  # int32 (3, B, N): ascending; equal where values are, also of two filtrations


def filtrations(p: Tensor, g: Tensor, topology: Topology, union: bool) -> Filtrations:
    """Return the filtrations of ``(B, H, W)`` finite maps of one dtype."""
    n_images, *spatial = p.shape
    of_p, of_g = _levels(p.flatten(1), g.flatten(1), topology.superlevel)
    # what enters earlier has the lower level
    of_c = torch.minimum(of_p, of_g) if union else torch.maximum(of_p, of_g)
    unsorted = torch.cat([of_p, of_g, of_c])
    order = voxel_order(unsorted, superlevel=False)
    ranks, levels = voxel_ranks(order), unsorted.gather(1, order)
    if topology.framed:
        spatial = [side + 2 for side in spatial]
        ranks, order, levels = _framed(ranks, order, levels, spatial)
    if topology.construction == "T":
        ranks = (ranks.shape[1] - 1 - ranks).flip(1)
        order, levels = order.flip(1), -levels.flip(1)
    return Filtrations(
        ranks.reshape(3, n_images, *spatial),
        order.reshape(3, n_images, -1),
        levels.reshape(3, n_images, -1),
    )


def _levels(p: Tensor, g: Tensor, superlevel: bool) -> tuple[Tensor, Tensor]:
    """Return int32 levels of ``(B, N)`` maps: the number of values that both have before."""
    values, order = torch.sort(sortable(torch.cat([p, g], dim=1)), dim=1, descending=superlevel)
    steps = torch.zeros_like(order, dtype=torch.int32)
    steps[:, 1:] = values[:, 1:] != values[:, :-1]
    levels = torch.empty_like(steps).scatter_(1, order, steps.cumsum(1, dtype=torch.int32))
    return levels[:, : p.shape[1]], levels[:, p.shape[1] :]


def _framed(
    ranks: Tensor, order: Tensor, levels: Tensor, spatial: list[int]
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the same with a layer of voxels around that enter first, in the order of their index.

    `spatial` is the shape with the layer.
    """
    height, width = spatial
    layer = height * width - ranks.shape[1]
    in_layer = torch.ones(spatial, dtype=torch.int32, device=ranks.device)
    in_layer[1:-1, 1:-1] = 0
    first = in_layer.reshape(-1).cumsum(0, dtype=torch.int32).sub_(1).reshape(spatial)
    image = first.repeat(len(ranks), 1, 1)
    torch.add(ranks.reshape(-1, height - 2, width - 2), layer, out=shifted(image, (0, 0)))
    before = (len(ranks), layer)
    return (
        image.reshape(len(ranks), -1),
        torch.cat([order.new_full(before, -1), order], dim=1),
        torch.cat([levels.new_full(before, -1), levels], dim=1),
    )
