"""Massachusetts Roads: aerial photographs with the roads of OpenStreetMap."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from topoeval.datasets.dataset_info import DatasetInfo
from topoeval.datasets.files import Case, paired, pictures, read_pair
from topoeval.datasets.stored import EACH, Stored
from topoeval.topology import Topology


class MassachusettsRoads(Stored):
    """Roads in aerial photographs of 1 m per voxel.

    The folder holds ``{train,valid,test}/sat/*.tiff`` and ``{train,valid,test}/map/*.tif``.
    Parameters: those of `topoeval.datasets.stored.Stored`.
    """

    info: ClassVar[DatasetInfo] = DatasetInfo(
        name="massachusetts_roads",
        title="Massachusetts Roads",
        task="segment the roads in aerial photographs",
        ndim=2,
        channels=3,
        labels=(),
        sizes=EACH,
        revision="1",
        licence="none stated (MassGIS photographs, OpenStreetMap labels)",
        citation="V. Mnih, Machine learning for aerial image labeling, PhD thesis, University of "
        "Toronto, 2013",
        home="https://www.cs.toronto.edu/~vmnih/data/",
        topology=Topology("T", "superlevel", "framed"),
        prior="None stated; blocks of houses are loops, those at the image edge in the framed "
        "reading.",
        needs_data=True,
        classes=("road",),
        paths=("root",),
        checked="Never run on the real files; tested on small files in the published layout.",
    )

    @classmethod
    def layout(cls, folder: Path, options: Mapping[str, Any]) -> list[Case]:
        """Return all photographs."""
        return [
            Case(f"{part}/{name}", part, f"{part}/{name}", partial(read_pair, image, label))
            for part, place in (("train", "train"), ("val", "valid"), ("test", "test"))
            for name, image, label in paired(
                pictures(folder / place / "sat"), pictures(folder / place / "map")
            )
        ]
