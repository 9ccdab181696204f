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
    ndim = data.draw(st.sampled_from([2, 3]))
    shape = tuple(data.draw(st.integers(1, 9 if ndim == 2 else 5)) for _ in range(ndim))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    images = rng.random((3, *shape))
    info = BACKENDS.load(backend).info
    dims = [dim for dim in info.dims if dim < ndim]
    if info.refusal(ndim, topology, dims) is not None:
        return  # an engine of one construction, or of 2D alone: its other cases are in this test
    bars = compute(images, topology, dims, backend, spatial_dims=ndim)
    counted = betti_numbers(images >= 0.5, topology, spatial_dims=ndim)
    assert bars.betti_numbers(0.5).tolist() == counted[:, dims].tolist()
