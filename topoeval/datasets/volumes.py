"""Volumes in NIfTI files: TopCoW and the Medical Segmentation Decathlon."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from topoeval.datasets.dataset_info import DatasetInfo
from topoeval.datasets.files import Case, paired, pictures, read_pair
from topoeval.datasets.stored import EACH, Stored
from topoeval.errors import UserError
from topoeval.topology import Topology

_UNTRIED = "Never run on the real files; tested on small files in the published layout."


class TopCow(Stored):
    """TopCoW: the circle of Willis in angiograms, its 13 classes taken together.

    The folder holds ``imagesTr/topcow_{mr,ct}_NNN_0000.nii.gz`` and ``cow_seg_labelsTr/
    topcow_{mr,ct}_NNN.nii.gz``. Needs the extra ``nifti``. Parameters: those of
    `topoeval.datasets.stored.Stored`, and ``modality``: ``"mr"`` or ``"ct"``.
    """

    info: ClassVar[DatasetInfo] = DatasetInfo(
        name="topcow",
        title="TopCoW",
        task="segment the circle of Willis",
        ndim=3,
        channels=1,
        labels=(),
        sizes=EACH,
        revision="1",
        licence="open with the source named; commercial use by permission",
        citation="K. Yang et al., Benchmarking the CoW with the TopCoW challenge, arXiv 2312.17670",
        home="https://topcow24.grand-challenge.org",
        topology=Topology("T", "superlevel", "plain"),
        prior="None for a patient: the ring is whole or not, by anatomical variant.",
        needs_data=True,
        classes=("vessel",),
        paths=("root",),
        checked=_UNTRIED,
    )
    options: ClassVar[Mapping[str, Any]] = {"modality": "mr"}

    @classmethod
    def layout(cls, folder: Path, options: Mapping[str, Any]) -> list[Case]:
        """Return the volumes of one modality."""
        cls.info.check_choice("modality", options["modality"], ("mr", "ct"))
        pattern = f"topcow_{options['modality']}_*"
        images = pictures(folder / "imagesTr", pattern)
        labels = pictures(folder / "cow_seg_labelsTr", pattern)
        return [
            Case(name, "train", name, partial(read_pair, image, label, ndim=3))
            for name, image, label in paired(
                {name.removesuffix("_0000"): path for name, path in images.items()}, labels
            )
        ]


class Msd(Stored):
    """A task of the Medical Segmentation Decathlon, its structures taken together.

    The folder holds ``TaskNN_Name/dataset.json`` with the files that it names. Needs the extra
    ``nifti``. Parameters: those of `topoeval.datasets.stored.Stored`, and ``task``: the name of the
    task's folder. Only tasks with one modality are read.
    """

    info: ClassVar[DatasetInfo] = DatasetInfo(
        name="msd",
        title="Medical Segmentation Decathlon",
        task="segment an organ",
        ndim=3,
        channels=1,
        labels=(),
        sizes=EACH,
        revision="1",
        licence="CC BY-SA 4.0",
        citation="M. Antonelli et al., The Medical Segmentation Decathlon, Nature Communications "
        "13, 2022",
        home="http://medicaldecathlon.com",
        topology=Topology("T", "superlevel", "plain"),
        prior="Hippocampus and heart: (1, 0, 0). None is stated for the others.",
        needs_data=True,
        classes=("structure",),
        paths=("root",),
        checked=_UNTRIED,
    )
    options: ClassVar[Mapping[str, Any]] = {"task": "Task04_Hippocampus"}

    @classmethod
    def card(cls, **params: Any) -> DatasetInfo:
        """Return the card of a task."""
        return replace(cls.info, title=f"MSD {cls.chosen(params)['task']}")

    @classmethod
    def layout(cls, folder: Path, options: Mapping[str, Any]) -> list[Case]:
        """Return the training volumes; the test has no public labels."""
        task = folder / str(options["task"])
        listed = task / "dataset.json"
        if not listed.is_file():
            there = sorted(path.parent.name for path in folder.glob("*/dataset.json"))
            raise UserError(f"msd: no {listed}; tasks here: {', '.join(there) or 'none'}")
        try:
            pairs = json.loads(listed.read_text(encoding="utf-8"))["training"]
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(f"{listed}: no list of training volumes ({error})") from None
        single = ("Hippocampus", "Heart")
        known = (1, 0, 0) if str(options["task"]).endswith(single) else None
        cases = []
        for pair in pairs:
            image, label = task / pair["image"], task / pair["label"]
            name = image.name.split(".")[0]
            read = partial(read_pair, image, label, ndim=3, prior=known)
            cases.append(Case(name, "train", name, read))
        return cases
