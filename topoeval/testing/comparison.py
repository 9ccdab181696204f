"""What the checks share: images, the tasks of a backend, and comparing bars."""

from __future__ import annotations

import functools
import itertools
from collections import Counter
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from topoeval.persistence.backends.base import Backend, IndexTable, ValueTable
from topoeval.testing.reference import Bar, Number, reference_bars
from topoeval.testing.results import NotApplicable
from topoeval.topology import Border, Construction, Direction, Topology

Images = NDArray[Any]
Row = tuple[int, int, Number, Number]
Table = IndexTable | ValueTable
Task = tuple[Topology, tuple[int, ...]]

TOPOLOGIES = tuple(
    Topology(cast(Construction, construction), cast(Direction, direction), cast(Border, border))
    for construction, direction, border in itertools.product(
        "VT", ("superlevel", "sublevel"), ("plain", "framed")
    )
)
# Every third of them has both directions and both borders, and both constructions if there are two.
A_THIRD = 3


def supported_ndims(backend: Backend) -> list[int]:
    """Return those of 2 and 3 that the backend takes; raise `NotApplicable` if it takes neither."""
    found = [ndim for ndim in (2, 3) if tasks(backend, ndim)]
    if not found:
        raise NotApplicable("it supports nothing that info promises")
    return found


def tasks(backend: Backend, ndim: int) -> list[Task]:
    """Return what the backend can be asked: topologies, each with all dimensions it computes."""
    dims = tuple(dim for dim in backend.info.dims if dim < ndim)
    return [
        (topology, dims)
        for topology in TOPOLOGIES
        if backend.supports(ndim, topology, dims) is None
    ]


def distinct_values(shape: tuple[int, ...], seed: int) -> Images:
    """Return float64 images, each a permutation of 0, 1, 2, ..."""
    rng = np.random.default_rng(seed)
    size = int(np.prod(shape[1:]))
    return np.stack([rng.permutation(size) for _ in range(shape[0])]).reshape(shape).astype(float)


def few_levels(shape: tuple[int, ...], levels: int, seed: int) -> Images:
    """Return float64 images of the values 0 to `levels` - 1, most of them many times."""
    return np.random.default_rng(seed).integers(0, levels, shape).astype(float)


def blurred(images: Images, axis: int) -> Images:
    """Return the mean of five neighbours along an axis, in steps that float32 holds."""
    total = sum(np.roll(images, shift, axis) for shift in range(-2, 3))
    return np.round(total / 5)


def bars_of(backend: Backend, images: Images, topology: Topology, dims: Sequence[int]) -> list[Row]:
    """Return the sorted bars (image, dim, birth, death) that the backend returns."""
    return rows_of_table(backend.compute(images, topology, dims), images, topology)


def rows_of_table(table: Table, images: Images, topology: Topology) -> list[Row]:
    """Return the sorted bars (image, dim, birth, death) of a table, values looked up exactly."""
    if isinstance(table, ValueTable):
        ends: list[list[Any]] = [table.birth.tolist(), table.death.tolist()]
    else:
        first, never = (np.inf, -np.inf) if topology.superlevel else (-np.inf, np.inf)
        flat = images.reshape(len(images), -1)
        ends = [
            [
                beyond if i < 0 else flat[n, i].item()
                for n, i in zip(table.image, index, strict=True)
            ]
            for index, beyond in ((table.birth_index, first), (table.death_index, never))
        ]
    columns = zip(table.image.tolist(), table.dim.tolist(), *ends, strict=True)
    # "+ 0" makes -0.0 and 0.0 one value, and leaves integers integers
    return sorted((n, dim, birth + 0, death + 0) for n, dim, birth, death in columns)


def reference_rows(images: Images, topology: Topology, dims: Sequence[int]) -> list[Row]:
    """Return the sorted bars (image, dim, birth, death) by the definition."""
    if images.dtype.kind not in "iu" or images.dtype.itemsize < 8:
        images = images.astype(np.float64)  # one reference for all types that hold the same values
    return [
        (number, dim, birth + 0, death + 0)
        for number, image in enumerate(images)
        for dim, birth, death in _reference(image.tobytes(), image.dtype.str, image.shape, topology)
        if dim in dims
    ]


@functools.lru_cache(maxsize=4096)
def _reference(data: bytes, dtype: str, shape: tuple[int, ...], topology: Topology) -> list[Bar]:
    return reference_bars(np.frombuffer(data, dtype).reshape(shape), topology)


def assert_reference(backend: Backend, images: Images, step: int = 1) -> None:
    """Compare with the definition in every topology, or in every `step`-th."""
    for topology, dims in tasks(backend, images.ndim - 1)[::step]:
        found = bars_of(backend, images, topology, dims)
        expected = reference_rows(images, topology, dims)
        if not backend.info.gives_locations:  # values come as float64, whatever the image holds
            expected = [(n, dim, float(birth), float(death)) for n, dim, birth, death in expected]
        assert_same_bars(found, expected, describe(topology, images))


def describe(topology: Topology, images: Images) -> str:
    """Return the beginning of a message: what the backend was asked."""
    return f"{topology}, {images.dtype} images of shape {images.shape}"


def assert_same_bars(found: Sequence[Any], expected: Sequence[Any], what: str) -> None:
    """Compare two multisets of bars; the message names the first that lacks or is too many."""
    if Counter(found) != Counter(expected):
        raise AssertionError(f"{what}: {_difference(found, expected)}")


def _difference(found: Sequence[Any], expected: Sequence[Any]) -> str:
    parts = []
    for word, these, those in (("lacks", expected, found), ("has besides", found, expected)):
        rows = sorted((Counter(these) - Counter(those)).elements())
        if rows:
            image, dim, birth, death = rows[0]
            more = f" and {len(rows) - 1} more" if len(rows) > 1 else ""
            bar = f"({birth:g}, {death:g}) of dimension {dim} in image {image}"
            parts.append(f"{word} the bar {bar}{more}")
    return ", ".join(parts)


def assert_same_table(table: Table, first: Table, what: str) -> None:
    """Compare two tables row by row."""
    for name, column, before in zip(first._fields, table, first, strict=True):
        assert np.array_equal(column, before), f"{what}: column {name} differs"
