"""From images to bars: the parts put together."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from torch import Tensor

from topoeval.persistence._parallel.choice import pairs
from topoeval.persistence._parallel.order import (
    Sweep,
    sortable,
    sweeps,
    voxel_order,
    voxel_ranks,
)
from topoeval.persistence.backends.native import Native
from topoeval.topology import Topology


def bars(
    images: Tensor, topology: Topology, dims: Sequence[int], threads: int | None = None
) -> Tensor:
    """Return int64 ``(4, n)`` on the device of ``(B, *spatial)`` images, as `IndexTable`.

    `threads` are those of the native engine, which does the loops of volumes.
    """
    spatial = images.shape[1:]
    values = sortable(images.reshape(len(images), -1))
    order = voxel_order(values, topology.superlevel)
    ranks = voxel_ranks(order)
    graphs = sweeps(topology, dims, len(spatial))
    if len(spatial) == 2 or 1 not in dims:
        return _longer_than_zero(component_bars(order, ranks, spatial, graphs), values)
    volumes = ranks.reshape(images.shape).cpu().numpy()
    with ThreadPoolExecutor(1) as host:  # which works while the device does the rest
        loops = host.submit(
            Native(threads).compute,
            volumes,
            Topology(topology.construction, "sublevel", topology.border),
            [1],
        )
        parts = [component_bars(order, ranks, spatial, graphs)] if graphs else []
        parts.append(torch.from_numpy(np.stack(loops.result())).to(images.device))
    table = _longer_than_zero(torch.cat(parts, dim=1), values)
    image, dim = table[:2]
    return table[:, (image * len(spatial) + dim).argsort(stable=True)]


def _longer_than_zero(table: Tensor, values: Tensor) -> Tensor:
    """Return the rows whose ends differ in value, or of which one has none."""
    image, _, birth, death = table
    differ = values[image, birth.clamp(min=0)] != values[image, death.clamp(min=0)]
    return table[:, differ | (birth < 0) | (death < 0)]


def component_bars(
    order: Tensor, ranks: Tensor, spatial: Sequence[int], graphs: Sequence[Sweep]
) -> Tensor:
    """Return int64 ``(4, n)``: image, dimension, voxel of birth and of death (-1: none).

    Rows are grouped by image, then dimension. Bars of length zero are there, as only the order of
    the voxels is known here.
    """
    size = order.shape[1]
    minima, saddle = pairs(order, ranks, spatial, graphs)

    graph = minima // (size + 1)
    image, number = graph // len(graphs), graph % len(graphs)
    minimum = minima % (size + 1)
    dies = saddle >= 0
    saddle = torch.where(dies, saddle % (size + 1), 0)

    # What never dies: in the foreground the essential class, in the background what lies beyond the
    # border, which is no class, or, inside a frame, the hole that is born with the frame (node 0).
    properties = [
        (g.dim, g.backwards, not g.rooted or not g.backwards, not g.rooted) for g in graphs
    ]
    dim, backwards, told, eldest = torch.tensor(properties, device=order.device).T[:, number]
    keep = dies | ((told == 1) & (minimum == eldest))
    image, dim, minimum, saddle, backwards = (
        column[keep] for column in (image, dim, minimum, saddle, backwards)
    )

    def voxel(node: Tensor) -> Tensor:
        place = torch.where(backwards == 1, size - node, node - 1).clamp(0, size - 1)
        return torch.where(node == 0, -1, order[image, place])

    at_minimum, at_saddle = voxel(minimum), voxel(saddle)
    birth = torch.where(backwards == 1, at_saddle, at_minimum)
    death = torch.where(backwards == 1, at_minimum, at_saddle)
    return torch.stack([image, dim, birth, death])
