"""Homotopic deformation: changing masks voxel by voxel, and their topology not at all."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from topoeval.digital.border import refuse_other_than_masks
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
    return deform(source, source != towards, topology)


def deform(
    images: NDArray[np.bool_],
    changeable: NDArray[np.bool_],
    topology: Topology,
    *,
    keep_ends: bool = False,
    threads: int = 1,
) -> NDArray[np.bool_]:
    """Flip simple voxels of a batch of masks, in order, until none is left that may change.

    Parameters
    ----------
    images
        Boolean masks ``(B, *spatial)``.
    changeable
        Voxels that may flip, each once; same shape. They go by the integer part of their Euclidean
        distance to what is not changeable, lower ones first.
    topology
        Construction and border.
    keep_ends
        Leave for good what is the end of a curve when its turn comes, unless a neighbour, there
        still or not, is deeper by more than a half: such a curve is a spur.
    threads
        How many images may be worked on at a time; the result does not depend on it.

    Notes
    -----
    Within one distance voxels go by subfields, the 2^d classes of equal coordinate parity. No two
    voxels of a subfield are neighbours, so their order does not matter. The engine does it
    (`native/digital/deform.hpp`).
    """
    from topoeval import _native

    refuse_other_than_masks(images)
    if images.size == 0:
        return images.copy()
    return _native.deform(
        images, changeable, topology.construction, topology.framed, keep_ends, threads
    )
