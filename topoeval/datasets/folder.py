"""A user's own images: two folders, one of images, one of labels."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from topoeval.datasets.dataset_info import DatasetInfo
from topoeval.datasets.files import (
    Case,
    Picture,
    channels_first,
    content,
    grey,
    masks,
    paired,
    pictures,
)
from topoeval.datasets.sample import Betti
from topoeval.datasets.stored import EACH, Stored, checked
from topoeval.errors import UserError
from topoeval.images import known_suffixes, read_image
from topoeval.images.formats import other_files
from topoeval.images.orientation import on_grid_of
from topoeval.images.reading import Reading, decide, read_labels
from topoeval.images.survey import Terms, survey
from topoeval.topology import Topology

# by which label maps mostly say that nobody knows
_IGNORE = (255, 65535)
PARTS = ("train", "val", "test", "shifted")
# nnU-Net numbers the channels of a case.
_CHANNEL = re.compile(r"(.+)_(\d{4})")


class Folder(Stored):
    """Pairs of images and label maps, found by their names.

    ``images/a.png`` belongs to ``labels/a.tif``: the name without the ending pairs them. All
    formats of `topoeval.images`; JPEG for images only. Labels are read as ``topoeval evaluate``
    reads them: what their values mean is decided for all files together (masks of 0 and 255 are 0
    and 1), and their axes are brought into the order of the image's. In the layout of nnU-Net,
    ``imagesTr/a_0000.png`` and ``a_0001.png`` are the channels of ``a``. If ``images`` has folders
    ``train``, ``test`` and perhaps ``val`` and ``shifted``, so must ``labels``, and they are the
    parts; otherwise see `topoeval.datasets.stored.Stored`.

    Parameters
    ----------
    images, labels
        The two folders.
    betti
        Betti numbers that each image should have, (b0, b1[, b2]); for several classes a list of
        them. Empty: none are known.
    values
        Label values, one class each, as [1, 2, 3]. Empty: everything that is not 0 is one class.
    background
        Label values that are background although they look like an ignore label.
    ignore
        Label values that say that nobody knows, as [255]: these voxels count in no loss and in no
        score; on both sides they are background, which can cut a structure in two. 255 and 65535
        beside other labels are refused where neither `values`, `background` nor `ignore` has them.
    lossy
        Labels may be JPEG; they are cut at half of their range.

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
    options: ClassVar[Mapping[str, Any]] = {
        "images": "",
        "labels": "",
        "betti": (),
        "values": (),
        "background": (),
        "ignore": (),
        "lossy": False,
    }

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
        values: dict[str, tuple[int, ...]] | None = {
            f"class {value}": (int(value),) for value in options["values"]
        } or None
        parts = [part for part in PARTS if (images / part).is_dir()]
        found = [
            (f"{part}/{name}" if part else name, part or "train", channels, label)
            for part in parts or [""]
            for name, channels, label in _matched(images / part, labels / part)
        ]
        background = tuple(int(value) for value in options["background"])
        ignore = tuple(int(value) for value in options["ignore"])
        reading = _reading([label for *_, label in found], values, bool(options["lossy"]), ignore)
        _check_ignored(reading, labels, values, background, ignore)
        if values is None and (background or ignore):
            values = {"foreground": tuple(sorted(reading.labels - {0, *background, *ignore}))}
        read = partial(
            _read, reading=reading, values=values, ignore=ignore, prior=_betti(options["betti"])
        )
        return [
            Case(full, part, full, partial(read, channels, label))
            for full, part, channels, label in found
        ]


def _matched(images: Path, labels: Path) -> list[tuple[str, tuple[Path, ...], Path]]:
    """Return name, channels and label of each pair."""
    seen, drawn = pictures(images), pictures(labels)
    strange = [{path.stem: path for path in other_files(side)} for side in (images, labels)]
    for name in sorted(strange[0].keys() & strange[1].keys()):
        raise UserError(
            f"folder: {strange[0][name]}: a case in a format that is not read; known are "
            f"{known_suffixes()}"
        )
    numbered = {name: _CHANNEL.fullmatch(name) for name in seen}
    if not seen.keys() & drawn.keys() and seen and all(numbered.values()):
        channels: dict[str, list[Path]] = {}
        for name in sorted(seen):
            case = numbered[name]
            channels.setdefault(case[1] if case else name, []).append(seen[name])
        named = paired({name: paths[0] for name, paths in channels.items()}, drawn)
        return [(name, tuple(channels[name]), label) for name, _, label in named]
    return [(name, (image,), label) for name, image, label in paired(seen, drawn)]


def _reading(
    labels: Sequence[Path],
    values: Mapping[str, tuple[int, ...]] | None,
    lossy: bool,
    ignore: Sequence[int],
) -> Reading:
    """Decide what the values of all labels mean; refuse what would train on nothing."""
    terms = Terms(lossy=lossy, many=True)
    reading = decide([survey(path, terms) for path in labels], terms, ignore)
    if labels and not reading.labels - set(ignore):
        raise UserError(f"folder: {labels[0].parent}: no label holds anything but 0")
    for name, wanted in (values or {}).items():
        if labels and not set(wanted) & reading.labels:
            raise UserError(
                f"folder: values= names {wanted[0]} ({name}), which no label in "
                f"{labels[0].parent} holds; they hold {reading.line}"
            )
    return reading


def _check_ignored(
    reading: Reading,
    labels: Path,
    values: Mapping[str, tuple[int, ...]] | None,
    background: tuple[int, ...],
    ignore: tuple[int, ...],
) -> None:
    """Refuse what is mostly an ignore label: it would be trained on as a class or background."""
    named = {value for members in (values or {}).values() for value in members}
    for value in ignore:
        if value in named or value in background or value == 0:
            raise UserError(f"folder: ignore= names {value}, which is background or a class too")
        if labels and value not in reading.labels:
            raise UserError(
                f"folder: ignore= names {value}, which no label in {labels} holds; they hold "
                f"{reading.line}"
            )
    odd = sorted(reading.labels & set(_IGNORE) - named - {*background, *ignore})
    if odd and len(reading.labels - {0}) > 1:
        raise UserError(
            f"folder: labels in {labels} hold {odd[0]} beside others ({reading.line}). Say "
            f"ignore = [{odd[0]}] if nobody knows what is there, background = [{odd[0]}], or name "
            "it in values= if it is a class"
        )


def _read(
    channels: Sequence[Path],
    label: Path,
    *,
    reading: Reading,
    values: Mapping[str, tuple[int, ...]] | None,
    ignore: Sequence[int],
    prior: Betti | None,
) -> Picture:
    """Read an image and its label map on the grid of the image."""
    truth = read_labels(label, reading).image
    ndim = truth.array.ndim
    seen = [read_image(path).squeezed() for path in channels]
    first = seen[0]
    if first.affine is not None and truth.affine is not None and len(first.shape) == ndim:
        truth, _ = on_grid_of(truth, first)
    arrays = []
    for path, image in zip(channels, seen, strict=True):
        array = channels_first(image, ndim, path)
        if array.shape[1:] != truth.shape:
            raise UserError(
                f"{label}: size {truth.shape}, but its image {path.name} has {array.shape[1:]}"
            )
        arrays.append(grey(array, path))
    ignored = np.isin(truth.array, ignore)[None] if ignore else None
    if ignored is not None and ignored.all():
        raise UserError(f"{label}: every voxel of it is to be ignored; leave this case out")
    return Picture(
        np.concatenate(arrays),
        masks(truth.array, label, values),
        first.spacing,
        prior,
        ignored=ignored,
    )


def _classes(values: Sequence[int]) -> tuple[str, ...]:
    return tuple(f"class {value}" for value in values) or ("foreground",)


def _betti(numbers: Sequence[Any]) -> Betti | None:
    if not numbers:
        return None
    if isinstance(numbers[0], int):
        return tuple(int(number) for number in numbers)
    return tuple(tuple(int(number) for number in row) for row in numbers)
