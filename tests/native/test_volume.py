"""The 3D engine against gudhi and cripser, bar by bar, from our voxel indices."""

import os
from collections import Counter

import numpy as np
import pytest

from topoeval import _native as native

# More than a developer's run: TOPOEVAL_NATIVE_CASES=5000 pytest tests/native
CASES = int(os.environ.get("TOPOEVAL_NATIVE_CASES", "300"))

# Every way to the same result: which H1 reduction, and entries of 64 or 128 bits.
VARIANTS = [("auto", False), ("primal", False), ("dual", False), ("primal", True), ("dual", True)]


def pairs(volume, construction="V", *, superlevel=False, dims=(0, 1, 2), threads=1):
    """(dim, birth index, death index) of one volume, in the engine's order."""
    item, dim, birth, death = native.persistence(
        volume[None], construction, superlevel, dims, 0.0, threads
    )
    assert not item.any()
    return np.stack([dim.astype(np.int64), birth, death], axis=1)


def variant_pairs(volume, construction, loops, wide, threads=1):
    """Do the same by one given H1 reduction."""
    _, dim, birth, death = native._volume_variant(volume[None], construction, loops, wide, threads)
    return np.stack([dim.astype(np.int64), birth, death], axis=1)


def bars(volume, found):
    """Return the multiset of (dim, birth, death) that pairs of voxels stand for."""
    values = np.asarray(volume, dtype=np.float64).ravel()
    deaths = np.where(found[:, 2] < 0, np.inf, values[found[:, 2]])
    births = values[found[:, 1]]
    return Counter(zip(found[:, 0].tolist(), births.tolist(), deaths.tolist(), strict=True))


def gudhi_bars(volume, construction):
    """Do the same by gudhi; its flat indices run in Fortran order."""
    gudhi = pytest.importorskip("gudhi", reason="an independent witness")
    volume = np.asarray(volume, dtype=np.float64)
    kind = "vertices" if construction == "V" else "top_dimensional_cells"
    complex_ = gudhi.CubicalComplex(**{kind: volume})
    complex_.compute_persistence(homology_coeff_field=2)  # its default field may differ in H1
    finite, essential = (
        complex_.vertices_of_persistence_pairs()
        if construction == "V"
        else complex_.cofaces_of_persistence_pairs()
    )
    values = volume.ravel(order="F")
    result = Counter()
    for dim, found in enumerate(finite):
        for birth, death in np.asarray(found, dtype=np.int64).reshape(-1, 2):
            if values[birth] != values[death]:
                result[dim, float(values[birth]), float(values[death])] += 1
    for dim, found in enumerate(essential):
        for birth in np.asarray(found, dtype=np.int64).ravel():
            result[dim, float(values[birth]), np.inf] += 1
    return result


def cripser_bars(volume, construction):
    """Do the same by cripser, whose bars end at the largest double where ours never do."""
    cripser = pytest.importorskip("cripser", reason="an independent witness")
    volume = np.ascontiguousarray(volume, dtype=np.float64)
    compute = cripser.computePH if construction == "V" else cripser.computePH_T
    rows = compute(volume, maxdim=2)
    births, deaths = rows[:, 1], rows[:, 2]
    deaths = np.where(deaths >= np.finfo(np.float64).max, np.inf, deaths)
    keep = births != deaths
    return Counter(
        zip(
            rows[keep, 0].astype(int).tolist(),
            births[keep].tolist(),
            deaths[keep].tolist(),
            strict=True,
        )
    )


def serpentine(shape):
    """One corridor that fills the volume, walls twice as high between its windings."""
    volume = np.full(shape, 4.0 * np.prod(shape))
    step = 0
    ys = range(0, shape[1], 2)
    for z in range(0, shape[0], 2):
        rows = ys if z % 4 == 0 else reversed(ys)
        for turn, y in enumerate(rows):
            columns = range(shape[2]) if turn % 2 == 0 else range(shape[2] - 1, -1, -1)
            for x in columns:
                volume[z, y, x] = step
                step += 1
    return volume


def waves(rng, shape):
    """Smooth bumps cut into few levels: plateaus of every shape."""
    z, y, x = np.indices(shape)
    a, b, c = rng.uniform(0.2, 1.5, 3)
    levels = rng.integers(1, 6)
    return np.round(levels * (np.sin(a * x) + np.sin(b * y) * np.cos(c * z) + np.sin(c * (x + z))))


KINDS = {
    "uniform": lambda rng, s: rng.random(s),
    "2 levels": lambda rng, s: rng.integers(0, 2, s).astype(float),
    "3 levels": lambda rng, s: rng.integers(0, 3, s).astype(float),
    "10 levels": lambda rng, s: rng.integers(0, 10, s).astype(float),
    "constant": lambda rng, s: np.full(s, rng.normal()),
    "signed zeros": lambda rng, s: rng.choice([-0.0, 0.0, 1.0, -1.0], s),
    "infinities": lambda rng, s: rng.choice([-np.inf, np.inf, 0.0, 1.0, 2.0], s),
    "saturated": lambda rng, s: np.clip(rng.normal(0.5, 0.6, s), 0, 1),
    "waves": waves,
    "serpentine": lambda rng, s: serpentine(s),
    "inverted serpentine": lambda rng, s: -serpentine(s),
    "checkerboard": lambda rng, s: (np.indices(s).sum(0) % 2).astype(float),
    "sparse spots": lambda rng, s: np.where(rng.random(s) < 0.05, rng.random(s), 0.5),
    "ramp": lambda rng, s: np.indices(s).sum(0) + rng.random(s),
    "binary 30 %": lambda rng, s: (rng.random(s) < 0.3).astype(float),
    "binary 50 %": lambda rng, s: (rng.random(s) < 0.5).astype(float),
    "binary 80 %": lambda rng, s: (rng.random(s) < 0.8).astype(float),
}
THIN = [(1, 1, 1), (1, 1, 9), (1, 4, 5), (5, 1, 3), (7, 5, 1), (2, 16, 3), (2, 2, 2), (12, 11, 10)]
LARGE = ["uniform", "10 levels", "saturated", "waves", "binary 30 %"]


def shape_of(rng):
    """One in three thin or the largest of the small ones, the rest of any proportions."""
    if rng.random() < 1 / 3:
        return THIN[rng.integers(len(THIN))]
    return tuple(int(n) for n in rng.integers(1, 9, 3))


@pytest.mark.parametrize("construction", ["V", "T"])
@pytest.mark.parametrize("kind", KINDS)
def test_matches_gudhi_and_cripser(kind, construction):
    """Random volumes of every kind of tie and shape give exactly the peers' bars, by any route."""
    for case in range(max(1, CASES // len(KINDS))):
        rng = np.random.default_rng([case, sorted(KINDS).index(kind)])
        volume = KINDS[kind](rng, shape_of(rng))
        if rng.random() < 0.5:
            volume = volume.astype(np.float32)
        found = pairs(volume, construction)
        ours = bars(volume, found)
        assert ours == gudhi_bars(volume, construction), (case, volume.shape)
        if np.isfinite(volume).all():  # cripser drops infinite voxels
            assert ours == cripser_bars(volume, construction), (case, volume.shape)
        for loops, wide in VARIANTS:
            for threads in (1, 2):
                np.testing.assert_array_equal(
                    variant_pairs(volume, construction, loops, wide, threads), found
                )


@pytest.mark.parametrize("construction", ["V", "T"])
@pytest.mark.parametrize("kind", LARGE)
def test_matches_gudhi_and_cripser_at_48(kind, construction):
    """Long chains, radix heaps, radix-sorted saddles; the same by every route."""
    volume = KINDS[kind](np.random.default_rng(5), (48, 48, 48)).astype(np.float32)
    found = pairs(volume, construction)
    assert bars(volume, found) == gudhi_bars(volume, construction)
    assert bars(volume, found) == cripser_bars(volume, construction)
    for loops, wide in VARIANTS:
        np.testing.assert_array_equal(variant_pairs(volume, construction, loops, wide, 2), found)


@pytest.mark.slow
@pytest.mark.parametrize("construction", ["V", "T"])
@pytest.mark.parametrize("kind", LARGE)
def test_matches_cripser_at_64(kind, construction):
    """Five kinds of volumes of the size that training crops have."""
    volume = KINDS[kind](np.random.default_rng(6), (64, 64, 64)).astype(np.float32)
    assert bars(volume, pairs(volume, construction, threads=2)) == cripser_bars(
        volume, construction
    )


@pytest.mark.parametrize("construction", ["V", "T"])
@pytest.mark.parametrize("superlevel", [False, True])
def test_ties_go_to_the_smaller_index(construction, superlevel):
    """Equal values enter in raster order, as if the values were their ranks in that order."""
    rng = np.random.default_rng(0)
    for _ in range(20):
        volume = rng.integers(0, 4, (7, 6, 5)).astype(np.float64)
        values = (-volume if superlevel else volume).ravel()
        ranks = np.empty(values.size)
        ranks[np.argsort(values, kind="stable")] = np.arange(values.size)
        untied = pairs(ranks.reshape(volume.shape), construction)
        kept = untied[(untied[:, 2] < 0) | (values[untied[:, 1]] != values[untied[:, 2]])]
        np.testing.assert_array_equal(pairs(volume, construction, superlevel=superlevel), kept)


@pytest.mark.parametrize("construction", ["V", "T"])
@pytest.mark.parametrize("kind", KINDS)
def test_superlevel_is_the_sublevel_of_the_negative(kind, construction):
    """The same pairs of voxels, not merely the same bars."""
    volume = KINDS[kind](np.random.default_rng(3), (8, 9, 7))
    np.testing.assert_array_equal(
        pairs(volume, construction, superlevel=True), pairs(-volume, construction)
    )


@pytest.mark.parametrize("construction", ["V", "T"])
@pytest.mark.parametrize("kind", KINDS)
def test_dims_select_rows(kind, construction):
    """Asking for some dimensions gives their bars and nothing else."""
    volume = KINDS[kind](np.random.default_rng(7), (10, 9, 11))
    everything = pairs(volume, construction)
    for dims in [(), (0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2)]:
        wanted = everything[np.isin(everything[:, 0], dims)]
        np.testing.assert_array_equal(pairs(volume, construction, dims=dims), wanted)


DTYPES = ["float16", "float32", "float64", "bool"] + [
    f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)
]


@pytest.mark.parametrize("dtype", DTYPES)
def test_dtypes_keep_their_order(dtype):
    """Every type gives the pairs of the ranks of its values, the extreme ones included."""
    rng = np.random.default_rng(1)
    shape = (7, 8, 9)
    if dtype == "bool":
        volume = rng.random(shape) < 0.4
    elif "int" in dtype:
        info = np.iinfo(dtype)
        volume = rng.integers(info.min, info.max, shape, dtype=dtype, endpoint=True)
        volume.flat[[3, 50, 51]] = info.min, info.max, info.max - 1
    else:
        info = np.finfo(dtype)
        scale = rng.choice([float(info.tiny), 1e-3, 1.0, 1e3], shape)
        volume = (rng.normal(size=shape) * scale).astype(dtype)
        volume.flat[[3, 50, 51, 52, 53]] = -np.inf, np.inf, info.max, -0.0, info.smallest_subnormal
    ranks = np.unique(volume, return_inverse=True)[1].reshape(shape).astype(np.float64)
    for construction in "VT":
        for superlevel in (False, True):
            np.testing.assert_array_equal(
                pairs(volume, construction, superlevel=superlevel),
                pairs(ranks, construction, superlevel=superlevel),
            )


@pytest.mark.parametrize(
    "view",
    [
        lambda a: np.asfortranarray(a),
        lambda a: a[::-1],
        lambda a: a[:, :, ::-1],
        lambda a: a[::2, ::-2, ::3],
        lambda a: a.transpose(2, 0, 1),
        lambda a: np.broadcast_to(a[:1], a.shape),
    ],
    ids=["fortran", "upside down", "mirrored", "sliced", "transposed", "broadcast"],
)
@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8"])
def test_strides_do_not_matter(view, dtype):
    """A view gives what its C-ordered copy gives."""
    volume = view((np.random.default_rng(2).random((12, 14, 13)) * 100).astype(dtype))
    for construction in "VT":
        np.testing.assert_array_equal(
            pairs(volume, construction), pairs(volume.copy(order="C"), construction)
        )


@pytest.mark.parametrize("threads", [2, 3, 8])
@pytest.mark.parametrize("construction", ["V", "T"])
@pytest.mark.parametrize("kind", ["uniform", "10 levels", "binary 50 %", "sparse spots"])
def test_threads_do_not_matter(kind, construction, threads):
    """One volume gives the same arrays for any number of threads."""
    volume = KINDS[kind](np.random.default_rng(4), (33, 30, 29))
    np.testing.assert_array_equal(
        pairs(volume, construction, threads=threads), pairs(volume, construction)
    )


def test_primal_budget_is_what_saves_binary_noise():
    """Where primal chains explode, the engine changes over to the dual in time."""
    volume = (np.random.default_rng(8).random((40, 40, 40)) < 0.5).astype(np.float32)
    found = pairs(volume)
    np.testing.assert_array_equal(variant_pairs(volume, "V", "dual", False), found)


@pytest.mark.parametrize("where", [0, 500, -1])
def test_nan_is_refused(where):
    """ValueError, and the next call works."""
    volume = np.random.default_rng(9).random((10, 11, 12))
    good = pairs(volume)
    volume.flat[where] = np.nan
    for threads in (1, 3):
        with pytest.raises(ValueError, match="NaN"):
            pairs(volume, threads=threads)
    volume.flat[where] = np.random.default_rng(9).random((10, 11, 12)).flat[where]
    np.testing.assert_array_equal(pairs(volume), good)


def test_too_many_places_are_refused():
    """ValueError where the volume and its border exceed 32-bit places, however few the voxels."""
    line = np.broadcast_to(np.float32(0), (1, 1, 2**29))
    with pytest.raises(ValueError, match="2\\^32"):
        pairs(line)


def test_batch_is_the_volumes_one_by_one():
    """Rows are grouped by volume, then by dimension."""
    batch = np.random.default_rng(6).random((5, 6, 7, 8))[:, ::-1]
    item, dim, birth, death = native.persistence(batch, "T", False, (0, 1, 2), 0.0, 2)
    assert (np.diff(item * 3 + dim) >= 0).all()
    for i, volume in enumerate(batch):
        own = np.stack([dim, birth, death], axis=1)[item == i]
        np.testing.assert_array_equal(own, pairs(volume, "T"))
