"""Region separation: regions, every pair at every threshold, windows, views and descent."""

import itertools

import numpy as np
import pytest
import torch
from scipy.ndimage import distance_transform_cdt, generate_binary_structure, label

from topoeval import Topology, UserError
from topoeval.losses import RegionSeparationLoss
from topoeval.metrics import betti_numbers


def maximin(values, structure):
    """Return a function of two voxels: the highest threshold at which they are connected."""
    thresholds = np.unique(values)[::-1]
    components = [label(values >= threshold, structure)[0] for threshold in thresholds]

    def of_pair(i, j):
        return next(
            threshold
            for threshold, its in zip(thresholds, components, strict=True)
            if its[i] == its[j] > 0
        )

    return of_pair


def slow(p, roads, topology, margin):
    """Return the two means over pairs of one window, by the definition."""
    if not topology.superlevel:
        p, roads = 1 - p, ~roads
    structure = generate_binary_structure(2, 2 if topology.construction == "V" else 1)
    regions, _ = label(~roads, structure)
    if roads.any():
        near = distance_transform_cdt(~roads, metric="taxicab") <= margin
    else:
        near = np.zeros_like(roads)
    sure = ~roads & ~near
    apart = maximin(np.where(sure, 1, 1 - p), structure)
    whole = maximin(np.where(roads, 0, 1 - p), structure)
    gaps, false_roads = [], []
    for i, j in itertools.combinations(map(tuple, np.argwhere(sure)), 2):
        if regions[i] == regions[j]:
            false_roads.append((1 - whole(i, j)) ** 2)
        else:
            gaps.append(apart(i, j) ** 2)
    return [float(np.mean(x)) if x else 0.0 for x in (gaps, false_roads)]


@pytest.mark.parametrize("margin", [0, 1])
@pytest.mark.parametrize("text", ["V", "T", "V-sublevel", "T-sublevel"])
def test_value_is_the_mean_over_all_pairs(text, margin):
    """Each image and channel by itself, in one window."""
    rng = np.random.default_rng(2)
    topology = Topology.parse(text)
    p, roads = rng.random((2, 2, 6, 7)), np.zeros((2, 2, 6, 7), bool)
    roads[0, 0, 3] = roads[0, 1, :, 2] = roads[1, 0, 2, 1:] = True
    roads[1, 0, :, 5] = roads[1, 1, [0, 1, 2, 3], [0, 1, 2, 3]] = True
    if not topology.superlevel:
        roads = ~roads
    loss = RegionSeparationLoss(margin=margin, gaps=2.0, false_roads=0.5, topology=topology)
    parts = loss.parts(torch.from_numpy(p), torch.from_numpy(roads.astype(float)))
    for at in np.ndindex(2, 2):
        gaps, false_roads = slow(p[at], roads[at], topology, margin)
        assert parts["gaps"][at].item() == pytest.approx(2 * gaps, abs=1e-12)
        assert parts["false_roads"][at].item() == pytest.approx(0.5 * false_roads, abs=1e-12)


def test_windows_are_images_of_their_own():
    """The mean over them, the last of a row at the edge."""
    rng = np.random.default_rng(3)
    p, roads = (torch.from_numpy(x)[None, None] for x in (rng.random((9, 7)), np.zeros((9, 7))))
    roads[..., 2, :] = roads[..., :, 4] = roads[..., 7, :4] = 1
    starts = [(0, 0), (0, 2), (4, 0), (4, 2)]
    windows = [(..., slice(y, y + 5), slice(x, x + 5)) for y, x in starts]
    single = [RegionSeparationLoss(margin=1)(p[w], roads[w]) for w in windows]
    whole = RegionSeparationLoss(margin=1, window=5)(p, roads)
    torch.testing.assert_close(whole, torch.stack(single).mean())


@pytest.mark.parametrize("text", ["T", "V-sublevel"])
def test_a_volume_is_seen_along_its_axes(text):
    """The mean of three images, each the strongest along an axis."""
    generator = torch.Generator().manual_seed(0)
    p = torch.rand(2, 1, 5, 6, 7, generator=generator, dtype=torch.float64)
    roads = torch.zeros_like(p)
    roads[:, :, 2, 3, :] = roads[:, :, :, 3, 2] = 1
    topology = Topology.parse(text)
    loss = RegionSeparationLoss(margin=1, topology=topology)
    dark = not topology.superlevel
    singles = []
    for axis in (2, 3, 4):
        images = [1 - x.amin(axis) if dark else x.amax(axis) for x in (p, roads)]
        if dark:  # dark roads of the volume are dark roads of its projection
            p_view, r_view = (1 - (1 - x).amax(axis) for x in (p, 1 - roads))
            images = [p_view, r_view]
        singles.append(loss(*images))
    truth = 1 - roads if dark else roads
    torch.testing.assert_close(loss(p, truth), torch.stack(singles).mean())


def road(gap=None):
    p = torch.zeros(1, 1, 9, 12, dtype=torch.float64)
    p[..., 4, :] = 1
    if gap is not None:
        p[..., 4, 5] = gap
    return p


def test_a_gap_is_paid_by_its_weakest_voxel():
    """Both of its terms by hand; a road that is shifted within the margin is no gap."""
    loss = RegionSeparationLoss(margin=2)
    for prediction, gaps, false_roads in (
        (road(), 0, 0),
        (road(gap=0.25), 0.75**2, 0),
        (road().roll(1, 2), 0, 0),
        (torch.zeros_like(road()), 1, 0),
        (torch.ones_like(road()), 0, 0.1),
    ):
        parts = loss.parts(prediction, road())
        assert parts["gaps"].item() == pytest.approx(gaps)
        assert parts["false_roads"].item() == pytest.approx(false_roads)


def test_a_false_road_across_a_region_costs_its_weakest_voxel():
    """Pairs on its two sides: of the 36 voxels of the region 12 x 9 are cut, or are on the road."""
    target = torch.zeros(1, 1, 3, 12, dtype=torch.float64)
    prediction = target.clone()
    prediction[..., 4] = 0.6
    parts = RegionSeparationLoss(margin=0).parts(prediction, target)
    left, middle, right = 12, 3, 21
    pairs = left * right + middle * (left + right) + middle * (middle - 1) // 2
    expected = 0.1 * 0.6**2 * pairs / (36 * 35 / 2)
    assert parts["false_roads"].item() == pytest.approx(expected)
    assert parts["gaps"].item() == 0


def test_regions_do_not_depend_on_the_margin():
    """Two sides of a narrow opening are one region, however wide the margin is."""
    target = torch.zeros(1, 1, 9, 11)
    target[..., 4, :5], target[..., 4, 6:] = 1, 1
    (regions,) = RegionSeparationLoss(margin=2).prepare(target)[0]
    assert regions.unique().tolist() == [-1, 0, 1]


@pytest.mark.parametrize("text", ["V", "T", "V-sublevel", "T-sublevel"])
def test_descent_closes_a_gap_and_opens_a_false_road(text):
    """With its two terms alone."""
    topology = Topology.parse(text)
    start = road(gap=0.0)
    start[:, :, 5:, 9] = 1
    target = road()
    if not topology.superlevel:
        start, target = 1 - start, 1 - target
    noise = 0.01 * torch.rand(start.shape, generator=torch.Generator().manual_seed(0))
    logits = (4 * start - 2 + noise).requires_grad_()
    loss = RegionSeparationLoss(sigmoid=True, margin=1, topology=topology)
    optimiser = torch.optim.Adam([logits], lr=0.3)
    for _ in range(80):
        optimiser.zero_grad()
        loss(logits, target).backward()
        optimiser.step()
    background = (logits.detach() >= 0) != topology.superlevel
    dual = Topology("T" if topology.construction == "V" else "V")
    found = betti_numbers(background, dual, 2)
    assert found[0, 0, 0] == 2


@pytest.mark.parametrize("shape", [(1, 2, 7, 8), (1, 1, 5, 6, 5)])
def test_gradcheck(shape):
    """While no two voxels change their order."""
    generator = torch.Generator().manual_seed(1)
    logits = torch.randn(shape, generator=generator, dtype=torch.float64, requires_grad=True)
    target = torch.zeros(shape, dtype=torch.float64)
    target[:, :, 3] = 1
    loss = RegionSeparationLoss(sigmoid=True, margin=1, window=6)
    assert torch.autograd.gradcheck(lambda z: loss(z, target), logits)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"window": 0}, "window must be a whole number of voxels"),
        ({"margin": -1}, "0 or more, got -1"),
        ({"margin": 1.5}, "margin is a whole number of voxels, 0 or more, got 1.5"),
        ({"window": 1.5}, "window must be a whole number of voxels"),
        ({"gaps": -1.0}, "not negative"),
        ({"gaps": float("nan")}, "must be finite"),
        ({"gaps": 0.0, "false_roads": 0.0}, "not both 0"),
    ],
)
def test_settings_out_of_range_are_refused(arguments, message):
    """When the loss is built."""
    with pytest.raises(UserError, match=message):
        RegionSeparationLoss(**arguments)
