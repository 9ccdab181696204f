"""NIfTI 1 and 2, MGZ and MGH, read by nibabel."""

from __future__ import annotations

import gzip
import logging
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from topoeval.errors import UserError
from topoeval.images.image import Image, usable_spacing
from topoeval.images.size import check_bytes, check_size

_MILLIMETRES = {"meter": 1e3, "mm": 1.0, "micron": 1e-3, "unknown": 1.0}
# NIfTI 1 and 2: size of the header, place and type of the offset of the voxels in it
_OFFSETS = ((348, 108, "f"), (540, 168, "q"))
_LONGEST_HEADER = 540
_CHUNK = 2**20
_MOST_BYTES = 16  # of a voxel


def read(path: Path, inside: str) -> Image:
    """Read a volume in the order of its header; a fourth axis is channels."""
    import nibabel
    from nibabel import imageglobals

    _check_extensions(path)
    with _in_silence(imageglobals.logger):
        volume: Any = nibabel.load(path)
    scaled = tuple(getattr(volume.dataobj, name, None) for name in ("slope", "inter"))
    plain = scaled in {(1, 0), (None, None)}
    check_size(path, volume.shape, volume.get_data_dtype() if plain else np.float64)
    if path.suffix.lower() in (".gz", ".mgz"):
        _check_sum(path)
    array = np.asanyarray(volume.dataobj)
    if array.dtype.fields:
        raise UserError(f"{path}: holds colours, not labels; store one label per voxel")
    shape = array.shape[:3]
    header = volume.header
    nifti = hasattr(header, "get_xyzt_units")
    unit = _MILLIMETRES[header.get_xyzt_units()[0]] if nifti else 1.0
    zooms = np.array(header.get_zooms()[:3], dtype=np.float64) * unit
    # With both codes 0 a header states no orientation, and nibabel makes one up.
    stated = not nifti or int(header["sform_code"]) > 0 or int(header["qform_code"]) > 0
    affine = np.asarray(volume.affine, np.float64)[:3] * unit if stated else None
    channel_axis = None
    if int(np.prod(array.shape[3:])) > 1:
        array = array.reshape(*shape, -1)
        channel_axis = 3
    else:
        array = array.reshape(shape)
        while array.ndim > 2 and array.shape[-1] == 1:
            array = array[..., 0]
    spatial = array.ndim - (channel_axis is not None)
    if affine is not None:
        affine = affine[:, [*range(spatial), 3]]
    return Image(array, usable_spacing(zooms[:spatial]), affine, channel_axis)


@contextmanager
def _in_silence(log: logging.Logger) -> Iterator[None]:
    """Keep nibabel from telling, without the name of the file, of sizes of 0 that it mends."""
    before, log.disabled = log.disabled, True
    try:
        yield
    finally:
        log.disabled = before


def _check_sum(path: Path) -> None:
    """Read a compressed file to its end, where its checksum is: nibabel ends with the last voxel.

    Raises
    ------
    OSError
        It is not what was compressed.
    """
    with gzip.open(path) as file:
        size = 0
        while data := file.read(_CHUNK):
            size += len(data)
            check_bytes(path, size // _MOST_BYTES, "data")


def _check_extensions(path: Path) -> None:
    """Refuse a header before whose voxels gigabytes are promised: nibabel would unpack them."""
    name = path.name.lower()
    if not name.endswith((".nii", ".nii.gz")):
        return
    with gzip.open(path) if name.endswith(".gz") else path.open("rb") as file:
        header = file.read(_LONGEST_HEADER)
    for order in "<>":
        for size, place, kind in _OFFSETS:
            if len(header) >= size and struct.unpack_from(f"{order}i", header)[0] == size:
                (offset,) = struct.unpack_from(f"{order}{kind}", header, place)
                if not np.isfinite(offset):
                    raise UserError(f"{path}: its header states that voxels begin at {offset}")
                check_bytes(path, int(offset), "extensions")
