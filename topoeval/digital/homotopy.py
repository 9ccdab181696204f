"""Homotopic deformation: changing masks voxel by voxel, and their topology not at all."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from topoeval.digital.border import inside, padded_by_one, surrounded
from topoeval.digital.distance import inner_distance
from topoeval.digital.simple_points import codes_at, cube_steps, is_end, is_simple
from topoeval.errors import UserError
from topoeval.topology import Topology


def warp(
    source: NDArray[np.bool_], towards: NDArray[np.bool_], topology: Topology
) -> NDArray[np.bool_]:
    """Deform masks towards others as far as their topology lets them.

    Simple voxels in which the two differ are flipped, those next to where they agree first
    (rounded Euclidean distance), until none is left. What then still differs is what the topology
    of the source forbids.

    Parameters
    ----------
    source, towards
        Boolean masks ``(B, H, W)`` or ``(B, D, H, W)`` of equal shape; True is foreground whatever
        ``topology.direction`` says.
    topology
        Construction and border.

    Returns
    -------
    Masks with the topology of `source`, same shape.

    Raises
    ------
    UserError
        If the masks are not boolean, not a batch of 2D or 3D images, or differ in shape.

    Examples
    --------
    Two dots grow towards a bar until one voxel keeps them apart; the bar never breaks into dots:

    >>> bar = np.array([[[True, True, True, True, True]]])
    >>> dots = np.array([[[True, False, False, False, True]]])
    >>> warp(dots, bar, Topology()).astype(int)
    array([[[1, 1, 0, 1, 1]]])
    >>> warp(bar, dots, Topology()).astype(int)
    array([[[1, 1, 1, 1, 1]]])
    """
    if source.shape != towards.shape:
        raise UserError(
            f"source and towards must have one shape, got {source.shape} and {towards.shape}"
        )
    different = source != towards
    return deform(source, different, inner_distance(different), topology)


def deform(
    images: NDArray[np.bool_],
    changeable: NDArray[np.bool_],
    depth: NDArray[np.float64],
    topology: Topology,
    *,
    keep_ends: bool = False,
) -> NDArray[np.bool_]:
    """Flip simple voxels of a batch of masks, in order, until none is left that may change.

    Parameters
    ----------
    images
        Boolean masks ``(B, *spatial)``.
    changeable
        Voxels that may flip, each once; same shape.
    depth
        Not negative; voxels go by its integer part, lower ones first. Same shape.
    topology
        Construction and border.
    keep_ends
        Leave for good what is the end of a curve when its turn comes, unless a neighbour, there
        still or not, is deeper by more than a half: such a curve is a spur.

    Notes
    -----
    Voxels go in parallel by subfields, the 2^d classes of equal coordinate parity. No two voxels
    of a subfield are neighbours, so flipping all simple ones at once is flipping one after the
    other. A voxel is looked at again only after a neighbour has flipped.
    """
    ndim, construction = images.ndim - 1, topology.construction
    padded = surrounded(images, topology)
    cube = cube_steps(padded.shape)
    colours = padded.reshape(-1)
    depths = padded_by_one(depth).reshape(-1)
    waiting = padded_by_one(changeable).reshape(-1)  # may change, and has not
    due = waiting.copy()  # not looked at since a neighbour flipped

    voxels = np.flatnonzero(waiting)
    rank = depths[voxels].astype(np.int64)
    for coordinate in np.unravel_index(voxels, padded.shape)[1:]:
        rank = 2 * rank + (coordinate & 1)
    sorting = np.argsort(rank, kind="stable")
    voxels, rank = voxels[sorting], rank[sorting]

    while (now := due[voxels]).any():
        turn, turn_rank = voxels[now], rank[now]
        for level in _runs(turn_rank >> ndim):
            if keep_ends:
                here = turn[level]
                here = here[is_end(codes_at(colours, here, cube), ndim, construction)]
                deepest_near = depths[here[:, None] + cube].max(axis=1)
                waiting[here[deepest_near <= depths[here] + 0.5]] = False
            for subfield in _runs(turn_rank[level]):
                here = turn[level][subfield]
                here = here[waiting[here]]
                due[here] = False
                here = here[is_simple(codes_at(colours, here, cube), ndim, construction)]
                colours[here] ^= True
                waiting[here] = False
                due[here[:, None] + cube] = True
        still = waiting[voxels]
        voxels, rank = voxels[still], rank[still]
    return padded[inside(ndim)]


def _runs(sorted_values: NDArray[np.int64]) -> Iterator[slice]:
    """Yield where equal values stand."""
    bounds = np.flatnonzero(np.diff(sorted_values)) + 1
    for start, stop in pairwise([0, *bounds.tolist(), len(sorted_values)]):
        yield slice(start, stop)
