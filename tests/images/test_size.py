"""Limits of size: what a header promises is judged before memory is taken."""

import gzip
import io
import resource
import struct
import subprocess
import sys
import warnings
import zipfile
import zlib

import numpy as np
import PIL.Image
import pytest

from topoeval.errors import UserError
from topoeval.images import read_image
from topoeval.images.size import LIMIT, MOST_VOXELS, check_size

VOLUME = np.zeros((5, 6, 7), np.uint8)
VOLUME[1:4, 2:5, 1:6] = 1
PICTURES = ["png", "gif", "bmp", "tif"]
VOLUMES = ["tif", "npy", "npz", "nii", "nii.gz", "mgz", "mha", "mhd", "nrrd", "h5", "zarr", "dcm"]


@pytest.mark.parametrize("ending", [*PICTURES, *VOLUMES])
def test_one_limit_for_every_format(tmp_path, save_mask, monkeypatch, ending):
    """An image of the limit is read, one voxel more is not, in one line (D6, D15)."""
    array = VOLUME if ending in VOLUMES else VOLUME[2]
    path = save_mask(tmp_path / f"a.{ending}", array)
    monkeypatch.setenv(LIMIT, str(array.size))
    assert read_image(path).array.size == array.size
    monkeypatch.setenv(LIMIT, str(array.size - 1))
    with pytest.raises(UserError, match=rf"a\.{ending}: shape .* above the limit of ") as told:
        read_image(path)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("ending", ["png", "bmp", "tif"])
def test_a_map_above_the_limits_of_a_library_is_read_without_a_word(tmp_path, monkeypatch, ending):
    """From 89 million pixels on Pillow warns, from 179 on it refuses (a variant of D15)."""
    sides, before = (9500, 9500), 89_478_485
    # other libraries of this process may have lifted it
    monkeypatch.setattr(PIL.Image, "MAX_IMAGE_PIXELS", before)
    path = tmp_path / f"map.{ending}"
    mask = PIL.Image.new("1", sides)
    mask.putpixel((9000, 7), 1)
    mask.save(path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = read_image(path).array
    assert found.shape == sides
    assert found[7, 9000]
    assert found.sum() == found[7, 9000]
    assert before == PIL.Image.MAX_IMAGE_PIXELS  # other readers of this process keep theirs


def test_the_limit_is_a_number(monkeypatch):
    """Anything else would be no limit."""
    for said in ("many", "-1", "1e9", "²"):
        monkeypatch.setenv(LIMIT, said)
        with pytest.raises(UserError, match="is no number of voxels"):
            check_size("a", (1,), "u1")


def npy_header(shape, dtype="|u1"):
    file = io.BytesIO()
    np.lib.format.write_array_header_2_0(
        file, {"descr": dtype, "fortran_order": False, "shape": shape}
    )
    return file.getvalue()


def promise_npy(path, sides):
    path.write_bytes(npy_header(sides) + bytes(100))


def promise_npz(path, sides):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mask.npy", npy_header(sides) + bytes(100))


def promise_beside(path, sides):
    """The mask is small, and its spacing is not."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mask.npy", npy_header((2, 2)) + bytes(4))
        archive.writestr("spacing.npy", npy_header((2**29,)) + bytes(100))


def promise_nifti(path, sides):
    nibabel = pytest.importorskip("nibabel", reason="the extra nifti")
    header = nibabel.Nifti2Header()
    header.set_data_dtype(np.uint8)
    header.set_data_shape(sides)
    header["vox_offset"] = 544
    content = header.binaryblock + bytes(4 + 100)
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


def promise_extension(path, sides):
    """One voxel, and gigabytes before it."""
    nibabel = pytest.importorskip("nibabel", reason="the extra nifti")
    header = nibabel.Nifti2Header()
    header.set_data_shape((1, 1, 1))
    header["vox_offset"] = 2**40
    content = header.binaryblock + b"\1\0\0\0" + struct.pack("<ii", 2**31 - 16, 4) + bytes(10**7)
    path.write_bytes(gzip.compress(content))


def promise_mgz(path, sides):
    pytest.importorskip("nibabel", reason="the extra nifti")
    content = struct.pack(">iiiiiii", 1, *(side - 1 for side in sides), 1, 0, 0) + bytes(356)
    path.write_bytes(gzip.compress(content))


def promise_mha(path, sides):
    pytest.importorskip("SimpleITK", reason="the extra itk")
    lengths = " ".join(str(side) for side in sides)
    path.write_text(
        f"ObjectType = Image\nNDims = 3\nBinaryData = True\nCompressedData = True\n"
        f"CompressedDataSize = 9000000000000\nDimSize = {lengths}\nElementType = MET_UCHAR\n"
        "ElementDataFile = LOCAL\nx"
    )


def promise_nrrd(path, sides):
    pytest.importorskip("SimpleITK", reason="the extra itk")
    lengths = " ".join(str(side) for side in sides)
    path.write_bytes(
        f"NRRD0004\ntype: uchar\ndimension: 3\nsizes: {lengths}\nencoding: gzip\n\n".encode()
        + gzip.compress(bytes(10**5))
    )


def promise_hdf5(path, sides):
    h5py = pytest.importorskip("h5py", reason="the extra hdf5")
    with h5py.File(path, "w") as file:
        file.create_dataset("a", sides, "u1", chunks=(64, 64, 64))


def promise_chunk(path, sides):
    """One voxel, in a chunk of gigabytes."""
    zarr = pytest.importorskip("zarr", reason="the extra zarr")
    array = zarr.open_array(str(path), mode="w", shape=(2, 2), chunks=(2**20, 2**20), dtype="u1")
    assert array.shape == (2, 2)


def promise_zarr(path, sides):
    zarr = pytest.importorskip("zarr", reason="the extra zarr")
    zarr.open_array(str(path), mode="w", shape=sides, chunks=(64, 64, 64), dtype="u1")


def promise_png(path, sides):
    def chunk(kind, data):
        crc = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + crc

    packed = zlib.compress(bytes(10**6))
    header = struct.pack(">IIBBBBB", sides[0], sides[1], 8, 0, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")
    )


def promise_tiff(path, sides):
    import tifffile

    tifffile.imwrite(path, np.zeros((4, 4), np.uint8))
    with tifffile.TiffFile(path, mode="r+") as file:
        file.pages[0].tags["ImageWidth"].overwrite(sides[0])
        file.pages[0].tags["ImageLength"].overwrite(sides[1])
        file.pages[0].tags["RowsPerStrip"].overwrite(sides[1])


def promise_bmp(path, sides):
    PIL.Image.new("L", (1, 1)).save(path)
    content = bytearray(path.read_bytes())
    content[18:26] = struct.pack("<ii", sides[0], sides[1])
    path.write_bytes(content)


PROMISES = {
    "npy": promise_npy, "npz": promise_npz, "beside.npz": promise_beside, "nii": promise_nifti,
    "nii.gz": promise_nifti, "extension.nii.gz": promise_extension, "mgz": promise_mgz,
    "mha": promise_mha, "nrrd": promise_nrrd, "h5": promise_hdf5, "zarr": promise_zarr,
    "chunk.zarr": promise_chunk, "png": promise_png, "tif": promise_tiff, "bmp": promise_bmp,
}  # fmt: skip


@pytest.mark.parametrize("kind", PROMISES)
def test_a_header_that_promises_too_much(tmp_path, kind):
    """One line that names the file, whether gigabytes could be unpacked or are not there (D6)."""
    path = tmp_path / f"a.{kind}"
    PROMISES[kind](path, (60000, 30000, 3000))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(UserError) as told:
        read_image(path)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert str(told.value).startswith(str(path))
    assert "\n" not in str(told.value)
    assert any(word in str(told.value) for word in ("above the limit", "spacing has the shape"))
    assert grown < 100_000, "kB more than before: it was unpacked"


def test_an_image_beyond_the_memory_of_the_process(tmp_path):
    """A bomb below the limit of voxels is refused where `ulimit -v` leaves no room for it."""
    path = tmp_path / "a.npz"
    np.savez_compressed(path, np.zeros((700, 1000, 1000), np.uint8))
    assert path.stat().st_size < 10**6
    assert MOST_VOXELS > 700 * 10**6
    code = (
        "import resource, sys; from topoeval.images import read_image\n"
        "from topoeval.errors import UserError\n"
        "resource.setrlimit(resource.RLIMIT_AS, (600 << 20, 600 << 20))\n"
        "try: read_image(sys.argv[1])\n"
        "except UserError as error: print(error)"
    )
    found = subprocess.run(
        [sys.executable, "-P", "-c", code, str(path)], capture_output=True, text=True, check=True
    )
    assert "needs 0.65 GiB of memory, and this process may use 0.59 GiB" in found.stdout
