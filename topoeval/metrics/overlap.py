"""Overlap of two masks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from topoeval.metrics.arrays import Array, as_mask, check_same_shape, leading_axes
from topoeval.metrics.betti import betti_matches, betti_numbers
from topoeval.topology import Topology


def dice(prediction: Array, target: Array, spatial_dims: int | None = None) -> NDArray[np.float64]:
    """Dice coefficient ``2 |P & G| / (|P| + |G|)`` of each pair of masks.

    Two empty masks agree and score 1; one empty mask scores 0. Packages differ here (many return
    NaN, which then drops out of the mean and rewards a method that finds nothing).

    Parameters
    ----------
    prediction, target
        Boolean masks of equal shape ``(..., *spatial)``.
    spatial_dims
        Number of spatial axes; None reads the whole array as one mask.

    Returns
    -------
    Shape ``(...)``, float64 in [0, 1]; higher is better.

    Raises
    ------
    UserError
        If a mask is not boolean or the shapes differ.

    References
    ----------
    L. R. Dice, Measures of the amount of ecologic association between species, Ecology 26(3), 1945.

    Examples
    --------
    >>> truth = np.array([[True, True, False], [False, False, False]])
    >>> float(dice(np.array([[True, False, False], [False, False, False]]), truth).round(3))
    0.667
    >>> dice(np.stack([truth, ~truth]), np.stack([truth, truth]), spatial_dims=2)
    array([1., 0.])
    """
    p, g = as_mask(prediction), as_mask(target)
    check_same_shape(p, g)
    spatial = tuple(range(leading_axes(p, spatial_dims), p.ndim))
    both = np.count_nonzero(p & g, axis=spatial)
    total = np.count_nonzero(p, axis=spatial) + np.count_nonzero(g, axis=spatial)
    # Both empty: 0/0 is read as full agreement.
    return np.where(total == 0, 1.0, 2.0 * both / np.maximum(total, 1))


def iou(prediction: Array, target: Array, spatial_dims: int | None = None) -> NDArray[np.float64]:
    """Intersection over union ``|P & G| / |P or G|`` (Jaccard index) of each pair of masks.

    Two empty masks agree and score 1; one empty mask scores 0.

    Parameters
    ----------
    prediction, target
        Boolean masks of equal shape ``(..., *spatial)``.
    spatial_dims
        Number of spatial axes; None reads the whole array as one mask.

    Returns
    -------
    Shape ``(...)``, float64 in [0, 1]; higher is better.

    Raises
    ------
    UserError
        If a mask is not boolean or the shapes differ.

    Examples
    --------
    >>> float(iou(np.array([True, False, False]), np.array([True, True, False])))
    0.5
    """
    p, g = as_mask(prediction), as_mask(target)
    check_same_shape(p, g)
    spatial = tuple(range(leading_axes(p, spatial_dims), p.ndim))
    both = np.count_nonzero(p & g, axis=spatial)
    either = np.count_nonzero(p | g, axis=spatial)
    return np.where(either == 0, 1.0, both / np.maximum(either, 1))


def precision(
    prediction: Array, target: Array, spatial_dims: int | None = None
) -> NDArray[np.float64]:
    """Share of the prediction that lies in the target, ``|P & G| / |P|``, of each pair of masks.

    Two empty masks score 1, one empty mask scores 0. The share of the target that is found
    (sensitivity) is the precision with the two exchanged.

    Parameters
    ----------
    prediction, target
        Boolean masks of equal shape ``(..., *spatial)``.
    spatial_dims
        Number of spatial axes; None reads the whole array as one mask.

    Returns
    -------
    Shape ``(...)``, float64 in [0, 1]; higher is better.

    Raises
    ------
    UserError
        If a mask is not boolean or the shapes differ.

    Examples
    --------
    >>> float(precision(np.array([True, True, False, False]), np.array([True, False, True, True])))
    0.5
    """
    p, g = as_mask(prediction), as_mask(target)
    check_same_shape(p, g)
    spatial = tuple(range(leading_axes(p, spatial_dims), p.ndim))
    both = np.count_nonzero(p & g, axis=spatial)
    size = np.count_nonzero(p, axis=spatial)
    neither = (size == 0) & ~g.any(axis=spatial)
    return np.where(neither, 1.0, both / np.maximum(size, 1))


def topology_gated_dice(
    prediction: Array, target: Array, topology: Topology | str, spatial_dims: int | None = None
) -> NDArray[np.float64]:
    """Dice of the pairs whose Betti numbers all agree, 0 for the others.

    The mean over cases is the share of topologically right cases times their mean Dice.

    Parameters
    ----------
    prediction, target
        Boolean masks of equal shape ``(..., *spatial)``.
    topology
        Construction and border.
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
    >>> ring = np.ones((3, 3), dtype=bool)
    >>> ring[1, 1] = False
    >>> stack = np.stack([ring, np.ones_like(ring)])
    >>> topology_gated_dice(stack, np.stack([ring, ring]), Topology(), spatial_dims=2)
    array([1., 0.])
    """
    score = dice(prediction, target, spatial_dims)
    right = betti_matches(
        betti_numbers(prediction, topology, spatial_dims),
        betti_numbers(target, topology, spatial_dims),
    )
    return np.asarray(score * right)
