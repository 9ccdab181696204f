"""Sunnybrook Cardiac Data: short-axis cine MR with the contours of one reader."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from topoeval.datasets.dataset_info import DatasetInfo
from topoeval.datasets.files import Case, Picture, channels_first, grey
from topoeval.datasets.stored import EACH, Stored
from topoeval.errors import UserError
from topoeval.images import read_image
from topoeval.topology import Topology

UNIONS = {"myocardium+left ventricle": (1, 0)}
CONTOUR = re.compile(r"IM-0001-(\d{4})-([io])contour-manual\.txt")


class Sunnybrook(Stored):
    """Myocardium between the two contours of end-diastolic slices, by patient.

    The folder holds ``SCD_ManualContours/SC-*/contours-manual/IRCCI-expert/IM-0001-NNNN-*.txt`` as
    released, and the frames as ``images_jpeg/SC-*/d-N.jpg``; DICOM files are not read. A slice
    needs both contours. Parameters: those of `topoeval.datasets.stored.Stored`, and ``structure``:
    ``"myocardium"`` or ``"all"`` (myocardium and left ventricle).
    """

    info: ClassVar[DatasetInfo] = DatasetInfo(
        name="sunnybrook",
        title="Sunnybrook",
        task="segment the myocardium in short-axis slices",
        ndim=2,
        channels=1,
        labels=(),
        sizes=EACH,
        revision="1",
        licence="CC0 1.0",
        citation="P. Radau, Y. Lu, K. Connelly, G. Paul, A. J. Dick, G. A. Wright, Evaluation "
        "framework for algorithms segmenting short axis cardiac MRI, The MIDAS Journal, 2009",
        home="https://www.cardiacatlas.org/sunnybrook-cardiac-data/ (hdl 10380/3070)",
        topology=Topology("T", "superlevel", "plain"),
        prior="Myocardium (1, 1), left ventricle (1, 0); near base and apex the ring is open in "
        "some slices. prior='measured' gives each slice its own.",
        needs_data=True,
        classes=("myocardium",),
        paths=("root",),
        checked="Run on real files: 69 slices of 7 patients, 8-bit JPEG copies of the frames.",
    )
    options: ClassVar[Mapping[str, Any]] = {"structure": "myocardium"}

    @classmethod
    def card(cls, **params: Any) -> DatasetInfo:
        """Return the card for these parameters."""
        structure = cls.chosen(params)["structure"]
        cls.info.check_choice("structure", structure, ("myocardium", "all"))
        if structure == "all":
            return replace(
                cls.info, classes=("myocardium", "left ventricle"), exclusive=True, unions=UNIONS
            )
        return cls.info

    @classmethod
    def layout(cls, folder: Path, options: Mapping[str, Any]) -> list[Case]:
        """Return the slices that have both contours."""
        several = len(cls.card(**options).classes) > 1
        contours = folder / "SCD_ManualContours"
        if not contours.is_dir():
            raise UserError(f"sunnybrook: no folder SCD_ManualContours in {folder}")
        cases = []
        for patient in sorted(contours.glob("SC-*")):
            drawn: dict[str, dict[str, Path]] = {}
            for path in sorted((patient / "contours-manual" / "IRCCI-expert").glob("*.txt")):
                if found := CONTOUR.fullmatch(path.name):
                    drawn.setdefault(found[1], {})[found[2]] = path
            for frame, borders in drawn.items():
                if borders.keys() == {"i", "o"}:
                    image = folder / "images_jpeg" / patient.name / f"d-{int(frame)}.jpg"
                    if not image.is_file():
                        raise UserError(f"{borders['o']}: a contour without its frame {image}")
                    read = partial(_read, image, borders["i"], borders["o"], several)
                    name = f"{patient.name}/{frame}"
                    cases.append(Case(name, "train", patient.name, read))
        return cases


def _read(image: Path, inner: Path, outer: Path, several: bool) -> Picture:
    frame = channels_first(read_image(image), 2, image)
    blood, all_of_it = (_filled(path, frame.shape[1:]) for path in (inner, outer))
    ring = all_of_it & ~blood
    label = np.stack((ring, blood)) if several else ring[None]
    return Picture(grey(frame, image), label, prior=((1, 1), (1, 0)) if several else (1, 1))


def _filled(path: Path, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Return the voxels inside a contour, a file of columns x and y in voxels."""
    from skimage.draw import polygon2mask

    try:
        points = np.loadtxt(path, ndmin=2)
    except ValueError as error:
        raise UserError(f"{path}: no contour: {error}") from None
    if points.shape[1] != 2 or len(points) < 3:
        raise UserError(f"{path}: a contour has two columns and three rows at least")
    return np.asarray(polygon2mask(shape, points[:, ::-1]))
