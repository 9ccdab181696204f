"""Connected components of masks, labelled by connected-components-3d."""

from __future__ import annotations

from typing import Any

import cc3d
import numpy as np
from numpy.typing import NDArray

from topoeval.topology import Topology


def label(mask: NDArray[np.bool_], connectivity: int) -> tuple[NDArray[Any], int]:
    """Label the components of one mask.

    Parameters
    ----------
    mask
        Boolean, 2D or 3D.
    connectivity
        4 or 8, 6 or 26, as `topoeval.Topology` gives them.

    Returns
    -------
    Labels of unsigned integers, 0 for background, 1 to N; and N.

    Examples
    --------
    >>> label(np.eye(2, dtype=bool), 4)[1], label(np.eye(2, dtype=bool), 8)[1]
    (2, 1)
    """
    data: NDArray[Any] = mask
    if any(side % 2 for side in mask.shape):
        # cc3d 4.1.1 walks boolean images in blocks of two: where a side is odd, 8-connected ones
        # can get wrong labels and 26-connected ones an exception. Bytes take another route.
        data = np.ascontiguousarray(mask).view(np.uint8)
    # cc3d types its connectivity as a literal; Topology hands out nothing else.
    labels, found = cc3d.connected_components(data, connectivity=connectivity, return_N=True)  # type: ignore[call-overload]
    return labels, int(found)


def enclosed(mask: NDArray[np.bool_], topology: Topology | str) -> tuple[NDArray[Any], int]:
    """Label the background regions that the foreground encloses: holes in 2D, cavities in 3D.

    Parameters
    ----------
    mask
        Boolean, 2D or 3D.
    topology
        Construction and border; under a framed border every background region is enclosed.

    Returns
    -------
    Labels as of `label`, and their number: the last Betti number of the mask.

    Examples
    --------
    >>> ring = np.ones((3, 3), dtype=bool)
    >>> ring[1, 1] = False
    >>> labels, number = enclosed(ring, Topology())
    >>> int(labels[1, 1]), number
    (1, 1)
    """
    topology = Topology.parse(topology)
    labels, found = label(~mask, topology.background_connectivity(mask.ndim))
    number = np.arange(found + 1, dtype=np.int32)
    if not topology.framed:
        for axis in range(mask.ndim):
            sides = labels.swapaxes(0, axis)
            number[sides[0]] = number[sides[-1]] = 0
        kept = number > 0
        number[kept] = np.arange(1, np.count_nonzero(kept) + 1)
    return number[labels], int(number.max())
