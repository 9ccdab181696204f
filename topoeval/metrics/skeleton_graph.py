"""A skeleton as a graph of its voxels, with lengths of paths along it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra


@dataclass(frozen=True, slots=True, eq=False)
class SkeletonGraph:
    """The graph of a skeleton: its voxels, and edges between face, edge and corner neighbours.

    Parameters
    ----------
    places
        ``(N, d)`` float64: where the voxels lie, in units of the spacing.
    edges
        ``(E, 2)`` integers: pairs of voxels that touch.
    lengths
        ``(E,)`` float64: the distance between the two.
    """

    places: NDArray[np.float64]
    edges: NDArray[np.int64]
    lengths: NDArray[np.float64]

    @property
    def degrees(self) -> NDArray[np.int64]:
        """Edges of each voxel."""
        return np.bincount(self.edges.ravel(), minlength=len(self.places))

    def control_points(self, most: int) -> NDArray[np.int64]:
        """Return ends and junctions, evenly thinned out to `most`; of touching junctions one."""
        degrees = self.degrees
        chosen = np.flatnonzero(degrees != 2)
        # voxels of one crossing touch: the first stands for all of them
        crossing = degrees > 2
        inner = self.edges[crossing[self.edges].all(axis=1)]
        chosen = np.setdiff1d(chosen, inner.max(axis=1)) if len(inner) else chosen
        if len(chosen) <= most:
            return chosen
        return chosen[np.linspace(0, len(chosen) - 1, most).round().astype(int)]

    def distances_from(self, sources: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the length of the shortest path to each voxel, ``(S, N)``; infinite for none."""
        size = len(self.places)
        matrix = coo_array((self.lengths, (self.edges[:, 0], self.edges[:, 1])), (size, size))
        found: Any = dijkstra(matrix.tocsr(), directed=False, indices=sources)
        return np.asarray(found)


def skeleton_graph(
    line: NDArray[np.bool_], spacing: Sequence[float] | None = None
) -> SkeletonGraph:
    """Return the graph of a skeleton.

    Parameters
    ----------
    line
        Boolean, 2D or 3D: `Skeleton.voxels`.
    spacing
        Size of a voxel along each axis; 1 by default.

    Examples
    --------
    >>> graph = skeleton_graph(np.eye(3, dtype=bool))
    >>> graph.edges.tolist(), graph.lengths.round(2).tolist()
    ([[0, 1], [1, 2]], [1.41, 1.41])
    """
    sizes = np.ones(line.ndim) if spacing is None else np.asarray(spacing, np.float64)
    number = np.full(line.shape, -1, np.int64)
    voxels = np.argwhere(line)
    number[line] = np.arange(len(voxels))
    edges, lengths = [np.empty((0, 2), np.int64)], [np.empty(0)]
    for step in itertools.product((-1, 0, 1), repeat=line.ndim):
        if step <= (0,) * line.ndim:  # each pair once
            continue
        here = tuple(slice(max(-by, 0), min(-by, 0) or None) for by in step)
        there = tuple(slice(max(by, 0), min(by, 0) or None) for by in step)
        both = (number[here] >= 0) & (number[there] >= 0)
        pairs = np.stack([number[here][both], number[there][both]], axis=1)
        edges.append(pairs)
        lengths.append(np.full(len(pairs), np.linalg.norm(sizes * step)))
    return SkeletonGraph(voxels * sizes, np.concatenate(edges), np.concatenate(lengths))
