"""Tests keep nothing outside their own folders."""

import subprocess

import numpy as np
import pytest

from topoeval import plugins


@pytest.fixture(autouse=True)
def _no_cache(monkeypatch):
    """Datasets are drawn anew; a test that wants a cache names one."""
    monkeypatch.setenv("TOPOEVAL_CACHE", "")


@pytest.fixture(autouse=True)
def _no_plugins():
    """What a test registers, no other test sees."""
    yield
    for plugin in plugins.loaded():
        plugins.forget(plugin.place)


@pytest.fixture
def small_disk(tmp_path):
    """Return a function that mounts a disk of so many kB; where we may not, the test is skipped."""
    mounted = []

    def mount(kilobytes):
        place = tmp_path / f"disk{len(mounted)}"
        place.mkdir()
        told = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", place],
            capture_output=True,
            text=True,
            check=False,
        )
        if told.returncode:
            pytest.skip(f"no disk can be mounted here: {told.stderr.strip()}")
        mounted.append(place)
        return place

    yield mount
    for place in mounted:
        subprocess.run(["umount", "-l", place], check=True)


@pytest.fixture(scope="session")
def save_mask():
    """Write a label map in the format of a path; the extra that a format needs may be missing."""
    return _save_mask


def _save_mask(path, array, affine=None):
    """Write ``array``; ``affine`` is ``(3, axes + 1)``, from an index to RAS millimetres.

    Formats without an orientation leave ``affine`` out.
    """
    array = np.asarray(array)
    ending = next(e for e in _WRITERS if path.name.endswith(e))
    _WRITERS[ending](path, array, affine)
    return path


def _picture(path, array, affine):
    import PIL.Image

    PIL.Image.fromarray(array).save(path)


def _tiff(path, array, affine):
    import tifffile

    tifffile.imwrite(path, array, photometric="minisblack")


def _npy(path, array, affine):
    np.save(path, array)


def _npz(path, array, affine):
    np.savez(path, labels=array, **({} if affine is None else {"affine": affine}))


def _nibabel(path, array, affine):
    nibabel = pytest.importorskip("nibabel", reason="the extra nifti")
    square = np.eye(4)
    if affine is not None:
        square[:3, : affine.shape[1] - 1] = affine[:, :-1]
        square[:3, 3] = affine[:, -1]
    kinds = {".mgz": nibabel.MGHImage}
    kind = kinds.get(path.suffix, nibabel.Nifti2Image if "nifti2" in path.name else None)
    if path.suffix == ".mgz":
        array = array.astype(np.int32)
    nibabel.save((kind or nibabel.Nifti1Image)(array, square), path)


def _itk(path, array, affine):
    sitk = pytest.importorskip("SimpleITK", reason="the extra itk")
    image = sitk.GetImageFromArray(array)
    if affine is not None:
        lps = np.diag([-1.0, -1.0, 1.0]) @ affine
        steps = lps[:, -2::-1]
        sizes = np.linalg.norm(steps, axis=0)
        image.SetSpacing(sizes.tolist())
        image.SetDirection((steps / sizes).ravel().tolist())
        image.SetOrigin(lps[:, -1].tolist())
    sitk.WriteImage(image, str(path))


def _hdf5(path, array, affine):
    h5py = pytest.importorskip("h5py", reason="the extra hdf5")
    with h5py.File(path, "w") as file:
        file["masks/a"] = array


def _zarr(path, array, affine):
    zarr = pytest.importorskip("zarr", reason="the extra zarr")
    zarr.save_array(str(path), array)


def _dicom(path, array, affine):
    hd = pytest.importorskip("highdicom", reason="the extra dicom")
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, generate_uid

    square = np.eye(4)
    square[:3] = np.diag([-1.0, -1.0, 1.0]) @ (np.eye(3, 4) if affine is None else affine)
    frame = generate_uid()
    source = Dataset()
    source.file_meta = FileMetaDataset()
    source.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    for name, value in {
        "SOPClassUID": "1.2.840.10008.5.1.4.1.1.2", "SOPInstanceUID": generate_uid(),
        "StudyInstanceUID": generate_uid(), "SeriesInstanceUID": generate_uid(),
        "FrameOfReferenceUID": frame, "PatientID": "x", "PatientName": "x^", "StudyID": "1",
        "PatientBirthDate": "", "PatientSex": "", "StudyDate": "20260101", "StudyTime": "000000",
        "AccessionNumber": "", "ReferringPhysicianName": "", "Modality": "CT", "Manufacturer": "x",
        "Rows": array.shape[1], "Columns": array.shape[2], "InstanceNumber": 1,
        "PositionReferenceIndicator": "", "ImagePositionPatient": [0, 0, 0],
        "ImageOrientationPatient": [1, 0, 0, 0, 1, 0], "PixelSpacing": [1, 1], "SliceThickness": 1,
    }.items():  # fmt: skip
        setattr(source, name, value)
    code = hd.sr.CodedConcept("91723000", "SCT", "Anatomical Structure")
    fractional = array.dtype.kind == "f"
    segments = [
        hd.seg.SegmentDescription(k, f"s{k}", code, code, "MANUAL")
        for k in range(1, 2 if fractional else max(int(array.max()), 1) + 1)
    ]
    hd.seg.Segmentation(
        [source],
        hd.Volume(
            array,
            square,
            coordinate_system="PATIENT",
            frame_of_reference_uid=frame,
        ),
        "FRACTIONAL" if fractional else "BINARY",
        segments,
        generate_uid(), 1, generate_uid(), 1, "x", "x", "1", "1",
        omit_empty_frames=False,
    ).save_as(path)  # fmt: skip


_WRITERS = {
    ".png": _picture, ".gif": _picture, ".bmp": _picture, ".tif": _tiff, ".npy": _npy,
    ".npz": _npz, ".nii": _nibabel, ".nii.gz": _nibabel, ".mgz": _nibabel, ".mha": _itk,
    ".mhd": _itk, ".nrrd": _itk, ".nhdr": _itk, ".h5": _hdf5, ".zarr": _zarr, ".dcm": _dicom,
}  # fmt: skip
