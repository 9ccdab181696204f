"""A user's own images: two folders, one of images, one of labels."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from topoeval.datasets.dataset_info import DatasetInfo
from topoeval.datasets.files import Case, content, paired, pictures, read_pair
from topoeval.datasets.sample import Betti
from topoeval.datasets.stored import EACH, Stored, checked
from topoeval.errors import UserError
from topoeval.images import read_image
from topoeval.topology import Topology

PARTS = ("train", "val", "test", "shifted")


class Folder(Stored):
    """Pairs of images and label maps, found by their names.

    ``images/a.png`` belongs to ``labels/a.tif``: the name without the ending pairs them. PNG, TIFF,
    NPY, NPZ and NIfTI, also JPEG for images. If ``images`` has folders ``train``, ``test`` and
    perhaps ``val`` and ``shifted``, so must ``labels``, and they are the parts; otherwise see
    `topoeval.datasets.stored.Stored`.

    Parameters
    ----------
    images, labels
        The two folders.
    betti
        Betti numbers that each image should have, (b0, b1[, b2]); for several classes a list of
        them. Empty: none are known.
    values
        Label values, one class each, as [1, 2, 3]. Empty: everything that is not 0 is one class.

    See `topoeval.datasets.stored.Stored` for the others.
    """

    info: ClassVar[DatasetInfo] = DatasetInfo(
        name="folder",
        title="Your images",
        task="segment your images",
        ndim=2,
        channels=1,
        labels=(),
        sizes={**EACH, "shifted": 0},
        revision="1",
        licence="yours",
        citation="yours",
        home="the folders that images= and labels= name",
        topology=Topology("T", "superlevel", "plain"),
        prior="What betti= says.",
        needs_data=True,
        paths=("images", "labels", "root"),
        checked="Run on folders that the tests write, in all formats.",
    )
    options: ClassVar[Mapping[str, Any]] = {"images": "", "labels": "", "betti": (), "values": ()}

    @classmethod
    def find(cls, root: str | os.PathLike[str] | None, **options: Any) -> list[Case]:
        """Return the pairs; the folders are taken as named, from ``root`` if they are relative."""
        chosen = cls.chosen(options)
        for side in ("images", "labels"):
            if not chosen[side]:
                raise UserError(f"folder: {side}= must name the folder of the {side}")
        base = Path(root).expanduser() if root is not None else Path()
        return checked(cls.layout(base, chosen), "folder", base / str(chosen["images"]))

    @classmethod
    def card(cls, **params: Any) -> DatasetInfo:
        """Return the card for these parameters: label values are exclusive classes."""
        values = cls.chosen(params)["values"]
        return replace(cls.info, classes=_classes(values), exclusive=len(values) > 1)

    @classmethod
    def resolve(cls, root: str | os.PathLike[str] | None = None, **params: Any) -> DatasetInfo:
        """Return the card of these folders: their dimension, channels, classes and content."""
        options = cls.chosen(params)
        cases = cls.find(root, **options)
        first = cases[0].read()
        return replace(
            cls.card(**params),
            ndim=first.image.ndim - 1,
            channels=len(first.image),
            revision=f"{cls.info.revision}-content:{content(cases)}",
        )

    @classmethod
    def layout(cls, folder: Path, options: Mapping[str, Any]) -> list[Case]:
        """Return the pairs of all parts."""
        images, labels = (
            folder / Path(options[side]).expanduser() for side in ("images", "labels")
        )
        for place in (images, labels):
            if not place.is_dir():
                raise UserError(f"folder: no folder {place}")
        values = {f"class {value}": (int(value),) for value in options["values"]} or None
        parts = [part for part in PARTS if (images / part).is_dir()]
        cases = []
        for part in parts or [""]:
            for name, image, label in paired(pictures(images / part), pictures(labels / part)):
                ndim = read_image(label).array.ndim
                read = partial(
                    read_pair,
                    image,
                    label,
                    ndim=min(ndim, 3),
                    values=values,
                    prior=_betti(options["betti"]),
                )
                full = f"{part}/{name}" if part else name
                cases.append(Case(full, part or "train", full, read))
        return cases


def _classes(values: Sequence[int]) -> tuple[str, ...]:
    return tuple(f"class {value}" for value in values) or ("foreground",)


def _betti(numbers: Sequence[Any]) -> Betti | None:
    if not numbers:
        return None
    if isinstance(numbers[0], int):
        return tuple(int(number) for number in numbers)
    return tuple(tuple(int(number) for number in row) for row in numbers)
