"""The box of a pair of masks has the scores of the image."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from topoeval.metrics import Settings, available_columns, score
from topoeval.metrics.box import box_of
from topoeval.metrics.scores import _scored_one
from topoeval.topology import Topology


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from([2, 3]).flatmap(
        lambda ndim: st.tuples(
            arrays(bool, (2, *(5,) * ndim)),
            st.tuples(*(st.integers(0, 4) for _ in range(ndim))),
            st.tuples(*(st.integers(0, 4) for _ in range(ndim))),
        )
    ),
    st.sampled_from(["V", "T", "T-superlevel-framed", "V-sublevel"]),
)
def test_scores_of_the_box_are_those_of_the_image(drawn, topology):
    """Every column, wherever the masks lie in the image, whatever the topology."""
    masks, before, after = drawn
    around = list(zip(before, after, strict=True))
    p, g = (np.pad(mask, around) for mask in masks)
    asked = Settings(topology=Topology.parse(topology), patch=4)
    columns = available_columns(p.ndim)
    whole = _scored_one(list(columns.values()), (p, g), asked)
    assert score(p, g, asked, columns) == pytest.approx(whole, rel=1e-12)


def test_what_needs_the_image_gets_it():
    """A column that does not say that a box is enough is given the masks as they are."""
    p, g = np.zeros((2, 20, 30), bool)
    p[4, 5] = g[4, 6] = True
    framed = Settings(topology=Topology("T", border="framed"))
    assert not available_columns(2)["patch_betti_error"].fits_a_box(Settings())
    assert available_columns(2)["dice"].fits_a_box(framed)
    assert not available_columns(2)["betti_error"].fits_a_box(framed)
    # the diagonal of the image, not of the box
    assert score(p, g & False, columns="hd95")["hd95"] == pytest.approx(np.hypot(20, 30))


@given(arrays(bool, (4, 3, 5)), st.integers(0, 2))
def test_the_box_is_the_smallest(mask, margin):
    """It ends where the foreground of each axis does, plus the margin inside the image."""
    found = box_of(mask, margin=margin)
    places = np.argwhere(mask)
    if not len(places):
        assert found is None
        return
    for at, low, high, side in zip(found, places.min(0), places.max(0), mask.shape, strict=True):
        assert (at.start, at.stop) == (max(low - margin, 0), min(high + 1 + margin, side))
