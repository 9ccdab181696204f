"""Tubes round curves: roads, vessels, papillary muscles, in 2D and 3D."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]


def tube_distance(
    starts: Points, ends: Points, radii: NDArray[np.float64], shape: Sequence[int], reach: float
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
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
        Distances beyond it are not computed; it is returned in their place.

    Returns
    -------
    The distance, ``shape`` float32: negative inside, at most ``reach``; and the piece it is
    measured to, ``shape`` int32, -1 beyond reach.

    Examples
    --------
    >>> line, piece = tube_distance(
    ...     np.array([[1.5, 0.5]]), np.array([[1.5, 4.5]]), np.ones((1, 2)), (3, 5), 4.0
    ... )
    >>> line[:, 2].tolist(), piece[1].tolist()
    ([0.0, -1.0, 0.0], [0, 0, 0, 0, 0])
    """
    distance = np.full(shape, reach, dtype=np.float32)
    nearest = np.full(shape, -1, dtype=np.int32)
    margin = radii.max(axis=1, keepdims=True) + reach
    low = np.clip(np.floor(np.minimum(starts, ends) - margin), 0, shape).astype(int)
    high = np.clip(np.ceil(np.maximum(starts, ends) + margin), 0, shape).astype(int)
    # Each piece matters only near itself; a few hundred small boxes beat one large array.
    for piece, (lo, hi) in enumerate(zip(low.tolist(), high.tolist(), strict=True)):
        if any(b <= a for a, b in zip(lo, hi, strict=True)):
            continue
        grid = np.ogrid[tuple(slice(a, b) for a, b in zip(lo, hi, strict=True))]
        along = (ends[piece] - starts[piece]).tolist()
        offset = [
            (axis + (0.5 - s)).astype(np.float32)
            for axis, s in zip(grid, starts[piece].tolist(), strict=True)
        ]
        length = sum(a * a for a in along)
        share: Any = np.float32(0)
        if length > 1e-12:
            share = sum(o * np.float32(a / length) for o, a in zip(offset, along, strict=True))
            share = np.clip(share, 0, 1)
        gap: Any = np.float32(0)
        for o, a in zip(offset, along, strict=True):
            gap = gap + (o - share * np.float32(a)) ** 2
        first, last = radii[piece].tolist()
        depth = np.sqrt(gap) - (np.float32(first) + share * np.float32(last - first))
        box = tuple(slice(a, b) for a, b in zip(lo, hi, strict=True))
        closer = depth < distance[box]
        distance[box][closer] = depth[closer]
        nearest[box][closer] = piece
    return distance, nearest


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
