"""The induced matching of two batches of images, by tensor operations alone.

P and G map to their comparison C (union), or C to them (intersection). The pairs of each filtration
and those of the two images are deaths in one disjoint union of graphs; the rest is looking up. What
is matched, and through which cells, is said in native/matching/matching.hpp.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from topoeval.persistence._parallel.elders import deaths
from topoeval.persistence._parallel.filtrations import C, Filtrations, G, P, filtrations
from topoeval.persistence._parallel.lattice import Lattice, ascending, descending
from topoeval.topology import Topology

NODES_AT_ONCE = (2**31 - 1) // 5  # of all images: those of five graphs are numbered in 32 bits
_NEVER = -1
_UNMATCHED = -2


def matching(
    p: Tensor, g: Tensor, topology: Topology, dims: Sequence[int], union: bool, proper: bool
) -> Tensor:
    """Return int64 ``(6, n)``: the columns of `Matching` for ``(B, H, W)`` maps of one dtype."""
    found = filtrations(p, g, topology, union)
    dual = topology.construction == "T"
    tables = []
    for dim in dims:
        if dim == 0:  # the same class in any two filtrations of a whole
            tables.append(_essential(found.voxels[:, :, -1 if dual else 0]))
        lattice_of = ascending if (dim == 0) != dual else descending
        lattice = lattice_of(found.ranks, outside_first=dual)
        tables.append(_Bars(found, lattice, (dim == 0) == union, proper).rows(dim))
    table = torch.cat(tables, dim=1)
    return table[:, (2 * table[0] + table[1]).argsort(stable=True)]


def _essential(oldest: Tensor) -> Tensor:
    image = torch.arange(oldest.shape[1], device=oldest.device)
    never = torch.full_like(image, _NEVER)
    return _table(image, 0, *(torch.stack([oldest[k], never]) for k in (P, G)))


def _table(image: Tensor, dim: int, p_ends: Tensor, g_ends: Tensor) -> Tensor:
    return torch.cat([torch.stack([image, torch.full_like(image, dim)]), p_ends, g_ends])


class _Bars:
    """Nodes and edges of one lattice with the bars that they begin and end.

    Parameters
    ----------
    filtrations, lattice
        Of the batch.
    in_comparison
        Whether bars of P and of G meet in C, where its edges join classes of all three, and so
        share the edge at which they die in C; else in the node of C that dies at their own edges.
    proper
        Whether a class of an image counts only where it has a length.
    """

    def __init__(
        self, filtrations: Filtrations, lattice: Lattice, in_comparison: bool, proper: bool
    ) -> None:
        self.filtrations, self.lattice, self.proper = filtrations, lattice, proper
        self.in_comparison = in_comparison
        self.nodes = lattice.nodes.flatten(2)
        ages, orders = [P, G, C], [P, G, C]
        ages += [P, G] if in_comparison else [C, C]
        orders += [C, C] if in_comparison else [P, G]
        found = deaths(
            lattice.nodes[ages].flatten(0, 1), lattice.edges[orders].flatten(0, 1)
        ).reshape(5, *self.nodes.shape[1:])
        self.own, self.image = found[:3], found[3:]
        self.long = torch.stack(
            [
                (self.own[k] >= 0) & (self.level(k, self.own[k]) != self.level(k, self.nodes[k]))
                for k in (P, G, C)
            ]
        )

    def level(self, k: int, time: Tensor) -> Tensor:
        """Return the levels in filtration k of ``(B, n)`` cells; of cells not there, any."""
        return self.filtrations.levels[k].gather(1, self._rank(time))

    def voxel(self, k: int, image: Tensor, time: Tensor) -> Tensor:
        """Return the voxels with which cells enter filtration k; of cells not there, any."""
        return self.filtrations.voxels[k, image, self._rank(time)]

    def _rank(self, time: Tensor) -> Tensor:
        return self.lattice.rank(time).clamp(0, self.lattice.n_voxels - 1)

    def rows(self, dim: int) -> Tensor:
        """Return bars of P with their partners, then those of G that have none."""
        find = self._edge_of_comparison if self.in_comparison else self._node_of_comparison
        n_places = self.lattice.n_times if self.in_comparison else self.nodes.shape[2]
        p_of_g = _looked_up(_inverse(find(P), n_places), find(G))  # by node, as all that follows
        g_of_p = _inverse(p_of_g, self.nodes.shape[2])

        image, node = self.long[P].nonzero().T
        partner = g_of_p[image, node]
        g_ends = self._ends(G, dim, image, partner.clamp(min=0))
        g_ends = g_ends.masked_fill(partner < 0, _UNMATCHED)
        with_p = _table(image, dim, self._ends(P, dim, image, node), g_ends)

        image, node = (self.long[G] & (p_of_g < 0)).nonzero().T
        g_ends = self._ends(G, dim, image, node)
        return torch.cat(
            [with_p, _table(image, dim, torch.full_like(g_ends, _UNMATCHED), g_ends)], dim=1
        )

    def _ends(self, k: int, dim: int, image: Tensor, node: Tensor) -> Tensor:
        """Return births and deaths of bars of P or G, ``(2, n)``: a loop begins at its edge."""
        at_node = self.voxel(k, image, self.nodes[k, image, node])
        at_edge = self.voxel(k, image, self.own[k, image, node])
        return torch.stack([at_node, at_edge] if dim == 0 else [at_edge, at_node])

    def _edge_of_comparison(self, k: int) -> Tensor:
        """Return the edge at which each bar of P or G dies in C, if a bar of C does too; or -1."""
        edge = self.image[k]
        ends_bar = _looked_up(
            _inverse(torch.where(self.long[C], self.own[C], -1), self.lattice.n_times), edge
        )
        counts = self.long[k] & (ends_bar >= 0)
        if self.proper:
            counts &= self._overlaps(self.level(k, self.nodes[k]), self.level(C, edge))
        return torch.where(counts, edge, -1)

    def _node_of_comparison(self, k: int) -> Tensor:
        """Return the node of C that dies with each bar of P or G, if that has a bar; or -1."""
        node = _looked_up(_inverse(self.image[k], self.lattice.n_times), self.own[k])
        within = node.clamp(min=0)
        counts = self.long[k] & (node >= 0) & self.long[C].gather(1, within)
        if self.proper:
            age = self.nodes[C].gather(1, within)
            counts &= self._overlaps(self.level(C, age), self.level(k, self.own[k]))
        return torch.where(counts, node, -1)

    def _overlaps(self, node: Tensor, edge: Tensor) -> Tensor:
        return node < edge if self.lattice.ascending else edge < node


def _inverse(places: Tensor, n: int) -> Tensor:
    """Return int64 ``(B, n)``: in which column of ``(B, m)`` each place is; -1: in none, or -1."""
    column = torch.arange(places.shape[1], device=places.device).expand_as(places)
    inverse = column.new_full((len(places), n + 1), -1)
    return inverse.scatter_(1, torch.where(places < 0, n, places).long(), column)[:, :n]


def _looked_up(table: Tensor, places: Tensor) -> Tensor:
    """Return what a ``(B, n)`` table has at ``(B, m)`` places; -1 at place -1."""
    return torch.where(places < 0, -1, table.gather(1, places.clamp(min=0).long()))
