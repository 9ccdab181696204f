"""The pencils of the synthetic families: fields, tubes, labels of hasty annotators."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from topoeval.datasets.fields import smooth_field
from topoeval.datasets.label_noise import noisy_label
from topoeval.datasets.tubes import bent, coverage, tube_distance
from topoeval.metrics import betti_numbers
from topoeval.topology import Topology


@pytest.mark.parametrize("shape", [(200, 240), (40, 44, 48)])
def test_fields_have_unit_spread_and_the_wavelength_asked_for(shape):
    """Near voxels are alike, far ones are not, and the variance is one on average."""
    fields = [smooth_field(shape, 6.0, np.random.default_rng(seed)) for seed in range(8)]
    assert np.std(fields) == pytest.approx(1, abs=0.06)
    assert np.mean(fields) == pytest.approx(0, abs=0.15)
    for gap, low, high in ((1, 0.9, 1.0), (24, -0.1, 0.1)):
        pairs = [(f[gap:].ravel(), f[:-gap].ravel()) for f in fields]
        alike = np.mean([np.corrcoef(a, b)[0, 1] for a, b in pairs])
        assert low < alike < high


points = st.floats(0, 12, allow_nan=False)


@settings(deadline=None, max_examples=25)
@given(st.lists(st.tuples(points, points, points), min_size=4, max_size=4), st.floats(0.3, 3))
def test_distances_to_tubes_are_those_of_a_dense_sampling(ends, radius):
    """Against the nearest of many balls along each piece."""
    starts, stops = np.array(ends[:2]), np.array(ends[2:])
    radii = np.array([[radius, 0.5 * radius], [radius, radius]])
    distance, piece = tube_distance(starts, stops, radii, (12, 12, 12), reach=4.0)
    share = np.linspace(0, 1, 201)[:, None]
    centres = np.concatenate([a + share * (b - a) for a, b in zip(starts, stops, strict=True)])
    balls = np.concatenate([r0 + share[:, 0] * (r1 - r0) for r0, r1 in radii])
    voxel = np.stack(np.meshgrid(*[np.arange(12) + 0.5] * 3, indexing="ij"), -1)
    gaps = np.linalg.norm(voxel[..., None, :] - centres, axis=-1) - balls
    # A tapered piece is measured across its axis, so next to its flank a ball may be nearer, by no
    # more than its radii differ.
    slack = 0.5 * radius + 0.1
    near = distance < 4.0
    np.testing.assert_allclose(distance[near], gaps.min(-1)[near], atol=slack)
    assert (gaps.min(-1)[~near] > 4.0 - slack).all()
    assert ((piece >= 0) == near).all()


def test_coverage_is_half_on_the_border():
    """And none or all a voxel away."""
    np.testing.assert_array_equal(coverage(np.float32([-1, -0.25, 0, 1])), [1, 0.75, 0.5, 0])


def test_bent_curves_pass_through_ends_and_middle():
    """A parabola of the asked sagitta."""
    curve = bent(np.zeros(2), np.array([4.0, 0.0]), np.array([0.0, 1.0]), 4)
    np.testing.assert_allclose(curve[[0, 2, 4]], [[0, 0], [2, 1], [4, 0]])


@pytest.fixture
def ring():
    """Return a thin ring."""
    rows, columns = np.ogrid[:64, :64]
    gap = np.hypot(rows - 31.3, columns - 31.7)
    return (np.abs(gap - 18) < 2)[None]


def betti(label):
    """Return (b0, b1)."""
    return tuple(betti_numbers(label[0], Topology("T")))


def test_gaps_open_a_ring(ring):
    """Every time: that is what they are for."""
    for seed in range(10):
        label = noisy_label(ring, "gaps", np.random.default_rng(seed))
        assert betti(label)[1] == 0
        assert (label <= ring).all()


def test_specks_add_components_and_nothing_else(ring):
    """They keep clear of the structure."""
    for seed in range(10):
        label = noisy_label(ring, "specks", np.random.default_rng(seed))
        assert betti(label)[0] > 1
        assert betti(label)[1] == 1
        assert (label >= ring).all()


def test_dilation_adds_the_voxels_next_to_the_structure(ring):
    """One layer, by faces; of several classes none grows into another."""
    label = noisy_label(ring, "dilation", np.random.default_rng(0))
    np.testing.assert_array_equal(label[0], ndimage.binary_dilation(ring[0]))
    both = np.concatenate((ring, ~ring))
    np.testing.assert_array_equal(noisy_label(both, "dilation", np.random.default_rng(0)), both)


def test_empty_masks_have_no_gaps():
    """Nothing to erase, nothing raised."""
    empty = np.zeros((1, 8, 8), dtype=bool)
    assert not noisy_label(empty, "gaps", np.random.default_rng(0)).any()
