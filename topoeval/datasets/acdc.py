"""ACDC: short-axis cine MR of 150 patients, at the two ends of the heartbeat."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from topoeval.datasets.dataset_info import DatasetInfo
from topoeval.datasets.files import Case, Picture, grey, masks
from topoeval.datasets.stored import EACH, Stored
from topoeval.errors import UserError
from topoeval.images import Image, read_image
from topoeval.topology import Topology

VALUES = {"right ventricle": (1,), "myocardium": (2,), "left ventricle": (3,)}
PRIORS = ((1, 0), (1, 1), (1, 0))
UNIONS = {"myocardium+left ventricle": (1, 0)}


class Acdc(Stored):
    """Slices that show myocardium, of both labelled frames of each patient.

    The folder holds, perhaps in a folder ``database``, ``{training,testing}/patientNNN/
    patientNNN_frameNN.nii.gz`` with ``patientNNN_frameNN_gt.nii.gz`` beside it (0 background, 1
    right ventricle, 2 myocardium, 3 left ventricle). Needs the extra ``nifti``. Parameters: those
    of `topoeval.datasets.stored.Stored`, and ``structure``: ``"myocardium"`` or ``"all"``.
    """

    info: ClassVar[DatasetInfo] = DatasetInfo(
        name="acdc",
        title="ACDC",
        task="segment the myocardium in short-axis slices",
        ndim=2,
        channels=1,
        labels=(),
        sizes=EACH,
        revision="1",
        licence="registration; CC BY-NC-SA 4.0 on a public mirror",
        citation="O. Bernard et al., Deep learning techniques for automatic MRI cardiac "
        "multi-structures segmentation and diagnosis: is the problem solved?, IEEE TMI 37(11), "
        "2018",
        home="https://www.creatis.insa-lyon.fr/Challenge/acdc/",
        topology=Topology("T", "superlevel", "plain"),
        prior="Right ventricle (1, 0), myocardium (1, 1), left ventricle (1, 0) in the middle of "
        "the heart; slices at base and apex break it.",
        needs_data=True,
        classes=("myocardium",),
        paths=("root",),
        checked="Never run on the real files; tested on small files in the published layout.",
    )
    options: ClassVar[Mapping[str, Any]] = {"structure": "myocardium"}

    @classmethod
    def card(cls, **params: Any) -> DatasetInfo:
        """Return the card for these parameters."""
        structure = cls.chosen(params)["structure"]
        cls.info.check_choice("structure", structure, ("myocardium", "all"))
        if structure == "all":
            return replace(cls.info, classes=tuple(VALUES), exclusive=True, unions=UNIONS)
        return cls.info

    @classmethod
    def layout(cls, folder: Path, options: Mapping[str, Any]) -> list[Case]:
        """Return the slices; label volumes are read to find those with myocardium."""
        several = len(cls.card(**options).classes) > 1
        base = folder / "database" if (folder / "database").is_dir() else folder
        cases = []
        for part, place in (("train", "training"), ("test", "testing")):
            for label in sorted((base / place).glob("patient*/patient*_frame*_gt.nii*")):
                image = label.with_name(label.name.replace("_gt", ""))
                if not image.is_file():
                    raise UserError(f"{label}: a label without its image {image.name}")
                frame = label.name.split("_gt")[0]
                shown = np.any(_volume(label).array == 2, axis=(0, 1))
                cases += [
                    Case(
                        f"{frame}_slice{k:02d}",
                        part,
                        label.parent.name,
                        partial(_slice, image, label, k, several),
                    )
                    for k in np.flatnonzero(shown).tolist()
                ]
        return cases


@lru_cache(maxsize=4)
def _volume(path: Path) -> Image:
    volume = read_image(path)
    if volume.array.ndim != 3:
        raise UserError(f"{path}: a stack of slices was expected, got {volume.array.shape}")
    return volume


def _slice(image: Path, label: Path, k: int, several: bool) -> Picture:
    seen, truth = _volume(image), _volume(label)
    if seen.array.shape != truth.array.shape:
        raise UserError(f"{label}: size {truth.array.shape}, its image {seen.array.shape}")
    values = VALUES if several else {"myocardium": VALUES["myocardium"]}
    # NIfTI has x before y; a picture has rows before columns.
    drawn = masks(truth.array[:, :, k].T, label, values)
    spacing = None if seen.spacing is None else (seen.spacing[1], seen.spacing[0])
    prior = PRIORS if several else PRIORS[1]
    return Picture(grey(seen.array[:, :, k].T[None], image), drawn, spacing, prior)
