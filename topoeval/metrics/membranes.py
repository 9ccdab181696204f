"""Scores of membranes: the cells that they part, which are the components of the background.

As the code of the CREMI challenge has it (repository cremi/cremi_python): the geometric mean of the
variation of information and of the adapted Rand error, over the voxels that belong to a true cell.
Where the prediction has membrane there, the variation of information takes that for one part. The
Rand error counts those voxels divided by all voxels of the image, so next to nothing, as part of
the sums of squares; SNEMI3D, from which the formula comes, has each of them as a part of its own.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from topoeval.metrics.arrays import Array, case_pairs
from topoeval.metrics.partition import contingency, information
from topoeval.topology import Topology


def cell_scores(
    prediction: NDArray[np.bool_], target: NDArray[np.bool_], topology: Topology | str
) -> dict[str, float]:
    """Return the scores of the cells of one pair of membranes by column.

    ``cell_voi_split`` and ``cell_voi_merge`` in bits, ``cell_rand_error``, and ``cremi``, the
    square root of the Rand error times the sum of both. A truth that is membrane everywhere has no
    cell to judge: 0. An empty mask is one cell.

    Parameters
    ----------
    prediction, target
        Boolean masks of one shape, True on membranes.
    topology
        Connectivity of membranes; the cells have that of its background.

    Examples
    --------
    >>> target = np.zeros((5, 9), dtype=bool)
    >>> target[:, 4] = True
    >>> open_ = target.copy()
    >>> open_[2, 4] = False  # merges the two cells
    >>> {name: round(value, 3) for name, value in cell_scores(open_, target, Topology()).items()}
    {'cell_voi_split': 0.0, 'cell_voi_merge': 1.0, 'cell_rand_error': 0.333, 'cremi': 0.577}
    """
    topology = Topology.parse(topology)
    table = contingency(
        ~prediction, ~target, topology.background_connectivity(prediction.ndim)
    ).tocsr()[1:]
    total = table.sum()
    if not total:
        names = ("cell_voi_split", "cell_voi_merge", "cell_rand_error", "cremi")
        return dict.fromkeys(names, 0.0)
    split, merge = information(table)
    in_g = float((np.asarray(table.sum(axis=1)).ravel().astype(float) ** 2).sum())
    of_p = np.asarray(table.sum(axis=0)).ravel().astype(float)
    outside = float(of_p[0]) / prediction.size
    in_p = float((of_p[1:] ** 2).sum()) + outside
    both = float((table[:, 1:].data.astype(float) ** 2).sum()) + outside
    rand = float(max(1 - 2 * both / (in_g + in_p), 0.0))
    return {
        "cell_voi_split": float(split),
        "cell_voi_merge": float(merge),
        "cell_rand_error": rand,
        "cremi": float(np.sqrt(rand * (split + merge))),
    }


def cremi_score(
    prediction: Array, target: Array, topology: Topology | str, spatial_dims: int | None = None
) -> NDArray[np.float64]:
    """CREMI score of the cells of each pair of membranes; see `cell_scores`.

    Parameters
    ----------
    prediction, target
        Boolean masks of equal shape ``(..., *spatial)``, True on membranes.
    topology
        Connectivity of membranes; the cells have that of its background.
    spatial_dims
        2 or 3; None reads the whole array as one mask.

    Returns
    -------
    Shape ``(...)``, float64 >= 0; lower is better.

    Raises
    ------
    UserError
        If a mask is not boolean or the shapes differ.
    """
    shape, pairs = case_pairs(prediction, target, spatial_dims)
    values = [cell_scores(p, g, topology)["cremi"] for p, g in pairs]
    return np.array(values, np.float64).reshape(shape)
