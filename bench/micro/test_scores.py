"""Metrics on the masks of a batch, grouped by size."""

import pytest

from topoeval import Topology, metrics

SHAPES = {"16x256x256": (16, 256, 256), "2x64x64x64": (2, 64, 64, 64)}
SCORES = {
    "dice": lambda p, g, ndim: metrics.dice(p, g, ndim),
    "betti_error V": lambda p, g, ndim: metrics.betti_error(p, g, Topology("V"), ndim),
    "betti_error T": lambda p, g, ndim: metrics.betti_error(p, g, Topology("T"), ndim),
}


@pytest.mark.parametrize("shape", list(SHAPES))
@pytest.mark.parametrize("score", list(SCORES))
def test_score(benchmark, images, score, shape):
    """A score per image of the batch."""
    prediction, target = (images("probability", SHAPES[shape], seed) > 0.5 for seed in (0, 1))
    benchmark.group = shape
    values = benchmark(SCORES[score], prediction, target, len(SHAPES[shape]) - 1)
    assert len(values) == SHAPES[shape][0]
