"""TopoSemiSeg's loss is its formula: by hand, and by a second, slow implementation."""

import math

import numpy as np
import pytest
import torch
from scipy.optimize import linear_sum_assignment

from topoeval import Topology, UserError
from topoeval.losses import TopoSemiLoss
from topoeval.persistence import compute


def smooth(shape, seed):
    """Return maps with features of every strength, no two voxels alike."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(shape, generator=generator, dtype=torch.float64)
    return (2.5 * x).sigmoid()


def points(image, topology, k):
    """Return the bars of one image with the ends of the values in place of infinities."""
    table = compute(image[None].numpy(), topology, spatial_dims=image.ndim)
    rows = table.dim == k
    ends = np.stack([table.birth[rows], table.death[rows]], axis=1)
    high, low = (1.0, 0.0) if topology.superlevel else (0.0, 1.0)
    ends[np.isinf(ends[:, 0]), 0] = high
    ends[np.isinf(ends[:, 1]), 1] = low
    return ends


def slowly(student, teacher, threshold, topology, k):
    """One image and dimension: the square assignment of all signal bars and all their shadows."""
    ours, theirs = (points(image, topology, k) for image in (student, teacher))
    lengths = [np.abs(bars[:, 0] - bars[:, 1]) for bars in (ours, theirs)]
    signal, kept = ours[lengths[0] > threshold], theirs[lengths[1] > threshold]
    n, m = len(signal), len(kept)
    cost = np.zeros((n + m, n + m))
    for i, j in np.ndindex(n + m, n + m):
        if i < n and j < m:
            cost[i, j] = ((signal[i] - kept[j]) ** 2).sum()
        elif i < n:
            cost[i, j] = (signal[i, 0] - signal[i, 1]) ** 2
        elif j < m:
            cost[i, j] = (kept[j, 0] - kept[j, 1]) ** 2
    rows, columns = linear_sum_assignment(cost)
    noise = lengths[0][lengths[0] <= threshold]
    return float(cost[rows, columns].sum() + (noise**2).sum())


@pytest.mark.parametrize("topology", ["T", "V", "V-superlevel-framed", "T-sublevel"])
@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.7, 1.0])
@pytest.mark.parametrize("shape", [(2, 2, 9, 8), (1, 1, 4, 5, 4)])
def test_is_what_a_slow_second_implementation_says(shape, threshold, topology):
    """Per image, channel and dimension, of grey maps and of a mask."""
    topology, dims = Topology.parse(topology), range(len(shape) - 2)
    loss = TopoSemiLoss(threshold=threshold, topology=topology, dims=dims)
    student, teacher = smooth(shape, 0), smooth(shape, 1)
    for target in (teacher, (teacher > 0.6).double()):
        parts = loss.parts(student, target)
        assert list(parts) == [f"b{k}" for k in dims]
        for k, part in zip(dims, parts.values(), strict=True):
            expected = [
                [
                    slowly(student[b, c], target[b, c], threshold, topology, k)
                    for c in range(shape[1])
                ]
                for b in range(shape[0])
            ]
            torch.testing.assert_close(part, torch.tensor(expected, dtype=torch.float64))


def test_signal_is_drawn_to_the_teacher_s_and_noise_to_its_own_middle():
    """Gradients by hand: matched ends differ, both ends of noise, none where nothing is matched."""
    student = torch.tensor([[[[0.95, 0.05, 0.85, 0.3, 0.6]]]], requires_grad=True)
    teacher = torch.tensor([[[[0.99, 0.02, 0.90, 0.01, 0.98]]]])
    value = TopoSemiLoss()(student, teacher)
    # (0.95, 0) with (0.99, 0), (0.85, 0.05) with (0.98, 0.01); the shortest of the teacher is left,
    # (0.90, 0.02), and (0.6, 0.3) is noise
    pairs = 0.04**2 + 0.13**2 + 0.04**2
    assert value.item() == pytest.approx(pairs + 0.88**2 + 0.3**2)
    value.backward()
    expected = [-2 * 0.04, 2 * 0.04, -2 * 0.13, -2 * 0.3, 2 * 0.3]
    assert student.grad.flatten().tolist() == pytest.approx(expected, abs=1e-6)


def test_a_teacher_without_signal_leaves_nothing():
    """Every bar of the map is removed, the component that never dies too."""
    student = torch.tensor([[[[0.9, 0.1, 0.8]]]], requires_grad=True)
    value = TopoSemiLoss()(student, torch.full((1, 1, 1, 3), 0.4))
    assert value.item() == pytest.approx(0.9**2 + 0.7**2)
    value.backward()
    assert student.grad.flatten().tolist() == pytest.approx([1.8, -1.4, 1.4])


def test_holes_count_where_asked_for():
    """By default components alone, as in the paper."""
    ring = torch.ones(1, 1, 5, 5)
    disc = ring.clone()
    ring[..., 2, 2] = 0
    assert TopoSemiLoss()(disc, ring).item() == 0
    assert TopoSemiLoss(dims=None)(disc, ring).item() == 1


@pytest.mark.parametrize("threshold", [-0.1, 1.5, math.nan])
def test_a_threshold_is_a_length(threshold):
    """Of a bar of a map in [0, 1]."""
    with pytest.raises(UserError, match=rf"threshold must lie in \[0, 1\], got {threshold}"):
        TopoSemiLoss(threshold=threshold)
