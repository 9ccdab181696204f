"""Thinning: curve skeletons with exactly the topology of their masks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from topoeval.digital.homotopy import deform
from topoeval.topology import Topology


def thin(masks: NDArray[np.bool_], topology: Topology, *, threads: int = 1) -> NDArray[np.bool_]:
    """Return the curve skeletons of masks, homotopic to them.

    Simple foreground voxels are taken away, those nearest to the background first (Euclidean
    distance, rounded down; beyond the border is background), except the ends of curves beside which
    the mask is hardly deeper. So a tube keeps its length less about its radius at each end, a ball
    becomes a voxel or two, a shell a closed surface, and no component, hole or cavity is ever lost
    or won, whatever the width and place of a solid in the grid.

    Parameters
    ----------
    masks
        Boolean, ``(B, H, W)`` or ``(B, D, H, W)``; True is foreground whatever
        ``topology.direction`` says.
    topology
        Construction and border.
    threads
        How many masks may be worked on at a time; the result does not depend on it.

    Returns
    -------
    Subsets of the masks, same shape, with the same Betti numbers.

    Raises
    ------
    UserError
        If the masks are not boolean or not a batch of 2D or 3D images.

    Notes
    -----
    `skimage.morphology.skeletonize` knows one connectivity (8 and 26), and in 3D it leaves nothing
    of a solid of even width that is aligned with the grid (its issue 3757).

    Examples
    --------
    >>> bar = np.ones((1, 2, 6), dtype=bool)
    >>> thin(bar, Topology()).astype(int)
    array([[[0, 1, 1, 1, 0, 0],
            [0, 0, 0, 0, 0, 0]]])
    """
    return deform(masks, masks, topology, keep_ends=True, threads=threads)
