"""MetaImage (MHA, MHD) and NRRD, segmentations of 3D Slicer included, read by SimpleITK."""

from __future__ import annotations

import re
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


def read(path: Path, inside: str) -> Image:
    """Read an image as ``(z, y, x)``, the order of SimpleITK's arrays."""
    import SimpleITK as sitk  # noqa: N813  # the name that everybody gives it

    library: Any = sitk
    library.ProcessObject.GlobalWarningDisplayOff()
    _check_files_beside(path)
    reader = library.ImageFileReader()
    reader.SetFileName(str(path))
    reader.ReadImageInformation()
    dims, components = reader.GetDimension(), reader.GetNumberOfComponents()
    if dims not in (2, 3):
        raise UserError(f"{path}: has {dims} axes; save one image of two or three axes per file")
    check_size(path, (*reader.GetSize()[::-1], components), _type(library, reader.GetPixelID()))
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
    )


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
