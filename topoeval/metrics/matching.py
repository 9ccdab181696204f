"""Betti matching error: features that have no counterpart at the same place."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from topoeval.errors import UserError
from topoeval.metrics.arrays import Array, as_mask, check_same_shape, leading_axes
from topoeval.topology import Topology

Comparison = Literal["union", "intersection"]


def betti_matching_error(
    prediction: Array,
    target: Array,
    topology: Topology | str,
    spatial_dims: int | None = None,
    comparison: Comparison = "union",
) -> NDArray[np.int64]:
    """Count the unmatched features of both masks, dimension by dimension.

    Features of P and G match when they go to the same feature of a third mask: their union, or
    their intersection (Stucki et al., ICML 2023, by induced matchings). The two orientations give
    different counts; with the union, two components that touch one component of the other mask
    are one match and one error.

    The oldest component of each mask is its essential class, and essential classes match wherever
    they lie, as in the published code: two masks of one component each have no error in dimension
    0 even if they do not touch (`diu` and `wrong_regions` see it). In a framed image the same holds
    for the loop or shell of the frame, and so for one hole or cavity of each mask.

    All voxels of a mask tie. They enter by value, then by index in C order, so turning or flipping
    both masks can change the count by a few: compare numbers of one orientation of the images.

    Parameters
    ----------
    prediction, target
        Boolean masks of equal shape ``(..., *spatial)``. The features of an empty mask are none, so
        every feature of the other is unmatched.
    topology
        Construction and border.
    spatial_dims
        2 or 3; None reads the whole array as one mask.
    comparison
        ``"union"`` or ``"intersection"``.

    Returns
    -------
    Shape ``(..., spatial_dims)``, int64, never less than `betti_error`; lower is better.

    Raises
    ------
    UserError
        If a mask is not boolean, the shapes differ, or `comparison` is another word.

    Examples
    --------
    >>> p, g = np.zeros((2, 3, 9), dtype=bool)
    >>> p[1, [1, 4]] = g[1, [1, 7]] = True
    >>> betti_matching_error(p, g, Topology())  # the Betti error is (0, 0)
    array([2, 0])
    """
    from topoeval import _native

    if comparison not in get_args(Comparison):
        raise UserError(f"comparison must be 'union' or 'intersection', got {comparison!r}")
    p, g = as_mask(prediction), as_mask(target)
    check_same_shape(p, g)
    lead = leading_axes(p, spatial_dims)
    ndim = p.ndim - lead
    topology = Topology.parse(topology)
    topology.foreground_connectivity(ndim)  # refuses other dimensions
    shape = p.shape[:lead]
    p, g = (masks.reshape(-1, *masks.shape[lead:]) for masks in (p, g))
    if len(p) == 0:
        return np.zeros((*shape, ndim), np.int64)
    counts = _native.match_masks(p, g, topology.construction, topology.framed, comparison, 1)
    counts = counts.view(np.int64)  # the engine's is as long under another name of C
    return (counts[:, 0] + counts[:, 1] - 2 * counts[:, 2]).reshape(*shape, ndim)
