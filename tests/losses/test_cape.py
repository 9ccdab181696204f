"""CAPE: paths along the target, and the cheapest ways beside them."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from topoeval import UserError
from topoeval.digital import thin
from topoeval.losses import CapeLoss
from topoeval.losses.cape import skeleton_paths
from topoeval.topology import Topology


def line(length=16, row=4, gap=None):
    p = torch.zeros(1, 1, 9, length)
    p[..., row, 2:-2] = 1
    if gap is not None:
        p[..., row, gap] = 0.5
    return p


def test_a_gap_is_crossed_at_full_price():
    """A voxel at one half is at half the clip distance: its square is the loss."""
    assert CapeLoss()(line(), line()).item() == 0
    assert CapeLoss()(line(gap=7), line()).item() == pytest.approx(10**2)
    assert CapeLoss(clip=4)(line(gap=7), line()).item() == pytest.approx(2**2)


def test_the_gradient_closes_the_gap():
    """Only the voxel of the gap is pulled, and upwards."""
    p = line(gap=7).requires_grad_()
    CapeLoss()(p, line()).backward()
    assert p.grad.nonzero()[:, 3].tolist() == [7]
    assert p.grad[0, 0, 4, 7] < 0


def test_a_shifted_branch_costs_nothing():
    """Ends snap to the cheapest voxel nearby, and the way follows the prediction."""
    assert CapeLoss()(line(row=6), line()).item() == 0
    assert CapeLoss(corridor=2, snap=1)(line(row=6), line()).item() > 0


def test_a_detour_is_taken_where_it_is_cheaper():
    """The way is the cheapest in the corridor, not the straight one."""
    p = line(gap=7)
    p[..., 3, 6:9] = 1
    assert CapeLoss()(p, line()).item() == 0


def test_the_mean_is_over_paths():
    """Two branches, one broken: half the price of the gap."""
    target = torch.cat([line(), line()], dim=2)
    p = torch.cat([line(gap=7), line()], dim=2)
    assert CapeLoss(corridor=2, snap=2)(p, target).item() == pytest.approx(10**2 / 2)


@settings(max_examples=40, deadline=None)
@given(
    hnp.arrays(bool, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.booleans())
    | hnp.arrays(bool, st.tuples(*[st.integers(1, 4)] * 3), elements=st.booleans())
)
def test_paths_cover_the_skeleton(mask):
    """Every voxel of a skeleton is on a path, and paths run from neighbour to neighbour."""
    skeleton = thin(mask[None], Topology())[0]
    covered = np.zeros_like(skeleton)
    for path in skeleton_paths(skeleton):
        covered[tuple(path.T)] = True
        assert (np.abs(np.diff(path, axis=0)).max(1, initial=1) == 1).all()
    assert np.array_equal(covered, skeleton)


def test_a_loop_is_covered_by_two_ways_round():
    """A ring is not one path; broken anywhere it costs something."""
    ring = torch.zeros(1, 1, 14, 14)
    ring[..., 2, 2:12] = ring[..., 11, 2:12] = ring[..., 2:12, 2] = ring[..., 2:12, 11] = 1
    for at in ((2, 6), (11, 6), (6, 2), (6, 11)):
        broken = ring.clone()
        broken[(..., *at)] = 0.5
        assert CapeLoss(corridor=2, snap=1)(broken, ring).item() > 0


def test_bad_settings_are_refused():
    """An end cannot leave the corridor."""
    with pytest.raises(UserError, match="snap <= corridor"):
        CapeLoss(corridor=2, snap=3)
