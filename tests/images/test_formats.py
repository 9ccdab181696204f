"""Reading images: every format gives back what was written, and damage is one line."""

import os
import sys

import numpy as np
import PIL.Image
import pytest

from topoeval.errors import UnavailableError, UserError
from topoeval.images import FORMATS, image_files, image_name, image_suffix, read_image

LABELS = np.arange(12, dtype=np.uint8).reshape(3, 4)
VOLUME = np.random.default_rng(0).integers(0, 4, (4, 5, 6)).astype(np.uint8)
PLANAR = ["png", "gif", "bmp", "tif", "npy", "npz", "nii", "nii.gz", "mha", "mhd", "nrrd", "h5"]
SOLID = ["tif", "npy", "npz", "nii", "nii.gz", "mgz", "mha", "mhd", "nrrd", "seg.nrrd", "h5",
         "zarr", "dcm"]  # fmt: skip


@pytest.mark.parametrize("ending", [*PLANAR, "zarr"])
def test_values_come_back_as_stored(tmp_path, save_mask, ending):
    """No axis is turned, no value changed."""
    image = read_image(save_mask(tmp_path / f"a.{ending}", LABELS))
    np.testing.assert_array_equal(image.array, LABELS)
    assert image.channel_axis is None
    assert image.source == tmp_path / f"a.{ending}"


@pytest.mark.parametrize("ending", SOLID)
def test_volumes_keep_their_axes(tmp_path, save_mask, ending):
    """Pages of a TIFF are the first axis; NIfTI has the order of its header."""
    affine = np.array([[0, 0, 0.5, 1.0], [0, 0.7, 0, 2.0], [2.0, 0, 0, 3.0]])
    if ending in ("tif", "npy", "h5", "zarr"):
        affine = None
    image = read_image(save_mask(tmp_path / f"a.{ending}", VOLUME, affine))
    if ending == "dcm":  # whose slices may come in another order, and say so
        image = _turned_back(image, affine)
    np.testing.assert_array_equal(image.array, VOLUME)
    if affine is not None:
        np.testing.assert_allclose(image.affine, affine, atol=1e-5)
        assert image.spacing == pytest.approx((2.0, 0.7, 0.5))


def _turned_back(image, affine):
    from topoeval.images.image import Image
    from topoeval.images.orientation import on_grid_of

    return on_grid_of(image, Image(VOLUME, affine=affine))[0]


@pytest.mark.parametrize("dtype", [bool, np.uint16])
def test_png_of_other_depths(tmp_path, save_mask, dtype):
    """One bit is a mask, sixteen are label numbers beyond 255."""
    array = (LABELS.astype(np.uint16) * 1000).astype(dtype)
    np.testing.assert_array_equal(read_image(save_mask(tmp_path / "a.png", array)).array, array)


def test_sixteen_bits_per_colour_are_refused(tmp_path):
    """Pillow would keep the upper eight of them, and label 1035 would be 4."""
    import struct
    import zlib

    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    row = b"\0" + (1035).to_bytes(2, "big") * 3
    header = struct.pack(">IIBBBBB", 1, 1, 16, 2, 0, 0, 0)
    content = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(row)) + chunk(b"IEND", b"")
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + content)
    with pytest.raises(UserError, match=r"a\.png: has 16 bits per colour"):
        read_image(tmp_path / "a.png")


@pytest.mark.parametrize("kind", ["GIF", "PNG"])
def test_several_frames_are_refused(tmp_path, kind):
    """An animation is not a mask."""
    frames = [PIL.Image.fromarray(LABELS * k) for k in (1, 2)]
    path = tmp_path / f"a.{kind.lower()}"
    frames[0].save(path, save_all=True, append_images=frames[1:])
    with pytest.raises(UserError, match="holds 2 frames"):
        read_image(path)


@pytest.mark.parametrize(("unit", "factor"), [("mm", 1), ("micron", 1e-3), ("meter", 1e3)])
def test_spacing_of_nifti_is_in_millimetres(tmp_path, unit, factor):
    """The header says the unit; a trailing axis of length one goes, with its spacing."""
    nibabel = pytest.importorskip("nibabel", reason="the extra nifti")
    volume = nibabel.Nifti1Image(np.zeros((2, 3, 4, 1), np.uint8), np.diag([0.7, 0.5, 2.5, 1]))
    volume.header.set_xyzt_units(unit)
    nibabel.save(volume, tmp_path / "a.nii.gz")
    image = read_image(tmp_path / "a.nii.gz")
    assert image.array.shape == (2, 3, 4)
    assert image.spacing == pytest.approx((0.7 * factor, 0.5 * factor, 2.5 * factor))


def test_a_header_without_orientation_states_none(tmp_path):
    """Both codes 0: nibabel makes an orientation up, and it must not be believed."""
    nibabel = pytest.importorskip("nibabel", reason="the extra nifti")
    volume = nibabel.Nifti1Image(VOLUME, None)
    volume.header["sform_code"] = volume.header["qform_code"] = 0
    nibabel.save(volume, tmp_path / "a.nii")
    assert read_image(tmp_path / "a.nii").affine is None


def test_no_spacing_is_none(tmp_path, save_mask):
    """A format without one is not given ones."""
    assert read_image(save_mask(tmp_path / "a.npy", LABELS)).spacing is None


@pytest.mark.parametrize("spacing", [[np.nan, 1.0], [0, 1], [-1, 1], [1, 2, 3], ["a", "b"]])
def test_a_spacing_that_is_none_is_refused(tmp_path, spacing):
    """Whoever saves one beside a mask means it; distances would be in voxels without a word."""
    np.savez(tmp_path / "b.npz", mask=LABELS, spacing=spacing)
    with pytest.raises(UserError, match=r"b\.npz: a spacing for 2 axes is 2 positive numbers, got"):
        read_image(tmp_path / "b.npz")


def test_sizes_of_a_nifti_that_are_no_sizes_are_not_told_without_a_name(tmp_path, capfd):
    """NiBabel prints what it mends; a line without the name of a file helps nobody."""
    nibabel = pytest.importorskip("nibabel", reason="the extra nifti")
    nibabel.save(nibabel.Nifti1Image(np.ones((3, 4, 5), np.uint8), None), tmp_path / "a.nii")
    data = bytearray((tmp_path / "a.nii").read_bytes())
    data[80:84] = np.float32(-2).tobytes()
    (tmp_path / "a.nii").write_bytes(data)
    assert read_image(tmp_path / "a.nii").spacing == (2, 1, 1)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("ending", [e for e in dict.fromkeys([*PLANAR, *SOLID]) if e != "zarr"])
@pytest.mark.parametrize("kept", [0, 0.2, 0.6])
def test_damage_is_one_line_with_the_file(tmp_path, save_mask, ending, kept):
    """Whatever its library raises, the user reads which file it was."""
    noise = np.random.default_rng(0).integers(0, 4, (40, 40), dtype=np.uint8)
    array = noise if ending in PLANAR else np.stack([noise] * 5)
    path = save_mask(tmp_path / f"broken.{ending}", array)
    content = path.read_bytes()
    if ending == "mhd":  # the voxels lie beside it
        path.with_suffix(".raw").unlink(missing_ok=True)
        path.with_suffix(".zraw").unlink(missing_ok=True)
    path.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(UserError, match=r"broken\..*: .") as caught:
        read_image(path)
    assert "\n" not in str(caught.value)


def test_a_damaged_zarr_is_one_line(tmp_path, save_mask):
    """Its metadata are a file of their own."""
    path = save_mask(tmp_path / "a.zarr", VOLUME)
    (path / "zarr.json").write_text("{")
    with pytest.raises(UserError, match=r"a\.zarr: cannot be read: .") as caught:
        read_image(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("found", [f for f in FORMATS if f.extra], ids=lambda f: f.name)
def test_a_missing_library_is_named_with_the_line_that_installs_it(tmp_path, monkeypatch, found):
    """As it stands, ready to be typed."""
    path = tmp_path / f"a{found.suffixes[0]}"
    path.mkdir() if found.folder else path.touch()
    monkeypatch.setitem(sys.modules, found.library, None)
    with pytest.raises(UnavailableError, match=rf'pip install "topoeval\[{found.extra}\]"'):
        read_image(path)


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
    """Two arrays in one file are a question, which a path inside it answers."""
    np.savez(tmp_path / "a.npz", image=LABELS, mask=LABELS + 1)
    with pytest.raises(UserError, match=r"has image, mask; name one as a\.npz:/image"):
        read_image(tmp_path / "a.npz")
    np.testing.assert_array_equal(read_image(f"{tmp_path}/a.npz:/mask").array, LABELS + 1)
    with pytest.raises(UserError, match="no array 'other', has image, mask"):
        read_image(f"{tmp_path}/a.npz:/other")


@pytest.mark.parametrize("ending", ["mhd", "mha", "nhdr", "nrrd"])
def test_a_header_leads_nowhere_else(tmp_path, save_mask, ending):
    """Not to files outside its folder, to devices, or to pipes; beside it, voxels are read."""
    pytest.importorskip("SimpleITK", reason="the extra itk")
    detached = {"mha": "mhd", "nrrd": "nhdr"}.get(ending, ending)
    folder = tmp_path / "in"
    folder.mkdir()
    header = save_mask(folder / f"a.{detached}", np.ones((3, 4, 5), np.uint8))
    (voxels,) = (path for path in folder.iterdir() if path != header)
    text = header.read_text()
    assert voxels.name in text
    (tmp_path / voxels.name).write_bytes(voxels.read_bytes())
    os.mkfifo(folder / "pipe")
    (folder / "link").symlink_to("/dev/zero")
    path = folder / f"b.{ending}"
    path.write_text(text)
    assert read_image(path).array.all()
    for other in ("/etc/passwd", f"../{voxels.name}", "x/../../a", "pipe", "link", "/dev/zero"):
        path.write_text(text.replace(voxels.name, other))
        with pytest.raises(UserError, match=r"outside its own|no ordinary file") as told:
            read_image(path)
        assert str(told.value).isprintable()


@pytest.mark.parametrize("name", ["a\nb", "esc\x1b[2J", "\u202eb"])
def test_names_inside_a_file_are_written_out(tmp_path, name):
    """They reach a message, which is one line and moves no terminal."""
    np.savez(tmp_path / "a.npz", **{name: np.eye(2), "c": np.eye(2)})
    with pytest.raises(UserError, match="needs one array") as told:
        read_image(tmp_path / "a.npz")
    assert str(told.value).isprintable()


def test_an_hdf5_leads_nowhere_else(tmp_path):
    """Not by external storage, a virtual dataset, or a link to another file."""
    h5py = pytest.importorskip("h5py", reason="the extra hdf5")
    (tmp_path / "secret").write_bytes(bytes(range(64)))
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = np.ones((8, 8), np.uint8)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        storage = [(str(tmp_path / "secret"), 0, 64)]
        file.create_dataset("raw", (8, 8), "u1", external=storage)
        layout = h5py.VirtualLayout((8, 8), "u1")
        layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5"), "x", (8, 8))
        file.create_virtual_dataset("virtual", layout)
        file["linked"] = h5py.ExternalLink("other.h5", "/x")
        file["own"] = np.ones((8, 8), np.uint8)
    for name in ("raw", "virtual", "linked"):
        with pytest.raises(UserError, match="lie in another file"):
            read_image(f"{tmp_path}/a.h5:/{name}")
    assert read_image(f"{tmp_path}/a.h5:/own").array.all()


def test_a_zarr_with_a_pipe_is_not_waited_for(tmp_path, save_mask):
    """A chunk is a file; a link that leads nowhere is none either."""
    path = save_mask(tmp_path / "a.zarr", LABELS)
    chunk = max((x for x in path.rglob("*") if x.is_file()), key=lambda x: len(x.parts))
    kept = chunk.read_bytes()
    chunk.unlink()
    os.mkfifo(chunk)
    with pytest.raises(UserError, match="no ordinary file"):
        read_image(path)
    chunk.unlink()
    chunk.symlink_to(tmp_path / "nothing")
    with pytest.raises(UserError, match="no ordinary file"):
        read_image(path)
    chunk.unlink()
    chunk.write_bytes(kept)
    assert read_image(path).array.tolist() == LABELS.tolist()


def test_arrays_inside_hdf5(tmp_path, save_mask):
    """The only one is found wherever it lies; of several one is named; Fiji's sizes are read."""
    h5py = pytest.importorskip("h5py", reason="the extra hdf5")
    path = save_mask(tmp_path / "a.h5", VOLUME)
    with h5py.File(path, "a") as file:
        file["masks/a"].attrs["element_size_um"] = [40.0, 4.0, 4.0]
    assert read_image(path).spacing == (0.04, 0.004, 0.004)
    with h5py.File(path, "a") as file:
        file["raw"] = VOLUME + 1
    with pytest.raises(UserError, match=r"holds /masks/a, /raw; name one as a\.h5:/masks/a"):
        read_image(path)
    np.testing.assert_array_equal(read_image(f"{path}:/raw").array, VOLUME + 1)
    with pytest.raises(UserError, match="no array /other"):
        read_image(f"{path}:/other")


def test_ome_zarr_has_axes_and_scale(tmp_path):
    """Its largest resolution; one moment goes; channels are told from slices; micrometres."""
    zarr = pytest.importorskip("zarr", reason="the extra zarr")
    group = zarr.open_group(str(tmp_path / "a.ome.zarr"), mode="w")
    both = np.stack([VOLUME, VOLUME])[None]
    for name, data in (("0", both), ("1", both[..., ::2, ::2, ::2])):
        group.create_array(name, shape=data.shape, dtype=data.dtype)[...] = data
    axes = [{"name": "t", "type": "time"}, {"name": "c", "type": "channel"}]
    axes += [{"name": n, "type": "space", "unit": "micrometer"} for n in "zyx"]
    change = [{"type": "scale", "scale": [1, 1, 2.0, 0.5, 0.5]}]
    paths = [{"path": p, "coordinateTransformations": change} for p in "01"]
    group.attrs["ome"] = {"version": "0.5", "multiscales": [{"axes": axes, "datasets": paths}]}
    image = read_image(tmp_path / "a.ome.zarr")
    assert (image.array.shape, image.channel_axis) == ((2, 4, 5, 6), 0)
    assert image.spacing == pytest.approx((0.002, 0.0005, 0.0005))
    assert image_name(tmp_path / "a.ome.zarr") == "a"


def test_fractional_dicom_segments_are_probabilities(tmp_path, save_mask):
    """In [0, 1], as the file says."""
    image = read_image(save_mask(tmp_path / "a.dcm", (VOLUME > 0) * np.float32(0.5)))
    assert image.values == "probabilities"
    assert image.array.max() == pytest.approx(0.5, abs=1 / 255)


def test_segments_that_overlap_are_refused(tmp_path, save_mask):
    """They are no softmax, and no label is right where they meet."""
    pydicom = pytest.importorskip("pydicom", reason="the extra dicom")
    volume = np.zeros((4, 8, 8), np.uint8)
    volume[1:3, 2:6, 2:6], volume[3, 1:4, 1:4] = 1, 2
    path = save_mask(tmp_path / "a.dcm", volume)
    assert sorted(np.unique(read_image(path).array)) == [0, 1, 2]
    data = pydicom.dcmread(path)
    frames = len(data.PixelData) // 2
    data.PixelData = data.PixelData[:frames] * 2
    data.save_as(path)
    with pytest.raises(UserError, match=r"a\.dcm: its segments overlap in 32 voxels"):
        read_image(path)


def test_other_dicom_files_are_refused(tmp_path):
    """A CT slice is not a mask."""
    pydicom = pytest.importorskip("pydicom", reason="the extra dicom")
    head = pydicom.Dataset()
    head.SOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    head.SOPInstanceUID = pydicom.uid.generate_uid()
    head.file_meta = pydicom.dataset.FileMetaDataset()
    head.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    head.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    with pytest.raises(UserError, match=r"a\.dcm: a DICOM file without segments"):
        read_image(tmp_path / "a.dcm")


def test_files_of_a_folder(tmp_path, save_mask):
    """Images in the order of their names; other and hidden files are passed over."""
    for name in ("b.png", "a.c.nii.gz", "notes.txt", ".hidden.png"):
        (tmp_path / name).touch()
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "c.seg.nrrd").touch()
    (tmp_path / "d.zarr").mkdir()
    found = image_files(tmp_path)
    assert [path.name for path in found] == ["a.c.nii.gz", "b.png", "d.zarr"]
    assert [image_name(path) for path in found] == ["a.c", "b", "d"]
    assert [image_name(path) for path in image_files(tmp_path, deep=True)][-1] == "c"
    inside = image_files(f"{tmp_path}:/masks/a")
    assert str(inside[1]) == f"{tmp_path}/b.png:/masks/a"
    assert (image_suffix(inside[1]), image_name(inside[1])) == (".png", "b")
    with pytest.raises(UserError, match="no such folder"):
        image_files(tmp_path / "nowhere")
    with pytest.raises(UserError, match="no image in it"):
        image_files(tmp_path / "folder.png")


def test_the_limit_of_pillow_does_not_count(tmp_path, monkeypatch):
    """Large pictures are read up to our own limit, and Pillow's is as before afterwards."""
    PIL.Image.fromarray(LABELS).save(tmp_path / "a.png")
    monkeypatch.setattr(PIL.Image, "MAX_IMAGE_PIXELS", 5)
    np.testing.assert_array_equal(read_image(tmp_path / "a.png").array, LABELS)
    assert PIL.Image.MAX_IMAGE_PIXELS == 5


def test_an_archive_that_has_lost_an_entry_is_refused(tmp_path):
    """A changed byte of its directory hides the spacing, without which scores are others."""
    path = tmp_path / "a.npz"
    np.savez(path, labels=LABELS, spacing=[0.5, 2.0])
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + 32] = 200  # the length of the first entry's comment
    path.write_bytes(content)
    with pytest.raises(UserError, match="its directory names 1 of 2 arrays"):
        read_image(path)
