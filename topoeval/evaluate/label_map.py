"""A label map read from a file, or the reason why the file holds none."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from topoeval.errors import UserError
from topoeval.images import image_suffix, read_image

MAX_LABEL = 255


@dataclass(frozen=True, slots=True, eq=False)
class LabelMap:
    """Labels of one case.

    Parameters
    ----------
    array
        uint8, ``(H, W)`` or ``(D, H, W)``; 0 is background.
    spacing
        Size of a voxel along each axis, None where the file states none.
    """

    array: NDArray[np.uint8]
    spacing: tuple[float, ...] | None

    def labels(self) -> set[int]:
        """Return the labels that occur, background aside."""
        counts = np.bincount(self.array.ravel(), minlength=MAX_LABEL + 1)
        return {int(label) for label in np.flatnonzero(counts) if label}


def read_labels(path: Path, threshold: float | None = None) -> LabelMap:
    """Read a mask or label map.

    Parameters
    ----------
    path
        An image file as `topoeval.images.read_image` takes it. Booleans, integers of 0 to 255, or
        floats of such values. A colour PNG whose channels are equal is a grey one.
    threshold
        If given, floats are probabilities, and values of at least this are label 1.

    Raises
    ------
    UserError
        If the file cannot be read or holds something else; the message names file and remedy.
    """
    image = read_image(path)
    array = _grey(image.array, path)
    if array.ndim not in (2, 3):
        raise UserError(f"{path}: a mask has 2 or 3 axes, got shape {array.shape}")
    if 0 in array.shape:
        raise UserError(f"{path}: no voxel in it, shape {array.shape}")
    if array.dtype.kind == "f":
        array = _from_floats(array, path, threshold)
    elif array.dtype.kind not in "biu":
        raise UserError(f"{path}: a mask holds integers, got {array.dtype}")
    low, high = int(array.min()), int(array.max())
    if low < 0:
        raise UserError(f"{path}: holds negative values down to {low}; labels are 0 to {MAX_LABEL}")
    if high > MAX_LABEL:
        raise UserError(
            f"{path}: holds labels up to {high}; classes are 1 to {MAX_LABEL}. If every object has "
            "a label of its own, store classes instead"
        )
    spacing = image.spacing if image.spacing and len(image.spacing) == array.ndim else None
    return LabelMap(array.astype(np.uint8), spacing)


def _grey(array: NDArray[Any], path: Path) -> NDArray[Any]:
    if array.ndim != 3 or image_suffix(path) != ".png":
        return array
    colours = array[..., : 1 if array.shape[-1] == 2 else 3]  # grey or colour, without opacity
    if (colours != colours[..., :1]).any():
        raise UserError(f"{path}: a colour picture, not a mask; store one label per pixel")
    return colours[..., 0]


def _from_floats(array: NDArray[Any], path: Path, threshold: float | None) -> NDArray[Any]:
    bad = int(np.count_nonzero(~np.isfinite(array)))
    if bad:
        kind = "NaN" if np.isnan(array).any() else "infinite values"
        raise UserError(f"{path}: holds {kind} ({bad} voxels)")
    if threshold is not None:
        if array.min() < 0 or array.max() > 1:
            raise UserError(
                f"{path}: probabilities lie in [0, 1], got {array.min():g} to {array.max():g}; "
                "apply the sigmoid first"
            )
        return array >= threshold
    whole = np.round(array)
    if (whole != array).any():
        example = array[whole != array].flat[0]
        raise UserError(
            f"{path}: holds {example:.4g}, a probability and not a label; threshold it, "
            "or say --threshold 0.5"
        )
    return whole.astype(np.int64)
