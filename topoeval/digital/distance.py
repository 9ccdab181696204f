"""Distances inside regions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from topoeval.digital.border import refuse_other_than_masks


def inner_distance(regions: NDArray[np.bool_], *, threads: int = 1) -> NDArray[np.float64]:
    """Return the Euclidean distance to the complement in voxels, 0 outside the regions.

    Beyond the border all is complement, so a full image has distances too.

    Parameters
    ----------
    regions
        Boolean, ``(B, H, W)`` or ``(B, D, H, W)``.
    threads
        How many images may be worked on at a time.

    Raises
    ------
    UserError
        If the regions are not boolean or not a batch of 2D or 3D images.

    Examples
    --------
    >>> inner_distance(np.ones((1, 3, 4), dtype=bool)).astype(int)
    array([[[1, 1, 1, 1],
            [1, 2, 2, 1],
            [1, 1, 1, 1]]])
    """
    from topoeval import _native

    refuse_other_than_masks(regions)
    if regions.size == 0:
        return np.zeros(regions.shape)
    return _native.inner_distance(regions, threads)
