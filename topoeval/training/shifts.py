"""Test-time shifts: an image is answered as it is and shifted by a voxel, and the mean counts.

A d-dimensional image has 2d + 1 such views: itself, and shifted to either side along each axis.
Nothing is rolled round the border: a view is a window of the image padded by a voxel with the
nearest value. Its answer goes back to where the window was, and the mean of a voxel is over the
views that cover it: at a face all but one.
"""

from __future__ import annotations

import torch
from torch.nn import functional


def views(ndim: int) -> list[tuple[int, ...]]:
    """Return by how many voxels along each axis the window of each view is moved; the first none.

    Examples
    --------
    >>> views(2)
    [(0, 0), (-1, 0), (1, 0), (0, -1), (0, 1)]
    """
    still = (0,) * ndim
    moved = ((*still[:axis], by, *still[axis + 1 :]) for axis in range(ndim) for by in (-1, 1))
    return [still, *moved]


def shifted(images: torch.Tensor) -> torch.Tensor:
    """Return all views of ``(N, C, *spatial)`` images, ``((2d + 1) N, C, *spatial)``, view by view.

    Voxel v of a view is voxel v + move of its image, or the nearest one where that is outside.
    """
    ndim = images.ndim - 2
    padded = functional.pad(images, (1,) * (2 * ndim), mode="replicate")
    windows = []
    for moves in views(ndim):
        window = padded
        for axis, move in enumerate(moves, start=2):
            window = window.narrow(axis, 1 + move, images.shape[axis])
        windows.append(window)
    return torch.cat(windows)


def mean_of_shifted(answers: torch.Tensor) -> torch.Tensor:
    """Return the mean answer of each image, ``(N, C, *spatial)``, at the voxels of the image.

    Parameters
    ----------
    answers
        ``((2d + 1) N, C, *spatial)`` maps in [0, 1] of what `shifted` returned, in its order.

    Raises
    ------
    ValueError
        The number of answers is no multiple of 2d + 1.
    """
    ndim = answers.ndim - 2
    if len(answers) % (2 * ndim + 1):
        raise ValueError(
            f"{len(answers)} answers are not those of {2 * ndim + 1} views of each image"
        )
    pieces = answers.chunk(2 * ndim + 1)
    # in float64: five answers just below 0.5 must not have a mean of 0.5
    total = torch.zeros_like(pieces[0], dtype=torch.float64)
    count = total.new_zeros(total.shape[2:])
    for piece, moves in zip(pieces, views(ndim), strict=True):
        seen, inside = [slice(None)] * 2, [slice(None)] * 2
        for move, side in zip(moves, total.shape[2:], strict=True):
            # voxels v of the view, and v + move of the image, that are inside both
            seen.append(slice(max(0, -move), side - max(0, move)))
            inside.append(slice(max(0, move), side - max(0, -move)))
        total[tuple(inside)] += piece[tuple(seen)]
        count[tuple(inside[2:])] += 1
    return (total / count).to(answers.dtype)
