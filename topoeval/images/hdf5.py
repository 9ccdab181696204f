"""HDF5, read by h5py: the only array of a file, or the one that is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from topoeval.errors import UserError
from topoeval.images.image import Image, usable_spacing
from topoeval.images.size import check_size

_MICROMETRE = 1e-3


def read(path: Path, inside: str) -> Image:
    """Read an array; ``element_size_um``, as Fiji and ilastik write it, is its spacing."""
    import h5py

    with h5py.File(path, "r") as file:
        arrays: list[str] = []

        def collect(name: str, item: Any) -> None:
            if isinstance(item, h5py.Dataset) and item.ndim >= 2:
                arrays.append(f"/{name}")

        file.visititems(collect)
        name = inside or only(path, arrays)
        if name not in file or not isinstance(file[name], h5py.Dataset):
            raise UserError(f"{path}: no array {name}, has {', '.join(arrays) or 'none'}")
        found = file[name]
        if found.external or found.is_virtual or found.file.filename != file.filename:
            # what a stranger's file names would be read as voxels
            raise UserError(
                f"{path}: the values of {name} lie in another file; save them in this one"
            )
        check_size(path, found.shape, found.dtype)
        check_size(path, found.chunks or (), found.dtype)  # each is unpacked whole
        array = np.asarray(found[()])
        sizes = found.attrs.get("element_size_um")
    if sizes is None or np.size(sizes) != array.ndim:
        return Image(array)
    return Image(array, usable_spacing(np.asarray(sizes, np.float64) * _MICROMETRE))


def only(path: Path, arrays: list[str]) -> str:
    """Return the path of the only array inside a file.

    Raises
    ------
    UserError
        If there is none, or if there are several.
    """
    if len(arrays) != 1:
        example = f"; name one as {path.name}:{arrays[0]}" if arrays else ""
        raise UserError(f"{path}: holds {', '.join(arrays) or 'no array'}{example}")
    return arrays[0]
