"""TIFF, read by tifffile: what the tags say of pages, colours, white and the size of a voxel."""

from __future__ import annotations

import logging
import math
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from topoeval.errors import UserError
from topoeval.images.image import MILLIMETRES, Image, Values, one_line, usable_spacing
from topoeval.images.pictures import from_palette, joined
from topoeval.images.size import check_size

_WHITE_IS_ZERO, _PALETTE, _COLOURS = 0, 3, (2, 5, 6)
# JPEG in its four forms, JPEG 2000 of slide scanners, WebP
_LOSSY = (6, 7, 33003, 33005, 33007, 34892, 50001)
# Letters that tifffile gives axes: slices, pages and the like; colour samples or channels.
_CHANNELS = "SC"
_BIG = 43  # the version of a TIFF whose places have 64 bits


def read(path: Path, inside: str) -> Image:
    """Read the first series of a TIFF; pyramid levels below it are passed over."""
    import tifffile

    _check_chain(path)
    with _strict(path), tifffile.TiffFile(path) as file:
        if len(file.series) != 1:
            raise UserError(f"{path}: holds {len(file.series)} images of different kinds; save one")
        series = file.series[0]
        page: Any = series.keyframe
        check_size(path, series.shape, series.dtype)
        _check_segments(path, series)
        array, axes = _decoded(path, series), series.axes
        spacing = _spacing(file, page, axes)
        photometric, colormap = int(page.photometric), page.colormap
        lossy = int(page.compression) in _LOSSY
        note = _not_turned(page)
    array, axes = _without_time(path, array, axes)
    if photometric == _WHITE_IS_ZERO:
        array = _inverted(path, array)
        note = joined(note, "0 is white in this TIFF (photometric): values are read as shown")
    channel = next((place for place, axis in enumerate(axes) if axis in _CHANNELS), None)
    if photometric == _PALETTE and colormap is not None and channel is None:
        found = from_palette(array, (colormap >> 8).T if colormap.max() > 255 else colormap.T)
        return Image(found.array, spacing, note=joined(note, found.note))
    colour = photometric in _COLOURS or axes[channel or 0] == "S"
    if channel is None:
        return Image(array, spacing, lossy=lossy, note=note)
    values: Values | None = "colour" if colour else None
    return Image(array, spacing, channel_axis=channel, values=values, lossy=lossy, note=note)


def _not_turned(page: Any) -> str:
    """Return a note where a tag says that rows or columns are not those of the picture shown."""
    tag = page.tags.valueof("Orientation", 1)
    if tag not in range(2, 9):
        return ""
    return f"the TIFF's orientation {tag} is not followed: rows and columns are as stored"


def _check_chain(path: Path) -> None:
    """Refuse pages that lead back to an earlier one: tifffile follows such a chain without end."""
    with path.open("rb") as file:
        header = file.read(16)
        order = {b"II": "<", b"MM": ">"}.get(header[:2])
        if order is None or len(header) < 16:
            return  # no TIFF, as tifffile will say
        big = struct.unpack(f"{order}H", header[2:4]) == (_BIG,)
        count, tag, offset = ("Q", 20, "Q") if big else ("H", 12, "I")
        (place,) = struct.unpack_from(f"{order}{offset}", header, 8 if big else 4)
        seen = set()
        while place:
            if place in seen:
                raise UserError(f"{path}: cannot be read: its pages lead in a circle")
            seen.add(place)
            file.seek(place)
            tags = file.read(struct.calcsize(count))
            if len(tags) < struct.calcsize(count):
                return  # beyond the end, as tifffile will say
            file.seek(struct.unpack(f"{order}{count}", tags)[0] * tag, 1)
            following = file.read(struct.calcsize(offset))
            if len(following) < struct.calcsize(offset):
                return
            (place,) = struct.unpack(f"{order}{offset}", following)


@contextmanager
def _strict(path: Path) -> Iterator[None]:
    """Refuse a file of which tifffile leaves pages out, which it tells its log alone."""
    log, told = logging.getLogger("tifffile"), _Told(logging.WARNING)
    before = log.propagate
    log.addHandler(told)
    log.propagate = False
    try:
        yield
    finally:
        log.removeHandler(told)
        log.propagate = before
    lost = [line for line in told.lines if "TiffPages" in line]
    if lost:
        raise UserError(f"{path}: cannot be read: {one_line(ValueError(lost[0]))}")


class _Told(logging.Handler):
    """Keeps what is logged."""

    def __init__(self, level: int) -> None:
        super().__init__(level)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line."""
        self.lines.append(record.getMessage())


def _check_segments(path: Path, series: Any) -> None:
    """Refuse pages without their pixels, which tifffile would return as zeros."""
    page = series.keyframe
    tile = (page.tiledepth, page.tilelength, page.tilewidth) if page.is_tiled else ()
    check_size(path, tile, series.dtype)
    size = path.stat().st_size
    for part in series.pages:
        if part is None:
            raise UserError(f"{path}: cannot be read: a page is missing")
        places = part.dataoffsets, part.databytecounts
        # uncompressed ones may lie in one piece, whatever the tags say of strips
        if page.compression != 1 and len(places[0]) < math.prod(page.chunked):
            raise UserError(f"{path}: cannot be read: it has fewer strips than its size needs")
        if not places[0] or any(
            start <= 0 or count <= 0 or start + count > size
            for start, count in zip(*places, strict=True)
        ):
            raise UserError(f"{path}: cannot be read: some of its pixels are not in the file")


def _decoded(path: Path, series: Any) -> NDArray[Any]:
    try:
        return np.asarray(series.asarray())
    except ValueError as error:
        # LZW and the like: tifffile would need one more library, and Pillow does not
        if "imagecodecs" not in str(error):
            raise
    import PIL.Image
    import PIL.ImageSequence

    with PIL.Image.open(path, formats=["TIFF"]) as picture:
        pages = [np.array(page) for page in PIL.ImageSequence.Iterator(picture)]
    array = pages[0] if len(pages) == 1 else np.stack(pages)
    if array.shape != series.shape:
        raise UserError(f"{path}: is compressed; pip install imagecodecs")
    if int(series.keyframe.photometric) == _WHITE_IS_ZERO and array.dtype in (np.bool_, np.uint8):
        array = _inverted(path, array)  # as stored: of these depths Pillow has inverted it
    return array


def _inverted(path: Path, array: NDArray[Any]) -> NDArray[Any]:
    """Return the brightness of an image in which 0 is white."""
    if array.dtype == np.bool_:
        return ~array
    if array.dtype.kind != "u":
        raise UserError(f"{path}: says that 0 is white, of values that are {array.dtype}")
    white = np.iinfo(array.dtype).max
    if array.size and array.min() == 0 < array.max() < white:
        raise UserError(
            f"{path}: says that 0 is white, but holds values up to {array.max()} of {white}, so no "
            "black: labels with a wrong tag? Save them with photometric minisblack"
        )
    return np.asarray(white - array)


def _without_time(path: Path, array: NDArray[Any], axes: str) -> tuple[NDArray[Any], str]:
    """Refuse what has more axes than a volume with channels."""
    spatial = [axis for axis in axes if axis not in _CHANNELS]
    if len(spatial) > 3 or len(axes) - len(spatial) > 1:
        lengths = ", ".join(f"{axis} {n}" for axis, n in zip(axes, array.shape, strict=True))
        raise UserError(f"{path}: has axes {lengths}; save one volume per file")
    return array, axes


def _spacing(file: Any, page: Any, axes: str) -> tuple[float, ...] | None:
    """Return what ImageJ or OME says in millimetres; dots per inch are for printers."""
    sizes: dict[str, float] = {}
    if file.is_ome:
        sizes = _ome_sizes(file.ome_metadata)
    elif file.is_imagej:
        sizes = _imagej_sizes(file.imagej_metadata or {}, page)
    # Pages without a meaning are slices.
    known = [sizes.get(axis if axis in "XY" else "Z") for axis in axes if axis not in _CHANNELS]
    if not known or any(size is None for size in known):
        return None
    return usable_spacing(known)


def _imagej_sizes(metadata: dict[str, Any], page: Any) -> dict[str, float]:
    unit = MILLIMETRES.get(str(metadata.get("unit", "")))
    if unit is None:
        return {}
    sizes = {}
    for axis, tag in (("X", "XResolution"), ("Y", "YResolution")):
        if tag in page.tags:
            pixels, length = page.tags[tag].value
            sizes[axis] = unit * length / pixels if pixels else 0.0
    return {**sizes, "Z": unit * float(metadata.get("spacing", 0.0))}


def _ome_sizes(metadata: str) -> dict[str, float]:
    import tifffile

    image = tifffile.xml2dict(metadata)["OME"]["Image"]
    pixels = (image[0] if isinstance(image, list | tuple) else image)["Pixels"]
    sizes = {}
    for axis in "XYZ":
        size = pixels.get(f"PhysicalSize{axis}")
        unit = MILLIMETRES.get(str(pixels.get(f"PhysicalSize{axis}Unit", "µm")))
        if size is not None and unit is not None:
            sizes[axis] = float(size) * unit
    return sizes
