"""DIU: how the components of intersection and union of two masks disagree."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from topoeval.errors import UserError
from topoeval.metrics.arrays import Array, as_numpy, case_pairs, surrounded
from topoeval.metrics.components import label
from topoeval.topology import Topology


def diu(
    prediction: Array, target: Array, topology: Topology | str, spatial_dims: int | None = None
) -> NDArray[np.int64]:
    """Discrepancy between intersection and union (DIU) of each pair of 2D masks.

    The inclusion of ``P & G`` in ``P | G`` takes components to components. Its kernel counts those
    that merge, its cokernel those of the union that the intersection does not reach; both are
    counted for the foreground and, by its own connectivity, for the background (Lux et al.,
    Topograph, ICLR 2025, arXiv 2411.03228).

    0 does not mean equal Betti numbers: a component of P that is next to G but does not overlap it
    joins the union and is not in the intersection, so neither kernel nor cokernel has it.

    Parameters
    ----------
    prediction, target
        Boolean masks of equal shape ``(..., H, W)``; an empty mask counts like any other.
    topology
        Construction and border.
    spatial_dims
        2, or None to read the whole array as one mask.

    Returns
    -------
    Shape ``(...)``, int64 >= 0; lower is better.

    Raises
    ------
    UserError
        If a mask is not boolean, the shapes differ, or the masks are not 2D: in 3D labels say
        nothing about tunnels.

    Examples
    --------
    >>> left, right = np.zeros((2, 3, 9), dtype=bool)
    >>> left[1, 1], right[1, 7] = True, True
    >>> int(diu(left, right, Topology()))  # neither component of the union is reached
    2
    """
    shape, pairs = case_pairs(prediction, target, spatial_dims)
    ndim = as_numpy(prediction).ndim - len(shape)
    if ndim != 2:
        raise UserError(f"DIU is defined for 2D masks, got {ndim} spatial dimensions")
    read = Topology.parse(topology)
    return np.array([_diu(p, g, read) for p, g in pairs], np.int64).reshape(shape)


def _diu(p: NDArray[np.bool_], g: NDArray[np.bool_], topology: Topology) -> int:
    masks = np.stack([p, g])
    if topology.framed:
        masks = surrounded(masks, True)
    p, g = surrounded(masks, False)
    foreground = _kernel_and_cokernel(p, g, topology.foreground_connectivity(2))
    return foreground + _kernel_and_cokernel(~p, ~g, topology.background_connectivity(2))


def _kernel_and_cokernel(p: NDArray[np.bool_], g: NDArray[np.bool_], connectivity: int) -> int:
    common = p & g
    _, inner = label(common, connectivity)
    union, outer = label(p | g, connectivity)
    rank = int(np.count_nonzero(np.bincount(union[common])))
    return (inner - rank) + (outer - rank)
