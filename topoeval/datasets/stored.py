"""Data sets that lie in files: split, cut and measured alike, whatever they look like."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from topoeval.datasets.corruption import acquire
from topoeval.datasets.dataset_info import DatasetInfo, Split
from topoeval.datasets.files import Case, content
from topoeval.datasets.measured import measured_betti
from topoeval.datasets.prepared import is_prepared, prepared_cases, prepared_content
from topoeval.datasets.randomness import stream
from topoeval.datasets.sample import Sample
from topoeval.datasets.splits import FIXED_SPLITS
from topoeval.errors import UserError

PRIORS = ("known", "measured")

EACH: Mapping[Split, int] = {"train": 0, "unlabelled": 0, "val": 0, "test": 0}
"""The usual splits, each with all the images there are."""


class Stored(ABC):
    """A data set in files.

    What the publisher parted stays parted: test images are never trained on. Where there is no
    published test, 30 % of the subjects are, the same for every seed; where there is no published
    validation, the seed takes 20 % of the training subjects. Of what remains the seed deals
    ``labelled`` to ``train`` and the rest to ``unlabelled``. Images of one subject never part.

    Parameters
    ----------
    split, size, seed
        See `topoeval.datasets.load`; size None takes all there are.
    root
        Folder of the files, or one with a folder of the data set's name in it; None takes the
        environment variable TOPOEVAL_DATA. The files lie there as published, or as ``topoeval data
        prepare`` has written them.
    labelled
        Share of the training images, validation apart, that ``train`` may take.
    group
        Only this group of the split ``shifted``; all of them if empty.
    shrink
        Reduce each side by this factor: means of grey values, majority of labels.
    crop
        Voxels of each side, cut from the middle or surrounded by zeros; 0 keeps the size.
    kept, noise
        Damage of the finished 2D picture as a hurried scanner would do it: share of the rows of
        k-space that are measured, and standard deviation of the noise in both parts of the complex
        image; see `topoeval.datasets.corruption.acquire`. Labels stay as they are.
    prior
        ``"known"``: what is known of the structure by what it is, None where nothing is.
        ``"measured"``: the Betti numbers of the sample's own mask (the true one, where its label is
        known to be a bad one), under the construction of the card, as somebody would state them who
        looks at each image.
    options
        The adapter's own parameters.

    Raises
    ------
    UserError
        If a parameter is out of range, or files are missing, damaged or do not fit each other.
    """

    info: ClassVar[DatasetInfo]
    options: ClassVar[Mapping[str, Any]] = {}
    """The adapter's own parameters and their defaults."""

    def __init__(
        self,
        split: str,
        size: int | None = None,
        *,
        seed: int = 0,
        root: str | os.PathLike[str] | None = None,
        labelled: float = 0.5,
        group: str = "",
        shrink: int = 1,
        crop: int = 0,
        kept: float = 1.0,
        noise: float = 0.0,
        prior: str = "known",
        **options: Any,
    ) -> None:
        self.split = self.info.checked_split(split)
        self.info.check_integer("seed", seed, 0, 2**63 - 1)
        self.info.check_number("labelled", labelled, 0.0, 1.0)
        self.info.check_integer("shrink", shrink, 1, 64)
        self.info.check_integer("crop", crop, 0, 1 << 16)
        self.info.check_number("kept", kept, 0.05, 1.0)
        self.info.check_number("noise", noise, 0.0, 1.0)
        self.info.check_choice("prior", prior, PRIORS)
        self.shrink, self.crop, self.prior = shrink, crop, prior
        self.kept, self.noise = kept, noise
        parts = _parts(self.info.name, self.find(root, **options), seed, labelled)
        if group:
            self.info.check_choice("group", group, {case.part for case in parts["shifted"]})
            parts["shifted"] = [case for case in parts["shifted"] if case.part == group]
        self.cases = self._shuffled(parts[self.split], seed)
        if size is not None:
            self.info.check_integer(f"size of split {split!r}", size, 1, len(self.cases))
            self.cases = self.cases[:size]

    @classmethod
    @abstractmethod
    def layout(cls, folder: Path, options: Mapping[str, Any]) -> list[Case]:
        """Return the cases of a folder as published, without reading their images.

        Parameters
        ----------
        folder
            Where the files are.
        options
            A value for each of `options`.

        Raises
        ------
        UserError
            If the folder does not look like it.
        """

    @classmethod
    def find(cls, root: str | os.PathLike[str] | None, **options: Any) -> list[Case]:
        """Return the cases below a root, as published or prepared."""
        folder, chosen = located(cls.info.name, root), cls.chosen(options)
        if is_prepared(folder):
            return prepared_cases(folder, cls.info.name, chosen)
        return checked(cls.layout(folder, chosen), cls.info.name, folder)

    @classmethod
    def resolve(cls, root: str | os.PathLike[str] | None = None, **params: Any) -> DatasetInfo:
        """Return the card, its revision naming the content of the files."""
        card, options = cls.card(**params), cls.chosen(params)
        folder = located(cls.info.name, root)
        if is_prepared(folder):
            named = prepared_content(folder, cls.info.name, options)
        else:
            named = content(cls.find(root, **options))
        return replace(card, revision=f"{card.revision}-content:{named}")

    @classmethod
    def card(cls, **params: Any) -> DatasetInfo:
        """Return the card for these parameters, without looking at files."""
        return cls.info

    @classmethod
    def chosen(cls, params: Mapping[str, Any]) -> dict[str, Any]:
        """Return a value for each of `options`, from parameters or by default."""
        return {key: params.get(key, default) for key, default in cls.options.items()}

    def __len__(self) -> int:
        return len(self.cases)

    def __iter__(self) -> Iterator[Sample]:
        return (self[index] for index in range(len(self)))

    def __getitem__(self, index: int) -> Sample:
        case = self.cases[index]
        picture = case.read()
        image = self._fitted(picture.image)
        label = self._fitted(picture.label) >= 0.5
        ignored = None if picture.ignored is None else self._fitted(picture.ignored) > 0
        if ignored is not None:  # a block of which a part is ignored is ignored
            label &= ~ignored
        clean = None if picture.clean is None else self._fitted(picture.clean) >= 0.5
        if self.kept < 1 or self.noise > 0:
            image = self._damaged(image, case.name)
        betti = measured_betti(label, self.info.topology.border)
        known = picture.prior
        if self.prior == "measured":
            seen = betti if clean is None else measured_betti(clean, self.info.topology.border)
            known = seen[self.info.topology.construction]
        spacing = picture.spacing
        return Sample(
            case=case.name,
            image=image.astype(np.float32),
            target=label.astype(np.float32),
            prior=known,
            betti=betti,
            spacing=None if spacing is None else tuple(s * self.shrink for s in spacing),
            clean=None if clean is None else clean.astype(np.float32),
            ignored=ignored,
        )

    def _fitted(self, array: NDArray[Any]) -> NDArray[Any]:
        """Return ``(C, *spatial)`` shrunk and cut to size."""
        array = _shrunk(array, self.shrink)
        return _cropped(array, self.crop) if self.crop else array

    def _damaged(self, image: NDArray[Any], case: str) -> NDArray[Any]:
        """Return each channel of a picture from its damaged spectrum, in [0, 1]."""
        channels = [
            acquire(
                channel,
                kept=self.kept,
                motion=0,
                noise=self.noise,
                rng=stream(self.info.name, case, "noise", place),
            )
            for place, channel in enumerate(image)
        ]
        return np.clip(np.stack(channels), 0, 1)

    def _shuffled(self, cases: Sequence[Case], seed: int) -> list[Case]:
        """Return the cases of the split in the order that its name, or the seed, gives them."""
        if not cases:
            hint = "; lower 'labelled'" if self.split == "unlabelled" else ""
            raise UserError(f"{self.info.name}: no images for split {self.split!r} here{hint}")
        order = "" if self.split in FIXED_SPLITS else seed
        places = stream(self.info.name, self.split, "order", order).permutation(len(cases))
        return [cases[place] for place in places.tolist()]


def located(name: str, root: str | os.PathLike[str] | None) -> Path:
    """Return the folder of a data set.

    Raises
    ------
    UserError
        If no root is named, or it does not exist.
    """
    folder = _folder(name, root)
    if folder is None:
        raise UserError(f"{name}: no folder to look in; name it by --data, TOPOEVAL_DATA or root=")
    if not folder.is_dir():
        raise UserError(
            f"{name}: no folder {folder}; put the files there, or run "
            f"'topoeval data prepare {name} --from DIR'"
        )
    return folder


def checked(cases: list[Case], name: str, folder: Path) -> list[Case]:
    """Return the cases in the order of their names; there must be some, each name once.

    Raises
    ------
    UserError
        Otherwise.
    """
    if not cases:
        raise UserError(f"{name}: no images in {folder} (see 'topoeval data info {name}')")
    cases = sorted(cases, key=lambda case: case.name)
    for before, after in pairwise(cases):
        if before.name == after.name:
            raise UserError(f"{name}: two images are called {after.name!r} in {folder}")
    return cases


def _folder(name: str, root: str | os.PathLike[str] | None) -> Path | None:
    given = root if root is not None else os.environ.get("TOPOEVAL_DATA")
    if not given:
        return None
    folder = Path(given).expanduser()
    # A root that is named for this data set may be its folder itself.
    return folder / name if root is None or (folder / name).is_dir() else folder


def _parts(name: str, cases: Sequence[Case], seed: int, labelled: float) -> dict[str, list[Case]]:
    """Return the cases of each split, in the order of their names."""
    parts: dict[str, list[Case]] = {"train": [], "val": [], "test": [], "shifted": []}
    for case in cases:
        parts[case.part if case.part in parts else "shifted"].append(case)
    if not parts["test"]:
        parts["train"], parts["test"] = _cut(parts["train"], 0.3, (name, "test"))
    if not parts["val"]:
        parts["train"], parts["val"] = _cut(parts["train"], 0.2, (name, "val", seed))
    rest = parts["train"]
    parts["unlabelled"], parts["train"] = _cut(rest, labelled, (name, "labelled", seed))
    return parts


def _cut(
    cases: Sequence[Case], share: float, key: tuple[str | int, ...]
) -> tuple[list[Case], list[Case]]:
    """Part cases by subject: all but a share of the subjects, and that share, at least one."""
    subjects = sorted({case.subject for case in cases})
    count = max(1, round(share * len(subjects))) if share > 0 else 0
    chosen = stream(*key).permutation(len(subjects))[:count].tolist()
    taken = {subjects[place] for place in chosen}
    return (
        [case for case in cases if case.subject not in taken],
        [case for case in cases if case.subject in taken],
    )


def _shrunk(array: NDArray[Any], factor: int) -> NDArray[Any]:
    """Return block means of ``(C, *spatial)``; what does not fill a block is cut off."""
    if factor == 1:
        return array
    sides = [side // factor for side in array.shape[1:]]
    kept = array[(slice(None), *(slice(0, side * factor) for side in sides))]
    shape = [len(array)]
    for side in sides:
        shape += [side, factor]
    return kept.reshape(shape).mean(axis=tuple(range(2, len(shape), 2)))


def _cropped(array: NDArray[Any], side: int) -> NDArray[Any]:
    """Return the middle of ``(C, *spatial)``, surrounded by zeros where there is too little."""
    for axis in range(1, array.ndim):
        excess = array.shape[axis] - side
        if excess > 0:
            start = excess // 2
            array = np.take(array, range(start, start + side), axis=axis)
        elif excess < 0:
            width = [(0, 0)] * array.ndim
            width[axis] = (-excess // 2, -excess - (-excess // 2))
            array = np.pad(array, width)
    return array
