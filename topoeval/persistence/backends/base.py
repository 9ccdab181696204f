"""What a persistence backend is, and the shared half of wrapping a library as one.

A backend receives a batch of images and answers with a table of voxel indices. It never sees torch,
gradients or probabilities. All backends answer the same bars for the same `Topology`; translating a
library's conventions is the adapter's work, proven by ``tests/persistence``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from topoeval.topology import Topology

Index = NDArray[np.int64]


class IndexTable(NamedTuple):
    """Bars of a batch as four int64 columns of equal length, grouped by image, then dimension.

    ``birth_index`` and ``death_index`` are flat row-major voxel indices into one image.
    ``death_index`` is -1 for a class that never dies, ``birth_index`` is -1 for one that is born
    with the frame (framed border only). Bars of length zero are left out.
    """

    image: Index
    dim: Index
    birth_index: Index
    death_index: Index


@dataclass(frozen=True, slots=True)
class Info:
    """What is true of a backend whether or not its library is installed.

    ``package`` is the name on the package index, ``ndims`` the spatial dimensions it takes,
    ``threads`` says in words what it runs in parallel.
    """

    name: str
    title: str
    package: str
    licence: str
    ndims: tuple[int, ...]
    constructions: tuple[str, ...]
    gives_locations: bool
    releases_gil: bool
    threads: str
    citation: str


@runtime_checkable
class Backend(Protocol):
    """Computes persistence on the CPU from NumPy arrays."""

    info: ClassVar[Info]

    def supports(self, ndim: int, topology: Topology) -> str | None:
        """Return None if it can compute images of `ndim` axes, else the reason why not."""
        ...

    def compute(
        self, images: NDArray[np.generic], topology: Topology, dims: Sequence[int]
    ) -> IndexTable:
        """Return the bars of ``(B, *spatial)`` real, finite images in the dimensions `dims`."""
        ...


class LibraryBackend(ABC):
    """A backend around a library that knows one plain sublevel image of float64 at a time.

    Superlevel is the sublevel of the negative. A framed border is one more layer of voxels that
    enter before all others; what is born there gets the index -1.
    """

    info: ClassVar[Info]

    def supports(self, ndim: int, topology: Topology) -> str | None:
        """Return None if it can compute images of `ndim` axes, else the reason why not."""
        if ndim not in self.info.ndims:
            return f"takes images of {self.info.ndims} spatial dimensions, not {ndim}"
        if topology.construction not in self.info.constructions:
            return f"has no {topology.construction}-construction"
        return None

    @abstractmethod
    def pairs(
        self, image: NDArray[np.float64], construction: str, dims: Sequence[int]
    ) -> tuple[Index, Index, Index]:
        """Return dim, birth index and death index (-1: essential) of one sublevel image.

        `image` is C-contiguous; indices are flat and row-major. Bars of length zero may be there.
        """

    def compute(
        self, images: NDArray[np.generic], topology: Topology, dims: Sequence[int]
    ) -> IndexTable:
        """Return the bars of ``(B, *spatial)`` real, finite images in the dimensions `dims`."""
        columns: list[tuple[Index, ...]] = []
        for number, image in enumerate(exact_float64(images)):
            dim, birth, death = self._one(image, topology, dims)
            columns.append((np.full(dim.shape, number, np.int64), dim, birth, death))
        if not columns:
            return IndexTable(*(np.empty(0, np.int64) for _ in range(4)))
        return IndexTable(*(np.concatenate(column) for column in zip(*columns, strict=True)))

    def _one(
        self, image: NDArray[np.float64], topology: Topology, dims: Sequence[int]
    ) -> tuple[Index, Index, Index]:
        sublevel = -image if topology.superlevel else image
        if topology.framed:
            sublevel = np.pad(sublevel, 1, constant_values=-np.inf)
        sublevel = np.ascontiguousarray(sublevel)
        dim, birth, death = self.pairs(sublevel, topology.construction, dims)
        flat = sublevel.reshape(-1)
        keep = np.isin(dim, dims) & ((death < 0) | (flat[birth] != flat[death]))
        order = np.argsort(dim[keep], kind="stable")
        dim, birth, death = (column[keep][order] for column in (dim, birth, death))
        if topology.framed:
            birth, death = (unframed(index, image.shape) for index in (birth, death))
        return dim, birth, death


def exact_float64(images: NDArray[np.generic]) -> NDArray[np.float64]:
    """Convert to float64 without ever merging two values that differ.

    64-bit integers beyond 2^53 do not fit; for them the rank among the values of the batch stands
    in for the value, which leaves the order, and so every index, as it is.
    """
    if images.dtype.kind in "iu" and images.dtype.itemsize == 8:
        _, ranks = np.unique(images, return_inverse=True)
        return ranks.reshape(images.shape).astype(np.float64)
    return images.astype(np.float64)


def unframed(index: Index, shape: Sequence[int]) -> Index:
    """Translate flat indices of an image with a one-voxel frame to the image; the frame is -1."""
    framed_shape = tuple(side + 2 for side in shape)
    inside = index >= 0
    result = np.full(index.shape, -1, np.int64)
    coordinates = np.array(np.unravel_index(index[inside], framed_shape)) - 1
    sides = np.array(shape)[:, None]
    within = np.all((coordinates >= 0) & (coordinates < sides), axis=0)
    inner = np.full(within.shape, -1, np.int64)
    inner[within] = np.ravel_multi_index(tuple(coordinates[:, within]), tuple(shape))
    result[inside] = inner
    return result
