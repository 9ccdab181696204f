"""Surface Dice: the share of both surfaces, weighed by area, within a tolerance of the other.

The surface runs between voxels: each 2 x 2 (x 2) group of voxels, beyond the image background, that
holds both foreground and background is a piece of it, at the point where the voxels meet. Its area
is that of marching cubes on the side that has at most half of the corners (Lorensen and Cline 1987,
with edges cut in their middle), as Nikolov et al. (arXiv 1809.04430) and the surface-distance
package have it. NSD counts voxels of the boundary instead (`topoeval.metrics.distance`).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt
from skimage.measure import marching_cubes, mesh_surface_area

from topoeval.errors import UserError
from topoeval.metrics.arrays import Array, case_pairs
from topoeval.metrics.box import box_of
from topoeval.metrics.distance import TOLERATED, checked_spacing

# Up to so many shifts of an image take less time than its distance transform.
_MOST_SHIFTS = 150


def surface_dice(
    prediction: Array,
    target: Array,
    tolerance: float,
    spacing: Sequence[float] | None = None,
    spatial_dims: int | None = None,
) -> NDArray[np.float64]:
    """Surface Dice of each pair of masks: area within the tolerance over area, of both surfaces.

    Two empty masks score 1, one empty mask scores 0.

    Parameters
    ----------
    prediction, target
        Boolean masks of equal shape ``(..., *spatial)``, 2D or 3D.
    tolerance
        Largest distance that counts as agreement, itself included, in units of the spacing.
    spacing
        Size of a voxel along each spatial axis; 1 by default.
    spatial_dims
        2 or 3; None reads the whole array as one mask.

    Returns
    -------
    Shape ``(...)``, float64 in [0, 1]; higher is better.

    Raises
    ------
    UserError
        If a mask is not boolean or neither 2D nor 3D, the shapes differ, the spacing does not fit,
        or the tolerance is negative.

    Examples
    --------
    >>> p, g = np.zeros((2, 6, 6), dtype=bool)
    >>> p[2:4, 2:4], g[2:4, 2:5] = True, True
    >>> round(float(surface_dice(p, g, tolerance=0)), 3)
    0.782
    >>> float(surface_dice(p, g, tolerance=1))
    1.0
    """
    if not tolerance >= 0:
        raise UserError(f"a tolerance is a distance of 0 or more, got {tolerance}")
    shape, pairs = case_pairs(prediction, target, spatial_dims)
    values = [_surface_dice(p, g, tolerance, spacing) for p, g in pairs]
    return np.array(values, np.float64).reshape(shape)


def _surface_dice(
    p: NDArray[np.bool_], g: NDArray[np.bool_], tolerance: float, spacing: Sequence[float] | None
) -> float:
    if p.ndim not in (2, 3):
        raise UserError(f"surface Dice takes 2D or 3D masks, got {p.ndim} axes")
    sizes = tuple(checked_spacing(spacing, p.ndim).tolist())
    box = box_of(p, g)
    if box is None or not p.any() or not g.any():
        return float(box is None)
    areas = _areas(sizes)
    codes = [_codes(mask[box]) for mask in (p, g)]
    surfaces = [(code > 0) & (code < len(areas) - 1) for code in codes]
    found = total = 0.0
    for code, here, there in zip(codes, surfaces, reversed(surfaces), strict=True):
        of_piece = areas[code[here]]
        found += of_piece[_near(there, tolerance, sizes)[here]].sum()
        total += of_piece.sum()
    return float(found / total)


def _codes(mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return which corners of each group of 2 x 2 (x 2) voxels are foreground, a bit for each."""
    padded = np.pad(mask, 1).astype(np.uint8)
    codes = np.zeros([side + 1 for side in mask.shape], np.uint8)
    for bit, corner in enumerate(itertools.product((0, 1), repeat=mask.ndim)):
        window = tuple(
            slice(at, at + side + 1) for at, side in zip(corner, mask.shape, strict=True)
        )
        codes |= padded[window] << bit
    return codes


@cache
def _areas(sizes: tuple[float, ...]) -> NDArray[np.float64]:
    """Return the area, or in 2D the length, of the piece of surface of each code."""
    corners = list(itertools.product((0, 1), repeat=len(sizes)))
    last = 2 ** len(corners) - 1
    areas = np.zeros(last + 1)
    for code in range(1, last):
        inside = [corner for bit, corner in enumerate(corners) if code >> bit & 1]
        if 2 * len(inside) > len(corners):
            inside = [corner for corner in corners if corner not in inside]
        areas[code] = _piece(inside, sizes)
    return areas


def _piece(inside: list[tuple[int, ...]], sizes: tuple[float, ...]) -> float:
    """Return the size of the surface round some corners of a cell of the grid."""
    if len(sizes) == 3:
        cube = np.zeros((2, 2, 2))
        for corner in inside:
            cube[corner] = 1
        points, triangles, _, _ = marching_cubes(cube, 0.5, method="lorensen")
        return float(mesh_surface_area(points.astype(np.float64) * sizes, triangles))
    if len(inside) == 2 and (along := [a == b for a, b in zip(*inside, strict=True)]).count(True):
        return sizes[along.index(False)]
    # each corner alone is cut off by a line between the middles of two edges
    return len(inside) * math.hypot(*sizes) / 2


def _near(
    surface: NDArray[np.bool_], tolerance: float, sizes: tuple[float, ...]
) -> NDArray[np.bool_]:
    """Return the points no farther from a surface than the tolerance."""
    most = tolerance * (1 + TOLERATED)
    reach = [min(int(most / size), side) for size, side in zip(sizes, surface.shape, strict=True)]
    if np.prod([2 * steps + 1 for steps in reach]) > _MOST_SHIFTS:
        return np.asarray(distance_transform_edt(~surface, sampling=sizes) <= most)
    near = surface.copy()
    for steps in itertools.product(*(range(-far, far + 1) for far in reach)):
        if 0 < np.linalg.norm(np.multiply(steps, sizes)) <= most:
            to = tuple(slice(max(step, 0), min(step, 0) or None) for step in steps)
            of = tuple(slice(max(-step, 0), min(-step, 0) or None) for step in steps)
            near[to] |= surface[of]
    return near
