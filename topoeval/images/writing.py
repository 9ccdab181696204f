"""Writing an array in the format and with the grid of the file that it was made from."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from topoeval.errors import UserError
from topoeval.images.formats import image_suffix, split_inside

Write = Callable[[Path, Path, NDArray[Any]], None]


def writable_suffixes() -> str:
    """Return the endings of files that can be written, for messages."""
    return ", ".join(sorted(_WRITERS))


def check_writable(source: Path) -> None:
    """Refuse a file whose format is not written, before any work is done.

    Raises
    ------
    UserError
        If its ending is none of `writable_suffixes`, or it names an array inside a file.
    """
    file, inside = split_inside(source)
    if inside or image_suffix(file) not in _WRITERS:
        raise UserError(
            f"{source}: this format is read but not written; convert it to one of "
            f"{writable_suffixes()}"
        )


def write_like(target: Path, source: Path, array: NDArray[Any]) -> None:
    """Write an array as another file of the format of `source`, with its spacing and orientation.

    Parameters
    ----------
    target
        Whole or not there: it is written beside and renamed.
    source
        The file that was read.
    array
        Of the shape and dtype that `topoeval.images.read_image` gives for `source`.

    Raises
    ------
    UserError
        If the format is not written.
    """
    check_writable(source)
    # the writers of libraries go by the ending: the name is not that of `whole_file`
    partial = target.with_name(f".partial-{os.getpid()}-{target.name}")
    try:
        _WRITERS[image_suffix(source) or ""](partial, source, array)
        os.replace(partial, target)
    finally:
        partial.unlink(missing_ok=True)


def _write_picture(target: Path, source: Path, array: NDArray[Any]) -> None:
    import PIL.Image

    with PIL.Image.open(source) as before:
        palette = before.getpalette("RGB") if before.mode == "P" else None
        stored = np.array(before)
    picture = PIL.Image.fromarray(array)
    if palette is not None:
        colours = np.reshape(palette, (-1, 3))
        grey = _indices_are_kept(stored, array)
        if grey:
            picture.putpalette(colours.astype(np.uint8).tobytes(), "RGB")
    picture.save(target)


def _indices_are_kept(stored: NDArray[Any], array: NDArray[Any]) -> bool:
    """Whether an array holds indices of a palette, not the grey values that these stand for."""
    return bool(set(np.unique(array)) <= set(np.unique(stored)))


def _write_tiff(target: Path, source: Path, array: NDArray[Any]) -> None:
    import tifffile

    with tifffile.TiffFile(source) as before:
        page: Any = before.series[0].keyframe
        axes = before.series[0].axes
        resolution = tuple(
            page.tags[name].value[0] / page.tags[name].value[1]
            for name in ("XResolution", "YResolution")
            if name in page.tags and page.tags[name].value[1]
        )
        unit = page.tags["ResolutionUnit"].value if "ResolutionUnit" in page.tags else None
        imagej = dict(before.imagej_metadata or {}) if before.is_imagej else None
        ome = _ome_metadata(before.ome_metadata, axes) if before.is_ome else None
    options: dict[str, Any] = {"photometric": "minisblack", "compression": "zlib"}
    if len(resolution) == 2:
        options.update(resolution=resolution, resolutionunit=unit)
    if imagej is not None and array.dtype in (np.uint8, np.uint16, np.float32):
        kept: dict[str, Any] = {k: imagej[k] for k in ("spacing", "unit") if k in imagej}
        options.update(imagej=True, metadata={**kept, "axes": axes})
        del options["compression"]
    elif ome is not None:
        options.update(ome=True, metadata=ome)
    tifffile.imwrite(target, array, **options)


def _ome_metadata(text: str | None, axes: str) -> dict[str, Any]:
    import tifffile

    if text is None:
        return {"axes": axes}
    image: Any = tifffile.xml2dict(text)["OME"]["Image"]
    pixels: dict[str, Any] = (image[0] if isinstance(image, list | tuple) else image)["Pixels"]
    kept = {key: pixels[key] for key in pixels if key.startswith("PhysicalSize")}
    return {"axes": axes, **kept}


def _write_npy(target: Path, source: Path, array: NDArray[Any]) -> None:
    # written by NumPy, a full disk is an error without a number, which is nobody's
    content = io.BytesIO()
    np.save(content, array, allow_pickle=False)
    target.write_bytes(content.getbuffer())


def _write_npz(target: Path, source: Path, array: NDArray[Any]) -> None:
    with np.load(source, allow_pickle=False) as before:
        parts = {name: before[name] for name in before.files}
    (name,) = [one for one in parts if one not in ("spacing", "affine")]
    stored = parts[name]
    if name == "probabilities" and stored.ndim == 4:  # of nnU-Net: (C, z, y, x)
        array = array[:, None] if stored.shape[1] == 1 else array.transpose(0, 3, 2, 1)
    parts[name] = array
    np.savez_compressed(target, **parts)


def _write_nifti(target: Path, source: Path, array: NDArray[Any]) -> None:
    import nibabel

    before: Any = nibabel.load(source)
    header = before.header.copy()
    array = array.reshape(before.shape)
    if array.dtype == np.bool_:
        array = array.astype(np.uint8)
    header.set_data_dtype(array.dtype)
    # of 64-bit integers NIfTI wants to be told; MGH has no such types
    told = {"dtype": array.dtype} if isinstance(before, nibabel.Nifti1Pair) else {}
    after = type(before)(array, before.affine, header, **told)
    nibabel.save(after, target)


def _write_itk(target: Path, source: Path, array: NDArray[Any]) -> None:
    import SimpleITK as sitk  # noqa: N813  # the name that everybody gives it

    library: Any = sitk
    before = library.ReadImage(str(source))
    vector = before.GetNumberOfComponentsPerPixel() > 1
    after = library.GetImageFromArray(array, isVector=vector)
    after.CopyInformation(before)
    for key in before.GetMetaDataKeys():
        after.SetMetaData(key, before.GetMetaData(key))
    library.WriteImage(after, str(target), useCompression=True)


_WRITERS: dict[str, Write] = {
    **dict.fromkeys((".png", ".gif", ".bmp", ".pgm"), _write_picture),
    **dict.fromkeys((".tif", ".tiff", ".ome.tif", ".ome.tiff"), _write_tiff),
    ".npy": _write_npy,
    ".npz": _write_npz,
    **dict.fromkeys((".nii", ".nii.gz", ".mgz", ".mgh"), _write_nifti),
    **dict.fromkeys((".mha", ".nrrd"), _write_itk),
}
