"""Boundary IoU: overlap of the two rims inside the masks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_cdt

from topoeval.metrics.arrays import Array, case_pairs
from topoeval.metrics.overlap import iou

WIDTH = 0.02
"""Width of the rim over the diagonal of the image."""


def boundary_iou(
    prediction: Array,
    target: Array,
    spatial_dims: int | None = None,
    shape: Sequence[int] | None = None,
) -> NDArray[np.float64]:
    """Intersection over union of the rims of each pair of masks.

    The rim of a mask is its voxels within a distance of the background, 2 % of the diagonal of the
    image and at least one voxel. Distances are by steps to face, edge and corner neighbours; beyond
    the image is background. Two empty masks score 1, one empty mask scores 0.

    Parameters
    ----------
    prediction, target
        Boolean masks of equal shape ``(..., *spatial)``.
    spatial_dims
        Number of spatial axes; None reads the whole array as one mask.
    shape
        That of the image, where the masks are only a box of it.

    Returns
    -------
    Shape ``(...)``, float64 in [0, 1]; higher is better.

    Raises
    ------
    UserError
        If a mask is not boolean or the shapes differ.

    References
    ----------
    B. Cheng et al., Boundary IoU, CVPR 2021, arXiv 2103.16562.

    Examples
    --------
    >>> disc = np.ones((6, 6), dtype=bool)
    >>> ring = disc.copy()
    >>> ring[2:4, 2:4] = False
    >>> round(float(boundary_iou(ring, disc)), 3)  # of the ring all is rim
    0.625
    """
    lead, pairs = case_pairs(prediction, target, spatial_dims)
    values = []
    for p, g in pairs:
        diagonal = float(np.linalg.norm(p.shape if shape is None else shape))
        width = max(1, round(WIDTH * diagonal))
        values.append(float(iou(_rim(p, width), _rim(g, width))))
    return np.array(values, np.float64).reshape(lead)


def _rim(mask: NDArray[np.bool_], width: int) -> NDArray[np.bool_]:
    depth = distance_transform_cdt(np.pad(mask, 1), "chessboard")
    return np.asarray(mask & (depth[(slice(1, -1),) * mask.ndim] <= width))
