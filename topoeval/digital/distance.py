"""Distances inside regions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from topoeval.digital.border import inside, padded_by_one


def inner_distance(regions: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the Euclidean distance to the complement in voxels, 0 outside the regions.

    Beyond the border all is complement, so a full image has distances too.

    Parameters
    ----------
    regions
        Boolean, ``(B, *spatial)``.

    Examples
    --------
    >>> inner_distance(np.ones((1, 3, 4), dtype=bool)).astype(int)
    array([[[1, 1, 1, 1],
            [1, 2, 2, 1],
            [1, 1, 1, 1]]])
    """
    # One call for the whole batch, images one below the other: the margin round each of them is
    # nearer than anything in the next.
    padded = padded_by_one(regions)
    distance = distance_transform_edt(padded.reshape(-1, *padded.shape[2:]))
    return np.asarray(distance.reshape(padded.shape)[inside(regions.ndim - 1)])
