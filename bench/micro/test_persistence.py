"""Persistence by backend, grouped by kind and size of image: who wins where, within a group."""

import pytest

from topoeval import Topology
from topoeval.persistence import BACKENDS

SIZES = {"128x128": (1, 128, 128), "512x512": (1, 512, 512), "32x32x32": (1, 32, 32, 32)}


@pytest.mark.parametrize("construction", ["V", "T"])
@pytest.mark.parametrize("kind", ["noise", "smooth", "probability"])
@pytest.mark.parametrize("size", list(SIZES))
@pytest.mark.parametrize("backend", BACKENDS.available())
def test_barcode(benchmark, images, backend, size, kind, construction):
    """All dimensions that the backend computes, of one float32 image."""
    batch = images(kind, SIZES[size])
    engine, topology = BACKENDS.load(backend)(), Topology(construction)
    dims = [dim for dim in engine.info.dims if dim < batch.ndim - 1]
    reason = engine.supports(batch.ndim - 1, topology, dims)
    if reason:
        pytest.skip(f"{backend} {reason}")
    benchmark.group = f"{construction} {size} {kind}"
    benchmark.extra_info["gives_locations"] = engine.info.gives_locations
    table = benchmark(engine.compute, batch, topology, dims)
    benchmark.extra_info["bars"] = len(table.dim)
    assert len(table.dim) > 0
