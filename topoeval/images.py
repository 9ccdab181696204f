"""An image as a file holds it: PNG, TIFF, NPY, NPZ or NIfTI, with the size of its voxels.

One reader for every command that takes files. It changes no value: whether an array is a mask, a
label map or a probability is for the caller to say.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from topoeval.errors import UnavailableError, UserError

_MILLIMETRES = {"meter": 1e3, "mm": 1.0, "micron": 1e-3, "unknown": 1.0}


@dataclass(frozen=True, slots=True)
class Image:
    """What a file holds.

    Parameters
    ----------
    array
        The values as stored: ``(H, W)``, ``(H, W, colours)`` or ``(D, H, W)``; NIfTI in the order
        of its header, axes of length one at its end removed.
    spacing
        Size of a voxel along each axis; millimetres for NIfTI, the array ``spacing`` of an NPZ in
        its own unit. None where the file states none.
    """

    array: NDArray[Any]
    spacing: tuple[float, ...] | None = None


def read_image(path: Path | str) -> Image:
    """Read one image file; its ending says which format it has.

    ==================  ============================================================
    ``.png``            grey, palette (its indices) or colour
    ``.tif``, ``.tiff``  several pages become the first axis
    ``.npy``            one array
    ``.npz``            one array of any name and, if there is one, ``spacing``
    ``.nii``, ``.nii.gz``  needs the extra ``nifti``
    ==================  ============================================================

    Raises
    ------
    UserError
        The file is not there, of another format, or damaged; the message names it.
    UnavailableError
        It is NIfTI, and nibabel is not installed.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     np.savez(Path(folder, "a.npz"), mask=np.eye(2, dtype=bool), spacing=[0.5, 2.0])
    ...     image = read_image(Path(folder, "a.npz"))
    >>> image.array.shape, image.spacing
    ((2, 2), (0.5, 2.0))
    """
    path = Path(path)
    suffix = image_suffix(path)
    if suffix is None:
        raise UserError(f"{path}: unknown image format; known are {', '.join(_READERS)}")
    if not path.is_file():
        raise UserError(f"{path}: no such file")
    try:
        return _READERS[suffix](path)
    except UserError:
        raise
    except Exception as error:  # a damaged file makes each library raise whatever it happens on
        raise UserError(f"{path}: cannot be read: {_one_line(error)}") from error


def image_suffix(path: Path | str) -> str | None:
    """Return the ending that says the format of a file, or None if it is no image by its name.

    >>> image_suffix("scans/a.b.NII.GZ"), image_suffix("notes.txt")
    ('.nii.gz', None)
    """
    name = Path(path).name.lower()
    return next((suffix for suffix in _READERS if name.endswith(suffix)), None)


def image_name(path: Path | str) -> str:
    """Return the name of a file without the ending of its format.

    >>> image_name("scans/a.b.nii.gz")
    'a.b'
    """
    name = Path(path).name
    return name.removesuffix(name[len(name) - len(image_suffix(path) or "") :])


def image_files(folder: Path | str) -> list[Path]:
    """Return the image files directly inside a folder, in the order of their names.

    Files of other formats and hidden files are passed over.

    Raises
    ------
    UserError
        If there is no such folder, or no image in it.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder")
    found = sorted(
        path
        for path in folder.iterdir()
        if image_suffix(path) and not path.name.startswith(".") and path.is_file()
    )
    if not found:
        raise UserError(f"{folder}: no image in it; known are {', '.join(_READERS)}")
    return found


def _read_png(path: Path) -> Image:
    import PIL.Image

    with PIL.Image.open(path, formats=["PNG"]) as picture:
        return Image(np.array(picture))


def _read_tiff(path: Path) -> Image:
    import tifffile

    try:
        return Image(np.asarray(tifffile.imread(path)))
    except ValueError as error:
        # LZW and the like: tifffile would need one more library, and Pillow does not
        if "imagecodecs" not in str(error):
            raise
    import PIL.Image
    import PIL.ImageSequence

    with PIL.Image.open(path, formats=["TIFF"]) as picture:
        pages = [np.array(page) for page in PIL.ImageSequence.Iterator(picture)]
    return Image(pages[0] if len(pages) == 1 else np.stack(pages))


def _read_npy(path: Path) -> Image:
    array = np.load(path, allow_pickle=False)
    if not isinstance(array, np.ndarray):
        raise UserError(f"{path}: holds several arrays, not one; name it .npz")
    return Image(array)


def _read_npz(path: Path) -> Image:
    with np.load(path, allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    spacing = arrays.pop("spacing", None)
    if len(arrays) != 1:
        names = ", ".join(arrays) or "none"
        raise UserError(f"{path}: needs one array beside 'spacing', has {names}")
    (array,) = arrays.values()
    return Image(array, None if spacing is None else _usable(np.ravel(spacing)))


def _read_nifti(path: Path) -> Image:
    try:
        import nibabel
    except ImportError:
        raise UnavailableError(
            f'{path}: NIfTI needs nibabel; pip install "topoeval[nifti]"'
        ) from None
    volume: Any = nibabel.load(path)
    array = np.asanyarray(volume.dataobj)
    while array.ndim > 2 and array.shape[-1] == 1:
        array = array[..., 0]
    unit = _MILLIMETRES[volume.header.get_xyzt_units()[0]]
    zooms = np.array(volume.header.get_zooms()[: array.ndim], dtype=np.float64)
    return Image(array, _usable(zooms * unit))


def _usable(spacing: NDArray[Any]) -> tuple[float, ...] | None:
    """Return the spacing, or None for the zeros and NaN of headers that nobody filled in."""
    if not all(np.isfinite(size) and size > 0 for size in spacing):
        return None
    return tuple(float(f"{size:.7g}") for size in spacing)  # headers hold float32


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


_READERS: dict[str, Callable[[Path], Image]] = {
    ".png": _read_png,
    ".tif": _read_tiff,
    ".tiff": _read_tiff,
    ".npy": _read_npy,
    ".npz": _read_npz,
    ".nii": _read_nifti,
    ".nii.gz": _read_nifti,
}
