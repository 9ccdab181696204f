"""Arrays that NumPy saved: NPY, and NPZ with spacing and affine, or as nnU-Net writes it."""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from topoeval.errors import UserError
from topoeval.images.image import Image, usable_spacing
from topoeval.images.size import check_size

_PROBABILITIES = "probabilities"
_BESIDE = ("spacing", "affine")
_MOST_BESIDE = 64  # values of either
# the record at the end of a ZIP file, with its comment; where in it the number of entries is
_LONGEST_END, _PLACE_OF_ENTRIES, _IN_ZIP64 = 22 + 2**16, 10, 0xFFFF


def read(path: Path, inside: str) -> Image:
    """Read one array; nothing pickled is loaded."""
    with path.open("rb") as file:
        if file.read(len(np.lib.format.MAGIC_PREFIX)) == np.lib.format.MAGIC_PREFIX:
            file.seek(0)
            _check_header(path, file)
    found = np.load(path, allow_pickle=False)
    if path.suffix.lower() == ".npy":
        if not isinstance(found, np.ndarray):
            raise UserError(f"{path}: holds several arrays, not one; name it .npz")
        return Image(found)
    if isinstance(found, np.ndarray):
        raise UserError(f"{path}: holds one array and no archive; name it .npy")
    with found as archive:
        name = inside.removeprefix("/") or _only(path, archive.files)
        if name not in archive.files:
            raise UserError(f"{path}: no array {name!r}, has {', '.join(archive.files)}")
        assert archive.zip is not None  # it is open
        _check_members(path, archive.zip, (name, *_BESIDE))
        array = archive[name]
        spacing = archive["spacing"] if "spacing" in archive.files else None
        affine = archive["affine"] if "affine" in archive.files else None
    if name == _PROBABILITIES and array.ndim == 4:
        # (C, z, y, x); NIfTI, as nibabel reads it, is (x, y, z). Images have one slice.
        flat = array.shape[1] == 1
        array = array[:, 0] if flat else array.transpose(0, 3, 2, 1)
        return Image(array, channel_axis=0, values="probabilities")
    if affine is not None:
        affine = np.asarray(affine, np.float64)[:3]
        if affine.shape != (3, array.ndim + 1):
            raise UserError(f"{path}: affine of shape {affine.shape} beside {array.ndim} axes")
    sizes = None if spacing is None else _stated(path, spacing, array.ndim)
    if sizes is None and affine is not None:
        sizes = usable_spacing(np.linalg.norm(affine[:, :-1], axis=0))
    return Image(array, sizes, affine)


def _stated(path: Path, spacing: NDArray[Any], axes: int) -> tuple[float, ...]:
    """Return the spacing that somebody saved beside a mask, and so means."""
    sizes = usable_spacing(spacing) if spacing.dtype.kind in "iuf" else None
    if sizes is None or len(sizes) != axes:
        raise UserError(
            f"{path}: a spacing for {axes} axes is {axes} positive numbers, got {spacing.tolist()}"
        )
    return sizes


def _check_members(path: Path, archive: zipfile.ZipFile, names: tuple[str, ...]) -> None:
    """Check the headers of some arrays in an archive, whatever they are when unpacked.

    A directory whose entries are not as many as it says has lost some: without its spacing a mask
    has other scores.
    """
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _LONGEST_END))
        end = file.read()
    (entries,) = struct.unpack_from("<H", end, end.rindex(b"PK\x05\x06") + _PLACE_OF_ENTRIES)
    if entries not in (len(archive.infolist()), _IN_ZIP64):
        raise UserError(
            f"{path}: cannot be read: its directory names {len(archive.infolist())} of {entries} "
            "arrays"
        )
    for member in archive.namelist():
        name = member.removesuffix(".npy")
        if name not in names:
            continue
        with archive.open(member) as file:
            shape = _check_header(path, file)
        if name in _BESIDE and np.prod(shape, dtype=object) > _MOST_BESIDE:
            raise UserError(f"{path}: {name} has the shape {shape}")


def _check_header(path: Path, file: IO[bytes]) -> tuple[int, ...]:
    """Return the shape that the header of an array states, if that is not too large."""
    version = np.lib.format.read_magic(file)
    read = {(1, 0): np.lib.format.read_array_header_1_0}.get(
        version, np.lib.format.read_array_header_2_0
    )
    shape, _, dtype = read(file)
    check_size(path, shape, dtype)
    return shape


def _only(path: Path, names: list[str]) -> str:
    arrays = [name for name in names if name not in _BESIDE]
    if len(arrays) != 1:
        raise UserError(
            f"{path}: needs one array beside 'spacing', has {', '.join(arrays) or 'none'}; "
            f"name one as {path.name}:/{arrays[0] if arrays else 'NAME'}"
        )
    return arrays[0]
