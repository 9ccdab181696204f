"""Wrong regions: by hand, and their sums."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from topoeval.metrics import betti_numbers, wrong_regions
from topoeval.metrics.regions import count_wrong_regions
from topoeval.topology import Topology

KINDS = ("false_components", "missed_components", "false_holes", "missed_holes")


def test_by_hand():
    """A speck, a pinhole and a missed disc, each with its size."""
    g = np.zeros((7, 20), bool)
    g[1:6, 1:6] = g[2:5, 8:11] = True
    p = g.copy()
    p[3, 3] = False
    p[2:5, 8:11] = False
    p[3, 15:17] = True
    wrong = wrong_regions(p, g, Topology())
    assert [getattr(wrong, kind).number for kind in KINDS] == [1, 1, 1, 0]
    assert [getattr(wrong, kind).voxels for kind in KINDS] == [2, 9, 1, 0]
    assert np.argwhere(wrong.false_holes.labels).tolist() == [[3, 3]]


@settings(deadline=None)
@given(arrays(bool, (2, 7, 8)) | arrays(bool, (2, 4, 5, 4)), st.sampled_from("VT"))
def test_never_more_than_there_are(pair, construction):
    """All regions of a mask are wrong when the other is empty, none when they are equal."""
    p, g = pair
    topology = Topology(construction)
    betti = betti_numbers(p, topology)
    alone = wrong_regions(p, np.zeros_like(p), topology)
    assert alone.false_components.number == betti[0]
    assert alone.false_holes.number == betti[-1]
    same = wrong_regions(p, p, topology)
    assert not any(getattr(same, kind).number for kind in KINDS)
    there, back = wrong_regions(p, g, topology), wrong_regions(g, p, topology)
    assert there.false_components.number == back.missed_components.number
    assert there.false_holes.voxels == back.missed_holes.voxels
    assert not (there.false_components.labels > 0)[g].any()


@given(arrays(bool, (2, 6, 7)), st.sampled_from(["V", "T", "T-superlevel-framed"]))
def test_counts_are_those_of_the_regions(masks, topology):
    """Counting without label images of the regions finds the same."""
    read = Topology.parse(topology)
    wrong = wrong_regions(*masks, read)
    for kind, (number, voxels) in count_wrong_regions(*masks, read).items():
        regions = getattr(wrong, f"{kind}s")
        assert (number, voxels) == (regions.number, regions.voxels), kind
