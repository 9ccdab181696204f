"""An image as a file holds it, with its grid and what the file says of its values."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from topoeval.errors import UserError

# characters of a message of a library
_LONGEST = 160

Values = Literal["labels", "probabilities", "grey", "colour"]

MILLIMETRES = {
    "m": 1e3, "meter": 1e3, "metre": 1e3, "cm": 10.0, "centimeter": 10.0, "mm": 1.0,
    "millimeter": 1.0, "millimetre": 1.0, "um": 1e-3, "µm": 1e-3, "μm": 1e-3, "\\u00b5m": 1e-3,
    "micron": 1e-3, "microns": 1e-3, "micrometer": 1e-3, "micrometre": 1e-3, "nm": 1e-6,
    "nanometer": 1e-6, "nanometre": 1e-6, "inch": 25.4,
}  # fmt: skip
"""Millimetres of each unit of length that a header names."""


@dataclass(frozen=True, slots=True, eq=False)
class Image:
    """What a file holds.

    Parameters
    ----------
    array
        The values as stored, any dtype. Spatial axes in the order in which the usual library
        gives them: ``(H, W)`` and ``(D, H, W)``; NIfTI, MGZ and NPZ files of nnU-Net in the order
        of a NIfTI header, ``(x, y, z)``. At most one further axis, see `channel_axis`.
    spacing
        Size of a voxel along each spatial axis; millimetres where the format has a unit, else in
        the unit of the file. None where the file states none.
    affine
        ``(3, spatial axes + 1)``: from an index to a place in millimetres, x to the right, y to
        the front, z to the top of a patient (RAS). None where the file states no orientation.
    channel_axis
        The axis that is not spatial: colours, classes or samples. None where all are spatial.
    values
        What the file itself says that it holds; None where it does not say.
    note
        How the file was read, where its format leaves a choice; empty otherwise.
    source
        The file, with the path inside it after a colon.
    lossy
        The values are not those that were saved, whatever the file is called.
    """

    array: NDArray[Any]
    spacing: tuple[float, ...] | None = None
    affine: NDArray[np.float64] | None = None
    channel_axis: int | None = None
    values: Values | None = None
    note: str = ""
    source: Path | None = None
    lossy: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        """Lengths of the spatial axes."""
        if self.channel_axis is None:
            return self.array.shape
        axis = self.channel_axis % self.array.ndim
        return self.array.shape[:axis] + self.array.shape[axis + 1 :]

    def channels_first(self) -> NDArray[Any]:
        """Return ``(C, *spatial)``; an opacity beside grey or colour is dropped."""
        if self.channel_axis is None:
            return self.array[None]
        channels = np.moveaxis(self.array, self.channel_axis, 0)
        if self.values == "colour" and len(channels) in (2, 4):
            return channels[:-1]
        return channels

    def grey(self) -> Image:
        """Return a colour picture whose channels are equal as a grey one; others unchanged.

        Raises
        ------
        UserError
            If it is a picture with colours, or its opacity may be the mask.
        """
        if self.values != "colour":
            return self
        channels = self.channels_first()
        self._check_opacity(channels)
        if (channels != channels[:1]).any():
            raise UserError(
                f"{self.source}: a colour picture, not a mask; store one label per pixel"
            )
        return replace(self, array=channels[0], channel_axis=None, values=None)

    def _check_opacity(self, colours: NDArray[Any]) -> None:
        """Refuse an opacity that says something else than the colours beside it."""
        everything = np.moveaxis(self.array, self.channel_axis or 0, 0)
        if len(everything) == len(colours):
            return
        seen_through = everything[-1] < everything[-1].max()
        if not seen_through.any():
            return
        constant = all((channel == channel.flat[0]).all() for channel in colours)
        if constant or colours[:, seen_through].any():
            raise UserError(
                f"{self.source}: its opacity differs from pixel to pixel, and not as its colours "
                "do; one of them is the mask. Save that one alone, as grey"
            )

    def squeezed(self) -> Image:
        """Return the image without spatial axes of length one, as long as two axes remain.

        A volume of one slice is an image, whichever axis the slice is cut across.

        >>> Image(np.zeros((5, 1, 7)), (2.0, 9.0, 3.0)).squeezed().spacing
        (2.0, 3.0)
        """
        shape = self.shape
        kept = [axis for axis, length in enumerate(shape) if length != 1]
        spare = [axis for axis, length in enumerate(shape) if length == 1]
        while len(kept) < 2 and spare:
            kept.append(spare.pop(0))
        if not spare:
            return self
        kept.sort()
        array = self.array
        if self.channel_axis is not None:
            array = np.moveaxis(array, self.channel_axis, -1)
        array = np.squeeze(array, axis=tuple(spare))
        return replace(
            self,
            array=array,
            spacing=None if self.spacing is None else tuple(self.spacing[axis] for axis in kept),
            affine=None if self.affine is None else self.affine[:, [*kept, -1]],
            channel_axis=None if self.channel_axis is None else array.ndim - 1,
        )


def usable_spacing(spacing: Any) -> tuple[float, ...] | None:
    """Return a spacing, or None for the zeros and NaN of headers without one."""
    sizes = np.ravel(np.asarray(spacing, dtype=np.float64))
    if not all(np.isfinite(size) and size > 0 for size in sizes):
        return None
    return tuple(float(f"{size:.7g}") for size in sizes)  # headers hold float32


def one_line(error: BaseException) -> str:
    """Return the message of an error in one line, of a long one the beginning.

    Bytes of a damaged file that a message repeats do not reach the terminal.
    """
    words = " ".join(str(error).rpartition("itk::ERROR: ")[2].split()) or type(error).__name__
    words = "".join(c if c.isprintable() else "?" for c in words)
    return words if len(words) <= _LONGEST else f"{words[:_LONGEST]} ..."
