"""TopoMortar: brick walls with three kinds of labels and six groups of shifted tests."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from topoeval.datasets.dataset_info import DatasetInfo
from topoeval.datasets.files import Case, Picture, paired, pictures, read_pair
from topoeval.datasets.stored import EACH, Stored
from topoeval.errors import UserError
from topoeval.topology import Topology

LABELS = ("accurate", "noisy", "pseudo")


class TopoMortar(Stored):
    """Mortar between bricks.

    The folder holds ``dataset/{train,val}/{images,accurate,noisy,pseudo}/NNN.png``,
    ``dataset/test/{images,accurate}/NNN.png`` and ``dataset/dataset_types.txt``, as in the authors'
    repository. Test images in distribution are ``test``, all others ``shifted``, by groups
    ``angles``, ``colors``, ``graffiti``, ``objects``, ``occlusion``, ``shadows``. Parameters: those
    of `topoeval.datasets.stored.Stored`, and ``labels``: ``"accurate"``, ``"noisy"`` or
    ``"pseudo"`` in ``train``, ``unlabelled`` and ``val``, whose samples then have the accurate ones
    as ``clean``; the tests are always accurate.
    """

    info: ClassVar[DatasetInfo] = DatasetInfo(
        name="topomortar",
        title="TopoMortar",
        task="segment the mortar between bricks",
        ndim=2,
        channels=3,
        labels=(),
        sizes={**EACH, "shifted": 0},
        revision="1",
        licence="MIT (of the repository; none of its own for the data)",
        citation="J. M. Valverde, M. Koga, N. Otsuka, A. B. Dahl, TopoMortar: A dataset to "
        "evaluate image segmentation methods focused on topology accuracy, 2025, arXiv 2503.03365",
        home="https://github.com/jmlipman/TopoMortar",
        topology=Topology("T", "superlevel", "plain"),
        prior="None stated; measured numbers differ by image, mostly one component.",
        needs_data=True,
        classes=("mortar",),
        paths=("root",),
        checked="Run on real files: 48 train, 20 validation, 48 test and 60 shifted images.",
    )
    options: ClassVar[Mapping[str, Any]] = {"labels": "accurate"}

    @classmethod
    def layout(cls, folder: Path, options: Mapping[str, Any]) -> list[Case]:
        """Return all images with the chosen labels."""
        cls.info.check_choice("labels", options["labels"], LABELS)
        dataset = folder / "dataset" if (folder / "dataset").is_dir() else folder
        types = dataset / "dataset_types.txt"
        if not types.is_file():
            raise UserError(f"topomortar: no dataset_types.txt in {dataset}")
        with types.open(newline="", encoding="utf-8") as file:
            group = {row["ID"]: row["group"] for row in csv.DictReader(file)}
        cases = []
        for part in ("train", "val", "test"):
            kind = "accurate" if part == "test" else options["labels"]
            images, labels = pictures(dataset / part / "images"), pictures(dataset / part / kind)
            clean = None if kind == "accurate" else dataset / part / "accurate"
            for name, image, label in paired(images, labels):
                if name not in group:
                    raise UserError(f"{image}: has no group in {types}")
                place = group[name] if part == "test" and group[name] != "indistr" else part
                cases.append(Case(name, place, name, partial(_read, image, label, clean)))
        return cases


def _read(image: Path, label: Path, clean: Path | None) -> Picture:
    """Read an image with its label and, from a folder of accurate ones, the true label."""
    picture = read_pair(image, label)
    if clean is None:
        return picture
    return replace(picture, clean=read_pair(image, clean / label.name).label)
