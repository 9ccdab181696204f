"""A seeded, short run of `bench/micro/intervals.py`: what tables print holds what it states."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest


@pytest.fixture(scope="module")
def intervals() -> ModuleType:
    """Load the script."""
    path = Path(__file__).parents[2] / "bench" / "micro" / "intervals.py"
    spec = importlib.util.spec_from_file_location("intervals", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("shape", ["normal", "skewed", "right or wrong, 2 in 3"])
@pytest.mark.parametrize(("seeds", "cases"), [(5, 18), (10, 100)])
def test_intervals_hold_the_truth_as_often_as_stated(
    intervals: ModuleType, shape: str, seeds: int, cases: int
) -> None:
    """Of means and of differences to the base, 95 %; three standard errors of 1200 are 1.9 %."""
    for rates in intervals.coverage(np.random.default_rng(4), shape, seeds, cases, 1200):
        assert 0.93 - 0.019 <= min(rates) <= max(rates) <= 0.98 + 0.012


def test_the_truth_of_a_distribution_is_its_mean(intervals: ModuleType) -> None:
    """The integral agrees with what many draws average to."""
    values = intervals.latent(np.random.default_rng(0), (1, 1, 2000, 2000), (0.1, 1.0, 0.3))
    for shape in intervals.SHAPES:
        drawn = intervals.seen(values, shape).mean()
        assert intervals.truth(shape, (0.1, 1.0, 0.3)) == pytest.approx(drawn, abs=0.11)


@pytest.mark.parametrize("shape", ["normal", "skewed", "right or wrong, 2 in 3"])
def test_families_of_equals_have_few_stars(intervals: ModuleType, shape: str) -> None:
    """At most 5 % of the families have one; three standard errors of 300 are 3.8 %."""
    rate = intervals.false_stars(np.random.default_rng(5), shape, 5, 5, 18, 300)
    assert rate <= 0.05 + 0.038
