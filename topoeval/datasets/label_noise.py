"""Labels as hasty annotators leave them: the three faults that break topology most."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Mask = NDArray[np.bool_]


def noisy_label(mask: Mask, kind: str, rng: np.random.Generator) -> Mask:
    """Return the label of a hasty annotator.

    Parameters
    ----------
    mask
        ``(C, *spatial)`` bool, one channel a class; classes that do not overlap still do not.
    kind
        One of `topoeval.datasets.sample.LABEL_NOISES`.
    rng
        Chooses places and sizes.

    Examples
    --------
    >>> dot = np.zeros((1, 5, 5), dtype=bool)
    >>> dot[0, 2, 2] = True
    >>> int(noisy_label(dot, "dilation", np.random.default_rng(0)).sum())
    5
    """
    if kind == "gaps":
        return _without_gaps(mask, rng)
    if kind == "specks":
        return _with_specks(mask, rng)
    if kind == "dilation":
        return _dilated(mask)
    return mask


def _without_gaps(mask: Mask, rng: np.random.Generator) -> Mask:
    """Erase one to three balls, wide enough to cut the structure, centred in it."""
    label = mask.copy()
    for channel in range(len(mask)):
        depth = ndimage.distance_transform_edt(mask[channel])
        # Along the middle, and not where it is thick: no hasty annotator loses half an organ.
        middle = (depth > 0) & (depth >= ndimage.maximum_filter(depth, 3))
        if not middle.any():
            continue
        places = np.argwhere(middle & (depth <= max(3.0, float(np.median(depth[middle])))))
        for place in places[rng.integers(len(places), size=rng.integers(1, 4))]:
            radius = depth[tuple(place)] + rng.uniform(1.0, 2.5)
            label[channel][_ball(mask.shape[1:], place, radius)] = False
    return label


def _with_specks(mask: Mask, rng: np.random.Generator) -> Mask:
    """Add two to six small balls outside all classes."""
    label = mask.copy()
    for channel in range(len(mask)):
        room = ndimage.binary_erosion(~label.any(axis=0), iterations=3)
        places = np.argwhere(room)
        if len(places) == 0:
            continue
        for place in places[rng.integers(len(places), size=rng.integers(2, 7))]:
            label[channel] |= _ball(mask.shape[1:], place, rng.uniform(0.8, 2.0)) & ~label.any(0)
    return label


def _dilated(mask: Mask) -> Mask:
    """Widen each class by one voxel where no class is yet."""
    cross = ndimage.generate_binary_structure(mask.ndim - 1, 1)
    free = ~mask.any(axis=0)
    label = mask.copy()
    for channel in range(len(mask)):
        grown = ndimage.binary_dilation(mask[channel], cross) & free
        label[channel] |= grown
        free &= ~grown
    return label


def _ball(shape: tuple[int, ...], centre: NDArray[np.int64], radius: float) -> Mask:
    axes = np.ogrid[tuple(slice(0, side) for side in shape)]
    squares = sum((axis - c) ** 2 for axis, c in zip(axes, centre.tolist(), strict=True))
    return np.asarray(squares <= radius * radius)
