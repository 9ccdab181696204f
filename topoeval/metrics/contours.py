"""Scores as the circle-of-Willis challenges TopCoW 2024 and TopBrain 2025 define them.

They differ from `topoeval.metrics.distance` and `topoeval.metrics.skeletons` in three points: a
voxel is boundary if one of its face, edge or corner neighbours is background; a class that one mask
lacks is as far away as the region is long; skeletons are taken as scikit-image makes them, also
where a component has none. SELMA3D 2024 scores clDice in the same way.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion
from skimage.morphology import skeletonize

from topoeval.metrics.arrays import Array, case_pairs
from topoeval.metrics.box import box_of
from topoeval.metrics.distance import checked_spacing, to_nearest

TOPCOW_FARTHEST = 90.0
"""What TopCoW's HD95 of a class is that one mask lacks, in millimetres."""
TOPBRAIN_FARTHEST = 290.0
"""What TopBrain's is."""


def contour_hd95(
    prediction: NDArray[np.bool_],
    target: NDArray[np.bool_],
    spacing: Sequence[float] | None = None,
) -> float | None:
    """Return the HD95 of one pair of contours; 0 for two empty masks, None where one is empty.

    The larger of the two directed 95th percentiles, interpolated linearly.

    Parameters
    ----------
    prediction, target
        Boolean masks of one shape, 2D or 3D.
    spacing
        Size of a voxel along each axis; 1 by default.

    Examples
    --------
    >>> p, g = np.zeros((2, 5, 9), dtype=bool)
    >>> p[1:4, 1:4], g[1:4, 2:5] = True, True
    >>> contour_hd95(p, g)
    1.0
    """
    sizes = checked_spacing(spacing, prediction.ndim)
    if not (prediction.any() and target.any()):
        return None if prediction.any() or target.any() else 0.0
    box = box_of(prediction, target)
    assert box is not None  # neither is empty
    p, g = (_contour(mask[box]) for mask in (prediction, target))
    return float(max(np.percentile(to_nearest(*pair, sizes), 95) for pair in ((p, g), (g, p))))


def cldice_as_thinned(
    prediction: Array, target: Array, spatial_dims: int | None = None
) -> NDArray[np.float64]:
    """ClDice of each pair of masks by scikit-image's skeletons alone (2D Zhang and Suen, 3D Lee).

    A component whose skeleton is lost counts in neither half (`topoeval.metrics.cldice` gives it
    one). Two empty masks score 1; a pair of which one skeleton is empty scores 0.

    Parameters
    ----------
    prediction, target
        Boolean masks of equal shape ``(..., *spatial)``.
    spatial_dims
        2 or 3; None reads the whole array as one mask.

    Returns
    -------
    Shape ``(...)``, float64 in [0, 1]; higher is better.

    Raises
    ------
    UserError
        If a mask is not boolean or the shapes differ.

    Examples
    --------
    >>> bars = np.zeros((4, 9, 9), dtype=bool)
    >>> bars[1:3, 1:3, 1:8] = bars[1:4, 5:8, 1:8] = True
    >>> first = bars.copy()
    >>> first[:, 4:] = False
    >>> float(cldice_as_thinned(first, bars))  # of the first bar the thinning leaves nothing
    0.0
    """
    shape, pairs = case_pairs(prediction, target, spatial_dims)
    return np.array([_cldice(p, g) for p, g in pairs], np.float64).reshape(shape)


def _cldice(p: NDArray[np.bool_], g: NDArray[np.bool_]) -> float:
    if not (p.any() or g.any()):
        return 1.0
    shares = []
    for mask, other in ((p, g), (g, p)):
        line = np.asarray(skeletonize(np.ascontiguousarray(mask)), bool)
        total = np.count_nonzero(line)
        shares.append(np.count_nonzero(line & other) / total if total else 0.0)
    return 2 * shares[0] * shares[1] / sum(shares) if sum(shares) else 0.0


def _contour(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the voxels with a background neighbour through a face, an edge or a corner."""
    return np.asarray(mask & ~binary_erosion(mask, np.ones((3,) * mask.ndim, bool)))
