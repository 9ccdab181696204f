"""The boundary loss: signed distances to the target, once a training."""

import pytest
import torch

from topoeval.losses import BoundaryLoss


def mask(*rows):
    return torch.tensor([[float(c == "#") for c in row] for row in rows])[None, None]


def test_distances_are_signed():
    """Minus the distance to the background inside, the distance to the foreground outside."""
    target = mask(".....", ".###.", ".###.", ".###.", ".....")
    distance = BoundaryLoss().prepare(target)[0, 0]
    assert distance[2].tolist() == [1, -1, -2, -1, 1]
    assert distance[0, 0].item() == pytest.approx(2**0.5)


def test_distances_have_the_unit_of_the_spacing():
    """An axis with voxels twice as long has distances twice as long."""
    target = mask(".....", ".....", "..#..", ".....", ".....")
    distance = BoundaryLoss(spacing=(2.0, 1.0)).prepare(target)[0, 0]
    assert distance[0, 2] == 4
    assert distance[2, 0] == 2


def test_value_is_the_mean_of_distance_times_probability():
    """The formula, written out."""
    torch.manual_seed(0)
    target = mask("....", ".##.", "....").repeat(2, 1, 1, 1)
    p = torch.rand(2, 1, 3, 4)
    loss = BoundaryLoss(reduction="none")
    torch.testing.assert_close(
        loss(p, target), (p * loss.prepare(target)).sum((2, 3)) / 12, rtol=1e-6, atol=0
    )


def test_moving_the_prediction_away_costs_more():
    """A shifted mask costs the more, the farther it is."""
    target = torch.zeros(1, 1, 9, 20)
    target[..., 3:6, 3:6] = 1
    costs = [BoundaryLoss()(target.roll(shift, -1), target).item() for shift in range(0, 10, 2)]
    assert costs == sorted(costs)
    assert costs[0] < 0


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_without_a_boundary_nothing_costs(value):
    """An empty and a full target say nothing about the prediction."""
    target = torch.full((1, 1, 6, 6), value)
    assert BoundaryLoss()(torch.rand(1, 1, 6, 6), target).item() == 0
