"""Reading images: every format gives back what was written, and damage is one line."""

import nibabel
import numpy as np
import PIL.Image
import pytest
import tifffile

from topoeval.errors import UserError
from topoeval.images import image_files, image_name, read_image

LABELS = np.arange(12, dtype=np.uint8).reshape(3, 4)


def save(path, array):
    """Write an array in the format of the path."""
    if path.suffix == ".png":
        PIL.Image.fromarray(array).save(path)
    elif path.suffix == ".tif":
        tifffile.imwrite(path, array, photometric="minisblack")
    elif path.suffix == ".npy":
        np.save(path, array)
    elif path.suffix == ".npz":
        np.savez(path, labels=array)
    else:
        nibabel.save(nibabel.Nifti1Image(array, np.eye(4)), path)
    return path


ENDINGS = ["png", "tif", "npy", "npz", "nii", "nii.gz"]


@pytest.mark.parametrize("ending", ENDINGS)
def test_values_come_back_as_stored(tmp_path, ending):
    """No axis is turned, no value or type changed."""
    image = read_image(save(tmp_path / f"a.{ending}", LABELS))
    assert image.array.dtype == LABELS.dtype
    np.testing.assert_array_equal(image.array, LABELS)


@pytest.mark.parametrize("ending", ENDINGS[1:])
def test_volumes_keep_their_axes(tmp_path, ending):
    """Pages of a TIFF are the first axis; NIfTI has the order of its header."""
    volume = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    np.testing.assert_array_equal(read_image(save(tmp_path / f"a.{ending}", volume)).array, volume)


@pytest.mark.parametrize("dtype", [bool, np.uint16])
def test_png_of_other_depths(tmp_path, dtype):
    """One bit is a mask, sixteen are label numbers beyond 255."""
    array = (LABELS.astype(np.uint16) * 1000).astype(dtype)
    np.testing.assert_array_equal(read_image(save(tmp_path / "a.png", array)).array, array)


def test_palette_gives_its_indices(tmp_path):
    """Label maps are often stored with a colour per class; the class is the index."""
    picture = PIL.Image.fromarray(LABELS % 3).convert("P")
    picture.putdata((LABELS % 3).ravel().tolist())
    picture.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0])
    picture.save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_image(tmp_path / "a.png").array, LABELS % 3)


@pytest.mark.parametrize(("unit", "factor"), [("mm", 1), ("micron", 1e-3), ("meter", 1e3)])
def test_spacing_of_nifti_is_in_millimetres(tmp_path, unit, factor):
    """The header says the unit; a trailing axis of length one goes, with its spacing."""
    volume = nibabel.Nifti1Image(np.zeros((2, 3, 4, 1), np.uint8), np.diag([0.7, 0.5, 2.5, 1]))
    volume.header.set_xyzt_units(unit)
    nibabel.save(volume, tmp_path / "a.nii.gz")
    image = read_image(tmp_path / "a.nii.gz")
    assert image.array.shape == (2, 3, 4)
    assert image.spacing == pytest.approx((0.7 * factor, 0.5 * factor, 2.5 * factor))


def test_no_spacing_is_none(tmp_path):
    """Neither a format without one nor an empty header field is turned into ones."""
    assert read_image(save(tmp_path / "a.npy", LABELS)).spacing is None
    np.savez(tmp_path / "b.npz", mask=LABELS, spacing=[np.nan, 1.0])
    assert read_image(tmp_path / "b.npz").spacing is None


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("kept", [0, 0.4, 0.9])
def test_damage_is_one_line_with_the_file(tmp_path, ending, kept):
    """Whatever its library raises, the user reads which file it was."""
    noise = np.random.default_rng(0).integers(0, 255, (40, 40), dtype=np.uint8)
    path = save(tmp_path / f"broken.{ending}", noise)
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(UserError, match=r"broken\..*cannot be read: .") as caught:
        read_image(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "words"),
    [("a.xyz", "unknown image format; known are .png"), ("a.png", "no such file")],
)
def test_what_is_no_image(tmp_path, name, words):
    """A wrong ending and a wrong path are told apart."""
    if name == "a.xyz":
        (tmp_path / name).touch()
    with pytest.raises(UserError, match=words):
        read_image(tmp_path / name)


def test_pickles_are_refused(tmp_path):
    """An array of objects could run code when it is loaded."""
    np.save(tmp_path / "a.npy", np.array([{}]), allow_pickle=True)
    with pytest.raises(UserError, match="cannot be read"):
        read_image(tmp_path / "a.npy")


def test_which_array_is_meant_must_be_clear(tmp_path):
    """Two arrays in one file are a question, not a guess."""
    np.savez(tmp_path / "a.npz", image=LABELS, mask=LABELS)
    with pytest.raises(UserError, match="has image, mask"):
        read_image(tmp_path / "a.npz")


def test_files_of_a_folder(tmp_path):
    """Images in the order of their names; other and hidden files are passed over."""
    for name in ("b.png", "a.c.nii.gz", "notes.txt", ".hidden.png"):
        (tmp_path / name).touch()
    (tmp_path / "folder.png").mkdir()
    found = image_files(tmp_path)
    assert [path.name for path in found] == ["a.c.nii.gz", "b.png"]
    assert [image_name(path) for path in found] == ["a.c", "b"]
    with pytest.raises(UserError, match="no such folder"):
        image_files(tmp_path / "nowhere")
    with pytest.raises(UserError, match="no image in it"):
        image_files(tmp_path / "folder.png")
