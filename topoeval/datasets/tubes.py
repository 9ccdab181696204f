"""Tubes round curves: roads, vessels, papillary muscles, in 2D and 3D."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]


def tube_distance(
    starts: Points, ends: Points, radii: NDArray[np.float64], shape: Sequence[int], reach: float
) -> NDArray[np.float32]:
    """Return the signed distance of each voxel centre to a union of round-ended tubes.

    Parameters
    ----------
    starts, ends
        Ends of the N straight pieces, ``(N, d)`` in voxels; voxel i has its centre at i + 0.5.
    radii
        Radius at both ends of each piece, ``(N, 2)``; it changes linearly in between.
    shape
        ``(*spatial)``, d axes.
    reach
        Distances beyond it are not worked out, and answered with it.

    Returns
    -------
    ``shape`` float32: negative inside, at most ``reach``.

    Examples
    --------
    >>> line = tube_distance(
    ...     np.array([[1.5, 0.5]]), np.array([[1.5, 4.5]]), np.ones((1, 2)), (3, 5), 4.0
    ... )
    >>> line[:, 2].tolist()
    [0.0, -1.0, 0.0]
    """
    distance = np.full(shape, reach, dtype=np.float32)
    margin = radii.max(axis=1, keepdims=True) + reach
    low = np.clip(np.floor(np.minimum(starts, ends) - margin), 0, shape).astype(int)
    high = np.clip(np.ceil(np.maximum(starts, ends) + margin), 0, shape).astype(int)
    # Each piece matters only near itself; a few hundred small boxes beat one large array.
    for start, end, (r0, r1), lo, hi in zip(starts, ends, radii.tolist(), low, high, strict=True):
        if np.any(hi <= lo):
            continue
        axes = [
            (np.arange(a, b, dtype=np.float32) + np.float32(0.5 - s))
            for a, b, s in zip(lo.tolist(), hi.tolist(), start.tolist(), strict=True)
        ]
        offset = np.meshgrid(*axes, indexing="ij", sparse=True)
        along = (end - start).astype(np.float32)
        length = float(along @ along)
        share = np.float32(0)
        if length > 0:
            share = np.clip(sum(o * a for o, a in zip(offset, along, strict=True)) / length, 0, 1)
        gap = np.sqrt(sum((o - share * a) ** 2 for o, a in zip(offset, along, strict=True)))
        box = distance[tuple(slice(a, b) for a, b in zip(lo, hi, strict=True))]
        np.minimum(box, gap - (r0 + share * (r1 - r0)), out=box)
    return distance


def coverage(distance: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the share of each voxel that lies inside, from signed distances of its centre.

    Exact for a straight edge along the grid; half the voxel at distance 0 for any edge.
    """
    return np.clip(np.float32(0.5) - distance, 0, 1)


def bent(start: Points, end: Points, sideways: Points, pieces: int) -> Points:
    """Return ``(pieces + 1, d)`` points of the parabola from start to end through a shifted middle.

    Parameters
    ----------
    start, end
        ``(d,)``.
    sideways
        ``(d,)``, added to the middle.
    pieces
        Straight pieces it is cut into.
    """
    t = np.linspace(0, 1, pieces + 1)[:, None]
    return np.asarray(start + t * (end - start) + 4 * t * (1 - t) * sideways)
