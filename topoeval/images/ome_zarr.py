"""Zarr, read by zarr: one array, or the full resolution of an OME-Zarr image."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from topoeval.errors import UserError
from topoeval.images.hdf5 import only
from topoeval.images.image import MILLIMETRES, Image, usable_spacing
from topoeval.images.size import check_size


def read(path: Path, inside: str) -> Image:
    """Read an array with the axes and the scale that OME-Zarr states."""
    import zarr

    for part in path.rglob("*"):
        if not (part.is_file() or part.is_dir()):
            raise UserError(f"{path}: {part.relative_to(path)} in it is no ordinary file")
    found: Any = zarr.open(str(path), mode="r")
    if inside:
        try:
            found = found[inside.removeprefix("/")]
        except (KeyError, TypeError):
            raise UserError(f"{path}: no array {inside}") from None
    if isinstance(found, zarr.Array):
        return Image(_whole(path, found))
    attributes = dict(found.attrs)
    scales = attributes.get("ome", attributes).get("multiscales")
    if not scales:
        names = [f"/{name}" for name, item in found.members(None) if isinstance(item, zarr.Array)]
        return Image(_whole(path, found[only(path, names).removeprefix("/")]))
    dataset = scales[0]["datasets"][0]
    array = _whole(path, found[dataset["path"]])
    return _scaled(path, array, scales[0].get("axes"), dataset)


def _whole(path: Path, array: Any) -> NDArray[Any]:
    """Return all of an array; a chunk is unpacked whole, so its size counts too."""
    check_size(path, array.shape, array.dtype)
    check_size(path, array.chunks, array.dtype)
    return np.asarray(array[...])


def _scaled(path: Path, array: Any, axes: Any, dataset: Mapping[str, Any]) -> Image:
    """Return the image with time, if it has one moment, taken away."""
    if axes is None or len(axes) != array.ndim:
        raise UserError(f"{path}: names {axes and len(axes)} axes of an array of {array.ndim}")
    scale = np.ones(array.ndim)
    for change in dataset.get("coordinateTransformations", ()):
        if change["type"] == "scale":
            scale = np.asarray(change["scale"], np.float64)
    kinds = [axis.get("type", "space") for axis in axes]
    for place in range(array.ndim)[::-1]:
        if kinds[place] == "space":
            continue
        if array.shape[place] == 1:
            array = np.take(array, 0, axis=place)
            del kinds[place], axes[place]
            scale = np.delete(scale, place)
        elif kinds[place] == "time":
            raise UserError(f"{path}: holds {array.shape[place]} moments; save one per file")
    if kinds.count("space") != len(kinds) - kinds.count("channel") or kinds.count("channel") > 1:
        raise UserError(f"{path}: has axes {', '.join(kinds)}; save one volume per file")
    channel = kinds.index("channel") if "channel" in kinds else None
    units = [MILLIMETRES.get(axis.get("unit", ""), None) for axis in axes]
    sizes = [
        None if unit is None else unit * size
        for unit, size, kind in zip(units, scale, kinds, strict=True)
        if kind == "space"
    ]
    spacing = None if None in sizes else usable_spacing(sizes)
    return Image(array, spacing, channel_axis=channel)
