"""One voxel of margin, so that every voxel of an image has all its neighbours."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from topoeval.errors import UserError
from topoeval.topology import Topology


def surrounded(masks: NDArray[np.bool_], topology: Topology) -> NDArray[np.bool_]:
    """Return ``(B, *spatial)`` masks with what the topology sees beyond their border.

    Raises
    ------
    UserError
        If the masks are not boolean or not a batch of 2D or 3D images.
    """
    refuse_other_than_masks(masks)
    return padded_by_one(masks, topology.framed)


def refuse_other_than_masks(masks: NDArray[np.bool_]) -> None:
    """Raise UserError if the masks are not boolean or not a batch of 2D or 3D images."""
    if masks.dtype != np.bool_ or masks.ndim not in (3, 4):
        raise UserError(
            "masks must be boolean of shape (B, H, W) or (B, D, H, W), "
            f"got {masks.dtype} of shape {masks.shape}"
        )


def padded_by_one(images: NDArray[Any], value: Any = 0) -> NDArray[Any]:
    """Return ``(B, *spatial)`` images with a margin of one voxel, in C order.

    What works on them changes flat views in place, so their order is not that of the input.
    """
    width = [(0, 0)] + [(1, 1)] * (images.ndim - 1)
    return np.pad(np.ascontiguousarray(images), width, constant_values=value)


def inside(ndim: int) -> tuple[slice, ...]:
    """Return the index that takes the margin away."""
    return (slice(None),) + (slice(1, -1),) * ndim
