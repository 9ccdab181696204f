"""What adapters read from files: layouts as iterators of cases, pictures as arrays in [0, 1]."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from topoeval.datasets.sample import Betti
from topoeval.errors import UserError
from topoeval.images import Image, image_name, is_image, read_image


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """One image of a data set with its truth, as read from its files.

    Parameters
    ----------
    image
        ``(C, *spatial)`` float32 in [0, 1].
    label
        ``(classes, *spatial)`` bool.
    spacing
        Voxel size per spatial axis, None where the files state none.
    prior
        Betti numbers that are known of this image, None where there are none.
    clean
        The true label, of the same shape, where ``label`` is known to be a bad one.
    ignored
        ``(1, *spatial)`` bool: voxels of which the label says nothing; ``label`` has none there.
        None where there are none.
    """

    image: NDArray[np.float32]
    label: NDArray[np.bool_]
    spacing: tuple[float, ...] | None = None
    prior: Betti | None = None
    clean: NDArray[np.bool_] | None = None
    ignored: NDArray[np.bool_] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """An image that has not been read yet.

    Parameters
    ----------
    name
        Unique in the data set.
    part
        The published part it belongs to: train, val, test, or a name for a group of shifted tests.
    subject
        Whose image it is; images of one subject never part.
    read
        Reads it.
    """

    name: str
    part: str
    subject: str
    read: Callable[[], Picture]


def content(cases: Iterable[Case]) -> str:
    """Return 16 hexadecimal digits that name what the cases hold, whatever files they came in."""
    digest = hashlib.sha256()
    for case in sorted(cases, key=lambda case: case.name):
        picture = case.read()
        facts = (case.name, case.part, case.subject, picture.spacing, picture.prior)
        arrays = [picture.image, picture.label]
        if picture.clean is not None:
            arrays.append(picture.clean)
        if picture.ignored is not None:
            arrays.append(picture.ignored)
        digest.update(repr((*facts, *(array.shape for array in arrays))).encode())
        for array in arrays:
            digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:16]


def grey(array: NDArray[Any], where: Path | str) -> NDArray[np.float32]:
    """Return values in [0, 1]: bytes over 255, floats in [0, 1] as they are, others windowed.

    The window of 16-bit images, CT and MR goes from the 0.5th to the 99.5th percentile.

    Raises
    ------
    UserError
        If the values are no real numbers, or not all finite.
    """
    if array.dtype == np.bool_:
        return array.astype(np.float32)
    if array.dtype == np.uint8:
        return array.astype(np.float32) / np.float32(255)
    if array.dtype.kind not in "iuf":
        raise UserError(f"{where}: an image holds real numbers, got {array.dtype}")
    values = array.astype(np.float64)
    if not np.isfinite(values).all():
        raise UserError(f"{where}: holds NaN or infinity")
    if array.dtype.kind == "f" and values.min() >= 0 and values.max() <= 1:
        return values.astype(np.float32)
    low, high = np.percentile(values, (0.5, 99.5))
    return np.clip((values - low) / max(high - low, 1e-12), 0, 1).astype(np.float32)


def channels_first(image: Image, ndim: int, where: Path | str) -> NDArray[Any]:
    """Return ``(C, *spatial)``, without opacity; colours of a plain array are its last axis.

    Raises
    ------
    UserError
        If the number of axes fits neither.
    """
    array = image.array
    if image.channel_axis is not None and array.ndim == ndim + 1:
        return image.channels_first()
    if array.ndim == ndim:
        return array[None]
    if array.ndim == ndim + 1 and array.shape[-1] <= 4:
        colours = array.shape[-1] - (array.shape[-1] in (2, 4))
        return np.moveaxis(array[..., :colours], -1, 0)
    raise UserError(f"{where}: a {ndim}D image was expected, got shape {array.shape}")


def masks(
    array: NDArray[Any], where: Path | str, values: Mapping[str, tuple[int, ...]] | None = None
) -> NDArray[np.bool_]:
    """Return ``(classes, *spatial)`` of a label map.

    Parameters
    ----------
    array
        ``(*spatial)`` bool or integers; floats if they are whole numbers.
    where
        For messages.
    values
        Class to the labels that make it up; None: one class, everything that is not 0.

    Raises
    ------
    UserError
        If the labels are of another type.
    """
    if array.dtype.kind == "f" and np.array_equal(array, np.rint(array)):
        array = array.astype(np.int64)
    if array.dtype.kind not in "biu":
        raise UserError(
            f"{where}: a label file holds whole numbers, got {array.dtype}; "
            "threshold it, or save the label map itself"
        )
    if values is None:
        return (array != 0)[None]
    return np.stack([np.isin(array, labels) for labels in values.values()])


def pictures(folder: Path, pattern: str = "*") -> dict[str, Path]:
    """Return the images directly inside a folder by their names without ending, none twice.

    Raises
    ------
    UserError
        If there is no such folder, or two files differ in their ending only.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder")
    found: dict[str, Path] = {}
    for path in sorted(folder.glob(pattern)):
        if path.name.startswith(".") or not is_image(path):
            continue
        stem = image_name(path)
        if stem in found:
            raise UserError(f"{folder}: {found[stem].name} and {path.name} have one name")
        found[stem] = path
    return found


def paired(images: Mapping[str, Path], labels: Mapping[str, Path]) -> list[tuple[str, Path, Path]]:
    """Return name, image and label of each pair.

    Raises
    ------
    UserError
        If an image has no label or a label no image.
    """
    for name in sorted(images.keys() ^ labels.keys()):
        if name in images:
            raise UserError(f"{images[name]}: an image without a label called {name!r}")
        raise UserError(f"{labels[name]}: a label without an image called {name!r}")
    return [(name, images[name], labels[name]) for name in sorted(images)]


def read_pair(
    image: Path,
    label: Path,
    *,
    ndim: int = 2,
    values: Mapping[str, tuple[int, ...]] | None = None,
    prior: Betti | None = None,
) -> Picture:
    """Read an image and its label map.

    Raises
    ------
    UserError
        If a file cannot be read, has the wrong type or number of axes, or the two differ in size.
    """
    seen, truth = read_image(image), read_image(label)
    array = grey(channels_first(seen, ndim, image), image)
    drawn = masks(channels_first(truth, ndim, label)[0], label, values)
    if array.shape[1:] != drawn.shape[1:]:
        raise UserError(
            f"{label}: size {drawn.shape[1:]}, but its image {image.name} has {array.shape[1:]}"
        )
    return Picture(array, drawn, seen.spacing, prior)
