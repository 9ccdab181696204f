"""CAPE: paths along the target, and the cheapest ways beside them."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from skimage.graph import route_through_array

from topoeval import UserError, _native
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


def by_hand(price, path, corridor, snap):
    """The way along a path ``(n, ndim)`` by scikit-image, flat, in a corridor laid out in full."""
    grid = np.stack(np.indices(price.shape), axis=-1)
    near = (((grid[..., None, :] - path) ** 2).sum(-1) <= corridor**2).any(-1)
    local = np.where(near, price + 1e-9, -1.0)

    def snapped(end):
        away = ((grid - end) ** 2).sum(-1)
        at = np.where((away <= snap**2) & near, local, np.inf)
        nearest = np.where(at == at.min(), away, np.iinfo(np.int64).max)
        return np.unravel_index(nearest.argmin(), price.shape)

    way, _ = route_through_array(
        local, snapped(path[0]), snapped(path[-1]), fully_connected=True, geometric=False
    )
    return np.ravel_multi_index(tuple(np.transpose(way)), price.shape)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(1, 9), (24, 31), (60, 50), (7, 8, 9)])
def test_ways_are_those_of_scikit_image(shape, dtype):
    """Voxel by voxel, the ties of flat and of saturated maps settled alike."""
    rng = np.random.default_rng(len(shape))
    for case in range(12):
        mask = rng.random(shape)
        for axis in range(len(shape)):
            mask = mask + np.roll(mask, 1, axis)
        skeleton = thin(mask[None] > np.median(mask), Topology())[0]
        price = rng.random(shape)
        if case % 3 == 1:
            price = rng.integers(0, 3, shape)
        elif case % 3 == 2:
            price = np.clip(3 * mask / mask.max() - 1.5, 0, 1)
        price = (400 * price).astype(dtype)
        corridor = int(rng.integers(1, 7))
        snap = int(rng.integers(0, corridor + 1))
        paths = list(skeleton_paths(skeleton))
        flat = [np.ravel_multi_index(tuple(path.T), shape) for path in paths]
        ways, sizes = _native.cheapest_ways(
            np.stack([np.full_like(price, np.nan), price]),  # the paths are of the second
            np.concatenate(flat),
            np.array([len(path) for path in paths]),
            np.ones(len(paths), np.int64),
            corridor,
            snap,
            1 + case % 2,
        )
        found = np.split(ways, np.cumsum(sizes)[:-1])
        for path, way in zip(paths, found, strict=True):
            np.testing.assert_array_equal(way, by_hand(price, path, corridor, snap))


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 8), (40, 50), (6, 7, 8)])
def test_the_engine_cuts_the_same_paths(shape):
    """Or leaves the skeleton to SciPy where two ways are equally long, and some it does not."""
    rng = np.random.default_rng(sum(shape))
    cut = 0
    for case in range(40):
        mask = rng.random(shape)
        for axis in range(len(shape)):
            mask = mask + np.roll(mask, 1, axis)
        mask = mask > np.quantile(mask, 0.1 + 0.8 * rng.random())
        skeleton = thin(mask[None], Topology())[0] if case % 4 else mask
        (found,) = _native.skeleton_paths(skeleton[None], 1)
        if found is None:
            continue
        cut += 1
        voxels, lengths = found
        expected = [np.ravel_multi_index(tuple(path.T), shape) for path in skeleton_paths(skeleton)]
        assert lengths.tolist() == [len(path) for path in expected]
        np.testing.assert_array_equal(voxels, np.concatenate(expected or [voxels]))
    assert cut


def test_equally_long_ways_are_left_to_scipy():
    """Round a diamond there are two; the loss is that of SciPy's choice."""
    target = torch.zeros(1, 1, 7, 11)
    target[0, 0, 3, [1, 2, 3, 7, 8, 9]] = 1
    for row, column in ((2, 4), (1, 5), (2, 6), (4, 4), (5, 5), (4, 6)):
        target[0, 0, row, column] = 1
    assert _native.skeleton_paths(target[0].numpy().astype(bool), 1) == [None]
    ((paths,),) = CapeLoss().prepare(target)
    expected = list(skeleton_paths(target[0, 0].numpy().astype(bool)))
    assert paths[1].tolist() == [len(path) for path in expected]
    p = torch.rand(target.shape, generator=torch.Generator().manual_seed(0)).requires_grad_()
    CapeLoss()(p, target).backward()
    assert p.grad.isfinite().all()
    assert p.grad.any()


def test_the_engine_refuses_paths_that_are_not_there():
    """Voxels and maps by number, lengths that sum up, prices that can be paid."""
    price, one = np.ones((1, 4, 4), np.float32), np.ones(1, np.int64)
    _native.cheapest_ways(price, one, one, one - 1, 2, 1, 1)
    for arguments, problem in (
        ((one + 15, one, one - 1), "voxel"),
        ((one, one, one), "image"),
        ((one, one + 1, one - 1), "lengths"),
    ):
        with pytest.raises(ValueError, match=problem):
            _native.cheapest_ways(price, *arguments, 2, 1, 1)
    ends = np.array([0, 1, 2, 3])
    price[:, :, 1:3] = np.inf
    with pytest.raises(ValueError, match="infinite"):
        _native.cheapest_ways(price, ends, one + 3, one - 1, 5, 0, 1)
