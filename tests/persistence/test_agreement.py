"""All installed backends give the same bars of images that nobody chose."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits

from topoeval.persistence import BACKENDS, compute
from topoeval.topology import Topology

INSTALLED = [BACKENDS.load(name)() for name in BACKENDS.available()]
TOPOLOGIES = [
    Topology(*choice)
    for choice in itertools.product("VT", ("superlevel", "sublevel"), ("plain", "framed"))
]


def check_agreement(images, topology, ndim):
    """Compare every backend that can with the native engine, in the dimensions it computes."""
    expected = compute(images, topology, spatial_dims=ndim).multiset()
    for backend in INSTALLED:
        dims = [dim for dim in backend.info.dims if dim < ndim]
        if backend.supports(ndim, topology, dims) is None:
            bars = compute(images, topology, dims, backend, spatial_dims=ndim).multiset()
            assert bars == [row for row in expected if row[1] in dims], backend.info.name


@pytest.mark.skipif(len(INSTALLED) < 2, reason="needs two backends to compare")
@given(data=st.data())
@settings(max_examples=100, deadline=None)
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
def test_real_handwriting(topology):
    """Real, strongly tied inputs, as images and stacked as volumes."""
    digits = load_digits().images[:40]
    check_agreement(digits, topology, 2)
    check_agreement(digits.reshape(5, 8, 8, 8), topology, 3)


@pytest.mark.parametrize("ndim", [2, 3])
def test_duality(ndim):
    """V of an image and T in the other direction and border reading swap dimensions."""
    images = np.random.default_rng(6).random((1, 7, 6, 5)[: ndim + 1])
    v = compute(images, Topology("V", "superlevel", "plain"), spatial_dims=ndim)
    t = compute(images, Topology("T", "sublevel", "framed"), spatial_dims=ndim)
    finite_v = sorted((ndim - 1 - k, d, b) for _, k, b, d in v.multiset() if np.isfinite(d))
    finite_t = sorted((k, b, d) for _, k, b, d in t.multiset() if np.isfinite(b + d))
    assert finite_v == finite_t
