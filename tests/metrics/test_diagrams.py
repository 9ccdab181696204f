"""Diagram distances: by hand, stable, essential classes apart."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from topoeval.errors import UserError
from topoeval.metrics import bottleneck_distance, wasserstein_distance
from topoeval.topology import Topology

pytest.importorskip("gudhi", reason="the distances are computed by gudhi")
pytest.importorskip("ot", reason="the Wasserstein distance is computed by POT")

T = Topology("T")


def peaks(*heights):
    """Return an image with separate peaks on zero ground."""
    image = np.zeros((3, 2 * len(heights) + 1))
    image[1, 1::2] = heights
    return image


def test_by_hand():
    """The highest peak is essential, of birth alone; the others are bars to the ground."""
    p, g = peaks(1.0, 0.6), peaks(0.9, 0.5)
    bottleneck = bottleneck_distance(p, g, T)
    assert bottleneck.finite == pytest.approx([0.1, 0])
    assert bottleneck.essential == pytest.approx([0.1, 0])
    wasserstein = wasserstein_distance(p, g, T)
    assert wasserstein.finite == pytest.approx([0.1, 0])
    # a bar without partner goes to the diagonal, half its length in each coordinate
    lone = wasserstein_distance(peaks(1.0, 0.6), peaks(1.0, 0.0), T)
    assert lone.finite == pytest.approx([0.6 / np.sqrt(2), 0])
    assert bottleneck_distance(peaks(1.0, 0.6), peaks(1.0, 0.0), T).finite[0] == pytest.approx(0.3)


@settings(deadline=None, max_examples=25)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from(["V", "T-sublevel", "T-superlevel-framed"]),
    st.booleans(),
)
def test_stability(seed, text, volume):
    """The bottleneck distance is at most the largest difference (Cohen-Steiner et al. 2007)."""
    rng = np.random.default_rng(seed)
    p, g = rng.random((2, 2, *((4, 4, 3) if volume else (6, 7))))
    found = bottleneck_distance(p, g, Topology.parse(text), p.ndim - 1)
    bound = np.abs(p - g).reshape(2, -1).max(axis=1)
    assert (found.finite <= bound[:, None] + 1e-12).all()
    assert (found.essential <= bound[:, None] + 1e-12).all()
    same = wasserstein_distance(p, p, Topology.parse(text), p.ndim - 1)
    assert same.finite == pytest.approx(0, abs=1e-9)
    assert not same.essential.any()


def test_refuses_an_order_below_one():
    """Then it is no distance."""
    with pytest.raises(UserError, match="1 or more"):
        wasserstein_distance(peaks(1.0), peaks(1.0), T, order=0.5)
