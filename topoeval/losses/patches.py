"""Maps cut into patches, each read as an image of its own."""

from __future__ import annotations

import torch

from topoeval.errors import UserError


def patches(maps: torch.Tensor, size: int, step: int | None = None) -> torch.Tensor:
    """Return ``(B, C, n_patches, *patch)`` of ``(B, C, *spatial)`` maps; differentiable.

    Patches are squares or cubes of side `size`, `step` apart (`size` by default), and cover the
    whole map: the last along an axis ends at the edge, so it may overlap its neighbour. An axis
    shorter than `size` is not cut.

    Examples
    --------
    >>> patches(torch.arange(5.0).reshape(1, 1, 1, 5), 2)[0, 0, :, 0].tolist()
    [[0.0, 1.0], [2.0, 3.0], [3.0, 4.0]]
    """
    ndim = maps.ndim - 2
    cut = maps
    for axis in range(ndim):
        side = maps.shape[2 + axis]
        extent = min(size, side)
        starts = [*range(0, side - extent, step or size), side - extent]
        first = torch.tensor(starts, device=maps.device)
        index = first[:, None] + torch.arange(extent, device=maps.device)
        # Each axis leaves the number of its patches in place and their extent at the end, so the
        # next axis is found one further: (B, C, n_0, H_1, .., s_0), then (B, C, n_0, n_1, .., s_1).
        position = 2 + axis
        shape = (*cut.shape[:position], *index.shape, *cut.shape[position + 1 :])
        cut = cut.index_select(position, index.flatten()).reshape(shape).movedim(position + 1, -1)
    return cut.flatten(2, 1 + ndim)


def check_patch(name: str, value: int | None) -> None:
    """Refuse a side or a step below one voxel."""
    if value is not None and (value < 1 or value != int(value)):
        raise UserError(f"{name} must be a whole number of voxels, at least 1 voxel, got {value}")
