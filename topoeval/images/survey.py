"""What a file of a mask holds, before anything is decided: the facts that a reading is made of."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from topoeval.errors import UserError
from topoeval.images.formats import image_suffix, is_lossy, read_image, split_inside
from topoeval.images.image import Image, Values
from topoeval.images.itk import VOXELS
from topoeval.images.relabelling import Relabelling

Side = Literal["prediction", "truth"]

MAX_LABEL = 2**32 - 1
# More labels than this in one file, and nobody named them: a grey image.
MOST_LABELS = 32
# How far a label may be from a whole number, as a header's slope of float32 makes it; and a
# probability outside [0, 1], or the sum of a softmax from 1.
NEARLY_WHOLE, NEARLY_UNIT, NEARLY_ONE = 1e-3, 1e-5, 1e-3
# Types whose whole range is 0 to 1 where a threshold says that they hold probabilities.
FRACTIONAL = (np.dtype(np.uint8), np.dtype(np.uint16))
# Headers whose voxels lie in a file beside them, and where they must name it.
_HEADERS = (".mhd", ".nhdr")
_HEADER_BYTES = 1 << 16
# Formats that give axes no meaning.
_PLAIN = (".npy", ".npz", ".h5", ".hdf5", ".zarr")


@dataclass(frozen=True, slots=True)
class Terms:
    """How somebody said that the files of one side are to be read.

    Parameters
    ----------
    side
        Predictions may hold probabilities; truths may not.
    threshold
        Foreground from here on, of probabilities. None where none was named.
    lossy
        Formats such as JPEG may hold masks; they are cut at half of their range.
    many
        A file may hold any number of labels: somebody named the classes.
    axes
        What the axes of arrays mean whose format does not say: letters of ``zyxc``.
    relabelling
        Which labels become which; values are then taken as they are stored.
    """

    side: Side = "truth"
    threshold: float | None = None
    lossy: bool = False
    many: bool = False
    axes: str | None = None
    relabelling: Relabelling | None = None


@dataclass(frozen=True, slots=True)
class Survey:
    """What one file holds.

    Parameters
    ----------
    file
        Its path.
    sha256
        Of its bytes; of a folder, of the names and bytes of its files.
    shape
        Lengths of the spatial axes, those of length one left out.
    channels
        How many there are; 0 without an axis of channels.
    labels
        The whole numbers that occur, 0 left out; empty for probabilities.
    kind
        ``"labels"``; ``"fractions"``: probabilities, or bytes to be read as such; of channels
        ``"softmax"``: they sum to 1 in every voxel, or ``"one-hot"``: at most one is set.
    dtype
        Of the values as stored.
    values
        What the file itself says that it holds.
    note
        How its format was read, where that leaves a choice.
    largest
        The largest value as stored; of several channels, that of channel 1, which a threshold cuts.
    background
        Whether a voxel is 0; for label maps.
    """

    file: Path
    sha256: str
    shape: tuple[int, ...]
    channels: int
    labels: frozenset[int]
    kind: Literal["labels", "fractions", "softmax", "one-hot"]
    dtype: str
    values: Values | None = None
    note: str = ""
    largest: float = 0.0
    background: bool = True


def read_mask(path: Path, terms: Terms) -> Image:
    """Read a file that should hold a mask, with every axis known to be spatial or of channels.

    Raises
    ------
    UserError
        If it cannot be read, is lossy, holds colours, or an array whose axes may mean two things.
    """
    if is_lossy(path) and not terms.lossy:
        raise UserError(
            f"{path}: this format changes values when it saves them; save the mask as PNG, or say "
            "--lossy to cut it at half of its range"
        )
    image = read_image(path).grey()
    if image.lossy and not terms.lossy:
        raise UserError(
            f"{path}: is compressed as JPEG or alike, which changes values; save the mask without "
            "loss, or say --lossy to cut it at half of its range"
        )
    array = image.array
    if 0 in array.shape:
        raise UserError(f"{path}: no voxel in it, shape {array.shape}")
    if array.dtype.kind not in "biuf":
        raise UserError(f"{path}: a mask holds integers, got {array.dtype}")
    plain = image_suffix(path) in _PLAIN
    if plain:
        image = _with_axes(image, terms.axes)
    image = image.squeezed()
    if terms.axes is None:
        _check_no_channels(image, path, plain)
    if len(image.shape) not in (2, 3):
        raise UserError(
            f"{path}: a mask has 2 or 3 axes, got shape {array.shape}; channels are named by "
            "--axes, for example czyx"
        )
    return image


def survey(path: Path, terms: Terms) -> Survey:
    """Find out what a file holds.

    Raises
    ------
    UserError
        If it holds no mask under these terms; the message names file and remedy.
    """
    image = read_mask(path, terms)
    array = image.array
    check_numbers(array, path)
    facts = Survey(
        file=path,
        sha256=digest(path),
        shape=image.shape,
        channels=0 if image.channel_axis is None else array.shape[image.channel_axis],
        labels=frozenset(),
        kind="labels",
        dtype=str(array.dtype),
        values=image.values,
        note=image.note,
        largest=float(array.max()),
    )
    if image.channel_axis is not None:
        kind = _channels(image, path)
        cut = image.channels_first()[min(1, facts.channels - 1)]
        return replace(facts, kind=kind, largest=float(cut.max()))
    if image.lossy or (terms.threshold is not None and _fractional(array, path)):
        return replace(facts, kind="fractions")
    held = _labels(array, path, terms.side)
    labels = held - {0}
    if len(labels) > MOST_LABELS and not terms.many:
        raise UserError(
            f"{path}: holds {len(labels)} different labels, a grey image and not a label map; "
            "if they are classes, name them by --classes"
        )
    return replace(facts, labels=labels, background=0 in held)


def digest(path: Path) -> str:
    """Return the sha256 of a file, or of the files of which an image consists, with their names."""
    file, _ = split_inside(path)
    parts = files_of(path)
    if parts == [file]:
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    total = hashlib.sha256()
    for part in parts:
        total.update(os.path.relpath(part, file).encode() + b"\0" + part.read_bytes())
    return total.hexdigest()


def files_of(path: Path) -> list[Path]:
    """Return the files that an image consists of, in the order of their names."""
    file, _ = split_inside(path)
    if file.is_dir():
        return sorted(found for found in file.rglob("*") if found.is_file())
    if image_suffix(path) not in _HEADERS:
        return [file]
    named = VOXELS.findall(file.read_bytes()[:_HEADER_BYTES].decode("latin-1"))
    beside = [file.parent / name.strip() for name in named]
    return sorted({file, *(found for found in beside if found.is_file())})


def check_numbers(array: NDArray[Any], path: Path) -> None:
    """Refuse NaN, infinity, negative values and labels that are too large."""
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        bad = int(np.count_nonzero(~np.isfinite(array)))
        kind = "NaN" if np.isnan(array).any() else "infinite values"
        raise UserError(f"{path}: holds {kind} ({bad} voxels)")
    low, high = float(array.min()), float(array.max())
    if low < -NEARLY_WHOLE:
        raise UserError(f"{path}: holds negative values down to {low:g}; labels are 0 or more")
    if high > MAX_LABEL:
        raise UserError(f"{path}: holds labels up to {high:g}; the largest is {MAX_LABEL}")


def _with_axes(image: Image, axes: str | None) -> Image:
    """Say which axis of a plain array is channels; refuse to guess."""
    array = image.array
    if image.channel_axis is not None:
        return image
    if axes is not None and len(axes) == array.ndim:
        return replace(image, channel_axis=axes.index("c") if "c" in axes else None)
    known = image.affine is not None or (image.spacing and len(image.spacing) == array.ndim)
    if known or array.ndim != 3:
        return image
    ends = array.shape[0], array.shape[-1]
    if min(ends) in (2, 3, 4) and sorted(array.shape)[1] > 4:
        first = ends[0] <= ends[1]
        raise UserError(
            f"{image.source}: shape {array.shape} may be a volume or {min(ends)} channels; say "
            f"--axes zyx for a volume, --axes {'cyx' if first else 'yxc'} for channels"
        )
    return image


def _check_no_channels(image: Image, path: Path, plain: bool) -> None:
    """Refuse a volume whose planes exclude each other: classes of a softmax, saved as slices.

    In every pixel they sum to 1 along the first axis or the last, or to the one value beside 0,
    which slices of a structure do not.
    """
    array = image.array
    known = image.channel_axis is not None or image.affine is not None or image.spacing is not None
    if known or array.ndim != 3 or array.min() < 0:
        return
    for axis, letters in ((0, "cyx"), (2, "yxc")):
        first = float((array[:, 0, 0] if axis == 0 else array[0, 0]).sum(dtype=np.float64))
        whole = next((n for n in (1.0, float(array.max())) if abs(first - n) <= NEARLY_ONE), None)
        if whole is None:
            continue
        sums = array.sum(axis=axis, dtype=np.float64)
        # one plane that is all foreground is a slab
        planes = array.any(axis=(1, 2) if axis == 0 else (0, 1)).sum()
        if planes > 1 and np.abs(sums - whole).max() <= NEARLY_ONE:
            remedy = f"say --axes {letters}" if plain else "save a label map"
            raise UserError(
                f"{path}: shape {array.shape}, and along axis {axis} every pixel sums to "
                f"{whole:g}: channels of classes and not slices? {remedy} if they are, --axes zyx "
                "if not"
            )


def _fractional(array: NDArray[Any], path: Path) -> bool:
    """Whether the values are probabilities, bytes that are 255ths included."""
    if array.dtype.kind == "b" or (array.dtype.kind in "iu" and array.max() <= 1):
        return False
    if array.dtype in FRACTIONAL:
        return True
    if array.min() < -NEARLY_UNIT or array.max() > 1 + NEARLY_UNIT:
        raise UserError(
            f"{path}: probabilities lie in [0, 1], got {array.min():g} to {array.max():g}; "
            "apply the sigmoid first, or save them as bytes of 0 to 255"
        )
    return True


def _labels(array: NDArray[Any], path: Path, side: Side) -> frozenset[int]:
    if array.dtype.kind == "f":
        whole = np.rint(array)
        far = np.abs(array - whole) > NEARLY_WHOLE
        if far.any():
            remedy = (
                "threshold it, or say --threshold 0.5"
                if side == "prediction"
                else "a truth holds labels; threshold it and save the mask"
            )
            value = array[far].flat[0]
            if value > 1:
                remedy = "round it where it was a label, or save the label map"
            what = "a probability" if value < 1 else "a fraction"
            raise UserError(f"{path}: holds {value:.4g}, {what} and not a label; {remedy}")
        array = whole.astype(np.int64)
    if array.dtype == np.uint8:
        found = np.flatnonzero(np.bincount(array.ravel(), minlength=256))
    else:
        found = pd.unique(array.ravel())
    return frozenset(map(int, found))


def _channels(image: Image, path: Path) -> Literal["softmax", "one-hot"]:
    channels = image.channels_first()
    sums = channels.sum(axis=0, dtype=np.float64)
    if channels.min() >= -NEARLY_UNIT and np.abs(sums - 1).max() <= NEARLY_ONE:
        return "softmax"
    if ((channels == 0) | (channels == 1)).all() and sums.max() <= 1:
        return "one-hot"
    raise UserError(
        f"{path}: its {len(channels)} channels sum to {sums.min():.4g} to {sums.max():.4g} in a "
        "voxel; classes that exclude each other sum to 1. Apply the softmax, or save a label map"
    )
