"""What is known about a dataset before its data are read."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal, cast

from topoeval.datasets.classes import TargetClasses
from topoeval.errors import UserError, nearest
from topoeval.topology import Topology

Split = Literal["train", "unlabelled", "val", "test", "judge", "shifted", "relaxed"]


@dataclass(frozen=True, slots=True)
class DatasetInfo:
    """The card of a dataset.

    Parameters
    ----------
    name
        Name under which it is loaded.
    title
        Name in captions.
    task
        What the network does with an image, in a few words.
    ndim
        Spatial dimensions, 2 or 3.
    channels
        Channels of the image.
    labels
        Names of the classes of depicted things; empty where there are none.
    sizes
        Default number of samples of each split it has; 0 stands for all there are.
    revision
        Version of the content. Two runs with equal revision, split, size, seed and parameters saw
        the same samples; it changes whenever any sample does.
    licence, citation, home
        Terms of the data, the work to cite, and where the data come from.
    topology
        Recommended reading of the images.
    prior
        The expected topology in words, and how far the true masks keep to it.
    needs_data
        Whether files are needed that topoeval does not bring along.
    classes
        Names of the segmented structures, one channel of the target each.
    exclusive
        Whether a voxel has at most one of several classes: labels of one map, and not regions that
        may overlap. It decides how they are trained and predicted; see `TargetClasses`.
    unions
        Betti numbers of unions of classes, as ``{"myocardium+left ventricle": (1, 0)}``.
    paths
        Parameters that say where files are. They are no part of what a run is: the revision names
        the files' content.
    downloads
        Whether it can fetch its files itself.
    metrics
        Metrics of its own, which its runs are scored by beside the default ones.
    auxiliary
        By name the classifiers of `labels` that its metrics call, and the split each learns from.
    checked
        For a dataset that needs files: whether its reader was ever run on the real ones.
    """

    name: str
    title: str
    task: str
    ndim: int
    channels: int
    labels: tuple[str, ...]
    sizes: Mapping[Split, int]
    revision: str
    licence: str
    citation: str
    home: str
    topology: Topology
    prior: str
    needs_data: bool = False
    classes: tuple[str, ...] = ("foreground",)
    exclusive: bool = False
    unions: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    paths: tuple[str, ...] = ()
    downloads: bool = False
    metrics: tuple[str, ...] = ()
    auxiliary: Mapping[str, Split] = field(default_factory=dict)
    checked: str = ""

    @property
    def target_classes(self) -> TargetClasses:
        """What the channels of a target mean."""
        return TargetClasses(self.classes, self.exclusive, self.unions)

    @property
    def splits(self) -> tuple[Split, ...]:
        """The splits it has."""
        return tuple(self.sizes)

    def checked_split(self, split: str) -> Split:
        """Return ``split`` if the dataset has it.

        Raises
        ------
        UserError
            Otherwise.
        """
        if split not in self.sizes:
            raise UserError(f"{self.name}: no split {split!r}{nearest(split, self.splits)}")
        return cast(Split, split)

    def default_size(self, split: str) -> int:
        """Return the default number of samples of ``split``.

        Raises
        ------
        UserError
            If there is no such split.
        """
        return self.sizes[self.checked_split(split)]

    def check_integer(self, parameter: str, value: object, low: int, high: int) -> None:
        """Refuse a parameter that is not an integer of ``low`` to ``high``.

        Raises
        ------
        UserError
            Naming dataset, parameter and value.
        """
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise UserError(
                f"{self.name}: {parameter} must be an integer of {low} to {high}, got {value!r}"
            )

    def check_choice(self, parameter: str, value: object, choices: Collection[str]) -> None:
        """Refuse a parameter that is not one of ``choices``.

        Raises
        ------
        UserError
            Naming dataset, parameter and value, and the nearest choice.
        """
        if value not in choices:
            raise UserError(
                f"{self.name}: {parameter} must be one of {', '.join(choices)}, got {value!r}"
                f"{nearest(str(value), choices)}"
            )

    def check_number(self, parameter: str, value: object, low: float, high: float) -> None:
        """Refuse a parameter that is not a number of ``low`` to ``high``.

        Raises
        ------
        UserError
            Naming dataset, parameter and value.
        """
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not low <= cast(float, value) <= high:
            raise UserError(
                f"{self.name}: {parameter} must be a number of {low:g} to {high:g}, got {value!r}"
            )
