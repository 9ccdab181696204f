"""Betti errors of patches: where in the image the topology is wrong, not only how much."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from topoeval.errors import UserError
from topoeval.metrics.arrays import Array, as_mask, check_same_shape, leading_axes
from topoeval.metrics.betti import betti_error
from topoeval.metrics.box import Box, box_of
from topoeval.topology import Topology

DEFAULT_SIZE = 64


def patch_betti_error(
    prediction: Array,
    target: Array,
    topology: Topology | str,
    spatial_dims: int | None = None,
    size: int = DEFAULT_SIZE,
    stride: int | None = None,
) -> NDArray[np.float64]:
    """Betti number error of patches on a fixed grid, mean over the patches.

    Errors far apart cannot cancel: a component too many here and one too few there are two.

    Patches start at 0, `stride`, 2 `stride` ...; the last along each axis is moved back to end with
    the image, so all have one size and every voxel counts. An image shorter than `size` is one
    patch along that axis. At the edges of a patch the border reading of `topology` holds.

    Parameters
    ----------
    prediction, target
        Boolean masks of equal shape ``(..., *spatial)``; an empty patch counts like any other.
    topology
        Construction and border.
    spatial_dims
        2 or 3; None reads the whole array as one mask.
    size, stride
        Side of a patch and step between two, in voxels; the step is the side by default.

    Returns
    -------
    Shape ``(..., spatial_dims)``, float64 >= 0; lower is better.

    Raises
    ------
    UserError
        If a mask is not boolean, the shapes differ, or `size` or `stride` is less than 1.

    Examples
    --------
    >>> dots = np.zeros((4, 8), dtype=bool)
    >>> dots[1, 1] = True
    >>> patch_betti_error(dots, dots[:, ::-1], Topology(), size=4)
    array([1., 0.])
    """
    step = size if stride is None else stride
    if size < 1 or step < 1:
        raise UserError(f"patches need size and stride of at least 1, got {size} and {step}")
    p, g = as_mask(prediction), as_mask(target)
    check_same_shape(p, g)
    lead = leading_axes(p, spatial_dims)
    spatial = p.shape[lead:]
    windows = tuple(min(size, length) for length in spatial)
    starts = [
        sorted({*range(0, length - window, step), length - window})
        for length, window in zip(spatial, windows, strict=True)
    ]
    places: list[tuple[Any, ...]] = [
        (..., *(slice(at, at + window) for at, window in zip(corner, windows, strict=True)))
        for corner in itertools.product(*starts)
    ]
    total = np.zeros((*p.shape[:lead], len(spatial)))
    images = (p, g) if lead == 0 else [masks.any(axis=tuple(range(lead))) for masks in (p, g)]
    box = box_of(*images) or (slice(0, 0),) * len(spatial)
    # One after the other, and none where the masks agree: there is no error, and no second image.
    for place in places:
        if _meet(place[1:], box) and not np.array_equal(p[place], g[place]):
            total += betti_error(p[place], g[place], topology, len(spatial))
    return total / len(places)


def _meet(one: Box, other: Box) -> bool:
    return all(a.start < b.stop and b.start < a.stop for a, b in zip(one, other, strict=True))
