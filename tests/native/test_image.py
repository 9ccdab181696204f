"""The 2D engine against gudhi and cripser, bar by bar, from our pixel indices."""

import os
from collections import Counter

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from topoeval import _native as native

# More than a developer's run: TOPOEVAL_NATIVE_CASES=20000 pytest tests/native
CASES = int(os.environ.get("TOPOEVAL_NATIVE_CASES", "400"))


def pairs(image, construction="V", *, superlevel=False, dims=(0, 1), min_persistence=0.0):
    """(dim, birth index, death index) of one image, in the engine's order."""
    item, dim, birth, death = native.persistence(
        image[None], construction, superlevel, dims, min_persistence, 1
    )
    assert not item.any()
    return np.stack([dim.astype(np.int64), birth, death], axis=1)


def bars(image, found):
    """Turn pairs of pixels into the multiset of (dim, birth, death) they stand for."""
    values = np.asarray(image, dtype=np.float64).ravel()
    deaths = np.where(found[:, 2] < 0, np.inf, values[found[:, 2]])
    births = values[found[:, 1]]
    return Counter(zip(found[:, 0].tolist(), births.tolist(), deaths.tolist(), strict=True))


def gudhi_bars(image, construction):
    """Do the same by gudhi, whose flat indices run in Fortran order."""
    gudhi = pytest.importorskip("gudhi", reason="an independent witness")
    image = np.asarray(image, dtype=np.float64)
    kind = "vertices" if construction == "V" else "top_dimensional_cells"
    complex_ = gudhi.CubicalComplex(**{kind: image})
    complex_.compute_persistence(homology_coeff_field=2)
    finite, essential = (
        complex_.vertices_of_persistence_pairs()
        if construction == "V"
        else complex_.cofaces_of_persistence_pairs()
    )
    values = image.ravel(order="F")
    result = Counter()
    for dim, found in enumerate(finite):
        for birth, death in np.asarray(found, dtype=np.int64).reshape(-1, 2):
            result[dim, float(values[birth]), float(values[death])] += 1
    for dim, found in enumerate(essential):
        for birth in np.asarray(found, dtype=np.int64).ravel():
            result[dim, float(values[birth]), np.inf] += 1
    return result


def cripser_bars(image, construction):
    """Do the same by cripser, whose bars end at the largest double where ours never do."""
    cripser = pytest.importorskip("cripser", reason="an independent witness")
    image = np.ascontiguousarray(image, dtype=np.float64)
    compute = cripser.computePH if construction == "V" else cripser.computePH_T
    rows = compute(image, maxdim=1)
    result = Counter()
    for dim, birth, death in rows[:, :3]:
        death = np.inf if death >= np.finfo(np.float64).max else death
        if birth != death or np.isneginf(birth):
            result[int(dim), float(birth), float(death)] += 1
    return result


def serpentine(height, width):
    """One corridor that fills the image: the longest gradient path there is."""
    image = np.full((height, width), 2.0 * height * width)
    step = 0
    for row in range(0, height, 2):
        columns = range(width) if row % 4 == 0 else range(width - 1, -1, -1)
        for column in columns:
            image[row, column] = step
            step += 1
        if row + 1 < height:
            image[row + 1, column] = step
            step += 1
    return image


def waves(rng, height, width, levels):
    """Smooth bumps cut into few levels: plateaus of every shape."""
    y, x = np.mgrid[:height, :width]
    a, b, c = rng.uniform(0.2, 1.5, 3)
    return np.round(levels * (np.sin(a * x) + np.sin(b * y) + np.sin(c * (x + y))))


KINDS = {
    "uniform": lambda rng, h, w: rng.random((h, w)),
    "2 levels": lambda rng, h, w: rng.integers(0, 2, (h, w)).astype(float),
    "3 levels": lambda rng, h, w: rng.integers(0, 3, (h, w)).astype(float),
    "10 levels": lambda rng, h, w: rng.integers(0, 10, (h, w)).astype(float),
    "constant": lambda rng, h, w: np.full((h, w), rng.normal()),
    "signed zeros": lambda rng, h, w: rng.choice([-0.0, 0.0, 1.0, -1.0], (h, w)),
    "infinities": lambda rng, h, w: rng.choice([-np.inf, np.inf, 0.0, 1.0, 2.0], (h, w)),
    "some infinities": lambda rng, h, w: np.where(
        rng.random((h, w)) < 0.1, rng.choice([-np.inf, np.inf], (h, w)), rng.random((h, w))
    ),
    "saturated": lambda rng, h, w: np.clip(rng.normal(0.5, 0.6, (h, w)), 0, 1),
    "waves": lambda rng, h, w: waves(rng, h, w, rng.integers(1, 6)),
    "serpentine": lambda rng, h, w: serpentine(h, w),
    "inverted serpentine": lambda rng, h, w: -serpentine(h, w),
    "checkerboard": lambda rng, h, w: (np.indices((h, w)).sum(0) % 2).astype(float),
    "sparse spots": lambda rng, h, w: np.where(rng.random((h, w)) < 0.05, rng.random((h, w)), 0.5),
    "ramp": lambda rng, h, w: np.add.outer(np.arange(h), np.arange(w)) + rng.random((h, w)),
    "binary 30 %": lambda rng, h, w: (rng.random((h, w)) < 0.3).astype(float),
    "binary 80 %": lambda rng, h, w: (rng.random((h, w)) < 0.8).astype(float),
}


def shape_of(rng):
    """Mostly small and of odd proportions; one in five is a single row or column."""
    if rng.random() < 0.2:
        line = int(rng.integers(1, 40))
        return (1, line) if rng.random() < 0.5 else (line, 1)
    return int(rng.integers(1, 34)), int(rng.integers(1, 32))


@pytest.mark.parametrize("construction", ["V", "T"])
@pytest.mark.parametrize("kind", KINDS)
def test_matches_gudhi_and_cripser(kind, construction):
    """Random images of every kind of tie and shape give exactly the peers' bars."""
    for case in range(max(1, CASES // len(KINDS))):
        rng = np.random.default_rng([case, sorted(KINDS).index(kind)])
        image = KINDS[kind](rng, *shape_of(rng))
        ours = bars(image, pairs(image, construction))
        assert ours == gudhi_bars(image, construction), (case, image.shape)
        # cripser is wrong about V on a single row or column, and drops infinite pixels
        if np.isfinite(image).all() and (construction == "T" or min(image.shape) > 1):
            assert ours == cripser_bars(image, construction), (case, image.shape)


@settings(deadline=None, max_examples=min(CASES, 2000))
@given(
    image=hnp.arrays(
        np.int8,
        hnp.array_shapes(min_dims=2, max_dims=2, max_side=9),
        elements=st.integers(0, 5),
    ),
    construction=st.sampled_from("VT"),
)
def test_matches_gudhi_on_any_image(image, construction):
    """The same, on whatever small image hypothesis finds most telling."""
    assert bars(image, pairs(image, construction)) == gudhi_bars(image, construction)


@pytest.mark.parametrize("construction", ["V", "T"])
@pytest.mark.parametrize("kind", ["uniform", "10 levels", "saturated", "waves", "sparse spots"])
def test_matches_cripser_on_large_images(kind, construction):
    """Paths over many rows, more extrema than a few, radix-sorted saddles."""
    image = KINDS[kind](np.random.default_rng(5), 512, 512)
    assert bars(image, pairs(image, construction)) == cripser_bars(image, construction)


@pytest.mark.parametrize("width", [63, 64, 65, 127, 128, 129, 190, 257])
def test_widths_around_the_word_size(width):
    """Rows are worked in stretches of 64 pixels."""
    image = np.random.default_rng(width).integers(0, 50, (9, width)).astype(np.float32)
    for construction in "VT":
        assert bars(image, pairs(image, construction)) == gudhi_bars(image, construction)


@pytest.mark.parametrize("construction", ["V", "T"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_values_that_crowd(dtype, construction):
    """Two far values take most of the range of the keys, all others differ in their last bits."""
    rng = np.random.default_rng(8)
    image = 1 + np.finfo(dtype).eps * rng.integers(0, 500, (64, 70)).astype(dtype)
    image.flat[:2] = -1e30, 1e30
    assert bars(image, pairs(image, construction)) == gudhi_bars(image, construction)


@pytest.mark.parametrize("construction", ["V", "T"])
@pytest.mark.parametrize(
    ("size", "lowest_bits"),
    [(32, 6), (128, 6), (128, 3), (300, 6)],
)
def test_floats_that_differ_in_their_last_bits(size, lowest_bits, construction):
    """Which digits of a key are sorted, and how, shows in no pair: ranks give the same ones."""
    rng = np.random.default_rng(size)
    mantissas = rng.integers(0, 2**lowest_bits, (size, size))
    image = np.float32(1) + mantissas.astype(np.float32) * np.finfo(np.float32).eps
    few = rng.random((size, size), dtype=np.float32)
    image = np.where(few < 0.3, few, image)
    ranks = np.unique(image, return_inverse=True)[1].astype(np.int32).reshape(image.shape)
    assert np.array_equal(pairs(image, construction), pairs(ranks, construction))


@pytest.mark.parametrize("construction", ["V", "T"])
def test_ties_go_to_the_smaller_index(construction):
    """Equal values enter in raster order, as if the values were their ranks in that order."""
    rng = np.random.default_rng(0)
    for superlevel in (False, True):
        for _ in range(20):
            image = rng.integers(0, 4, (13, 17)).astype(np.float64)
            values = (-image if superlevel else image).ravel()
            ranks = np.empty(values.size)
            ranks[np.argsort(values, kind="stable")] = np.arange(values.size)
            untied = pairs(ranks.reshape(image.shape), construction)
            of_birth, of_death = values[untied[:, 1]], values[untied[:, 2]]
            kept = untied[(untied[:, 2] < 0) | (of_birth != of_death)]
            np.testing.assert_array_equal(pairs(image, construction, superlevel=superlevel), kept)


@pytest.mark.parametrize("construction", ["V", "T"])
@pytest.mark.parametrize("kind", KINDS)
def test_superlevel_is_the_sublevel_of_the_negative(kind, construction):
    """The same pairs of pixels, not merely the same bars."""
    image = KINDS[kind](np.random.default_rng(3), 21, 18)
    np.testing.assert_array_equal(
        pairs(image, construction, superlevel=True), pairs(-image, construction)
    )


DTYPES = ["float16", "float32", "float64", "bool"] + [
    f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)
]


@pytest.mark.parametrize("dtype", DTYPES)
def test_dtypes_keep_their_order(dtype):
    """Every type gives the pairs of the ranks of its values, the extreme ones included."""
    rng = np.random.default_rng(1)
    if dtype == "bool":
        image = rng.random((23, 19)) < 0.4
    elif "int" in dtype:
        info = np.iinfo(dtype)
        image = rng.integers(info.min, info.max, (23, 19), dtype=dtype, endpoint=True)
        image.flat[[3, 50, 51]] = info.min, info.max, info.max - 1
    else:
        info = np.finfo(dtype)
        scale = rng.choice([float(info.tiny), 1e-3, 1.0, 1e3], (23, 19))
        image = (rng.normal(size=(23, 19)) * scale).astype(dtype)
        image.flat[[3, 50, 51, 52, 53]] = -np.inf, np.inf, info.max, -0.0, info.smallest_subnormal
    ranks = np.unique(image, return_inverse=True)[1].reshape(image.shape).astype(np.float64)
    for construction in "VT":
        for superlevel in (False, True):
            np.testing.assert_array_equal(
                pairs(image, construction, superlevel=superlevel),
                pairs(ranks, construction, superlevel=superlevel),
            )


def test_large_integers_are_not_rounded():
    """Neighbouring int64 values that float64 cannot tell apart stay apart."""
    image = np.array([[0, 2, 1, 3, 0]], dtype=np.int64) + 2**62
    np.testing.assert_array_equal(pairs(image), [[0, 0, -1], [0, 2, 1], [0, 4, 3]])


@pytest.mark.parametrize(
    "view",
    [
        lambda a: np.asfortranarray(a),
        lambda a: a[::-1],
        lambda a: a[:, ::-1],
        lambda a: a[::-2, ::3],
        lambda a: a.T,
        lambda a: np.broadcast_to(a[:1], a.shape),
    ],
    ids=["fortran", "upside down", "mirrored", "sliced", "transposed", "broadcast"],
)
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "uint8"])
def test_strides_do_not_matter(view, dtype):
    """A view gives what its C-ordered copy gives."""
    image = view((np.random.default_rng(2).random((30, 41)) * 100).astype(dtype))
    for construction in "VT":
        np.testing.assert_array_equal(
            pairs(image, construction), pairs(image.copy(order="C"), construction)
        )


@pytest.mark.parametrize("threads", [2, 3, 16])
@pytest.mark.parametrize("construction", ["V", "T"])
def test_threads_do_not_matter(threads, construction):
    """A batch gives the same arrays for any number of threads."""
    batch = np.random.default_rng(4).integers(0, 30, (7, 40, 33)).astype(np.float32)
    one = native.persistence(batch, construction, False, (0, 1), 0.0, 1)
    many = native.persistence(batch, construction, False, (0, 1), 0.0, threads)
    for a, b in zip(one, many, strict=True):
        np.testing.assert_array_equal(a, b)


def test_batch_is_the_images_one_by_one():
    """Rows are grouped by image, then by dimension."""
    batch = np.random.default_rng(6).random((5, 20, 17))[:, ::-1]
    item, dim, birth, death = native.persistence(batch, "V", False, (0, 1), 0.0, 1)
    assert (np.diff(item * 2 + dim) >= 0).all()
    for i, image in enumerate(batch):
        own = np.stack([dim, birth, death], axis=1)[item == i]
        np.testing.assert_array_equal(own, pairs(image))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("construction", ["V", "T"])
def test_dims_select_rows(kind, construction):
    """Asking for one dimension gives its bars and nothing else."""
    image = KINDS[kind](np.random.default_rng(7), 33, 29)
    everything = pairs(image, construction)
    for dim in (0, 1):
        alone = pairs(image, construction, dims=(dim,))
        wanted = everything[everything[:, 0] == dim]
        assert sorted(map(tuple, alone)) == sorted(map(tuple, wanted))
    assert len(pairs(image, construction, dims=())) == 0


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "uint8", "int64"])
def test_min_persistence_drops_short_bars(dtype):
    """What remains is longer, in the units of the values; the essential class always does."""
    image = (np.random.default_rng(8).random((40, 40)) * 200).astype(dtype)
    everything = pairs(image)
    values = image.astype(np.float64).ravel()
    length = np.abs(values[everything[:, 1]] - values[everything[:, 2]])
    expected = everything[(length > 50) | (everything[:, 2] < 0)]
    assert 1 < len(expected) < len(everything)
    np.testing.assert_array_equal(pairs(image, min_persistence=50.0), expected)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros((4, 4)), "batch"),
        (np.zeros((1, 1, 1, 4, 4)), "batch"),
        (np.zeros((1, 0, 4)), "empty"),
        (np.zeros((1, 4, 4), dtype=complex), "float16"),
        (np.zeros((1, 4, 4), dtype=">f4"), "native byte order"),
        (np.full((1, 4, 4), np.nan, dtype=np.float16), "NaN"),
        (np.full((1, 4, 4), np.nan, dtype=np.float32), "NaN"),
        (np.full((1, 4, 4), -np.nan), "NaN"),
        (np.broadcast_to(np.float32(0), (1, 2**16, 2**15)), "2\\^31"),
        ([[[1.0]]], "array"),
    ],
)
def test_bad_values_are_refused(values, message):
    """ValueError, with the reason."""
    with pytest.raises(ValueError, match=message):
        native.persistence(values, "V", False, (0,), 0.0, 1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"construction": "F"}, "construction"),
        ({"dims": (2,)}, "dims"),
        ({"dims": (-1,)}, "dims"),
        ({"min_persistence": -1.0}, "min_persistence"),
        ({"min_persistence": float("nan")}, "min_persistence"),
        ({"threads": 0}, "threads"),
    ],
)
def test_bad_options_are_refused(change, message):
    """ValueError, naming the option."""
    options = {"construction": "V", "superlevel": False, "dims": (0,)}
    options |= {"min_persistence": 0.0, "threads": 1} | change
    with pytest.raises(ValueError, match=message):
        native.persistence(np.zeros((1, 3, 3)), **options)


def test_nan_in_one_image_of_many():
    """A failure in one thread ends the batch, and the next call works."""
    batch = np.random.default_rng(9).random((20, 50, 50))
    batch[13, 49, 49] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        native.persistence(batch, "T", False, (0, 1), 0.0, 4)
    assert len(native.persistence(batch[:13], "T", False, (0, 1), 0.0, 4)[0]) > 0


def test_empty_batch():
    """No images, no rows."""
    for column in native.persistence(np.zeros((0, 4, 4)), "V", False, (0, 1), 0.0, 2):
        assert column.shape == (0,)
