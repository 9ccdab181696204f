"""TIFF by its tags: what is colour, what is white, how large a voxel is."""

import struct

import numpy as np
import PIL.Image
import pytest
import tifffile

from topoeval.errors import UserError
from topoeval.images import read_image

RING = np.zeros((32, 32), np.uint8)
RING[8:24, 8:24] = 255
RING[12:20, 12:20] = 0


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, bool])
@pytest.mark.parametrize("compression", [None, "deflate"])
def test_white_is_zero_is_never_inverted(tmp_path, dtype, compression):
    """A mask keeps its foreground, whatever the photometric interpretation (A12)."""
    bright = (RING > 0) if dtype is bool else (RING > 0) * np.iinfo(dtype).max
    stored = ~bright if dtype is bool else np.iinfo(dtype).max - bright
    tifffile.imwrite(
        tmp_path / "a.tif", stored.astype(dtype), photometric="miniswhite", compression=compression
    )
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif").array, bright)


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "group4", "packbits"])
def test_white_is_zero_as_pillow_writes_it(tmp_path, compression):
    """Compressed by whatever library: the same mask."""
    picture = PIL.Image.fromarray(RING > 0)
    picture.save(tmp_path / "a.tif", compression=compression, tiffinfo={262: 0})
    image = read_image(tmp_path / "a.tif").array
    np.testing.assert_array_equal(image > 0, np.asarray(PIL.Image.open(tmp_path / "a.tif")))


@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("channels", [3, 4])
def test_colours_are_told_from_slices(tmp_path, planar, channels):
    """Equal channels are one grey image, an opacity says nothing (A13); others are refused."""
    colour = np.stack([RING] * 3 + [np.full_like(RING, 255)] * (channels - 3))
    stored = colour if planar == "separate" else np.moveaxis(colour, 0, -1)
    extra = ["unassalpha"] * (channels - 3)
    tifffile.imwrite(
        tmp_path / "a.tif", stored, photometric="rgb", planarconfig=planar, extrasamples=extra
    )
    image = read_image(tmp_path / "a.tif")
    assert image.shape == RING.shape
    np.testing.assert_array_equal(image.grey().array, RING)
    stored = stored.copy()
    stored[(0, 3, 3) if planar == "separate" else (3, 3, 0)] = 77
    tifffile.imwrite(
        tmp_path / "a.tif", stored, photometric="rgb", planarconfig=planar, extrasamples=extra
    )
    with pytest.raises(UserError, match=r"a\.tif: a colour picture"):
        read_image(tmp_path / "a.tif").grey()


def test_three_pages_are_a_volume(tmp_path):
    """Their tags say that they are grey."""
    tifffile.imwrite(tmp_path / "a.tif", np.stack([RING] * 3), photometric="minisblack")
    image = read_image(tmp_path / "a.tif")
    assert (image.shape, image.channel_axis) == ((3, 32, 32), None)


def test_spacing_of_imagej(tmp_path):
    """Pixels per unit and distance of slices; micrometres become millimetres."""
    tifffile.imwrite(
        tmp_path / "a.tif", np.stack([RING] * 5), imagej=True, resolution=(4, 2),
        metadata={"spacing": 3.0, "unit": "um", "axes": "ZYX"},
    )  # fmt: skip
    assert read_image(tmp_path / "a.tif").spacing == pytest.approx((3e-3, 0.5e-3, 0.25e-3))


def test_spacing_of_ome(tmp_path):
    """With its units; a time of one moment goes."""
    tifffile.imwrite(
        tmp_path / "a.ome.tif", np.stack([RING] * 5),
        metadata={
            "axes": "ZYX", "PhysicalSizeX": 0.5, "PhysicalSizeY": 250.0, "PhysicalSizeZ": 2.0,
            "PhysicalSizeYUnit": "nm",
        },
    )  # fmt: skip
    assert read_image(tmp_path / "a.ome.tif").spacing == pytest.approx((2e-3, 0.25e-3, 0.5e-3))


def test_dots_per_inch_are_no_spacing(tmp_path):
    """They are for printers."""
    tifffile.imwrite(tmp_path / "a.tif", RING, resolution=(300, 300), resolutionunit="inch")
    assert read_image(tmp_path / "a.tif").spacing is None


def test_channels_and_too_many_axes(tmp_path):
    """ImageJ's channels are no slices; a film of volumes is refused with its axes."""
    both = np.stack([RING, RING // 255])
    tifffile.imwrite(tmp_path / "c.tif", both, imagej=True, metadata={"axes": "CYX"})
    image = read_image(tmp_path / "c.tif")
    assert (image.channel_axis, image.values, image.shape) == (0, None, (32, 32))
    film = np.stack([np.stack([RING] * 4)] * 3)
    tifffile.imwrite(tmp_path / "t.tif", film, imagej=True, metadata={"axes": "TZYX"})
    with pytest.raises(UserError, match=r"t\.tif: has axes T 3, Z 4, Y 32, X 32"):
        read_image(tmp_path / "t.tif")


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("order", ["<", ">"])
def test_pages_in_a_circle_are_refused(tmp_path, big, order):
    """They would be read without end; the same file with its chain unbroken is a volume."""
    path = tmp_path / "a.tif"
    volume = np.arange(60, dtype=np.uint8).reshape(3, 4, 5)
    tifffile.imwrite(path, volume, photometric="minisblack", bigtiff=big, byteorder=order,
                     metadata=None)  # fmt: skip
    np.testing.assert_array_equal(read_image(path).array, volume)
    with tifffile.TiffFile(path) as file:
        first, last = file.pages[0].offset, file.pages[2]
        place = last.offset + (8 if big else 2) + len(last.tags) * (20 if big else 12)
    content = bytearray(path.read_bytes())
    content[place : place + (8 if big else 4)] = struct.pack(order + ("Q" if big else "I"), first)
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"a\.tif: cannot be read: its pages lead in a circle"):
        read_image(path)


def test_fewer_strips_than_rows_need_are_refused(tmp_path):
    """The rows without a strip would be zeros, of a damaged height millions of them."""
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, RING, compression="zlib", rowsperstrip=8, photometric="minisblack")
    np.testing.assert_array_equal(read_image(path).array, RING)
    with tifffile.TiffFile(path, mode="r+") as file:
        file.pages[0].tags["ImageLength"].overwrite(64)
    with pytest.raises(UserError, match="fewer strips than its size needs"):
        read_image(path)


@pytest.mark.parametrize(("tag", "said"), [(1, ""), (6, "orientation 6 is not followed")])
def test_an_orientation_is_told(tmp_path, tag, said):
    tifffile.imwrite(
        tmp_path / "a.tif", np.eye(4, 6, dtype=np.uint8), extratags=[(274, 3, 1, tag, True)]
    )
    found = read_image(tmp_path / "a.tif")
    np.testing.assert_array_equal(found.array, np.eye(4, 6))
    assert said in found.note
    assert bool(said) == bool(found.note)


def test_white_as_zero_is_told(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.eye(4, dtype=np.uint8) * 255, photometric="miniswhite")
    assert "0 is white" in read_image(tmp_path / "a.tif").note
