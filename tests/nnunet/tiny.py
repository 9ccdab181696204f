"""Data sets of five small images in nnU-Net's form."""

import json

import nibabel as nib
import numpy as np
from PIL import Image

LABELS = {"background": 0, "ring": 1, "core": 2}
REGIONS = {"background": 0, "whole": [1, 2], "core": 2}


def drawn(seed, ndim, ignore):
    """An image and its labels: a thick ring (shell) with a core."""
    generator = np.random.default_rng(seed)
    side = 32
    centre = side / 2 + generator.uniform(-2, 2, ndim)
    axes = np.ogrid[(slice(side),) * ndim]
    radius = np.sqrt(sum((axis - at) ** 2 for axis, at in zip(axes, centre, strict=True)))
    labels = np.zeros((side,) * ndim, np.uint8)
    labels[radius < 11] = 1
    labels[radius < 5] = 2
    image = 80.0 * labels + 30 + generator.normal(0, 12, labels.shape)
    if ignore:
        labels[..., :3] = 3  # beside the ring, which keeps its Betti numbers
    return image.clip(0, 255).astype(np.uint8), labels


def write(raw, number, kind, ndim=2):
    """Write ``Dataset<number>_<Kind>``; `kind` is labels, regions or ignore."""
    folder = raw / f"Dataset{number}_{kind.capitalize()}"
    ending = ".png" if ndim == 2 else ".nii.gz"
    for name in ("imagesTr", "labelsTr"):
        (folder / name).mkdir(parents=True)
    for case in range(5):
        image, labels = drawn(case, ndim, ignore=kind.startswith("ignore"))
        for array, path in (
            (image, folder / "imagesTr" / f"case_{case}_0000{ending}"),
            (labels, folder / "labelsTr" / f"case_{case}{ending}"),
        ):
            if ndim == 2:
                Image.fromarray(array).save(path)
            else:
                nib.save(nib.Nifti1Image(array, np.eye(4)), path)
    text = {
        "channel_names": {"0": "grey"},
        "labels": dict(REGIONS if kind == "regions" else LABELS),
        "numTraining": 5,
        "file_ending": ending,
    }
    if kind == "regions":
        text["regions_class_order"] = [1, 2]
    if kind.startswith("ignore"):
        text["labels"]["ignore"] = 3
    (folder / "dataset.json").write_text(json.dumps(text))
    return folder.name
