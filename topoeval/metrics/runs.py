"""Expected run length: how far one can follow a true centre line in one predicted object.

Januszewski et al., Nature Methods 15, 2018 (flood-filling networks): from a random point of the
true skeletons, the expected length of the skeleton that lies in the same predicted object, without
an error. Objects here are the components of the masks.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from topoeval.metrics.components import label
from topoeval.metrics.skeleton_graph import skeleton_graph
from topoeval.metrics.skeletons import skeleton
from topoeval.topology import Topology


def run_lengths(
    prediction: NDArray[np.bool_],
    target: NDArray[np.bool_],
    topology: Topology | str,
    spacing: Sequence[float] | None = None,
) -> dict[str, float]:
    """Return the expected run length of one pair by column.

    ``erl``: the sum of squared runs over the length of all true centre lines, in units of the
    spacing. A run is what one predicted object has of one true centre line: the steps between
    neighbouring voxels of which both lie in that object. The runs of an object that has a voxel on
    two true centre lines or more are 0: it merges them. ``nerl``: `erl` over that of the truth
    itself. Centre lines without length (single voxels) count as found, in `nerl`, where all of them
    lie in the prediction and no other truth has a length. Two empty masks have 0 and 1.

    Parameters
    ----------
    prediction, target
        Boolean masks of one shape, 2D or 3D.
    topology
        Connectivity of the objects.
    spacing
        Size of a voxel along each axis; 1 by default.

    Examples
    --------
    >>> g = np.zeros((3, 13), dtype=bool)
    >>> g[1, 1:12] = True
    >>> p = g.copy()
    >>> p[1, 5] = False  # runs of 3 and of 5 of the 10 steps
    >>> {name: round(value, 2) for name, value in run_lengths(p, g, Topology()).items()}
    {'erl': 3.4, 'nerl': 0.34}
    """
    if not target.any():
        return {"erl": 0.0, "nerl": float(not prediction.any())}
    connectivity = Topology.parse(topology).foreground_connectivity(target.ndim)
    lines = skeleton(target).voxels
    objects, number = label(prediction, connectivity)
    truths, _ = label(target, connectivity)
    graph = skeleton_graph(lines, spacing)
    at, of = objects[lines].astype(np.int64), truths[lines].astype(np.int64)
    first, second = graph.edges.T
    # an edge through a corner may lead from one component of a V-construction into another
    same = of[first] == of[second]
    first, second, lengths = first[same], second[same], graph.lengths[same]
    of_truth = np.bincount(of[first], weights=lengths, minlength=int(of.max()) + 1)
    total = of_truth.sum()
    if total == 0:
        return {"erl": 0.0, "nerl": float(at.all())}
    touched = np.unique(np.stack([at, of])[:, at > 0], axis=1)
    merging = np.bincount(touched[0], minlength=number + 1) > 1
    kept = (at[first] == at[second]) & (at[first] > 0) & ~merging[at[first]]
    keys = at[first][kept] * len(of_truth) + of[first][kept]
    _, places = np.unique(keys, return_inverse=True)
    runs = np.bincount(places, weights=lengths[kept])
    erl = float((runs**2).sum() / total)
    return {"erl": erl, "nerl": erl / float((of_truth**2).sum() / total)}
