"""Skeletons keep every component; clDice by hand and where packages say NaN."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.morphology import skeletonize

from topoeval.digital.thinning import thin
from topoeval.errors import UserError
from topoeval.metrics import cldice, label, skeleton
from topoeval.topology import Topology

shapes = st.sampled_from([(9, 11), (5, 6, 7)])


def bars(width):
    """Return a volume with two bars of a width, along the first axis."""
    volume = np.zeros((12, 20, 10), bool)
    volume[2:10, 2 : 2 + width, 2 : 2 + width] = True
    volume[2:10, 12 : 12 + width, 2 : 2 + width] = True
    return volume


@settings(deadline=None)
@given(shapes.flatmap(lambda shape: arrays(bool, shape)))
def test_every_component_has_a_skeleton_inside(mask):
    """Whatever the thinning does to it."""
    found = skeleton(mask)
    labels, number = label(mask, 8 if mask.ndim == 2 else 26)
    assert not (found.voxels & ~mask).any()
    assert len(np.unique(labels[found.voxels])) == number


@pytest.mark.parametrize("width", [2, 4, 6])
def test_bars_of_even_width_are_repaired(width):
    """scikit-image issue 3757: Lee's thinning leaves nothing of them; ours keeps their length."""
    volume = bars(width)
    assert not skeletonize(volume).any()
    found = skeleton(volume)
    assert found.repaired == 2
    # less about half the width at each end
    assert int(found.voxels.sum()) >= 2 * max(1, 8 - width - 1)
    assert found.faithful
    assert cldice(volume, volume) == 1


def test_odd_bars_need_no_repair():
    """The flag is raised only where something was lost."""
    found = skeleton(bars(3))
    assert (found.repaired, found.faithful) == (0, True)


def test_by_hand():
    """All of the short line is on the long one; three of seven the other way."""
    line = np.zeros((5, 9), bool)
    line[2, 1:8] = True
    half = line.copy()
    half[2, 4:] = False
    assert cldice(half, line) == pytest.approx(2 * 1 * (3 / 7) / (1 + 3 / 7))
    assert cldice(line, np.roll(line, 2, axis=0)) == 0


@settings(deadline=None)
@given(arrays(bool, (2, 8, 8)))
def test_symmetric_and_bounded(pair):
    """Prediction and truth play the same part; a mask agrees with itself."""
    p, g = pair
    assert 0 <= cldice(p, g) <= 1
    assert cldice(p, g) == pytest.approx(cldice(g, p))
    assert cldice(p, p) == 1


def test_refuses_lines():
    """A skeleton needs two axes or three."""
    with pytest.raises(UserError, match="2D or 3D"):
        skeleton(np.ones(4, bool))


def test_lost_components_thin_alone_as_together():
    """Whatever their places: each in a box of its own gives what one thinning of all gives."""
    rng = np.random.default_rng(0)
    repaired = 0
    for _ in range(60):
        mask = np.zeros((16, 16, 16), bool)
        for corner in rng.integers(0, 13, (4, 3)):
            sides = rng.choice([2, 4], 3)
            mask[tuple(slice(c, c + s) for c, s in zip(corner, sides, strict=True))] = True
        found = skeleton(mask)
        kept = np.asarray(skeletonize(mask)) & mask
        labels, number = label(mask, 26)
        lost = mask & ~np.isin(labels, labels[kept])
        repaired += found.repaired
        if not lost.any():
            assert np.array_equal(found.voxels, kept)
            continue
        box = tuple(slice(axis.min(), axis.max() + 1) for axis in np.nonzero(lost))
        kept[box] |= thin(np.ascontiguousarray(lost[box])[None], Topology("T"))[0]
        assert np.array_equal(found.voxels, kept)
        assert label(found.voxels, 26)[1] == number
    assert repaired > 60
