"""Persistent homology by its definition: every cell a column of the boundary matrix over Z/2.

Slow and plain, for images of some hundred voxels; nothing here uses any library.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from topoeval.topology import Topology

Cell = tuple[int, ...]
# exact: integers stay integers, so that 2^53 and 2^53 + 1 differ
Number = int | float
Bar = tuple[int, Number, Number]


def reference_bars(image: NDArray[np.generic], topology: Topology) -> list[Bar]:
    """Return the sorted bars (dim, birth, death) of one image, those of length zero left out.

    A class that never dies has death -inf (superlevel) or inf, one born with the frame has birth
    inf or -inf.

    Examples
    --------
    >>> reference_bars(np.array([[1, 1, 1], [1, 0, 1], [1, 1, 1]]), Topology())
    [(0, 1, -inf), (1, 1, 0)]
    """
    sign = -1 if topology.superlevel else 1
    values = {
        voxel: sign * value
        for voxel, value in zip(np.ndindex(image.shape), image.reshape(-1).tolist(), strict=True)
    }
    if topology.framed:
        around = itertools.product(*(range(-1, side + 1) for side in image.shape))
        values = {tuple(voxel): values.get(tuple(voxel), -np.inf) for voxel in around}
    entry = _entry_values(values, topology.construction)
    return sorted(
        (dim, sign * birth, sign * death) for dim, birth, death in _bars(entry) if birth != death
    )


def _entry_values(values: dict[Cell, Number], construction: str) -> dict[Cell, Number]:
    """Return each cell of the complex with the value at which it enters.

    Cells are points of a grid twice as fine; an odd coordinate is an interval. In the
    V-construction voxels are the even points and a cell enters with the last of its corners; in
    the T-construction voxels are the odd points and a cell enters with the first voxel around it.
    """
    entry: dict[Cell, Number] = {}
    first, offset = (max, 0) if construction == "V" else (min, 1)
    seen: dict[Cell, list[Number]] = {}
    for voxel, value in values.items():
        for step in itertools.product((-1, 0, 1), repeat=len(voxel)):
            cell = tuple(2 * x + offset + s for x, s in zip(voxel, step, strict=True))
            seen.setdefault(cell, []).append(value)
    for cell, around in seen.items():
        corners = 2 ** sum(c % 2 for c in cell)
        if construction == "T" or len(around) == corners:  # else it reaches beyond the image
            entry[cell] = first(around)
    return entry


def _bars(entry: dict[Cell, Number]) -> Iterator[Bar]:
    """Reduce the boundary matrix, columns from left to right; yield its pairs and the unpaired."""
    cells = sorted(entry, key=lambda cell: (entry[cell], _dim(cell), cell))
    position = {cell: number for number, cell in enumerate(cells)}
    reduced: dict[int, int] = {}  # lowest one -> column, a set of bits
    paired = set()
    for number, cell in enumerate(cells):
        column = 0
        for face in _faces(cell):
            column ^= 1 << position[face]
        while column and (lowest := column.bit_length() - 1) in reduced:
            column ^= reduced[lowest]
        if column:
            reduced[lowest] = column
            paired |= {lowest, number}
            yield _dim(cells[lowest]), entry[cells[lowest]], entry[cell]
    for number, cell in enumerate(cells):
        if number not in paired:
            yield _dim(cell), entry[cell], np.inf


def _faces(cell: Cell) -> Iterator[Cell]:
    for axis, c in enumerate(cell):
        if c % 2:
            for step in (-1, 1):
                yield (*cell[:axis], c + step, *cell[axis + 1 :])


def _dim(cell: Cell) -> int:
    return sum(c % 2 for c in cell)
