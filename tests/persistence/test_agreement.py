"""All installed backends give the same bars, and their indices point at the values."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits

from topoeval.persistence import BACKENDS, compute
from topoeval.topology import Topology

INSTALLED = [name for name in BACKENDS.available() if BACKENDS.load(name).info.gives_locations]
TOPOLOGIES = [
    Topology(*choice)
    for choice in itertools.product("VT", ("superlevel", "sublevel"), ("plain", "framed"))
]


def check_agreement(images, topology, ndim):
    """Compare every backend with the first, and every index with the value it stands for."""
    reference = None
    for name in INSTALLED:
        bars = compute(images, topology, backend=name, spatial_dims=ndim)
        if reference is None:
            reference = bars.multiset()
        assert bars.multiset() == reference, name
        check_indices(bars, images)


def check_indices(bars, images):
    flat = np.asarray(images, float).reshape(len(images), -1)
    for value, index in ((bars.birth, bars.birth_index), (bars.death, bars.death_index)):
        there = index >= 0
        assert (np.isinf(value) == ~there).all()
        assert (index < flat.shape[1]).all()
        np.testing.assert_array_equal(flat[bars.image[there], index[there]], value[there])
    grouped = list(zip(bars.image.tolist(), bars.dim.tolist(), strict=True))
    assert grouped == sorted(grouped)


@pytest.mark.skipif(len(INSTALLED) < 2, reason="needs two backends to compare")
@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_backends_agree_on_small_images(data):
    """Random, tied and constant images of any shape, one-pixel axes included."""
    ndim = data.draw(st.sampled_from([2, 3]))
    largest = 9 if ndim == 2 else 5
    shape = tuple(data.draw(st.integers(1, largest)) for _ in range(ndim))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    levels = data.draw(st.sampled_from([1, 2, 3, 10, None]))
    size = (2, *shape)
    images = rng.random(size) if levels is None else rng.integers(0, levels, size) / max(levels, 2)
    check_agreement(images, data.draw(st.sampled_from(TOPOLOGIES)), ndim)


@pytest.mark.skipif(len(INSTALLED) < 2, reason="needs two backends to compare")
@pytest.mark.parametrize("topology", TOPOLOGIES, ids=str)
@pytest.mark.parametrize("shape", [(1, 7), (7, 1), (1, 1), (1, 1, 5), (1, 4, 1), (6, 1, 3)])
def test_one_pixel_axes(shape, topology):
    """Shapes on which cripser's V-construction and others are known to fail."""
    rng = np.random.default_rng(0)
    check_agreement(rng.random((3, *shape)), topology, len(shape))
    check_agreement(rng.integers(0, 2, (3, *shape)), topology, len(shape))


@pytest.mark.skipif(len(INSTALLED) < 2, reason="needs two backends to compare")
@pytest.mark.parametrize("topology", TOPOLOGIES, ids=str)
def test_real_handwriting(topology):
    """Real, strongly tied inputs, as images and stacked as volumes."""
    digits = load_digits().images[:40]
    check_agreement(digits, topology, 2)
    check_agreement(digits.reshape(5, 8, 8, 8), topology, 3)


@pytest.mark.skipif(len(INSTALLED) < 2, reason="needs two backends to compare")
@pytest.mark.parametrize("construction", ["V", "T"])
def test_saturated_half_precision(construction):
    """Maps whose ties come from rounding to float16."""
    rng = np.random.default_rng(1)
    logits = rng.normal(0, 20, (2, 24, 31))
    images = (1 / (1 + np.exp(-logits))).astype(np.float16)
    check_agreement(images, Topology(construction), 2)


@pytest.mark.parametrize("backend", INSTALLED)
@pytest.mark.parametrize(
    "dtype", ["float16", "float32", "float64", "uint8", "int16", "bool", ">f4"]
)
def test_every_dtype_gives_the_bars_of_its_values(backend, dtype):
    """The value of a voxel counts, not the type that holds it."""
    images = np.random.default_rng(2).integers(0, 2 if dtype == "bool" else 50, (2, 6, 7))
    expected = compute(images.astype(float), backend=backend).multiset()
    assert compute(images.astype(dtype), backend=backend).multiset() == expected


@pytest.mark.parametrize("backend", INSTALLED)
def test_large_integers_keep_their_order(backend):
    """2**53 and 2**53 + 1 are one float64 but two pixels."""
    images = np.full((1, 3, 3), 0, np.int64)
    images[0, 0, 0], images[0, 2, 2], images[0, 1, 1] = 2**53 + 1, 2**53 + 2, 2**53
    bars = compute(images, Topology("T"), dims=[0], backend=backend)
    assert bars.birth_index.tolist() == [8, 0] or bars.birth_index.tolist() == [0, 8]
    assert sorted(bars.death_index.tolist()) == [-1, 4]


@pytest.mark.parametrize("backend", INSTALLED)
@pytest.mark.parametrize(
    "view",
    [
        lambda x: np.asfortranarray(x),
        lambda x: x[:, ::-1, ::2],
        lambda x: x.transpose(0, 2, 1),
        lambda x: np.lib.stride_tricks.as_strided(x, writeable=False),
    ],
    ids=["fortran", "negative-stride", "transposed", "read-only"],
)
def test_memory_layout_does_not_matter(backend, view):
    """Indices are row-major positions in the array as it is seen, however it lies in memory."""
    images = view(np.random.default_rng(3).random((2, 6, 8)))
    bars = compute(images, backend=backend)
    check_indices(bars, images)
    assert bars.multiset() == compute(np.ascontiguousarray(images), backend=backend).multiset()


@pytest.mark.parametrize("backend", INSTALLED)
def test_a_batch_is_its_images(backend):
    """What stands beside an image changes nothing in it."""
    images = np.random.default_rng(4).random((3, 2, 5, 6))
    batch = compute(images, backend=backend, spatial_dims=2)
    for number, image in enumerate(images.reshape(6, 5, 6)):
        alone = compute(image[None], backend=backend)
        rows = batch.select([number])
        assert alone.birth_index.tolist() == rows.birth_index.tolist()
        assert alone.death_index.tolist() == rows.death_index.tolist()


@pytest.mark.parametrize("backend", INSTALLED)
@pytest.mark.parametrize("topology", TOPOLOGIES, ids=str)
def test_dims_are_a_selection(backend, topology):
    """Asking for fewer dimensions gives the same bars in those."""
    images = np.random.default_rng(5).random((2, 4, 5, 4))
    full = compute(images, topology, backend=backend, spatial_dims=3)
    for dims in ([0], [1], [2], [0, 2], [2, 1]):
        part = compute(images, topology, dims, backend=backend, spatial_dims=3)
        expected = [row for row in full.multiset() if row[1] in dims]
        assert part.multiset() == expected


@pytest.mark.parametrize("backend", INSTALLED)
def test_duality(backend):
    """V of an image and T of its negative in the other border reading swap dimensions."""
    images = np.random.default_rng(6).random((1, 7, 6))
    v = compute(images, Topology("V", "superlevel", "plain"), backend=backend)
    t = compute(images, Topology("T", "sublevel", "framed"), backend=backend)
    finite_v = sorted((1 - k, d, b) for _, k, b, d in v.multiset() if np.isfinite(d))
    finite_t = sorted((k, b, d) for _, k, b, d in t.multiset() if np.isfinite(b + d))
    assert finite_v == finite_t
