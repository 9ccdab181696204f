"""Betti matching error: features that have no counterpart at the same place."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from topoeval.errors import UserError
from topoeval.metrics.arrays import (
    Array,
    as_mask,
    check_same_shape,
    leading_axes,
    surrounded,
)
from topoeval.topology import Topology

Comparison = Literal["union", "intersection"]
# How the compiled matching writes the partner that a bar lacks.
_UNMATCHED = -2


def betti_matching_error(
    prediction: Array,
    target: Array,
    topology: Topology,
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
    0 even if they do not touch (`diu` and `wrong_regions` see it).

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

    if comparison not in ("union", "intersection"):
        raise UserError(f"comparison must be 'union' or 'intersection', got {comparison!r}")
    p, g = as_mask(prediction), as_mask(target)
    check_same_shape(p, g)
    lead = leading_axes(p, spatial_dims)
    ndim = p.ndim - lead
    topology.foreground_connectivity(ndim)  # refuses what is neither 2D nor 3D
    shape = p.shape[:lead]
    p, g = (masks.reshape(-1, *masks.shape[lead:]) for masks in (p, g))
    if topology.framed:
        p, g = surrounded(p, True), surrounded(g, True)
    image, dim, p_birth, _, g_birth, _ = _native.betti_matching(
        p, g, topology.construction, True, list(range(ndim)), comparison, 1
    )
    alone = (p_birth == _UNMATCHED) | (g_birth == _UNMATCHED)
    errors = np.zeros((len(p), ndim), np.int64)
    np.add.at(errors, (image[alone], dim[alone]), 1)
    # The essential classes always match each other; of an empty mask there is none to match.
    spatial = tuple(range(1, ndim + 1))
    errors[:, 0] += p.any(axis=spatial) != g.any(axis=spatial)
    return errors.reshape(*shape, ndim)
