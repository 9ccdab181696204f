"""The integrated Euler characteristic is that of labels and of persistence."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from topoeval import Topology, UserError
from topoeval.losses import EulerLoss
from topoeval.losses.euler import integrated_euler_characteristic
from topoeval.metrics import betti_numbers
from topoeval.persistence import compute

SHAPES = st.one_of(hnp.array_shapes(min_dims=2, max_dims=3, min_side=1, max_side=6))
CONSTRUCTIONS = st.sampled_from(["V", "T"])
BORDERS = st.sampled_from(["plain", "framed"])


@settings(max_examples=80, deadline=None)
@given(SHAPES.flatmap(lambda shape: hnp.arrays(bool, shape)), CONSTRUCTIONS, BORDERS)
def test_of_a_mask_it_is_counted_from_labels(mask, construction, border):
    """b0 - b1 (+ b2) of the same set, by component labelling."""
    topology = Topology(construction, border=border)
    betti = betti_numbers(mask, topology)
    expected = sum((-1) ** k * int(b) for k, b in enumerate(betti))
    found = integrated_euler_characteristic(
        torch.from_numpy(mask).double(), topology, spatial_dims=mask.ndim
    )
    assert found.item() == expected


@settings(max_examples=60, deadline=None)
@given(
    SHAPES, CONSTRUCTIONS, BORDERS, st.sampled_from(["superlevel", "sublevel"]), st.integers(0, 999)
)
def test_of_a_grey_map_it_is_the_alternating_sum_of_bars(
    shape, construction, border, direction, seed
):
    """Euler-Poincare at every threshold: lengths of bars with the sign of their dimension."""
    x = np.random.default_rng(seed).random((1, *shape))
    topology = Topology(construction, direction, border)
    bars = compute(x, topology, spatial_dims=len(shape))
    expected = ((-1.0) ** bars.dim * bars.lengths()).sum()
    found = integrated_euler_characteristic(torch.from_numpy(x), topology, len(shape))
    assert found.item() == pytest.approx(expected)


@pytest.mark.parametrize("exponent", [1.0, 2.0])
def test_value_is_the_difference(exponent):
    """A power of it, for each image and channel."""
    torch.manual_seed(0)
    x, target = torch.rand(2, 3, 8, 7).double(), (torch.rand(2, 3, 8, 7) > 0.5).double()
    value = EulerLoss(exponent=exponent, reduction="none")(x, target)
    chi = [integrated_euler_characteristic(maps, Topology(), 2) for maps in (x, target)]
    torch.testing.assert_close(value, (chi[0] - chi[1]).abs() ** exponent)


@pytest.mark.parametrize("border", ["plain", "framed"])
@pytest.mark.parametrize("construction", ["V", "T"])
def test_windows_are_images_of_their_own(construction, border):
    """Averaged, the last one moved back to the edge."""
    torch.manual_seed(0)
    x, target = torch.rand(1, 1, 9, 8).double(), (torch.rand(1, 1, 9, 8) > 0.5).double()
    topology = Topology(construction, border=border)
    value = EulerLoss(topology=topology, window=4, step=3)(x, target)
    pieces = [
        EulerLoss(topology=topology)(
            x[..., i : i + 4, j : j + 4], target[..., i : i + 4, j : j + 4]
        )
        for i, j in itertools.product((0, 3, 5), (0, 3, 4))
    ]
    torch.testing.assert_close(value, torch.stack(pieces).mean())


def test_windows_see_what_cancels_in_the_whole():
    """One component and one hole too many are no difference, unless they are looked at apart."""
    target = torch.zeros(1, 1, 8, 16)
    target[..., 1:7, 1:7] = 1
    x = target.clone()
    x[..., 3, 3], x[..., 4, 12] = 0, 1
    assert EulerLoss()(x, target).item() == 0
    assert EulerLoss(window=8)(x, target).item() == 1


@pytest.mark.parametrize("shape", [(2, 2, 5, 6), (1, 1, 3, 4, 3)])
@pytest.mark.parametrize("construction", ["V", "T"])
def test_gradient_equals_finite_differences(shape, construction):
    """Smooth away from ties."""
    torch.manual_seed(0)
    x, target = torch.rand(shape).double(), (torch.rand(shape) > 0.5).double()
    loss = EulerLoss(topology=Topology(construction), exponent=2)
    assert torch.autograd.gradcheck(lambda x: loss(x, target), x.requires_grad_())


def test_windows_are_prepared_once():
    """Rows of a data set, one value a window."""
    torch.manual_seed(0)
    x, target = torch.rand(4, 2, 10, 10), (torch.rand(4, 2, 10, 10) > 0.5).float()
    loss = EulerLoss(window=5)
    prepared = loss.prepare(target.half())
    assert prepared.shape == (4, 2, 4)
    rows = torch.tensor([3, 1])
    torch.testing.assert_close(
        loss(x[rows], target[rows], loss.select(prepared, rows)), loss(x[rows], target[rows])
    )


def test_descent_reaches_the_euler_characteristic_of_the_target():
    """From noise, by this loss alone."""
    torch.manual_seed(0)
    target = torch.zeros(1, 1, 12, 12)
    target[..., 1:4, 1:4] = target[..., 7:11, 7:11] = 1
    logits = torch.randn(target.shape, requires_grad=True)
    loss = EulerLoss(sigmoid=True, exponent=2)
    optimiser = torch.optim.Adam([logits], lr=0.05)
    first = loss(logits, target).item()
    for _ in range(200):
        optimiser.zero_grad()
        loss(logits, target).backward()
        optimiser.step()
    assert loss(logits, target).item() < 0.05 * first


def test_bad_arguments_are_refused_in_words():
    """What is wrong, the value."""
    with pytest.raises(UserError, match=r"exponent.*0\.5"):
        EulerLoss(exponent=0.5)
