"""Vessels in photographs of the retina: DRIVE, CHASE_DB1, HRF and FIVES."""

from __future__ import annotations

import re
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

_CARD = DatasetInfo(
    name="",
    title="",
    task="segment the vessels of the retina",
    ndim=2,
    channels=3,
    labels=(),
    sizes=EACH,
    revision="1",
    licence="",
    citation="",
    home="",
    # Thin vessels run diagonally; drawn one voxel wide they hold together by corners.
    topology=Topology("T", "superlevel", "plain"),
    prior="None stated: the drawn vessels are many pieces, and their number depends on the "
    "connectivity.",
    needs_data=True,
    classes=("vessel",),
    paths=("root",),
    checked=_UNTRIED,
)


class Drive(Stored):
    """DRIVE: 40 photographs, 20 of them for testing.

    The folder holds ``{training,test}/images/NN_*.tif`` and ``{training,test}/1st_manual/
    NN_manual1.gif``; a test without labels, as in newer releases, is left out. Parameters: those of
    `topoeval.datasets.stored.Stored`.
    """

    info: ClassVar[DatasetInfo] = replace(
        _CARD,
        name="drive",
        title="DRIVE",
        licence="research use, after registration",
        citation="J. Staal, M. D. Abramoff, M. Niemeijer, M. A. Viergever, B. van Ginneken, "
        "Ridge-based vessel segmentation in color images of the retina, IEEE TMI 23(4), 2004",
        home="https://drive.grand-challenge.org",
    )

    @classmethod
    def layout(cls, folder: Path, options: Mapping[str, Any]) -> list[Case]:
        """Return the photographs that have labels."""
        cases = []
        for part, place in (("train", "training"), ("test", "test")):
            if part == "test" and not (folder / place / "1st_manual").is_dir():
                continue
            images = _numbered(pictures(folder / place / "images"))
            labels = _numbered(pictures(folder / place / "1st_manual"))
            cases += _cases(images, labels, part)
        return cases


class ChaseDb1(Stored):
    """CHASE_DB1: 28 photographs of both eyes of 14 children, drawn by two readers.

    The folder holds ``Image_NNL.jpg``, ``Image_NNL_1stHO.png``, ``Image_NNL_2ndHO.png`` (L or R).
    The last four children are the test, as is common; the publisher parted nothing. Parameters:
    those of `topoeval.datasets.stored.Stored`, and ``reader``: 1 or 2.
    """

    info: ClassVar[DatasetInfo] = replace(
        _CARD,
        name="chase_db1",
        title="CHASE_DB1",
        licence="CC BY 4.0",
        citation="M. M. Fraz et al., An ensemble classification-based approach applied to retinal "
        "blood vessel segmentation, IEEE Trans. Biomedical Engineering 59(9), 2012",
        home="https://researchdata.kingston.ac.uk/96/",
    )
    options: ClassVar[Mapping[str, Any]] = {"reader": 1}

    @classmethod
    def layout(cls, folder: Path, options: Mapping[str, Any]) -> list[Case]:
        """Return the photographs with the labels of the chosen reader."""
        cls.info.check_integer("reader", options["reader"], 1, 2)
        ending = {1: "_1stHO", 2: "_2ndHO"}[options["reader"]]
        found = pictures(folder, "Image_*")
        images = {name: path for name, path in found.items() if not name.endswith("HO")}
        labels = {
            name.removesuffix(ending): path for name, path in found.items() if name.endswith(ending)
        }
        cases = []
        for name, image, label in paired(images, labels):
            child = name.removeprefix("Image_")[:-1]
            if not child.isdigit():
                raise UserError(f"{image}: expected a name like Image_01L")
            part = "test" if int(child) > 10 else "train"
            cases.append(Case(name, part, child, partial(read_pair, image, label)))
        return cases


class Hrf(Stored):
    """HRF: 45 photographs of healthy, diabetic and glaucomatous eyes.

    The folder holds ``images/NN_{h,dr,g}.jpg`` and ``manual1/NN_{h,dr,g}.tif``. The first five of
    each kind are for training, as is common. Parameters: those of
    `topoeval.datasets.stored.Stored`.
    """

    info: ClassVar[DatasetInfo] = replace(
        _CARD,
        name="hrf",
        title="HRF",
        licence="CC BY 4.0",
        citation="A. Budai, R. Bock, A. Maier, J. Hornegger, G. Michelson, Robust vessel "
        "segmentation in fundus images, International Journal of Biomedical Imaging, 2013",
        home="https://www5.cs.fau.de/research/data/fundus-images/",
    )

    @classmethod
    def layout(cls, folder: Path, options: Mapping[str, Any]) -> list[Case]:
        """Return all photographs."""
        cases = []
        for name, image, label in paired(pictures(folder / "images"), pictures(folder / "manual1")):
            number = re.match(r"\d+", name)
            if number is None:
                raise UserError(f"{image}: expected a name like 01_h")
            part = "train" if int(number[0]) <= 5 else "test"
            cases.append(Case(name, part, name, partial(read_pair, image, label)))
        return cases


class Fives(Stored):
    """FIVES: 800 photographs, 200 of them for testing.

    The folder holds ``{train,test}/Original/*.png`` and ``{train,test}/Ground truth/*.png``.
    Parameters: those of `topoeval.datasets.stored.Stored`.
    """

    info: ClassVar[DatasetInfo] = replace(
        _CARD,
        name="fives",
        title="FIVES",
        licence="CC BY 4.0",
        citation="K. Jin et al., FIVES: a fundus image dataset for artificial intelligence based "
        "vessel segmentation, Scientific Data 9, 2022",
        home="https://doi.org/10.6084/m9.figshare.19688169",
    )

    @classmethod
    def layout(cls, folder: Path, options: Mapping[str, Any]) -> list[Case]:
        """Return all photographs."""
        return [
            case
            for part in ("train", "test")
            for case in _cases(
                pictures(folder / part / "Original"),
                pictures(folder / part / "Ground truth"),
                part,
                prefix=f"{part}/",
            )
        ]


def _numbered(found: Mapping[str, Path]) -> dict[str, Path]:
    """Return files by the number that their names begin with."""
    return {name.split("_")[0]: path for name, path in found.items()}


def _cases(
    images: Mapping[str, Path], labels: Mapping[str, Path], part: str, prefix: str = ""
) -> list[Case]:
    return [
        Case(f"{prefix}{name}", part, f"{prefix}{name}", partial(read_pair, image, label))
        for name, image, label in paired(images, labels)
    ]
