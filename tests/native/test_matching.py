"""Betti matching against explicit boundary matrices, against persistence, and against a peer."""

import importlib.util
import itertools
import os
from collections import Counter

import numpy as np
import pytest

from topoeval import _native as native
from topoeval.persistence.backends import betti_matching

# More than a developer's run: TOPOEVAL_NATIVE_CASES=4000 pytest tests/native
CASES = int(os.environ.get("TOPOEVAL_NATIVE_CASES", "400"))
NEVER, UNMATCHED = -1, -2
CONVENTIONS = list(itertools.product("VT", (False, True), ("union", "intersection")))


def matching(p, g, construction="V", superlevel=False, comparison="union", threads=1, proper=False):
    """Match one pair of maps: rows (dim, P's birth and death, G's birth and death)."""
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
            around = [[c // 2] if c % 2 == top else [(c - 1) // 2, (c - 1) // 2 + 1] for c in cell]
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
    """Yield the codimension one faces of a cell of the doubled grid."""
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
    """Match by the definition; a multiset of rows."""
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


# --- Larger maps: what must hold whatever the matching ----------------------------------------


def larger_maps(dimension, seed=0):
    """Pairs of smooth, noisy, tied and equal maps."""
    rng = np.random.default_rng([dimension, seed])
    shape = (23, 31) if dimension == 2 else (8, 7, 9)
    smooth = np.add.reduce([np.roll(rng.random(shape), i, axis=i % dimension) for i in range(3)])
    yield rng.random(shape), rng.random(shape)
    yield smooth, smooth + 0.2 * rng.random(shape)
    yield rng.integers(0, 4, shape), rng.integers(0, 4, shape)
    yield rng.integers(0, 2, shape), smooth
    yield np.zeros(shape), rng.random(shape)


def bars(values, found):
    """Count the (dim, birth, death) that rows (dim, birth index, death index) stand for."""
    flat = np.asarray(values, dtype=np.float64).ravel()
    found = found[found[:, 1] != UNMATCHED]
    deaths = np.where(found[:, 2] == NEVER, np.inf, flat[found[:, 2]])
    return Counter(
        zip(found[:, 0].tolist(), flat[found[:, 1]].tolist(), deaths.tolist(), strict=True)
    )


@pytest.mark.parametrize("dimension", [2, 3])
@pytest.mark.parametrize(("construction", "superlevel", "comparison"), CONVENTIONS)
def test_bars_are_those_of_persistence(construction, superlevel, comparison, dimension):
    """P's bars and G's bars are all there, once each."""
    for p, g in larger_maps(dimension):
        found = matching(np.float64(p), np.float64(g), construction, superlevel, comparison)
        for values, rows in ((p, found[:, [0, 1, 2]]), (g, found[:, [0, 3, 4]])):
            dims = tuple(range(dimension))
            _, *columns = native.persistence(
                np.float64(values)[None], construction, superlevel, dims, 0.0, 1
            )
            assert bars(values, rows) == bars(values, np.stack(columns, axis=1).astype(np.int64))


@pytest.mark.parametrize("dimension", [2, 3])
@pytest.mark.parametrize(("construction", "superlevel", "comparison"), CONVENTIONS)
def test_a_map_matches_itself(construction, superlevel, comparison, dimension):
    """Every bar of a map is matched to itself."""
    for p, _ in larger_maps(dimension):
        for proper in (False, True):
            found = matching(p, p, construction, superlevel, comparison, proper=proper)
            assert (found[:, 1:3] == found[:, 3:5]).all()


@pytest.mark.parametrize("dimension", [2, 3])
@pytest.mark.parametrize(("construction", "superlevel", "comparison"), CONVENTIONS)
def test_masks_differ_by_no_more_than_is_unmatched(construction, superlevel, comparison, dimension):
    """The Betti matching error is at least the Betti number error, and proper changes nothing."""
    rng = np.random.default_rng(dimension)
    for _ in range(20):
        shape = (9, 12) if dimension == 2 else (5, 6, 7)
        p, g = rng.random((2, *shape)) < rng.random((2, *[1] * dimension))
        p.flat[0] = g.flat[0] = superlevel  # so that neither is all background
        found = matching(p, g, construction, superlevel, comparison)
        again = matching(p, g, construction, superlevel, comparison, proper=True)
        np.testing.assert_array_equal(found, again)
        for dim in range(dimension):
            rows = found[found[:, 0] == dim]
            of_p, of_g = rows[rows[:, 1] != UNMATCHED], rows[rows[:, 3] != UNMATCHED]
            unmatched = (rows == UNMATCHED).any(axis=1).sum()
            assert unmatched >= abs(len(of_p) - len(of_g))


@pytest.mark.parametrize("dimension", [2, 3])
def test_proper_matches_overlap(dimension):
    """With proper, matched bars have a value in common; without, some have not."""
    apart = 0
    for proper in (True, False):
        p, g = next(larger_maps(dimension))
        found = matching(p, g, proper=proper)
        _, *ends = found[(found != UNMATCHED).all(axis=1) & (found[:, 2] != NEVER)].T
        p_birth, p_death = p.ravel()[ends[0]], p.ravel()[ends[1]]
        g_birth, g_death = g.ravel()[ends[2]], g.ravel()[ends[3]]
        apart = (np.maximum(p_birth, g_birth) >= np.minimum(p_death, g_death)).sum()
        assert (apart == 0) == proper


# --- Masks: a short way, and the same rows in their order ------------------------------------


def both(p, g, construction, superlevel, comparison, proper, dims):
    """The columns, taken the short way and the long way."""
    return (
        native.betti_matching(
            p, g, construction, superlevel, dims, comparison, 1, proper, general=general
        )
        for general in (False, True)
    )


def random_pair(rng, shape):
    """A map in [0, 1], distinct or with ties and saturated, and a mask, like it or not."""
    p = rng.random(shape)
    for axis in range(len(shape)):
        if rng.random() < 0.5:
            p = (p + np.roll(p, 1, axis)) / 2
    kind = rng.integers(5)
    if kind == 0:
        p = rng.integers(0, rng.integers(1, 6), shape) / 4
    elif kind == 1:
        p = np.clip(3 * p - 1, 0, 1)
    elif kind == 2:
        p = np.clip(p, 0, rng.random())
    p = p.clip(0, 1)
    near = rng.integers(4)
    like = p + 0.3 * rng.normal(size=shape) > rng.random()
    g = like if near else rng.random(shape) < rng.random()
    if near == 1:
        g = np.repeat(rng.random(shape[-1:]) < 0.5, np.prod(shape[:-1])).reshape(shape)
    return p, g.astype(p.dtype)


@pytest.mark.parametrize("dimension", [2, 3])
@pytest.mark.parametrize(("construction", "superlevel", "comparison"), CONVENTIONS)
def test_rows_are_those_of_the_long_way(construction, superlevel, comparison, dimension):
    """Sides from one voxel, empty and full masks among them; the very same rows."""
    rng = np.random.default_rng([dimension, ord(construction), superlevel, len(comparison)])
    for case in range(CASES if dimension == 2 else CASES // 8):
        shape = rng.integers(1, 33 if dimension == 2 else 7, dimension)
        p, g = random_pair(rng, tuple(shape.tolist()))
        if case % 9 == 0:
            g[:] = case % 2
        if case % 2:
            p, g = p.astype(np.float32), g.astype(np.float32)
        dims = (tuple(range(dimension)), (0,), (1,))[rng.integers(3)]
        proper = bool(rng.integers(2))
        short, long = both(p[None], g[None], construction, superlevel, comparison, proper, dims)
        for one, other in zip(short, long, strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("superlevel", [False, True])
@pytest.mark.parametrize("proper", [False, True])
def test_rows_are_those_of_the_boundary_matrices(superlevel, proper):
    """The union in V, against plain column reductions."""
    rng = np.random.default_rng([superlevel, proper])
    for _ in range(max(10, CASES // 4)):
        p, g = random_pair(rng, tuple(rng.integers(1, 7, 2).tolist()))
        rows = sorted(map(tuple, matching(p, g, "V", superlevel, "union", proper=proper).tolist()))
        assert rows == sorted(expected(p, g, "V", superlevel, "union", proper).elements()), (p, g)


def test_a_batch_of_masks_and_others():
    """Items of both kinds, the memory of one used for the next."""
    rng = np.random.default_rng(1)
    p, g = (np.stack(x) for x in zip(*(random_pair(rng, (17, 23)) for _ in range(12)), strict=True))
    g[::3] = rng.random(g[::3].shape)
    short, long = both(p, g, "V", True, "union", False, (0, 1))
    for one, other in zip(short, long, strict=True):
        np.testing.assert_array_equal(one, other)
    for one, other in zip(
        native.betti_matching(p, g, "V", True, (0, 1), "union", 3),
        native.betti_matching(p, g, "V", True, (0, 1), "union", 1, general=True),
        strict=True,
    ):
        np.testing.assert_array_equal(one, other)


# --- The published module ---------------------------------------------------------------------


def peer():
    """Give the compiled module inside topolosses, which must be loaded once only in a process."""
    if importlib.util.find_spec("topolosses") is None:
        pytest.skip("topolosses is not installed (pip install --no-deps topolosses)")
    return betti_matching._library()


def peer_matching(p, g):
    """Its rows as a multiset; V, sublevel sets, union, without the essential class."""
    found = peer().compute_matching(p, g)
    rows = Counter()
    for dim in range(p.ndim):
        for kind in ("matched", "unmatched"):
            sides = []
            for side in (1, 2):
                ends = [
                    getattr(found, f"input{side}_{kind}_{end}_coordinates")[dim]
                    for end in ("birth", "death")
                ]
                sides.append(
                    [np.ravel_multi_index(tuple(np.asarray(e).T), p.shape) for e in ends]
                    if len(ends[0])
                    else [np.zeros(0, dtype=int)] * 2
                )
            if kind == "matched":
                rows.update((dim, *row) for row in np.stack(sides[0] + sides[1], axis=1).tolist())
            else:
                for row in np.stack(sides[0], axis=1).tolist():
                    rows[(dim, *row, UNMATCHED, UNMATCHED)] += 1
                for row in np.stack(sides[1], axis=1).tolist():
                    rows[(dim, UNMATCHED, UNMATCHED, *row)] += 1
    return rows


@pytest.mark.parametrize("shape", [(7, 8), (30, 33), (4, 5, 4), (11, 10, 12)])
def test_equals_the_published_module(shape):
    """Matched and unmatched bars, voxel by voxel, where values are distinct."""
    rng = np.random.default_rng(len(shape))
    for case in range(max(6, CASES // 20)):
        p, g = rng.random((2, *shape))
        if case % 3 == 1:
            g = p + 0.2 * g
        if case % 3 == 2:
            p, g = (sum(np.roll(a, i, axis=0) for i in range(3)) for a in (p, g))
        found = matching(p, g)
        rows = Counter(map(tuple, found[found[:, 2] != NEVER].tolist()))
        assert rows == peer_matching(p, g)
