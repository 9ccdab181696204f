"""Scores of networks of roads or other lines: by the length of their skeletons, and as graphs.

- Completeness, correctness, quality (CCQ): Wiedemann, Heipke, Mayer and Jamet, Empirical evaluation
  of automatically extracted road axes, 1998. Lengths are counted in voxels of skeletons.
- APLS: Van Etten, Lindenbaum and Bacastow, SpaceNet, arXiv 1807.01232. TLTS: Mosinska et al., CVPR
  2018, arXiv 1712.02190.
- Junction F1 here matches junctions one to one, nearest first in sum, within the tolerance.

APLS and TLTS follow the descriptions: control points are ends and junctions, up to `CONTROL_POINTS`
of a graph, without the further points that SpaceNet's code puts on long roads.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.spatial import cKDTree

from topoeval.metrics.arrays import Array, case_pairs
from topoeval.metrics.distance import TOLERATED
from topoeval.metrics.skeleton_graph import SkeletonGraph, skeleton_graph
from topoeval.metrics.skeletons import skeleton

CONTROL_POINTS = 300
"""Most control points of a graph; of more, evenly chosen ones."""
TOO_DIFFERENT = 0.05
"""Share by which a path may be longer or shorter and still counts as correct in TLTS."""
BUFFER = 3.0
"""Tolerance of networks where none is given, in units of the largest side of a voxel."""

NAMES = ("completeness", "correctness", "quality", "junction_f1", "apls", "tlts")


def network_scores(
    prediction: NDArray[np.bool_],
    target: NDArray[np.bool_],
    tolerance: float | None = None,
    spacing: Sequence[float] | None = None,
) -> dict[str, float]:
    """Return the scores of one pair by column, all in [0, 1]; higher is better.

    ``completeness``: share of the true skeleton within the tolerance of the predicted one;
    ``correctness``: the reverse; ``quality``: matched prediction over prediction and missed truth.
    ``junction_f1``; 1 where neither has a junction. ``apls``: harmonic mean, both ways round, of
    one less the mean relative difference of the shortest paths between control points, 1 for a path
    that is lost. ``tlts``: share of the true paths whose length is right to 5 %. A graph without a
    path of two control points counts as found. Two empty masks score 1, one empty mask scores 0.

    Parameters
    ----------
    prediction, target
        Boolean masks of one shape, 2D or 3D.
    tolerance
        Largest distance that counts as the same place; three voxels by default.
    spacing
        Size of a voxel along each axis; 1 by default.

    Examples
    --------
    >>> g = np.zeros((7, 12), dtype=bool)
    >>> g[3, 1:11] = True
    >>> p = g.copy()
    >>> p[3, 6:] = False
    >>> found = network_scores(p, g, tolerance=1)
    >>> round(found["completeness"], 2), found["correctness"], found["tlts"]
    (0.6, 1.0, 0.0)
    """
    if not (prediction.any() and target.any()):
        return dict.fromkeys(NAMES, float(not prediction.any() and not target.any()))
    if tolerance is None:
        tolerance = BUFFER * max(spacing or (1.0,))
    most = tolerance * (1 + TOLERATED)
    p, g = (skeleton_graph(skeleton(mask).voxels, spacing) for mask in (prediction, target))
    to_g, to_p = (cKDTree(one.places) for one in (g, p))
    found = to_p.query(g.places)[0] <= most
    right = to_g.query(p.places)[0] <= most
    matched = np.count_nonzero(right)
    forth, back = _paths(g, p, to_p, most), _paths(p, g, to_g, most)
    kept = [1 - difference.mean() if len(difference) else 1.0 for difference in (forth, back)]
    return {
        "completeness": float(found.mean()),
        "correctness": float(right.mean()),
        "quality": float(matched / (len(right) + np.count_nonzero(~found))),
        "junction_f1": _junction_f1(p, g, most),
        "apls": 2 * kept[0] * kept[1] / (kept[0] + kept[1]) if sum(kept) > 0 else 0.0,
        "tlts": float(np.mean(forth <= TOO_DIFFERENT)) if len(forth) else 1.0,
    }


def apls(
    prediction: Array,
    target: Array,
    tolerance: float | None = None,
    spacing: Sequence[float] | None = None,
    spatial_dims: int | None = None,
) -> NDArray[np.float64]:
    """Average path length similarity of the skeletons of each pair; see `network_scores`.

    Parameters
    ----------
    prediction, target
        Boolean masks of equal shape ``(..., *spatial)``.
    tolerance
        Largest distance from a control point to the other graph; three voxels by default.
    spacing
        Size of a voxel along each axis; 1 by default.
    spatial_dims
        2 or 3; None reads the whole array as one mask.

    Returns
    -------
    Shape ``(...)``, float64 in [0, 1]; higher is better.

    Raises
    ------
    UserError
        If a mask is not boolean or the shapes differ.
    """
    shape, pairs = case_pairs(prediction, target, spatial_dims)
    values = [network_scores(p, g, tolerance, spacing)["apls"] for p, g in pairs]
    return np.array(values, np.float64).reshape(shape)


def _paths(
    one: SkeletonGraph, other: SkeletonGraph, tree: cKDTree, most: float
) -> NDArray[np.float64]:
    """Return by how much each path between control points differs in the other graph, at most 1."""
    points = one.control_points(CONTROL_POINTS)
    if len(points) < 2:
        return np.empty(0)
    lengths = one.distances_from(points)[:, points]
    away, nearest = tree.query(one.places[points])
    there = other.distances_from(nearest)[:, nearest]
    there[away > most] = there[:, away > most] = np.inf
    first, second = np.triu_indices(len(points), 1)
    connected = np.isfinite(lengths[first, second])
    wanted, got = lengths[first, second][connected], there[first, second][connected]
    return np.minimum(np.abs(wanted - got) / wanted, 1.0)


def _junction_f1(p: SkeletonGraph, g: SkeletonGraph, most: float) -> float:
    places = [graph.places[_junctions(graph)] for graph in (p, g)]
    total = sum(map(len, places))
    if not all(map(len, places)):
        return float(total == 0)
    apart = np.linalg.norm(places[0][:, None] - places[1][None], axis=-1)
    # whatever is too far costs so much that no assignment gains by it
    cost = np.where(apart <= most, apart, 1e6 * (1 + most))
    rows, columns = linear_sum_assignment(cost)
    return float(2 * np.count_nonzero(apart[rows, columns] <= most) / total)


def _junctions(graph: SkeletonGraph) -> NDArray[np.int64]:
    points = graph.control_points(len(graph.places))
    return points[graph.degrees[points] > 2]
