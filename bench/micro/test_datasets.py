"""Seconds to draw one sample of each synthetic family; nothing is cached.

pytest bench/micro/test_datasets.py --benchmark-columns=median,min,ops
"""

import os

import pytest

from topoeval import datasets

SIDES = {
    "strokes": 28,
    "network": 128,
    "cardiac": 128,
    "membranes": 128,
    "placenta": 64,
    "vessels": 64,
}


@pytest.fixture(autouse=True)
def _no_cache(monkeypatch):
    """Each sample is drawn anew, on one thread."""
    monkeypatch.setenv("TOPOEVAL_CACHE", "")
    assert os.environ.get("OMP_NUM_THREADS", "1") == "1", "set OMP_NUM_THREADS=1"


@pytest.mark.parametrize("difficulty", ["easy", "medium", "hard"])
@pytest.mark.parametrize("name", SIDES)
def test_draw(benchmark, name, difficulty):
    """Draw, measure, paint: ten samples a round."""
    dataset = datasets.load(name, "test", 10, side=SIDES[name], difficulty=difficulty)
    samples = benchmark.pedantic(lambda: list(dataset), rounds=5, warmup_rounds=1)
    assert len(samples) == 10
