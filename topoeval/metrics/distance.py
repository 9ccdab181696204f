"""Distances between the boundaries of two masks, by one written definition.

The boundary of a mask is its voxels with a face neighbour outside the mask; outside the image there
is no foreground. From each boundary voxel of one mask the Euclidean distance, in units of the
spacing, goes to the nearest boundary voxel of the other. Everything below follows from these two
sets of distances. MONAI measures the same. MedPy takes percentiles of the pooled set,
surface-distance weighs voxels by surface area: their numbers differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt
from scipy.spatial import cKDTree

from topoeval.errors import UserError
from topoeval.metrics.arrays import Array, as_mask, case_pairs, check_same_shape
from topoeval.metrics.box import box_of

# Relative: spacings are stored in single precision.
TOLERATED = 1e-6

# A voxel of a boundary costs a tree as much as so many voxels cost a distance transform.
_TREE_COST = 3


@dataclass(frozen=True, slots=True, eq=False)
class BoundaryDistances:
    """Distances between the boundaries of a pair of masks.

    Parameters
    ----------
    to_target, to_prediction
        From each boundary voxel of the prediction to the boundary of the target, and the reverse;
        float64, in units of the spacing. Both are empty if either mask is.
    diagonal
        Length of the image's diagonal: what a pair scores of which one mask is empty.
    empty
        Masks of the pair that are empty: 0, 1 or 2.
    """

    to_target: NDArray[np.float64]
    to_prediction: NDArray[np.float64]
    diagonal: float
    empty: int

    def hausdorff(self, percentile: float = 100.0) -> float:
        """Return the larger of the two directed percentiles."""
        if self.empty:
            return self._without_boundary()
        return float(
            max(np.percentile(d, percentile) for d in (self.to_target, self.to_prediction))
        )

    def mean(self) -> float:
        """Return the mean over the voxels of both boundaries."""
        if self.empty:
            return self._without_boundary()
        return float(np.concatenate([self.to_target, self.to_prediction]).mean())

    def pooled(self, percentile: float) -> float:
        """Return the percentile of both sets of distances together, as MedPy does."""
        if self.empty:
            return self._without_boundary()
        return float(
            np.percentile(np.concatenate([self.to_target, self.to_prediction]), percentile)
        )

    def share_within(self, tolerance: float) -> float:
        """Return the share of both boundaries that is no farther than `tolerance`.

        Itself included: by a millionth of it, since three voxels of 0.4 are 1.2000000000000002, and
        files hold 0.4 in single precision.
        """
        if self.empty:
            return float(self.empty == 2)
        pooled = np.concatenate([self.to_target, self.to_prediction])
        return float((pooled <= tolerance * (1 + TOLERATED)).mean())

    def _without_boundary(self) -> float:
        return 0.0 if self.empty == 2 else self.diagonal


def boundary_distances(
    prediction: Array,
    target: Array,
    spacing: Sequence[float] | None = None,
    shape: Sequence[int] | None = None,
) -> BoundaryDistances:
    """Measure one pair of masks; `BoundaryDistances` has the figures.

    Axes of length one are left out, whichever they are: a volume of one slice has the distances of
    the slice, whose inner voxels are no boundary.

    Parameters
    ----------
    prediction, target
        Boolean masks of one shape, all axes spatial.
    spacing
        Size of a voxel along each axis; 1 by default.
    shape
        That of the image, where the masks are only a box of it: what its diagonal follows from.

    Raises
    ------
    UserError
        If a mask is not boolean, the shapes differ, or the spacing has not one positive number per
        axis.

    Examples
    --------
    >>> p, g = np.zeros((2, 3, 9), dtype=bool)
    >>> p[1, 1], g[1, 4] = True, True
    >>> boundary_distances(p, g, spacing=(1.0, 0.5)).hausdorff()
    1.5
    """
    masks = as_mask(prediction), as_mask(target)
    check_same_shape(*masks)
    sizes = checked_spacing(spacing, masks[0].ndim)
    sides = np.array(masks[0].shape if shape is None else shape)
    long = sides != 1
    if long.any():
        masks, sizes, sides = (masks[0].squeeze(), masks[1].squeeze()), sizes[long], sides[long]
    diagonal = float(np.linalg.norm(sizes * sides))
    empty = sum(not mask.any() for mask in masks)
    if empty:
        return BoundaryDistances(np.empty(0), np.empty(0), diagonal, empty)
    # The transform of the box that holds both masks is that of the image, there.
    box = box_of(*masks)
    assert box is not None  # neither is empty
    p, g = (_boundary(mask[box]) for mask in masks)
    return BoundaryDistances(to_nearest(p, g, sizes), to_nearest(g, p, sizes), diagonal, 0)


def hausdorff_distance(
    prediction: Array,
    target: Array,
    spacing: Sequence[float] | None = None,
    percentile: float = 100.0,
    spatial_dims: int | None = None,
) -> NDArray[np.float64]:
    """Hausdorff distance (HD), or its robust form at a percentile (HD95), of each pair of masks.

    The larger of the two directed percentiles, interpolated linearly. Two empty masks are at
    distance 0; if one is empty the distance is the diagonal of the image.

    Parameters
    ----------
    prediction, target
        Boolean masks of equal shape ``(..., *spatial)``.
    spacing
        Size of a voxel along each spatial axis; 1 by default.
    percentile
        100 for the maximum, 95 for HD95.
    spatial_dims
        Number of spatial axes; None reads the whole array as one mask.

    Returns
    -------
    Shape ``(...)``, float64 >= 0 in units of the spacing; lower is better.

    Raises
    ------
    UserError
        If a mask is not boolean, the shapes differ, or the spacing does not fit.

    Examples
    --------
    >>> p, g = np.zeros((2, 3, 9), dtype=bool)
    >>> p[1, 1], g[1, 4] = True, True
    >>> float(hausdorff_distance(p, g)), float(hausdorff_distance(p, g & False))
    (3.0, 9.486832980505138)
    """
    if not 0 < percentile <= 100:
        raise UserError(f"a percentile lies above 0 and up to 100, got {percentile}")
    shape, pairs = case_pairs(prediction, target, spatial_dims)
    values = [boundary_distances(p, g, spacing).hausdorff(percentile) for p, g in pairs]
    return np.array(values, np.float64).reshape(shape)


def average_surface_distance(
    prediction: Array,
    target: Array,
    spacing: Sequence[float] | None = None,
    spatial_dims: int | None = None,
) -> NDArray[np.float64]:
    """Average symmetric surface distance (ASSD) of each pair of masks.

    The mean over the voxels of both boundaries together. Two empty masks are at distance 0; if one
    is empty the distance is the diagonal of the image.

    Parameters
    ----------
    prediction, target
        Boolean masks of equal shape ``(..., *spatial)``.
    spacing
        Size of a voxel along each spatial axis; 1 by default.
    spatial_dims
        Number of spatial axes; None reads the whole array as one mask.

    Returns
    -------
    Shape ``(...)``, float64 >= 0 in units of the spacing; lower is better.

    Raises
    ------
    UserError
        If a mask is not boolean, the shapes differ, or the spacing does not fit.

    Examples
    --------
    >>> p, g = np.zeros((2, 3, 9), dtype=bool)
    >>> p[1, 1], g[1, 1:3] = True, True
    >>> round(float(average_surface_distance(p, g)), 3)  # 0, and 0 and 1
    0.333
    """
    shape, pairs = case_pairs(prediction, target, spatial_dims)
    values = [boundary_distances(p, g, spacing).mean() for p, g in pairs]
    return np.array(values, np.float64).reshape(shape)


def normalised_surface_dice(
    prediction: Array,
    target: Array,
    tolerance: float,
    spacing: Sequence[float] | None = None,
    spatial_dims: int | None = None,
) -> NDArray[np.float64]:
    """Share of both boundaries within a tolerance of the other (NSD), of each pair of masks.

    Counted in boundary voxels (Nikolov et al., arXiv 1809.04430, weigh them by area). Two empty
    masks score 1, one empty mask scores 0.

    Parameters
    ----------
    prediction, target
        Boolean masks of equal shape ``(..., *spatial)``.
    tolerance
        Largest distance that counts as agreement, itself included (up to a millionth of it), in
        units of the spacing.
    spacing
        Size of a voxel along each spatial axis; 1 by default.
    spatial_dims
        Number of spatial axes; None reads the whole array as one mask.

    Returns
    -------
    Shape ``(...)``, float64 in [0, 1]; higher is better.

    Raises
    ------
    UserError
        If a mask is not boolean, the shapes differ, the spacing does not fit, or the tolerance is
        negative.

    Examples
    --------
    >>> p, g = np.zeros((2, 3, 9), dtype=bool)
    >>> p[1, 1], g[1, 1:4] = True, True
    >>> float(normalised_surface_dice(p, g, tolerance=1))
    0.75
    """
    if not tolerance >= 0:
        raise UserError(f"a tolerance is a distance of 0 or more, got {tolerance}")
    shape, pairs = case_pairs(prediction, target, spatial_dims)
    values = [boundary_distances(p, g, spacing).share_within(tolerance) for p, g in pairs]
    return np.array(values, np.float64).reshape(shape)


def checked_spacing(spacing: Sequence[float] | None, ndim: int) -> NDArray[np.float64]:
    """Return the sizes of a voxel along so many axes; refuse what is none."""
    sizes = np.ones(ndim) if spacing is None else np.asarray(spacing, np.float64)
    if sizes.shape != (ndim,) or not np.all(sizes > 0) or not np.all(np.isfinite(sizes)):
        raise UserError(f"a spacing for {ndim} axes is {ndim} positive numbers, got {spacing}")
    return sizes


def _boundary(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the voxels that erosion by the cross of face neighbours takes away."""
    padded = np.pad(mask, 1)
    inside = mask.copy()
    core = [slice(1, -1)] * mask.ndim
    for axis in range(mask.ndim):
        for side in (slice(None, -2), slice(2, None)):
            inside &= padded[(*core[:axis], side, *core[axis + 1 :])]
    return mask & ~inside


def to_nearest(
    here: NDArray[np.bool_], there: NDArray[np.bool_], sizes: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the distance from each voxel of one boundary to the nearest of the other.

    A tree costs by the voxels of the boundaries, a distance transform by those of the box. Both
    give the same numbers: the tree only finds the nearest voxel.
    """
    found, sought = np.argwhere(there), np.argwhere(here)
    if (len(found) + len(sought)) * _TREE_COST > here.size:
        return np.asarray(distance_transform_edt(~there, sampling=sizes)[here])
    nearest = cKDTree(found * sizes, balanced_tree=False).query(sought * sizes)[1]
    steps = (sought - found[nearest]) * sizes
    return np.asarray(np.sqrt((steps**2).sum(axis=1)))
