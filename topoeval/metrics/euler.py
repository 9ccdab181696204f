"""Euler numbers of masks, by counting where runs of foreground end."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from topoeval.metrics.arrays import (
    Array,
    as_mask,
    check_same_shape,
    leading_axes,
    surrounded,
)
from topoeval.topology import Construction, Topology


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
    return int(euler_numbers(surrounded(as_mask(mask)[None], False), construction)[0])


def euler_error(
    prediction: Array, target: Array, topology: Topology | str, spatial_dims: int | None = None
) -> NDArray[np.int64]:
    """Difference of Euler numbers ``|chi(P) - chi(G)|`` of each pair of masks.

    A screen that costs little and sees little: a component too many and a hole too many cancel.

    Parameters
    ----------
    prediction, target
        Boolean masks of equal shape ``(..., *spatial)``; an empty mask has Euler number 0.
    topology
        Construction and border.
    spatial_dims
        Number of spatial axes; None reads the whole array as one mask.

    Returns
    -------
    Shape ``(...)``, int64 >= 0; lower is better.

    Raises
    ------
    UserError
        If a mask is not boolean or the shapes differ.

    Examples
    --------
    >>> ring = np.ones((3, 3), dtype=bool)
    >>> ring[1, 1] = False
    >>> int(euler_error(ring, np.ones((3, 3), dtype=bool), Topology()))
    1
    """
    topology = Topology.parse(topology)
    p, g = as_mask(prediction), as_mask(target)
    check_same_shape(p, g)
    lead = leading_axes(p, spatial_dims)
    numbers = []
    for masks in (p, g):
        images = masks.reshape(-1, *masks.shape[lead:])
        if topology.framed:
            images = surrounded(images, True)
        numbers.append(euler_numbers(surrounded(images, False), topology.construction))
    return np.abs(numbers[0] - numbers[1]).reshape(p.shape[:lead])


def euler_numbers(images: NDArray[np.bool_], construction: Construction) -> NDArray[np.int64]:
    """Euler number of each image of a stack ``(B, *spatial)`` with a border of background.

    The border lets every shift run over the flat array: what wraps into the next row is empty.
    """
    # Along the last axis, voxels less edges (V), or ends less voxels (T), is the number of runs.
    # Along each other axis one keeps the voxels, or goes over to the positions between two of them:
    # edges of V need both, walls of T either. That adds a dimension in V, takes one away in T.
    between, kept, passed = (
        (np.bitwise_and, 1, -1) if construction == "V" else (np.bitwise_or, -1, 1)
    )
    terms = [(_packed(images), 1)]
    stride = 1
    for length in images.shape[:1:-1]:
        stride *= length
        shifted = [(_shifted(bits, stride), bits, sign) for bits, sign in terms]
        terms = [(bits, kept * sign) for bits, sign in terms] + [
            (between(ahead, bits[:, : ahead.shape[1]]), passed * sign)
            for ahead, bits, sign in shifted
        ]
    total = np.zeros(len(images), np.int64)
    for bits, sign in terms:
        run_ends = bits & ~_shifted(bits, 1)
        total += sign * np.bitwise_count(run_ends).sum(axis=1, dtype=np.int64)
    return total


def _packed(images: NDArray[np.bool_]) -> NDArray[np.uint64]:
    """Pack a stack into ``(B, words)``, 64 voxels a word: an eighth of the memory to walk."""
    flat = np.packbits(images.reshape(len(images), -1), axis=1, bitorder="little")
    words = np.zeros((len(flat), -(-flat.shape[1] // 8)), "<u8")
    words.view(np.uint8)[:, : flat.shape[1]] = flat
    return words


def _shifted(bits: NDArray[np.uint64], by: int) -> NDArray[np.uint64]:
    """Move voxel ``i + by`` to place ``i``; what remains at the end is background."""
    words, rest = divmod(by, 64)
    ahead = bits[:, words:]
    if rest == 0:
        return ahead
    shifted = ahead >> np.uint64(rest)
    shifted[:, :-1] |= ahead[:, 1:] << np.uint64(64 - rest)
    return shifted
