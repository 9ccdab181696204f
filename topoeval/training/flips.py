"""Test-time flips: an image is answered as it is and mirrored along its axes, and the mean counts.

A d-dimensional image has 2^d such views: every choice of axes that are mirrored, none of them
included. Answers are mirrored back before the mean is taken.
"""

from __future__ import annotations

from itertools import product

import torch


def views(ndim: int) -> list[tuple[int, ...]]:
    """Return which axes of an ``(N, C, *spatial)`` tensor each view mirrors; the first none.

    Examples
    --------
    >>> views(2)
    [(), (3,), (2,), (2, 3)]
    """
    choices = product((False, True), repeat=ndim)
    return [tuple(axis + 2 for axis in range(ndim) if chosen[axis]) for chosen in choices]


def mirrored(images: torch.Tensor) -> torch.Tensor:
    """Return all views of ``(N, C, *spatial)`` images, ``(2^d N, C, *spatial)``, view by view."""
    return torch.cat([images.flip(axes) for axes in views(images.ndim - 2)])


def mean_of_mirrored(answers: torch.Tensor) -> torch.Tensor:
    """Return the mean answer of each image, ``(N, C, *spatial)``, in the orientation of the image.

    Parameters
    ----------
    answers
        ``(2^d N, C, *spatial)`` maps in [0, 1] of what `mirrored` returned, in its order.

    Raises
    ------
    ValueError
        The number of answers is no multiple of 2^d.
    """
    ndim = answers.ndim - 2
    if len(answers) % 2**ndim:
        raise ValueError(f"{len(answers)} answers are not those of {2**ndim} views of each image")
    pieces = zip(answers.chunk(2**ndim), views(ndim), strict=True)
    return torch.stack([piece.flip(axes) for piece, axes in pieces]).mean(0)
