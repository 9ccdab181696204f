"""MetaImage (MHA, MHD) and NRRD, segmentations of 3D Slicer included, read by SimpleITK."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from topoeval.errors import UserError
from topoeval.images.image import Image, one_line, usable_spacing
from topoeval.images.size import check_size

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0])
"""ITK and DICOM count x to the left and y to the back of a patient."""

VOXELS = re.compile(r"^(?:ElementDataFile\s*=|data ?file:)(.*)$", re.MULTILINE | re.IGNORECASE)
"""How a header names the file of its voxels."""

_HEADER_BYTES = 1 << 16
_STANDARD_ERROR = 2
# a process has one standard error; two threads would each give back that of the other
_LOCK = threading.Lock()
# what stands before the words of an exception: places in sources, the name and address of an object
_WRAPPED = re.compile(r"^.*ERROR: (?:\w+\(0x[0-9a-f]+\): )?", re.DOTALL)


def read(path: Path, inside: str) -> Image:
    """Read an image as ``(z, y, x)``, the order of SimpleITK's arrays."""
    import SimpleITK as sitk  # noqa: N813  # the name that everybody gives it

    library: Any = sitk
    library.ProcessObject.GlobalWarningDisplayOff()
    _check_files_beside(path)
    reader = library.ImageFileReader()
    reader.SetFileName(str(path))
    said: list[str] = []
    with _told_by_an_error(said):
        reader.ReadImageInformation()
    dims, components = reader.GetDimension(), reader.GetNumberOfComponents()
    if dims not in (2, 3):
        raise UserError(f"{path}: has {dims} axes; save one image of two or three axes per file")
    check_size(path, (*reader.GetSize()[::-1], components), _type(library, reader.GetPixelID()))
    with _told_by_an_error(said):
        found: Any = reader.Execute()
    array = library.GetArrayFromImage(found)
    channels = found.GetNumberOfComponentsPerPixel() > 1
    spacing = np.asarray(found.GetSpacing(), np.float64)
    directions = np.asarray(found.GetDirection(), np.float64).reshape(dims, dims)
    affine = world_affine(directions * spacing, np.asarray(found.GetOrigin(), np.float64))
    segments = path.name.lower().endswith(".seg.nrrd")
    return Image(
        array,
        usable_spacing(spacing[::-1]),
        affine[:, [*range(dims)[::-1], dims]],
        channel_axis=dims if channels else None,
        values="labels" if segments else None,
        note=f"SimpleITK says: {said[0]}" if said else "",
    )


@contextmanager
def _told_by_an_error(said: list[str]) -> Iterator[None]:
    """Keep what the library prints, and say it where the library fails.

    The part of it that reads MetaImage prints what is wrong with a file past every logger on
    standard error, and its exception says that there is no such file.

    Parameters
    ----------
    said
        What it prints although it reads the file is put here, in one line.

    Raises
    ------
    ValueError
        What it has printed, else the words of its exception.
    """
    with _LOCK, _standard_error_kept() as kept:
        try:
            yield
        except RuntimeError as error:
            words = _printed(kept) or " ".join(_WRAPPED.sub("", str(error)).split())
            raise ValueError(words) from None
        if words := _printed(kept):
            said.append(one_line(ValueError(words)))


def _printed(kept: int) -> str:
    """Return what was kept, in one line."""
    text = os.pread(kept, _HEADER_BYTES, 0).decode("utf-8", "replace") if kept else ""
    return " ".join(text.split())


@contextmanager
def _standard_error_kept() -> Iterator[int]:
    """Send standard error of this process to memory, and yield where; 0 where there is none."""
    try:
        before = os.dup(_STANDARD_ERROR)
    except OSError:  # it is closed: nothing is printed anywhere
        yield 0
        return
    memory = hasattr(os, "memfd_create")
    kept = os.memfd_create("itk") if memory else os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(kept, _STANDARD_ERROR)
        yield kept if memory else 0
    finally:
        os.dup2(before, _STANDARD_ERROR)
        os.close(before)
        os.close(kept)


def _check_files_beside(path: Path) -> None:
    """Refuse a header that sends the library to files elsewhere, to devices or to pipes.

    What a stranger's header names would be read as voxels, or waited for without end.
    """
    with path.open("rb") as file:
        text = file.read(_HEADER_BYTES).decode("latin-1")
    # of NRRD an empty line ends the header, of MetaImage the line that names the voxels
    header = re.split(r"\r?\n\r?\n", text, maxsplit=1)[0] if text.startswith("NRRD") else text
    found = VOXELS.search(header)
    if found is None or (said := found[1].strip()).upper() == "LOCAL":
        return
    several = said.split()[:1] in (["LIST"], ["list"])
    names = header[found.end() :].split("\n") if several else [said]
    for name in filter(None, (line.strip() for line in names)):
        parts = PurePosixPath(name.replace("\\", "/")).parts
        beside = path.parent / name
        if name.startswith(("/", "\\")) or ".." in parts or ":" in parts[0]:
            raise UserError(
                f"{path}: names {one_line(ValueError(name))!r} for its voxels, outside its own "
                "folder; put that file beside it"
            )
        if "\0" not in name and beside.exists() and not beside.is_file():
            raise UserError(
                f"{path}: names {one_line(ValueError(name))!r} for its voxels, which is no "
                "ordinary file"
            )


def _type(library: Any, pixel: int) -> Any:
    """Return NumPy's type of the values of a kind of pixel, float64 of what it does not have."""
    image = library.Image([1, 1], pixel)
    return library.GetArrayViewFromImage(image).dtype


def world_affine(steps: NDArray[np.float64], origin: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ``(3, dims + 1)`` in RAS from steps per axis, in columns, and an origin in LPS."""
    dims = len(origin)
    affine = np.zeros((3, steps.shape[1] + 1))
    affine[:dims, :-1] = steps
    affine[:dims, -1] = origin
    return LPS_TO_RAS @ affine
