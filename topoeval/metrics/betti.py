"""Betti numbers of masks, from component labels and the Euler number.

Persistent homology would give the same numbers some hundred times slower; labels keep the
connectivity in plain sight.
"""

from __future__ import annotations

import cc3d
import numpy as np
from numpy.typing import ArrayLike, NDArray

from topoeval.errors import UserError
from topoeval.metrics.arrays import Array, as_mask, check_same_shape, leading_axes
from topoeval.topology import Construction, Topology


def betti_numbers(
    mask: Array, topology: Topology, spatial_dims: int | None = None
) -> NDArray[np.int64]:
    """Count components, holes and cavities of each mask.

    True is foreground whatever ``topology.direction`` says; the direction matters where a mask is
    cut out of a grey image (`topoeval.metrics.evaluate_cases`).

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
        If the mask is not boolean or is neither 2D nor 3D.

    Notes
    -----
    b0 is the number of foreground components, b_{d-1} that of background components less the
    outer one (Alexander duality); in 3D, b1 = b0 + b2 - Euler number (Euler-Poincare formula).

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
    array = as_mask(mask)
    lead = leading_axes(array, spatial_dims)
    ndim = array.ndim - lead
    foreground = topology.foreground_connectivity(ndim)
    background = topology.background_connectivity(ndim)

    images = array.reshape(-1, *array.shape[lead:])
    if topology.framed:
        images = _surrounded(images, True)
    # The outside becomes one background component, connected all round the image.
    images = _surrounded(images, False)

    result = np.zeros((len(images), ndim), dtype=np.int64)
    for row, image in zip(result, images, strict=True):
        row[0] = _components(image, foreground)
        row[-1] = _components(~image, background) - 1
        if ndim == 3:
            row[1] = row[0] + row[2] - euler_number(image, topology.construction)
    return result.reshape(*array.shape[:lead], ndim)


def euler_number(mask: NDArray[np.bool_], construction: Construction) -> int:
    """Euler number of one mask: its cells counted with alternating signs by dimension.

    Parameters
    ----------
    mask
        Boolean, any number of axes, all of them spatial; nothing lies beyond the border.
    construction
        ``"V"``: a cell belongs to the complex when all its voxels are foreground. ``"T"``: when any
        voxel it bounds is.

    Examples
    --------
    >>> euler_number(np.eye(2, dtype=bool), "V"), euler_number(np.eye(2, dtype=bool), "T")
    (2, 1)
    """
    # Each axis either keeps its voxels or goes over to the positions between neighbours. Between
    # neighbours lie the edges of V (both voxels needed) and the walls of T (either will do), so
    # a step along an axis adds a dimension in V and takes one away in T.
    between = np.logical_and if construction == "V" else np.logical_or
    cells = [(mask if construction == "V" else np.pad(mask, 1), 1)]
    for axis in range(mask.ndim):
        for array, sign in cells[:]:
            ahead = array.swapaxes(0, axis)
            cells.append((between(ahead[1:], ahead[:-1]).swapaxes(0, axis), -sign))
    total = sum(sign * int(np.count_nonzero(array)) for array, sign in cells)
    return total if construction == "V" else (-1) ** mask.ndim * total


def betti_error(
    prediction: Array, target: Array, topology: Topology, spatial_dims: int | None = None
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


def _surrounded(images: NDArray[np.bool_], value: bool) -> NDArray[np.bool_]:
    """Lay one voxel of ``value`` round every image of a ``(B, *spatial)`` stack."""
    width = [(0, 0)] + [(1, 1)] * (images.ndim - 1)
    return np.pad(images, width, constant_values=value)


def _components(mask: NDArray[np.bool_], connectivity: int) -> int:
    # cc3d types its connectivity as a literal; Topology hands out nothing but 4, 6, 8 and 26.
    labelled = cc3d.connected_components(mask, connectivity=connectivity, return_N=True)  # type: ignore[call-overload]
    return int(labelled[1])
