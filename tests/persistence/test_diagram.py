"""Bars as points of diagrams: which diagram, where in the plane, how far from what."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from topoeval import UserError
from topoeval.persistence import compute
from topoeval.persistence.diagram import (
    check_comparable,
    diagonal_distances,
    distances,
    extent,
    finite,
    group_index,
    kind_of,
    points_of,
    rows_of_groups,
    sum_per_group,
)

NORMS = [1.0, 1.5, 2.0, 3.0, math.inf]


@pytest.fixture(scope="module")
def bars():
    """Both dimensions of five noisy maps, in their batch shape 5 x 1."""
    maps = torch.rand(5, 1, 7, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return compute(maps, spatial_dims=2)


def test_a_group_is_an_image_and_a_dimension(bars):
    """Numbered image by image, whatever dimensions were asked for."""
    expected = bars.image * 2 + bars.dim
    torch.testing.assert_close(group_index(bars), expected)
    loops = compute(torch.rand(2, 1, 6, 6), dims=[1], spatial_dims=2)
    torch.testing.assert_close(group_index(loops), loops.image)


def test_infinite_ends_are_told_apart_and_read_as_0(bars):
    """One component of each map never dies; its rank is by its birth."""
    essential = kind_of(bars) > 0
    assert essential.sum() == 5
    torch.testing.assert_close(essential, bars.death.isinf())
    points = points_of(bars)
    assert points.dtype == torch.float64
    torch.testing.assert_close(points[:, 1][essential], torch.zeros(5, dtype=torch.float64))
    torch.testing.assert_close(extent(bars)[essential], bars.birth[essential])
    torch.testing.assert_close(
        extent(bars)[~essential], (bars.birth - bars.death)[~essential].abs()
    )


def test_finite_bars_come_by_group_and_length(bars):
    """Every finite bar once, in its own group, the longest first."""
    rows = rows_of_groups(bars)
    lengths, groups = extent(bars), group_index(bars)
    for group, chosen in rows.items():
        assert (groups[chosen] == group).all()
        assert (np.diff(lengths[chosen]) <= 0).all()
    together = np.sort(np.concatenate(list(rows.values())))
    np.testing.assert_array_equal(together, (kind_of(bars) == 0).nonzero().flatten())


def test_sums_are_by_image_and_dimension(bars):
    """As a loop over images and dimensions adds them, with a gradient for each row."""
    rows = (kind_of(bars) == 0).nonzero().flatten()
    values = extent(bars)[rows].requires_grad_()
    sums = sum_per_group(bars, rows, values)
    assert sums.shape == (5, 2)
    for image in range(5):
        for dim in range(2):
            mine = (bars.image[rows] == image) & (bars.dim[rows] == dim)
            torch.testing.assert_close(sums[image, dim], values[mine].sum())
    sums.sum().backward()
    torch.testing.assert_close(values.grad, torch.ones_like(values))


@pytest.mark.parametrize("norm", NORMS)
def test_the_diagonal_is_as_far_as_its_nearest_point(bars, norm):
    """Against the least distance over a fine grid of points of the diagonal."""
    ours = diagonal_distances(bars, norm)
    long = kind_of(bars) == 0
    assert ours[~long].isinf().all()
    places = np.linspace(0, 1, 2001)
    tried = distances(points_of(bars)[long].numpy(), np.stack([places, places], 1), norm).min(1)
    assert (ours[long].numpy() <= tried + 1e-12).all()
    np.testing.assert_allclose(ours[long], tried, atol=5e-4)


POINTS = st.lists(st.tuples(*[st.floats(-5, 5)] * 2), min_size=1, max_size=4)


@settings(max_examples=30, deadline=None)
@given(POINTS, POINTS, st.sampled_from(NORMS))
def test_distances_are_norms_of_differences(first, second, norm):
    """Each pair by NumPy."""
    found = distances(np.array(first), np.array(second), norm)
    expected = [[np.linalg.norm(np.subtract(a, b), ord=norm) for b in second] for a in first]
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_an_infinite_end_has_no_gradient():
    """It is read as 0, and 0 does not move."""
    ends = torch.tensor([0.5, -math.inf, math.inf], requires_grad=True)
    read = finite(ends)
    read.sum().backward()
    assert read.tolist() == [0.5, 0, 0]
    assert ends.grad.tolist() == [1, 0, 0]


def test_tables_of_other_dimensions_are_refused(bars):
    """By the name of what differs."""
    with pytest.raises(UserError, match=r"dims: \(0, 1\) and \(1,\)"):
        check_comparable(bars, compute(torch.rand(5, 1, 6, 6), dims=[1], spatial_dims=2))
