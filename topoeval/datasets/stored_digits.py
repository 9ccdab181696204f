"""Digits that exist as images, dealt out to splits and damaged on demand."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from topoeval.datasets.dataset_info import DatasetInfo, Split
from topoeval.datasets.digit_task import digit_sample
from topoeval.datasets.sample import Sample
from topoeval.datasets.splits import split_indices

SIDE = 28


class StoredDigits(ABC):
    """The part that datasets of stored digits share; a case is named by its place in the source.

    Parameters
    ----------
    split, size, seed
        See `topoeval.datasets.load`.
    lines, noise
        See `topoeval.datasets.digit_task.digit_sample`.
    fixed, pool, shares
        See `topoeval.datasets.splits.split_indices`.
    """

    info: ClassVar[DatasetInfo]
    case_width: ClassVar[int]

    def __init__(
        self,
        split: str,
        size: int,
        *,
        seed: int,
        lines: int,
        noise: float,
        fixed: Mapping[Split, NDArray[np.int64]],
        pool: NDArray[np.int64],
        shares: Mapping[Split, int],
    ) -> None:
        self.split = self.info.checked_split(split)
        self.info.check_integer("lines", lines, 0, SIDE)
        self.info.check_number("noise", noise, 0.0, 1.0)
        self.lines = lines
        self.noise = noise
        self.indices = split_indices(
            self.info, split, size, seed, fixed=fixed, pool=pool, shares=shares
        )

    @abstractmethod
    def clean(self, index: int) -> tuple[NDArray[np.float32], int]:
        """Return the undamaged image in [0, 1] of a sample, and its label."""

    def __len__(self) -> int:
        return len(self.indices)

    def __iter__(self) -> Iterator[Sample]:
        return (self[index] for index in range(len(self)))

    def __getitem__(self, index: int) -> Sample:
        image, label = self.clean(index)
        return digit_sample(
            self.info.name,
            self.split,
            f"{self.indices[index]:0{self.case_width}d}",
            image,
            label,
            lines=self.lines,
            noise=self.noise,
        )
