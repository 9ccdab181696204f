"""Cuts and bridges: decided by hand, and held against components of the whole mask."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from topoeval.metrics import label
from topoeval.metrics.breaks import breaks
from topoeval.topology import Topology


def line(gap=()):
    """A road of three voxels' width across an image; `gap` is taken out of its columns."""
    mask = np.zeros((15, 31), bool)
    mask[6:9] = True
    mask[:, list(gap)] = False
    return mask


def ring(gap=0):
    """A ring; the first `gap` rows of its left side are missing."""
    y, x = np.mgrid[:31, :31]
    mask = np.abs(np.hypot(y - 15, x - 15) - 10) < 1.6
    mask[15 : 15 + gap, :12] = False
    return mask


def numbers(prediction, target, topology="T"):
    """How many cuts and bridges there are."""
    found = breaks(prediction, target, Topology.parse(topology))
    return found.cuts.number, found.bridges.number


@pytest.mark.parametrize("topology", ["T", "V"])
def test_a_gap_is_a_cut_and_the_reverse_a_bridge(topology):
    """In a road, and in a ring, which stays in one piece."""
    assert numbers(line([12]), line(), topology) == (1, 0)
    assert numbers(line([5, 12, 13, 20]), line(), topology) == (3, 0)
    assert numbers(line(), line([12]), topology) == (0, 1)
    assert numbers(ring(3), ring(), topology) == (1, 0)
    assert numbers(ring(), ring(3), topology) == (0, 1)


@pytest.mark.parametrize("topology", ["T", "V"])
def test_what_is_thin_or_short_or_ragged_or_alone_is_not_cut(topology):
    """The mask loses voxels and nothing of how it is connected."""
    thin, short, ragged = line(), line([*range(20, 31)]), line()
    thin[6] = False
    ragged[6, ::3] = False
    ragged[8, 4:9] = False
    for prediction in (thin, short, ragged, np.zeros_like(thin), line()):
        assert numbers(prediction, line(), topology) == (0, 0)
        assert numbers(line(), prediction, topology) == (0, 0)


def test_where_a_cut_is():
    """The labels are those of the missed voxels."""
    found = breaks(line([5, 12, 13]), line(), "T")
    assert found.cuts.voxels == 9
    assert np.array_equal(found.cuts.labels > 0, line() & ~line([5, 12, 13]))
    assert {1, 2} == set(found.cuts.labels[found.cuts.labels > 0].tolist())


def test_only_the_largest_parts_are_looked_at_and_it_is_said():
    """Of a cut of nine voxels and two of three, the first."""
    prediction, target = line([5, 12, 13, 14, 20]), line()
    for most, cuts, passed_over in ((1, 1, 2), (2, 2, 1), (3, 3, 0), (None, 3, 0)):
        found = breaks(prediction, target, "T", most)
        assert (found.cuts.number, found.passed_over) == (cuts, passed_over)
        assert found.cuts.labels[7, 13] > 0
    assert breaks(target, prediction, "T", 1).passed_over == 2


def test_the_topology_says_what_touches():
    """A diagonal is one line through corners, and single voxels through sides."""
    target = np.eye(9, dtype=bool)
    prediction = target.copy()
    prediction[4, 4] = False
    assert numbers(prediction, target, "T") == (1, 0)
    assert numbers(prediction, target, "V") == (0, 0)


def test_volumes():
    """A tube with a gap is cut, with a bite in its side it is not; two tubes are joined."""
    target = np.zeros((12, 12, 30), bool)
    target[3:8, 3:8] = True
    gap, bite = target.copy(), target.copy()
    gap[:, :, 10:12] = False
    bite[3:6, 3:8, 10:12] = False
    assert numbers(gap, target) == (1, 0)
    assert numbers(bite, target) == (0, 0)
    two = np.zeros((12, 12, 30), bool)
    two[5, 2], two[5, 8] = True, True
    joined = two.copy()
    joined[5, 3:8, 15] = True
    assert numbers(joined, two) == (0, 1)


@pytest.mark.parametrize("topology", ["T", "V"])
def test_a_hole_through_a_sheet_is_a_tunnel(topology):
    """They touch the other mask at one place; a hollow or a bump there is none."""
    sheet = np.zeros((9, 20, 20), bool)
    sheet[3:6, 3:17, 3:17] = True
    pierced, hollow = sheet.copy(), sheet.copy()
    pierced[:, 8:10, 8:10] = False
    hollow[3:5, 8:10, 8:10] = False
    thinner = sheet.copy()
    thinner[3] = thinner[:, 3] = False
    for one, other, number in ((pierced, sheet, 1), (hollow, sheet, 0), (thinner, sheet, 0)):
        for pair in ((one, other), (other, one)):
            found = breaks(*pair, topology)
            assert (found.cuts.number, found.bridges.number) == (0, 0)
            assert found.tunnels.number == number
    assert breaks(ring(3), ring(), topology).tunnels.number == 0


@pytest.mark.parametrize("topology", ["T", "V"])
@pytest.mark.parametrize("shape", [(60, 60), (18, 18, 18)])
def test_what_joins_two_components_is_never_missed(shape, topology):
    """Held against components of the whole mask, on drawn blobs."""
    rng = np.random.default_rng(3)
    connectivity = Topology.parse(topology).foreground_connectivity(len(shape))
    seen = 0
    for _ in range(5):
        fields = [gaussian_filter(rng.normal(size=shape), 1.2) for _ in range(2)]
        target, prediction = fields[0] > 0, fields[0] + 0.4 * fields[1] > 0.05
        found = breaks(prediction, target, topology).cuts.labels
        parts, number = label(target & ~prediction, connectivity)
        for part in range(1, number + 1):
            added = label(prediction | (parts == part), connectivity)[1]
            if added < label(prediction, connectivity)[1]:
                seen += 1
                assert (found[parts == part] > 0).all()
    assert seen > 5
