"""Placenta-like volumes: speckle, cone and lacunae."""

import numpy as np
import pytest
from scipy import stats

from topoeval import datasets
from topoeval.datasets.placenta import _speckle, _turn


def load(split="test", size=3, **params):
    """Return a few small volumes."""
    return list(datasets.load("placenta", split, size, side=48, **params))


def test_speckle_is_rayleigh_distributed_at_every_depth():
    """Fully developed speckle: mean over standard deviation is 1.91, mean square 1."""
    side = 64
    depth = ((np.arange(side) + 0.5) / side).astype(np.float32)[:, None, None]
    speckle = _speckle((side,) * 3, depth, 1.0, np.random.default_rng(0))
    expected = np.sqrt(np.pi / (4 - np.pi))
    for part in np.split(speckle, 4):
        assert (part**2).mean() == pytest.approx(1, rel=0.05)
        assert part.mean() / part.std() == pytest.approx(expected, rel=0.04)
    apart = speckle[::5, ::7, ::7].ravel()
    assert stats.kstest(apart, stats.rayleigh(scale=np.sqrt(0.5)).cdf).pvalue > 0.001


def test_speckle_widens_with_depth():
    """Neighbours across the beam are more alike far from the probe."""
    side = 64
    depth = ((np.arange(side) + 0.5) / side).astype(np.float32)[:, None, None]
    speckle = _speckle((side,) * 3, depth, 1.0, np.random.default_rng(0))

    def alike(part):
        return np.corrcoef(part[:, 2:].ravel(), part[:, :-2].ravel())[0, 1]

    assert alike(speckle[-16:]) > alike(speckle[:16]) + 0.1


def test_nothing_is_seen_outside_the_cone():
    """Neither image nor truth."""
    narrow = datasets.load("placenta", "test", 3, side=48, view=0.5)
    for sample in narrow:
        assert not sample.image[0][~narrow.seen].any()
        assert not sample.target[0][~narrow.seen].any()


def test_the_slab_is_brighter_than_its_surroundings():
    """At the same depth, where there is no shadow."""
    for sample in load(shadows=0, contrast=0.4, attenuation=0):
        inside = sample.target[0] > 0
        around = (sample.image[0] > 0) & ~inside
        assert sample.image[0][inside].mean() > 1.15 * sample.image[0][around].mean()


def test_lacunae_are_pockets_or_channels():
    """Over a few samples both ways of breaking the prior occur."""
    broken = [sample.betti["T"] for sample in load("relaxed", 8)]
    assert any(b2 for _, _, b2 in broken)
    assert any(b1 for _, b1, _ in broken)


def test_turns_are_rotations():
    """Orthonormal, and the slab's normal stays near the depth."""
    for seed in range(5):
        turn = _turn(np.random.default_rng(seed))
        np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-12)
        assert turn[0, 0] >= np.cos(np.radians(35)) - 1e-12
