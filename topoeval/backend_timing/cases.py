"""What is measured: sizes and kinds of image in both constructions, and how long at most."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from topoeval.backend_timing.images import KINDS, images
from topoeval.topology import Topology


@dataclass(frozen=True, slots=True)
class Case:
    """One image of one kind and shape, read in one construction, bright first."""

    kind: str
    shape: tuple[int, ...]
    construction: str

    @property
    def ndim(self) -> int:
        """2 or 3."""
        return len(self.shape)

    @property
    def voxels(self) -> int:
        """Number of voxels."""
        return math.prod(self.shape)

    @property
    def size(self) -> str:
        """Shape as text, ``512x512``."""
        return "x".join(map(str, self.shape))

    @property
    def topology(self) -> Topology:
        """Superlevel, plain border."""
        return Topology(self.construction)  # type: ignore[arg-type]  # checked there

    def batch(self) -> NDArray[np.float32]:
        """Return the image as a batch of one, float32 as a network's output is."""
        return images(self.kind, (1, *self.shape))


@dataclass(frozen=True, slots=True)
class Plan:
    """The cases of a run and what each may cost.

    Parameters
    ----------
    images, volumes
        Side lengths of the square images and of the cubic volumes, ascending.
    kinds
        Kinds of image.
    memory_kinds, memory_from
        Kinds whose peak memory is measured as well, each in a process of its own, and the voxels an
        image must have for that.
    repeats
        Timed calls per backend and case, after one that warms up.
    budget
        Seconds for all calls of one backend in one case; a single call that takes longer is ended.
    """

    images: tuple[int, ...]
    volumes: tuple[int, ...]
    kinds: tuple[str, ...] = KINDS
    memory_kinds: tuple[str, ...] = KINDS
    memory_from: int = 0
    repeats: int = 7
    budget: float = 30.0

    def weighs(self, case: Case) -> bool:
        """Whether the memory of a case is measured."""
        return case.kind in self.memory_kinds and case.voxels >= self.memory_from

    def series(self) -> Iterator[list[Case]]:
        """Yield cases that differ in size alone, from small to large."""
        for ndim, sides in ((2, self.images), (3, self.volumes)):
            for kind in self.kinds:
                for construction in ("V", "T"):
                    yield [Case(kind, (side,) * ndim, construction) for side in sides]


FULL = Plan(images=(64, 128, 256, 512, 1024, 2048), volumes=(16, 32, 64, 128))
QUICK = Plan(
    images=(64, 256),
    volumes=(16, 32),
    kinds=("noise", "probability"),
    memory_kinds=("probability",),
    memory_from=32**3,
    repeats=3,
    budget=1.5,
)
