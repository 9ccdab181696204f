"""Maximin paths: which voxel decides whether two others are connected, for all pairs at once."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from topoeval.errors import UserError


def maximin_pairs(
    keys: NDArray[np.floating[Any]],
    labels: NDArray[np.integer[Any]],
    *,
    corners: bool,
    threads: int = 1,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Count, at each voxel, the pairs of labelled voxels that it decides on.

    Of the paths between two voxels the best is the one whose lowest key is highest, and that lowest
    voxel decides on the pair: at every threshold above its key the two are in two components.
    Kruskal's algorithm finds it for all pairs at once (S. C. Turaga et al., Maximin affinity
    learning of image segmentation, NIPS 2009): voxels are added in falling order of their keys, and
    a voxel decides on the pairs that it joins.

    Parameters
    ----------
    keys
        ``(B, H, W)`` or ``(B, D, H, W)``, float32 or float64, without NaN. Of equal keys the voxel
        that comes first in C order counts as the higher one.
    labels
        Same shape, integers within int32; voxels of label 0 or less are in no pair.
    corners
        Whether a path may step over corners (8 neighbours in 2D, 26 in 3D) or over faces alone (4
        and 6).
    threads
        How many images may be worked on at a time; the result does not depend on it.

    Returns
    -------
    The pairs of two voxels of one label, and the pairs of two labels, int64, same shape.

    Raises
    ------
    UserError
        For arrays of another rank, kind or shape.

    Examples
    --------
    The lowest of the voxels between two objects decides on both of their pairs:

    >>> keys = np.array([[[0.9, 0.8, 0.3, 0.4, 0.7]]])
    >>> labels = np.array([[[1, 1, 0, 0, 2]]])
    >>> same, other = maximin_pairs(keys, labels, corners=False)
    >>> same.tolist(), other.tolist()
    ([[[0, 1, 0, 0, 0]]], [[[0, 0, 2, 0, 0]]])
    """
    from topoeval import _native

    if keys.ndim not in (3, 4) or keys.shape != labels.shape:
        raise UserError(
            "keys and labels must be (B, H, W) or (B, D, H, W) of one shape, "
            f"got {keys.shape} and {labels.shape}"
        )
    if keys.dtype not in (np.float32, np.float64) or labels.dtype.kind not in "iu":
        raise UserError(
            "keys must be float32 or float64 and labels integers, "
            f"got {keys.dtype} and {labels.dtype}"
        )
    if not keys.size:
        return np.zeros(keys.shape, np.int64), np.zeros(keys.shape, np.int64)
    return _native.maximin_pairs(
        np.ascontiguousarray(keys),
        np.ascontiguousarray(labels, dtype=np.int32),
        corners=corners,
        threads=threads,
    )
