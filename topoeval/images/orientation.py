"""Two images on one grid: axes brought into one order, and by how much their headers differ.

Headers are compared by places, not by numbers: the largest distance between where the two put a
corner of the grid. It is stated if it is more than `TOLERANCE` of the smallest side of a voxel.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations, product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from topoeval.errors import UserError
from topoeval.images.image import Image, usable_spacing

TOLERANCE = 0.1
# Axes that are further apart than this cannot be those of one grid stored in another order.
_LEAST_COSINE = float(np.cos(np.pi / 4))


def on_grid_of(image: Image, truth: Image) -> tuple[Image, str]:
    """Return an image with its axes in the order and direction of the truth's.

    Parameters
    ----------
    image, truth
        Without axes of length one (`Image.squeezed`). `image` may have channels.

    Returns
    -------
    The image, its header replaced by the truth's where the truth has one; and one line that says
    how the two headers differ, empty where they agree.

    Raises
    ------
    UserError
        If the two cannot lie on one grid.
    """
    note = ""
    if image.affine is not None and truth.affine is not None:
        image = _reordered(image, truth)
    elif (image.affine is None) != (truth.affine is None):
        lacking, other = (image, truth) if image.affine is None else (truth, image)
        note = (
            f"{lacking.source}: states no orientation, {other.source} does; "
            "their axes are taken to be in the same order"
        )
    if image.shape != truth.shape:
        hint = ""
        if image.shape[::-1] == truth.shape:
            hint = "; its axes seem to be in reverse order, save it with its orientation"
        raise UserError(
            f"{image.source}: shape {image.shape}, but {truth.source} has {truth.shape}{hint}"
        )
    if image.affine is not None and truth.affine is not None:
        note = _difference(image, truth)
    elif (
        image.spacing
        and truth.spacing
        and not np.allclose(image.spacing, truth.spacing, rtol=TOLERANCE / max(image.shape), atol=0)
    ):
        note = _spacings(image, truth)
    return (
        replace(
            image,
            spacing=truth.spacing or image.spacing,
            affine=image.affine if truth.affine is None else truth.affine,
        ),
        note,
    )


def reordered(image: Image, order: tuple[int, ...], flipped: tuple[bool, ...]) -> Image:
    """Return an image whose axis ``i`` is its axis ``order[i]``, reversed where ``flipped[i]``.

    The header follows, so that every voxel stays at its place.

    >>> image = Image(np.arange(6).reshape(2, 3), affine=np.eye(3)[:, [0, 1, 2]])
    >>> turned = reordered(image, (1, 0), (True, False))
    >>> turned.array.tolist(), turned.affine[:, -1].tolist()
    ([[2, 5], [1, 4], [0, 3]], [0.0, 2.0, 1.0])
    """
    array = image.array
    if image.channel_axis is not None:
        array = np.moveaxis(array, image.channel_axis, -1)
    array = array.transpose(*order, *range(len(order), array.ndim))
    flips = tuple(slice(None, None, -1) if flip else slice(None) for flip in flipped)
    array = array[flips]
    affine = None
    if image.affine is not None:
        affine = image.affine[:, [*order, -1]].copy()
        for axis, flip in enumerate(flipped):
            if flip:
                affine[:, -1] += affine[:, axis] * (array.shape[axis] - 1)
                affine[:, axis] *= -1
    return replace(
        image,
        array=array,
        spacing=None if image.spacing is None else tuple(image.spacing[axis] for axis in order),
        affine=affine,
        channel_axis=None if image.channel_axis is None else array.ndim - 1,
    )


def _reordered(image: Image, truth: Image) -> Image:
    """Bring the axes into the order in which they point where the truth's do."""
    dims = len(truth.shape)
    if len(image.shape) != dims:
        raise UserError(f"{image.source}: {len(image.shape)} axes, but {truth.source} has {dims}")
    cosines = _directions(truth).T @ _directions(image)
    order = max(
        permutations(range(dims)),
        key=lambda places: sum(abs(cosines[axis, place]) for axis, place in enumerate(places)),
    )
    chosen = [float(cosines[axis, place]) for axis, place in enumerate(order)]
    if min(map(abs, chosen)) < _LEAST_COSINE:
        raise UserError(
            f"{image.source}: its axes point elsewhere than those of {truth.source}; the two "
            "cannot lie on one grid"
        )
    return reordered(image, order, tuple(cosine < 0 for cosine in chosen))


def _directions(image: Image) -> NDArray[np.float64]:
    """Return unit vectors along the axes, in columns."""
    steps: NDArray[np.float64] = np.asarray(image.affine)[:, :-1]
    lengths = np.linalg.norm(steps, axis=0)
    if not (np.isfinite(steps).all() and (lengths > 0).all()):
        raise UserError(f"{image.source}: its header names no directions of its axes")
    return steps / lengths


def _difference(image: Image, truth: Image) -> str:
    ours, theirs = np.asarray(image.affine), np.asarray(truth.affine)
    corners = np.array([(*corner, 1) for corner in product(*((0, n - 1) for n in truth.shape))])
    apart = float(np.linalg.norm((ours - theirs) @ corners.T, axis=0).max())
    smallest = float(np.linalg.norm(theirs[:, :-1], axis=0).min())
    if apart <= TOLERANCE * smallest:
        return ""
    shift = ", ".join(f"{value:.4g}" for value in (ours - theirs)[:, -1])
    line = f"{image.source}: up to {apart:.4g} mm off {truth.source} (origin by {shift} mm"
    sizes = [usable_spacing(np.linalg.norm(a[:, :-1], axis=0)) for a in (ours, theirs)]
    if not np.allclose(
        np.asarray(sizes[0], np.float64), np.asarray(sizes[1], np.float64), rtol=1e-3
    ):
        line += f", spacing {_sizes(sizes[0])} against {_sizes(sizes[1])}"
    return f"{line}); the voxels are compared one by one, with the truth's spacing"


def _spacings(image: Image, truth: Image) -> str:
    return (
        f"{image.source}: spacing {_sizes(image.spacing)}, but {truth.source} has "
        f"{_sizes(truth.spacing)}; the truth's is used"
    )


def _sizes(spacing: Any) -> str:
    return "none" if spacing is None else " x ".join(f"{size:g}" for size in spacing)
