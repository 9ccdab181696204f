"""The shared half of wrapping a library as a backend.

A library knows one plain sublevel image of float64 at a time. Superlevel is the sublevel of the
negative; a framed border is one more layer of voxels that enter before all others.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from topoeval.persistence.backends.base import Backend, Index, IndexTable, ValueTable
from topoeval.topology import Topology

Image = NDArray[np.float64]


class LibraryBackend(Backend):
    """A library that names the voxels of each bar."""

    @abstractmethod
    def pairs(
        self, image: Image, construction: str, dims: Sequence[int]
    ) -> tuple[Index, Index, Index]:
        """Return dim, birth index and death index (-1: essential) of one sublevel image.

        `image` is C-contiguous; indices are flat and row-major. Bars of length zero, of other
        dimensions and in any order may be there.
        """

    def compute(
        self, images: NDArray[np.generic], topology: Topology, dims: Sequence[int]
    ) -> IndexTable:
        """Return the bars of ``(B, *spatial)`` real, finite images in the dimensions `dims`."""
        columns = [_no_bar(np.int64)]
        for number, image in enumerate(_sublevel(exact_float64(images), topology)):
            dim, birth, death = self.pairs(image, topology.construction, dims)
            flat = image.reshape(-1)
            keep = np.isin(dim, dims) & ((death < 0) | (flat[birth] != flat[death]))
            order = np.argsort(dim[keep], kind="stable")
            dim, birth, death = (column[keep][order] for column in (dim, birth, death))
            if topology.framed:
                birth, death = (unframed(index, images.shape[1:]) for index in (birth, death))
            columns.append((np.full(dim.shape, number, np.int64), dim, birth, death))
        return IndexTable(*(np.concatenate(column) for column in zip(*columns, strict=True)))


class ValueLibraryBackend(Backend):
    """A library that gives the values of each bar and no voxels."""

    @abstractmethod
    def diagrams(
        self, images: Sequence[Image], construction: str, dims: Sequence[int]
    ) -> Sequence[Sequence[NDArray[np.floating]]]:
        """Return of each sublevel image and each of `dims` the ``(n, 2)`` births and deaths.

        Images are C-contiguous; a class that never dies has death inf. Bars of length zero may be
        there.
        """

    def compute(
        self, images: NDArray[np.generic], topology: Topology, dims: Sequence[int]
    ) -> ValueTable:
        """Return the bars of ``(B, *spatial)`` real, finite images in the dimensions `dims`."""
        sublevel = list(_sublevel(exact_float64(images), topology))
        columns = [_no_bar(np.float64)]
        for number, found in enumerate(self.diagrams(sublevel, topology.construction, dims)):
            for dim, diagram in zip(dims, found, strict=True):
                births, deaths = np.asarray(diagram, np.float64).reshape(-1, 2).T
                keep = births != deaths
                where = np.full((2, np.count_nonzero(keep)), [[number], [dim]], np.int64)
                columns.append((*where, births[keep], deaths[keep]))
        image, dimension, birth, death = (
            np.concatenate(column) for column in zip(*columns, strict=True)
        )
        if topology.superlevel:
            birth, death = -birth, -death
        if _needs_ranks(images):  # the ranks that stood in for 64-bit integers, made values again
            levels = np.unique(images)
            birth, death = _at_rank(levels, birth), _at_rank(levels, death)
        return ValueTable(image, dimension, birth, death)


def voxel_ranks(image: Image) -> tuple[Image, Index]:
    """Return the place of each voxel in the order of values, and the voxel at each place.

    Given ranks in place of values, a library that only returns values names voxels. Among equal
    values the voxel of lower index comes first.
    """
    order = np.argsort(image, axis=None, kind="stable")
    ranks = np.empty(image.size)
    ranks[order] = np.arange(image.size)
    return ranks.reshape(image.shape), order


def pairs_of_ranks(
    diagrams: Sequence[NDArray[np.floating]], dims: Sequence[int], order: Index
) -> tuple[Index, Index, Index]:
    """Return dim, birth index and death index of ``(n, 2)`` ranks, one array per dimension."""
    dim = np.repeat(np.asarray(dims, np.int64), [len(diagram) for diagram in diagrams])
    ranks = np.concatenate([np.reshape(diagram, (-1, 2)) for diagram in diagrams])
    voxels = np.full(ranks.shape, -1, np.int64)
    finite = np.isfinite(ranks)
    voxels[finite] = order[ranks[finite].astype(np.int64)]
    return dim, voxels[:, 0], voxels[:, 1]


def exact_float64(images: NDArray[np.generic]) -> Image:
    """Convert to float64 without ever merging two values that differ.

    64-bit integers beyond 2^53 do not fit; for them the rank among the values of the batch stands
    in for the value, which leaves the order, and so every index, as it is.
    """
    if _needs_ranks(images):
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


def _sublevel(images: Image, topology: Topology) -> Iterator[Image]:
    for image in images:
        sublevel = -image if topology.superlevel else image
        if topology.framed:
            sublevel = np.pad(sublevel, 1, constant_values=-np.inf)
        yield np.ascontiguousarray(sublevel)


def _needs_ranks(images: NDArray[np.generic]) -> bool:
    return images.dtype.kind in "iu" and images.dtype.itemsize == 8


def _at_rank(levels: NDArray[np.generic], ranks: NDArray[np.float64]) -> NDArray[np.float64]:
    values = ranks.copy()
    finite = np.isfinite(ranks)
    values[finite] = levels[ranks[finite].astype(np.int64)]
    return values


def _no_bar(dtype: type[np.generic]) -> tuple[NDArray[np.generic], ...]:
    return tuple(np.empty(0, kind) for kind in (np.int64, np.int64, dtype, dtype))
