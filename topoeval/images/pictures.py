"""PNG, GIF, BMP, PPM and JPEG, read by Pillow."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from topoeval.errors import UserError
from topoeval.images.image import Image
from topoeval.images.size import check_size

# Byte 24 of a PNG is the number of bits, byte 25 the type of colour (0: grey, 3: palette).
_PNG_DEPTH, _PNG_COLOUR = 24, 25
_LONGEST_HEADER = 1 << 16
# Pillow's modes whose values have more than 8 bits
_TYPES = {"I": "i4", "F": "f4", "I;16": "u2", "I;16B": "u2"}


def read(path: Path, inside: str) -> Image:
    """Read a picture."""
    import PIL.Image

    _check_sums(path)
    with _any_size(), PIL.Image.open(path) as picture:
        channels = len(picture.getbands())
        check_size(path, (picture.height, picture.width, channels), _TYPES.get(picture.mode, "u1"))
        frames = getattr(picture, "n_frames", 1)
        if frames > 1:
            raise UserError(f"{path}: holds {frames} frames; save one image per file")
        if picture.format == "PNG":
            _check_depth(path)
        array = np.array(picture)
        if picture.mode == "P":
            return from_palette(array, np.reshape(picture.getpalette("RGB") or (), (-1, 3)))
        lossy = picture.format in ("JPEG", "MPO")
        if picture.format == "PPM" and picture.mode == "1":
            return Image(array, note="a bitmap (PBM) has 1 for black; white is read as 1")
        if picture.format == "PPM":
            array = _as_stored(path, array)
    if array.ndim == 3:
        return Image(array, channel_axis=2, values="colour", lossy=lossy)
    return Image(array, values="grey" if lossy else None, lossy=lossy)


def from_palette(indices: NDArray[Any], palette: NDArray[Any] | Sequence[Any]) -> Image:
    """Return the grey values of an image with a grey palette, else the indices as they are.

    Parameters
    ----------
    indices
        ``(H, W)``, one entry of the palette per pixel.
    palette
        ``(entries, 3)``, 0 to 255. All of it decides, not the entries in use: the files of one
        set have one palette, and must be read alike.
    """
    palette = np.asarray(palette, dtype=np.uint8)
    used = np.unique(indices)
    grey = len(palette) > 0 and (palette == palette[:, :1]).all() and used[-1] < len(palette)
    # A palette that gives two indices one colour is no picture of them.
    if not grey or len(np.unique(palette[used, 0])) < len(used):
        return Image(indices, note="a palette of colours is read as its indices")
    return Image(palette[indices, 0])


def _as_stored(path: Path, array: NDArray[Any]) -> NDArray[Any]:
    """Return the values of a PGM or PPM, which Pillow stretches to 255 or 65535.

    Label 1 of a label map whose header has 3 as its largest value would be 85.
    """
    with path.open("rb") as file:
        header = re.sub(rb"#[^\n]*\n", b" ", file.read(_LONGEST_HEADER))
    largest = int(header.split(maxsplit=4)[3])
    kind = np.uint8 if largest <= np.iinfo(np.uint8).max else np.uint16
    return np.rint(array * (largest / np.iinfo(kind).max)).astype(kind)


@contextmanager
def _any_size() -> Iterator[None]:
    """Lift Pillow's own limit, which no setting of ours could raise, while a file is read."""
    import PIL.Image

    before = PIL.Image.MAX_IMAGE_PIXELS
    PIL.Image.MAX_IMAGE_PIXELS = None
    try:
        yield
    finally:
        PIL.Image.MAX_IMAGE_PIXELS = before


def _check_sums(path: Path) -> None:
    """Compare the checksums of a PNG, which Pillow passes over where it reads the pixels."""
    import PIL.Image

    with _any_size(), PIL.Image.open(path) as picture:
        if picture.format == "PNG":
            picture.verify()


def _check_depth(path: Path) -> None:
    """Refuse 16 bits per colour or beside an opacity, of which Pillow keeps 8."""
    with path.open("rb") as file:
        header = file.read(_PNG_COLOUR + 1)
    if header[_PNG_DEPTH] == 16 and header[_PNG_COLOUR] != 0:
        raise UserError(
            f"{path}: has 16 bits per colour, of which Pillow keeps 8; save it as 16-bit grey"
        )
