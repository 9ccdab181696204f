"""PNG, GIF, BMP, PPM and JPEG, read by Pillow."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from topoeval.errors import UserError
from topoeval.images.image import Image
from topoeval.images.size import check_size

if TYPE_CHECKING:
    import PIL.Image

# Byte 24 of a PNG is the number of bits, byte 25 the type of colour (0: grey, 3: palette).
_PNG_DEPTH, _PNG_COLOUR = 24, 25
_LONGEST_HEADER = 1 << 16
_ORIENTATION = 0x0112  # the tag of EXIF
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
        turned, array = _upright(picture)
        if picture.mode == "P":
            found = from_palette(array, np.reshape(picture.getpalette("RGB") or (), (-1, 3)))
            return replace(found, note=joined(turned, found.note))
        lossy = picture.format in ("JPEG", "MPO")
        if picture.format == "PPM" and picture.mode == "1":
            return Image(array, note="a bitmap (PBM) has 1 for black; white is read as 1")
        if picture.format == "PPM":
            array = _as_stored(path, array)
    if array.ndim == 3:
        return Image(array, channel_axis=2, values="colour", lossy=lossy, note=turned)
    return Image(array, values="grey" if lossy else None, lossy=lossy, note=turned)


def joined(*notes: str) -> str:
    """Return notes as one, without the empty ones."""
    return "; ".join(note for note in notes if note)


def _upright(picture: PIL.Image.Image) -> tuple[str, NDArray[Any]]:
    """Return the values as every viewer shows them, and a note where that turns what is stored."""
    import PIL.ImageOps

    picture.load()  # of a PNG the tag may follow the pixels
    tag = int(picture.getexif().get(_ORIENTATION, 1))
    if tag not in range(2, 9):
        return "", np.array(picture)
    note = f"turned as the EXIF orientation {tag} says, which programs that ignore it do not do"
    return note, np.array(PIL.ImageOps.exif_transpose(picture))


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
    greys = palette[indices, 0]
    # 0 and 1 of a viewer's black on white would be foreground and background the other way round
    falling = (np.diff(palette[used, 0].astype(int)) < 0).any()
    note = "a palette of greys is read as its greys, not as its indices, whose order is another"
    return Image(greys, note=note if falling else "")


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
