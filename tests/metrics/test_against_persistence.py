"""Two independent roads to a Betti number: labels and Euler number, or bars at a threshold."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from topoeval import Topology
from topoeval.metrics import betti_numbers
from topoeval.persistence import BACKENDS, compute


@pytest.mark.parametrize("backend", BACKENDS.available())
@pytest.mark.parametrize(
    "topology",
    [Topology(c, border=b) for c, b in itertools.product("VT", ("plain", "framed"))],
    ids=str,
)
@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_bars_and_labels_count_alike(backend, topology, data):
    """For every construction, border and backend, in 2D and 3D."""
    info = BACKENDS.load(backend).info
    ndims = [n for n in (2, 3) if info.refusal(n, topology, [0]) is None]
    if not ndims:
        pytest.skip(f"{backend} {info.refusal(2, topology, [0])}")
    ndim = data.draw(st.sampled_from(ndims))
    dims = [dim for dim in info.dims if dim < ndim]
    shape = tuple(data.draw(st.integers(1, 9 if ndim == 2 else 5)) for _ in range(ndim))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    images = rng.random((3, *shape))
    bars = compute(images, topology, dims, backend, spatial_dims=ndim)
    counted = betti_numbers(images >= 0.5, topology, spatial_dims=ndim)
    assert bars.betti_numbers(0.5).tolist() == counted[:, dims].tolist()
