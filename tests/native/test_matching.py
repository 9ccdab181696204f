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


def matching(p, g, construction="V", superlevel=False, comparison="union", threads=1, proper=False):
    """The matching of one pair of maps as rows (dim, P's birth and death, G's birth and death)."""
    dims = tuple(range(p.ndim))
    image, *columns = native.betti_matching(
        p[None], g[None], construction, superlevel, dims, comparison, threads, proper
    )
    assert not image.any()
    return np.stack(columns, axis=1)


# --- The oracle: every cell a row and a column, nothing clever --------------------------------


class Filtration:
    """All cells of a map in their order: value, index of the voxel, dimension, place in the star.

    Cells lie on the doubled grid, vertices at even coordinates.  T is the V of the map backwards
    with its order reversed, so that is where its cells are compared.
    """

    def __init__(self, values, construction, superlevel):
        self.flat = np.asarray(values, dtype=np.float64).ravel() * (-1.0 if superlevel else 1.0)
        rank = np.argsort(self.flat, kind="stable").argsort(kind="stable")
        shape, top = np.shape(values), construction == "T"
        entries = []
        for cell in itertools.product(*(range(2 * n + 1 if top else 2 * n - 1) for n in shape)):
            around = [
                [c // 2] if c % 2 == top else [(c - 1) // 2, (c - 1) // 2 + 1] for c in cell
            ]
            voxels = [
                int(np.ravel_multi_index(v, shape))
                for v in itertools.product(*around)
                if all(0 <= x < n for x, n in zip(v, shape, strict=True))
            ]
            voxel = (min if top else max)(voxels, key=lambda v: rank[v])
            seen = [2 * n - 1 - c for n, c in zip(shape, cell, strict=True)] if top else cell
            place = self.place_in_star(seen)
            if top:
                place = [-x for x in place]
            entries.append((int(rank[voxel]), sum(c % 2 for c in cell), place, cell, voxel))
        entries.sort()
        self.order = [cell for *_, cell, _ in entries]
        self.position = {cell: i for i, cell in enumerate(self.order)}
        self.voxel = {cell: voxel for *_, cell, voxel in entries}

    @staticmethod
    def place_in_star(cell):
        """First corner, then the axis of an edge or the normal of a square."""
        along = [axis for axis, c in enumerate(cell) if c % 2]
        across = [axis for axis, c in enumerate(cell) if not c % 2]
        kind = along if len(along) == 1 else across if len(across) == 1 else [0]
        return [c // 2 for c in cell] + kind

    def value(self, cell):
        """When the cell enters, in sublevel language."""
        return self.flat[self.voxel[cell]]


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


def expected(p, g, construction, superlevel, comparison, proper):
    """The matching by its definition, a multiset of rows."""
    minimum = (comparison == "union") != superlevel
    c = np.minimum(p, g) if minimum else np.maximum(p, g)
    fp, fg, fc = (Filtration(x, construction, superlevel) for x in (p, g, c))
    bars = [real(pairs(f, f), f, f) for f in (fp, fg)]
    bars_of_c = real(pairs(fc, fc), fc, fc)
    partner = []
    for f, own in zip((fp, fg), bars, strict=True):
        births, deaths = (f, fc) if comparison == "union" else (fc, f)
        image = pairs(births, deaths)
        if proper:
            image = real(image, births, deaths)
        if comparison == "union":  # birth cells in common with P, death cells with C
            to_c = {b: d for b, d in image if d in {death for _, death in bars_of_c}}
            partner.append({bar: to_c.get(bar[0]) for bar in own})
        else:
            to_c = {d: b for b, d in image if b in {birth for birth, _ in bars_of_c}}
            partner.append({bar: to_c.get(bar[1]) for bar in own})
    g_bar = {cell: bar for bar, cell in partner[1].items() if cell is not None}

    def row(p_bar, g_bar):
        dim = sum(c % 2 for c in (p_bar or g_bar)[0])
        ends = [
            [f.voxel[cell] for cell in bar] if bar else [UNMATCHED, UNMATCHED]
            for f, bar in ((fp, p_bar), (fg, g_bar))
        ]
        return (dim, *ends[0], *ends[1])

    rows, taken = Counter(), set()
    for bar in bars[0]:
        other = g_bar.get(partner[0][bar])
        taken.add(other)
        rows[row(bar, other)] += 1
    rows.update(row(None, bar) for bar in bars[1] if bar not in taken)
    # The oldest vertex: in V a voxel, in T a corner of the voxel it enters with.
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


@pytest.mark.parametrize("proper", [False, True])
@pytest.mark.parametrize("dimension", [2, 3])
@pytest.mark.parametrize(("construction", "superlevel", "comparison"), CONVENTIONS)
def test_equals_the_boundary_matrices(construction, superlevel, comparison, dimension, proper):
    """Bars, partners and voxels are those of plain column reductions."""
    rng = np.random.default_rng([dimension, ord(construction), superlevel, len(comparison), proper])
    for _ in range(max(10, CASES // (8 if dimension == 2 else 20))):
        shape = random_shape(rng, dimension)
        p = random_map(rng, shape)
        g = random_map(rng, shape, p)
        found = matching(p, g, construction, superlevel, comparison, proper=proper)
        rows = Counter(map(tuple, found.tolist()))
        assert rows == expected(p, g, construction, superlevel, comparison, proper), (p, g)
