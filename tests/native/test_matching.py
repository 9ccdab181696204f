"""Betti matching against explicit boundary matrices, against persistence, and against a peer."""

import importlib.util
import itertools
import os
import signal
import time
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

native = pytest.importorskip("topoeval._native")

if not hasattr(native, "betti_matching"):
    pytest.skip("this build of topoeval._native has no betti_matching", allow_module_level=True)

# More than a developer's run: TOPOEVAL_NATIVE_CASES=4000 pytest tests/native
CASES = int(os.environ.get("TOPOEVAL_NATIVE_CASES", "400"))
NEVER, UNMATCHED = -1, -2
CONVENTIONS = list(itertools.product("VT", (False, True), ("union", "intersection")))


def matching(p, g, construction="V", superlevel=False, comparison="union", threads=1):
    """The matching of one pair of maps as rows (dim, P's birth and death, G's birth and death)."""
    dims = tuple(range(p.ndim))
    image, *columns = native.betti_matching(
        p[None], g[None], construction, superlevel, dims, comparison, threads
    )
    assert not image.any()
    return np.stack(columns, axis=1)


# --- The oracle: every cell a row and a column, nothing clever --------------------------------


class Filtration:
    """All cells of a map in their order: value, index of the voxel, dimension, index."""

    def __init__(self, values, construction, superlevel):
        self.values = np.asarray(values, dtype=np.float64)
        rank = np.argsort(
            (-self.values if superlevel else self.values).ravel(), kind="stable"
        ).argsort(kind="stable")
        shape = self.values.shape
        size = [2 * n - 1 if construction == "V" else 2 * n + 1 for n in shape]
        odd = 0 if construction == "V" else 1  # in T voxels lie at odd coordinates
        entries = []
        for index, cell in enumerate(itertools.product(*map(range, size))):
            around = [(c // 2,) if c % 2 == odd else ((c - 1) // 2, (c + 1) // 2) for c in cell]
            if construction == "T":
                around = [(c // 2,) if c % 2 else (c // 2 - 1, c // 2) for c in cell]
            voxels = [
                int(np.ravel_multi_index(v, shape))
                for v in itertools.product(*around)
                if all(0 <= x < n for x, n in zip(v, shape, strict=True))
            ]
            choose = max if construction == "V" else min
            voxel = choose(voxels, key=lambda v: rank[v])
            entries.append((int(rank[voxel]), sum(c % 2 for c in cell), index, cell, voxel))
        entries.sort()
        self.order = [cell for *_, cell, _ in entries]
        self.position = {cell: i for i, cell in enumerate(self.order)}
        self.voxel = {cell: voxel for *_, cell, voxel in entries}
        self.sign = -1.0 if superlevel else 1.0

    def value(self, cell):
        """When the cell enters, in sublevel language."""
        return self.sign * self.values.ravel()[self.voxel[cell]]


def faces(cell):
    """The codimension one faces of a cell of the doubled grid."""
    for axis, c in enumerate(cell):
        if c % 2:
            for step in (-1, 1):
                yield (*cell[:axis], c + step, *cell[axis + 1 :])


def pairs(births, deaths):
    """Pairs (birth cell, death cell): rows in the order of one filtration, columns of another."""
    reduced, found = {}, []
    for cell in deaths.order:
        column = 0
        for face in faces(cell):
            column ^= 1 << births.position[face]
        while column and (pivot := column.bit_length() - 1) in reduced:
            column ^= reduced[pivot]
        if column:
            reduced[pivot] = column
            found.append((births.order[pivot], cell))
    return found


def real(found, births, deaths):
    """Only the pairs of positive length."""
    return [(b, d) for b, d in found if births.value(b) < deaths.value(d)]


def expected(p, g, construction, superlevel, comparison):
    """The matching by its definition, a multiset of rows."""
    minimum = (comparison == "union") != superlevel
    c = np.minimum(p, g) if minimum else np.maximum(p, g)
    fp, fg, fc = (Filtration(x, construction, superlevel) for x in (p, g, c))
    bars = [real(pairs(f, f), f, f) for f in (fp, fg)]
    if comparison == "union":
        images = [dict(real(pairs(f, fc), f, fc)) for f in (fp, fg)]
        partner = [{b: images[k].get(b) for b, _ in bars[k]} for k in (0, 1)]
        key = [{bar: partner[k][bar[0]] for bar in bars[k]} for k in (0, 1)]
    else:
        images = [{d: b for b, d in real(pairs(fc, f), fc, f)} for f in (fp, fg)]
        key = [{bar: images[k].get(bar[1]) for bar in bars[k]} for k in (0, 1)]
    of_g = {cell: bar for bar, cell in key[1].items() if cell is not None}

    def ends(f, bar):
        return (f.voxel[bar[0]], f.voxel[bar[1]])

    rows, taken = Counter(), set()
    for bar in bars[0]:
        other = of_g.get(key[0][bar])
        taken.add(other)
        dim = sum(c % 2 for c in bar[0])
        rows[(dim, *ends(fp, bar), *((UNMATCHED,) * 2 if other is None else ends(fg, other)))] += 1
    for bar in bars[1]:
        if bar not in taken:
            rows[(sum(c % 2 for c in bar[0]), UNMATCHED, UNMATCHED, *ends(fg, bar))] += 1
    rows[(0, fp.voxel[fp.order[0]], NEVER, fg.voxel[fg.order[0]], NEVER)] += 1
    return rows


def random_shape(rng, dimension):
    """Small enough for the oracle, long and thin shapes among them."""
    if dimension == 2:
        return tuple(rng.integers(1, 7, 2).tolist())
    shapes = [(3, 3, 3), (3, 4, 2), (2, 2, 3), (1, 4, 4), (4, 1, 3), (1, 1, 3), (2, 3, 3)]
    return shapes[rng.integers(len(shapes))]


def random_map(rng, shape, other=None):
    """Distinct values, a few levels, or mostly the values of another map."""
    kind = rng.integers(4)
    if kind == 0:
        return rng.permutation(np.prod(shape)).reshape(shape).astype(np.float64)
    if kind == 1 or other is None:
        return rng.integers(0, rng.integers(2, 5), shape).astype(np.float64)
    if kind == 2:
        return rng.random(shape)
    changed = rng.random(shape) < 0.2
    return np.where(changed, rng.random(shape) * (other.max() + 1), other)


@pytest.mark.parametrize("dimension", [2, 3])
@pytest.mark.parametrize(("construction", "superlevel", "comparison"), CONVENTIONS)
def test_equals_the_boundary_matrices(dimension, construction, superlevel, comparison):
    """Bars, partners and voxels are those of plain column reductions."""
    rng = np.random.default_rng([dimension, ord(construction), superlevel, len(comparison)])
    for _ in range(max(20, CASES // (4 if dimension == 2 else 10))):
        shape = random_shape(rng, dimension)
        p = random_map(rng, shape)
        g = random_map(rng, shape, p)
        rows = Counter(map(tuple, matching(p, g, construction, superlevel, comparison).tolist()))
        assert rows == expected(p, g, construction, superlevel, comparison), (p, g)
