"""Minima and where they die, by plain torch operations: the reference of all other ways."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from topoeval.persistence._parallel.basins import find_basins
from topoeval.persistence._parallel.order import Sweep, padded_nodes
from topoeval.persistence._parallel.pairing import pair
from topoeval.persistence._parallel.saddles import saddle_edges


def pairs(
    order: Tensor, ranks: Tensor, spatial: Sequence[int], graphs: Sequence[Sweep]
) -> tuple[Tensor, Tensor]:
    """Return the node of each minimum, int64 ``(K,)``, and that of its death, int32; -1: none."""
    nodes = padded_nodes(ranks, graphs, spatial)
    basins = find_basins(nodes, order, graphs)
    edges = saddle_edges(nodes, basins, graphs)
    del nodes
    return basins.minima, pair(edges, len(basins.minima))
