"""The box of a pair of masks: what lies outside of it is background of both."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Box = tuple[slice, ...]

MARGIN = 2
"""Voxels of background that a score needs round the masks, where the image has them; decision 44
says why Betti matching by the union needs two."""


def box_of(*masks: NDArray[np.bool_], margin: int = 0) -> Box | None:
    """Return the smallest box that holds the foreground of all masks; None if there is none.

    Parameters
    ----------
    masks
        Boolean arrays of one shape, all axes spatial.
    margin
        Voxels that the box is wider on each side, as far as the image goes.

    Examples
    --------
    >>> mask = np.zeros((9, 9), dtype=bool)
    >>> mask[4, 2:6] = True
    >>> box_of(mask, margin=1)
    (slice(3, 6, None), slice(1, 7, None))
    """
    shape = masks[0].shape
    found: list[slice] = [slice(None)] * len(shape)
    for axis, side in enumerate(shape):
        # Each axis is searched in what is left by those before it: the first pass, over memory as
        # it lies, is the only one over the whole image.
        held = np.zeros(side, bool)
        others = tuple(other for other in range(len(shape)) if other != axis)
        for mask in masks:
            held |= mask[tuple(found)].any(axis=others)
        places = np.flatnonzero(held)
        if not len(places):
            return None
        found[axis] = slice(int(places[0]), int(places[-1]) + 1)
    return tuple(
        slice(max(at.start - margin, 0), min(at.stop + margin, side))
        for at, side in zip(found, shape, strict=True)
    )
