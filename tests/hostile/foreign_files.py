"""Files of other formats, and suites that people write: how each is written and read."""

from pathlib import Path

import numpy as np

VOLUME = np.zeros((6, 9, 8), np.uint8)
VOLUME[1:5, 2:7, 1:6] = 1
VOLUME[2:4, 3:6, 2:4] = 2
FLAT = VOLUME[2]


def nifti(path):
    import nibabel

    nibabel.save(nibabel.Nifti1Image(VOLUME, np.diag([0.5, 0.5, 2.0, 1.0])), path)


def mgz(path):
    import nibabel

    nibabel.save(nibabel.MGHImage(VOLUME.astype(np.int32), np.eye(4)), path)


def itk(path):
    import SimpleITK as sitk  # noqa: N813  # the name that everybody gives it

    sitk.WriteImage(sitk.GetImageFromArray(VOLUME), str(path), useCompression=True)


def tiff(path):
    import tifffile

    tifffile.imwrite(path, VOLUME, photometric="minisblack", compression="zlib")


def picture(path):
    import PIL.Image

    PIL.Image.fromarray(FLAT).save(path)


def npz(path):
    np.savez_compressed(path, labels=VOLUME, spacing=[2.0, 0.5, 0.5])


def npy(path):
    np.save(path, VOLUME)


def hdf5(path):
    import h5py

    with h5py.File(path, "w") as file:
        file.create_dataset("mask", data=VOLUME, compression="gzip", fletcher32=True)


def image(path):
    from topoeval.images import read_image
    from topoeval.images.survey import Terms, survey

    survey(path, Terms("prediction"))
    found = read_image(path)
    return found.array.tolist(), found.spacing, found.channel_axis


def suite(path):
    source = Path(__file__).parents[2] / "bench" / "suites" / "quickstart.toml"
    path.write_bytes(source.read_bytes())


def read_suite(path):
    from topoeval.harness.suites.catalogue import load_suite

    return load_suite(str(path)).model_dump_json()


# kind: ending, writer, reader, whether any change of its content is noticed. That is for the format
# to decide, and text that people write has no checksum.
FOREIGN = {
    "suite": (".toml", suite, read_suite, False),
    "nifti": (".nii", nifti, image, False),
    "nifti-gz": (".nii.gz", nifti, image, True),
    "mgz": (".mgz", mgz, image, True),
    "tiff": (".tif", tiff, image, False),
    "png": (".png", picture, image, True),
    "npz": (".npz", npz, image, True),
    "npy": (".npy", npy, image, False),
    "mha": (".mha", itk, image, False),
    "nrrd": (".nrrd", itk, image, False),
    "hdf5": (".h5", hdf5, image, False),
}
