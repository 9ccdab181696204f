"""The formats of image files: a registry by suffix, and the reader of every one of them.

==========================  ==================================================================
``.png .gif .bmp``          Pillow: grey, palette or colour
``.jpg .jpeg``              Pillow, lossy: read as a mask only where that is asked for
``.tif .tiff``              tifffile: pages are slices; spacing of ImageJ and OME; colour and
                            photometric interpretation by the tags
``.npy .npz``               one array; ``spacing`` and ``affine`` beside it; ``probabilities`` of
                            nnU-Net
``.nii .nii.gz .mgz .mgh``  nibabel, extra ``nifti``
``.mha .mhd .nrrd .nhdr``   SimpleITK, extra ``itk``; segmentations of 3D Slicer (``.seg.nrrd``)
``.h5 .hdf5``               h5py, extra ``hdf5``; ``FILE.h5:/path`` names an array inside
``.zarr``                   zarr, extra ``zarr``; OME-Zarr with its scales
``.dcm``                    highdicom, extra ``dicom``: DICOM SEG
==========================  ==================================================================
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path

from topoeval.errors import UnavailableError, UserError
from topoeval.foreign_text import visible
from topoeval.images.image import Image, one_line


@dataclass(frozen=True, slots=True)
class Format:
    """A format of files.

    Parameters
    ----------
    name
        As people call it.
    suffixes
        Endings of its files, lower case, with their dot.
    module
        Module of this package whose ``read(path, inside)`` reads it.
    library, extra
        What it needs beyond the dependencies of topoeval, and the extra that installs that.
    lossy
        Its values are not those that were saved.
    folder
        A folder is one image.
    inside
        A file may hold several arrays, each with a path.
    """

    name: str
    suffixes: tuple[str, ...]
    module: str
    library: str = ""
    extra: str = ""
    lossy: bool = False
    folder: bool = False
    inside: bool = False


FORMATS: tuple[Format, ...] = (
    Format("PNG", (".png",), "pictures"),
    Format("GIF", (".gif",), "pictures"),
    Format("BMP", (".bmp",), "pictures"),
    Format("PPM", (".ppm", ".pgm", ".pbm"), "pictures"),
    Format("JPEG", (".jpg", ".jpeg"), "pictures", lossy=True),
    Format("TIFF", (".tif", ".tiff", ".ome.tif", ".ome.tiff"), "tiff"),
    Format("NPY", (".npy",), "npy"),
    Format("NPZ", (".npz",), "npy", inside=True),
    Format("NIfTI", (".nii", ".nii.gz"), "nifti", "nibabel", "nifti"),
    Format("MGZ", (".mgz", ".mgh"), "nifti", "nibabel", "nifti"),
    Format("MetaImage", (".mha", ".mhd"), "itk", "SimpleITK", "itk"),
    Format("NRRD", (".nrrd", ".nhdr", ".seg.nrrd"), "itk", "SimpleITK", "itk"),
    Format("HDF5", (".h5", ".hdf5"), "hdf5", "h5py", "hdf5", inside=True),
    Format("Zarr", (".zarr", ".ome.zarr"), "ome_zarr", "zarr", "zarr", folder=True, inside=True),
    Format("DICOM SEG", (".dcm",), "dicom", "highdicom", "dicom"),
)
"""Every format, in the order of messages."""

# endings of what people keep beside images
_COMPANIONS = (
    "", ".json", ".txt", ".csv", ".tsv", ".xlsx", ".md", ".yaml", ".yml", ".toml", ".xml", ".html",
    ".log", ".pdf", ".py", ".sh", ".pkl", ".parquet", ".raw", ".zraw", ".db", ".ini",
)  # fmt: skip

_BY_SUFFIX = {suffix: found for found in FORMATS for suffix in found.suffixes}
_LONGEST_FIRST = sorted(_BY_SUFFIX, key=len, reverse=True)


def read_image(path: Path | str) -> Image:
    """Read one image file; its ending says which format it has.

    Parameters
    ----------
    path
        A file, or ``FILE:/path`` for an array inside an HDF5, Zarr or NPZ file.

    Raises
    ------
    UserError
        The file is not there, of another format, or damaged; the message names it.
    UnavailableError
        The library that reads it is not installed; the message has the line that installs it.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> import numpy as np
    >>> with TemporaryDirectory() as folder:
    ...     np.savez(Path(folder, "a.npz"), mask=np.eye(2, dtype=bool), spacing=[0.5, 2.0])
    ...     image = read_image(Path(folder, "a.npz"))
    >>> image.array.shape, image.spacing
    ((2, 2), (0.5, 2.0))
    """
    file, inside = split_inside(path)
    found = _format(file)
    if found is None:
        raise UserError(f"{file}: unknown image format; known are {known_suffixes()}")
    if not is_image(file):
        raise UserError(f"{file}: no such file")
    try:
        image = import_module(f"topoeval.images.{found.module}").read(file, inside)
    except UserError as error:
        # it may repeat names from inside the file, and they may be anything
        if str(error).isprintable():
            raise
        raise type(error)(visible(str(error))) from None
    except ImportError as error:
        if found.library and (error.name or "").partition(".")[0] == found.library:
            raise UnavailableError(
                f'{file}: {found.name} needs {found.library}; pip install "topoeval[{found.extra}]"'
            ) from None
        raise UserError(f"{file}: cannot be read: {one_line(error)}") from error
    except MemoryError:
        raise
    except Exception as error:  # a damaged file makes each library raise whatever it happens on
        raise UserError(f"{file}: cannot be read: {one_line(error)}") from error
    source = Path(f"{file}:{inside}") if inside else file
    array = image.array
    if not array.dtype.isnative:  # MGZ, and NIfTI of old machines
        array = array.astype(array.dtype.newbyteorder("="))
    return replace(image, array=array, source=source)


def split_inside(path: Path | str) -> tuple[Path, str]:
    """Return a file and the path of an array inside it, empty if none is named.

    >>> split_inside("a/b.h5:/masks/1")
    (PosixPath('a/b.h5'), '/masks/1')
    """
    text = str(path)
    file, colon, inside = text.partition(":/")
    return (Path(file), f"/{inside}") if colon else (Path(path), "")


def image_suffix(path: Path | str) -> str | None:
    """Return the ending that says the format of a file, or None if it is no image by its name.

    >>> image_suffix("scans/a.b.NII.GZ"), image_suffix("notes.txt")
    ('.nii.gz', None)
    """
    name = split_inside(path)[0].name.lower()
    return next((suffix for suffix in _LONGEST_FIRST if name.endswith(suffix)), None)


def image_name(path: Path | str) -> str:
    """Return the name of a file without the ending of its format.

    >>> image_name("scans/a.b.nii.gz")
    'a.b'
    """
    name = split_inside(path)[0].name
    return name[: len(name) - len(image_suffix(path) or "")]


def is_lossy(path: Path | str) -> bool:
    """Whether the format of a file changes values when it saves them.

    >>> is_lossy("a.jpg"), is_lossy("a.png")
    (True, False)
    """
    found = _format(split_inside(path)[0])
    return found is not None and found.lossy


def is_image(path: Path | str) -> bool:
    """Whether there is an image file here, by its name; a folder only where that is one image."""
    file, _ = split_inside(path)
    found = _format(file)
    return found is not None and (file.is_file() or (found.folder and file.is_dir()))


def known_suffixes() -> str:
    """Return the endings of all formats, for messages."""
    return ", ".join(_BY_SUFFIX)


def image_files(folder: Path | str, deep: bool = False) -> list[Path]:
    """Return the image files of a folder, in the order of their names.

    Files of other formats and hidden files are passed over.

    Parameters
    ----------
    folder
        With ``FOLDER:/path``, each file is one that holds an array of that path.
    deep
        Those in folders inside it too.

    Raises
    ------
    UserError
        If there is no such folder, no image in it, or a link that leads nowhere.
    """
    place, inside = split_inside(folder)
    if not place.is_dir():
        raise UserError(f"{place}: no such folder")
    found = sorted(_images(place, deep))
    if not found:
        raise UserError(f"{place}: no image in it; known are {known_suffixes()}")
    return [Path(f"{path}:{inside}") for path in found] if inside else found


def other_files(folder: Path | str, deep: bool = False) -> list[Path]:
    """Return the files of a folder that may be images of formats that are not read.

    Hidden files, and those that lie beside images everywhere (JSON, text, tables, the voxels of a
    header), are none.
    """
    place, _ = split_inside(folder)
    others = (path for path in _entries(place, deep) if _format(path) is None)
    return sorted(path for path in others if path.suffix.lower() not in _COMPANIONS)


def passed_over(folder: Path | str, files: list[Path]) -> str:
    """Return the line that says that files of other formats are left out."""
    count = f"{len(files)} files" if len(files) > 1 else "a file"
    return (
        f"{folder}: {count} of no known format passed over, for example {files[0].name}; known are "
        f"{known_suffixes()}"
    )


def hidden_files(folder: Path | str, deep: bool = False) -> list[Path]:
    """Return the files of a folder that would be read as images if their names had no dot first.

    Those in hidden folders are not looked for.
    """
    place, _ = split_inside(folder)
    return sorted(path for path in _entries(place, deep, hidden=True) if _format(path) is not None)


def hidden_passed_over(folder: Path | str, files: list[Path]) -> str:
    """Return the line that says that hidden files are left out."""
    count = f"{len(files)} hidden files" if len(files) > 1 else "a hidden file"
    # such names are not refused, and may be no text
    name = files[0].name.encode("utf-8", "replace").decode("utf-8")
    return f"{folder}: {count} passed over, for example {name}; rename what is to be read"


def _images(folder: Path, deep: bool) -> Iterator[Path]:
    for path in _entries(folder, deep):
        if is_image(path):
            yield path
        elif _format(path) is not None:
            raise UserError(f"{path}: a link that leads nowhere, or no ordinary file; remove it")


def _entries(
    folder: Path, deep: bool, above: tuple[Path, ...] = (), hidden: bool = False
) -> Iterator[Path]:
    """Yield what lies in a folder and is no folder to look into; links in a circle are left.

    With `hidden` only files whose names begin with a dot, else only the others.
    """
    above = (*above, folder.resolve())
    for path in folder.iterdir():
        if path.name.startswith("."):
            if hidden and not path.is_dir():
                yield path
            continue
        try:
            path.name.encode()
        except UnicodeEncodeError:
            name = ascii(path.name)
            raise UserError(f"{folder}: the name {name} is no text in UTF-8; rename it") from None
        if not path.is_dir() or is_image(path):
            if not hidden:
                yield path
        elif deep and path.resolve() not in above:
            yield from _entries(path, deep, above, hidden)


def _format(path: Path) -> Format | None:
    suffix = image_suffix(path)
    return None if suffix is None else _BY_SUFFIX[suffix]
