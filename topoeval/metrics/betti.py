"""Betti numbers of masks, from component labels and the Euler number.

The engine counts (`native/matching/masks.hpp`); persistent homology would give the same numbers.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from topoeval.errors import UserError
from topoeval.metrics.arrays import (
    Array,
    as_mask,
    check_no_colours,
    check_same_shape,
    leading_axes,
)
from topoeval.topology import Topology


def betti_numbers(
    mask: Array, topology: Topology | str, spatial_dims: int | None = None
) -> NDArray[np.int64]:
    """Count components, holes and cavities of each mask.

    Three axes without `spatial_dims` are one volume: of a stack of images say ``spatial_dims=2``.

    True is foreground whatever ``topology.direction`` says; the direction matters where a mask is
    cut out of a grey image (`topoeval.metrics.score_cases`).

    Plain border: the homology of the foreground as a set, so a loop that the image edge cuts is no
    hole. Framed border: the homology of the foreground together with a frame of foreground round
    the image. The frame is one component even where the image is empty, everything that touches
    the edge belongs to it, and every background region is a hole (2D) or cavity (3D): an empty
    image has (1, 1) in 2D and (1, 0, 1) in 3D.

    Parameters
    ----------
    mask
        Boolean, ``(..., *spatial)`` with two or three spatial axes.
    topology
        Construction and border.
    spatial_dims
        2 or 3; None reads the whole array as one mask.

    Returns
    -------
    Shape ``(..., spatial_dims)``, int64: b0, b1 and in 3D b2.

    Raises
    ------
    UserError
        If the mask is not boolean or is neither 2D nor 3D, or if without `spatial_dims` its shape
        may be that of a picture with colours, as (64, 64, 3).

    Notes
    -----
    b0 is the number of foreground components and, in 3D, b2 that of background components less the
    outer one (Alexander duality). b1 = b0 + b2 - Euler number (Euler-Poincare formula), b2 = 0
    in 2D.

    Examples
    --------
    >>> diagonal = np.eye(2, dtype=bool)
    >>> betti_numbers(diagonal, Topology("T")), betti_numbers(diagonal, Topology("V"))
    (array([1, 0]), array([2, 0]))
    >>> rings = np.ones((2, 1, 3, 3), dtype=bool)
    >>> rings[:, :, 1, 1] = False
    >>> betti_numbers(rings, Topology(), spatial_dims=2).tolist()
    [[[1, 1]], [[1, 1]]]
    """
    from topoeval import _native

    topology = Topology.parse(topology)
    array = as_mask(mask)
    if spatial_dims is None:
        check_no_colours(array)
    lead = leading_axes(array, spatial_dims)
    ndim = array.ndim - lead
    images = array.reshape(-1, *array.shape[lead:])
    topology.foreground_connectivity(ndim)  # refuses other dimensions
    if len(images) == 0:
        return np.zeros((*array.shape[:lead], ndim), np.int64)
    counts = _native.betti_numbers(images, topology.construction, topology.framed, 1)
    counts = counts.view(np.int64)  # the engine's is as long under another name of C
    return counts.reshape(*array.shape[:lead], ndim)


def betti_error(
    prediction: Array, target: Array, topology: Topology | str, spatial_dims: int | None = None
) -> NDArray[np.int64]:
    """Betti number error ``|b_k(P) - b_k(G)|`` of each pair of masks, dimension by dimension.

    Parameters
    ----------
    prediction, target
        Boolean masks of equal shape ``(..., *spatial)``; an empty mask counts like any other.
    topology
        Construction and border.
    spatial_dims
        2 or 3; None reads the whole array as one mask.

    Returns
    -------
    Shape ``(..., spatial_dims)``, int64 >= 0; lower is better. Sum over the last axis for the usual
    single figure.

    Raises
    ------
    UserError
        If a mask is not boolean or the shapes differ.

    Examples
    --------
    >>> disc = np.ones((3, 3), dtype=bool)
    >>> ring = disc.copy()
    >>> ring[1, 1] = False
    >>> betti_error(ring, disc, Topology())
    array([0, 1])
    """
    p, g = as_mask(prediction), as_mask(target)
    check_same_shape(p, g)
    difference = betti_numbers(p, topology, spatial_dims) - betti_numbers(g, topology, spatial_dims)
    return np.asarray(np.abs(difference))


def normalised_betti_error(
    prediction: Array, target: Array, topology: Topology | str, spatial_dims: int | None = None
) -> NDArray[np.float64]:
    """Betti error over the Betti numbers of the target, at most 1, of each pair of masks.

    ``min(1, sum_k |b_k(P) - b_k(G)| / sum_k b_k(G))``, as the code of Berger et al. (Pitfalls of
    topology-aware image segmentation, arXiv 2412.14619) has it. Of an empty target it is 0 if the
    prediction is empty too, else 1.

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
    Shape ``(...)``, float64 in [0, 1]; lower is better.

    Raises
    ------
    UserError
        If a mask is not boolean or the shapes differ.

    Examples
    --------
    >>> p, g = np.zeros((2, 1, 9), dtype=bool)
    >>> p[0, 1], g[0, [1, 3, 5, 7]] = True, True
    >>> float(normalised_betti_error(p, g, Topology()))
    0.75
    """
    error = betti_error(prediction, target, topology, spatial_dims).sum(axis=-1)
    there = betti_numbers(target, topology, spatial_dims).sum(axis=-1)
    return np.minimum(error / np.maximum(there, 1), 1.0)


def betti_matches(betti: NDArray[np.int64], reference: ArrayLike) -> NDArray[np.bool_]:
    """Whether every Betti number is right.

    Parameters
    ----------
    betti
        ``(..., d)`` integers, as `betti_numbers` returns them.
    reference
        Integers of a shape that broadcasts against it: one prior for all, or one row per case.

    Returns
    -------
    Shape ``(...)``, bool.

    Raises
    ------
    UserError
        If the last axes differ in length.

    Examples
    --------
    >>> betti_matches(np.array([[1, 0], [1, 2]]), (1, 0))
    array([ True, False])
    """
    wanted = np.asarray(reference)
    if wanted.ndim == 0 or wanted.shape[-1] != betti.shape[-1]:
        raise UserError(
            f"a reference for {betti.shape[-1]} Betti numbers is needed, got {wanted.tolist()}"
        )
    return np.asarray(np.all(betti == wanted, axis=-1))
