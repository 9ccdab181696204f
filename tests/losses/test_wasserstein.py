"""The losses are the distances: by hand, by brute force and by other packages."""

import math

import numpy as np
import pytest
import torch

from topoeval import Topology, UserError
from topoeval.losses import SpatialWassersteinLoss, TopoLoss, WassersteinLoss
from topoeval.persistence import BACKENDS, compute
from topoeval.persistence.wasserstein import wasserstein_distance

EXPONENTS = [(2.0, 2.0), (1.0, math.inf), (1.0, 1.0), (3.0, 1.5)]


def maps(shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    x = torch.rand(shape, generator=generator, dtype=torch.float64)
    return x, (torch.rand(shape, generator=generator) > 0.5).double()


@pytest.mark.parametrize(("q", "p"), EXPONENTS)
@pytest.mark.parametrize("shape", [(2, 2, 9, 8), (2, 1, 4, 5, 4)])
@pytest.mark.parametrize("border", ["plain", "framed"])
def test_is_a_power_of_the_distance(shape, border, q, p):
    """Of the distance that is proven against all matchings in tests/persistence."""
    x, mask = maps(shape)
    grey = maps(shape, seed=1)[0]
    topology = Topology("V", border=border)
    loss = WassersteinLoss(order=q, internal_norm=p, topology=topology, reduction="none")
    for target in (mask, grey):
        bars = (compute(y, topology, spatial_dims=len(shape) - 2) for y in (x, target))
        distance = wasserstein_distance(*bars, order=q, internal_norm=p)
        expected = torch.from_numpy((distance**q).sum(1).reshape(shape[:2]))
        torch.testing.assert_close(loss(x, target), expected)


def test_agrees_with_gudhi():
    """Squared 2-Wasserstein of the finite bars, and the essential class beside it."""
    pytest.importorskip("gudhi")
    pytest.importorskip("ot", reason="gudhi.wasserstein needs POT")
    from gudhi.wasserstein import wasserstein_distance as peer

    x, mask = maps((1, 1, 12, 11))
    parts = WassersteinLoss().parts(x, mask)
    bars = [compute(y, spatial_dims=2) for y in (x.numpy(), mask.numpy())]
    for k in (0, 1):
        points = []
        for table in bars:
            rows = (table.dim == k) & np.isfinite(table.death)
            points.append(np.stack([table.death[rows], table.birth[rows]], axis=1))
        expected = peer(*points, order=2, internal_p=2) ** 2
        expected += (1 - x.max().item()) ** 2 if k == 0 else 0
        assert parts[f"b{k}"].item() == pytest.approx(expected)


def test_the_optimal_reading_of_topoloss_is_its_square():
    """With p = q = 2 the two are one."""
    x, mask = maps((3, 1, 10, 10), seed=2)
    torch.testing.assert_close(WassersteinLoss()(x, mask), TopoLoss(reading="optimal")(x, mask))


def test_a_mask_elsewhere_costs_nothing_but_its_place():
    """Diagrams have no places; spatially aware matching has, where values differ."""
    target = torch.zeros(1, 1, 9, 9)
    target[..., 1:3, 1:3] = target[..., 6:8, 6:8] = 1
    moved = torch.zeros(1, 1, 9, 9)
    moved[..., 1:3, 6:8] = moved[..., 6:8, 1:3] = 1
    assert WassersteinLoss()(moved, target).item() == 0
    # equal values are at distance 0 whatever the place weighs
    assert SpatialWassersteinLoss()(moved, target).item() == 0
    faint = SpatialWassersteinLoss()(0.9 * moved, target)
    assert faint > SpatialWassersteinLoss()(0.9 * target, target) > 0


def spatial_by_hand(x, target, nearest):
    """All matchings of the finite bars of one image, written as a person would."""
    import itertools

    total = 0.0
    tables = [compute(image[None].numpy(), spatial_dims=2) for image in (x, target)]
    for k in (0, 1):
        bars = []
        for table in tables:
            rows = table.dim == k
            where = np.stack(np.unravel_index(table.birth_index[rows], x.shape), 1) / x.shape
            bars.append(list(zip(table.birth[rows], table.death[rows], where, strict=True)))
        ends = [[bar for bar in part if np.isinf(bar[1])] for part in bars]
        first, second = ([bar for bar in part if np.isfinite(bar[1])] for part in bars)

        def cost(a, b):
            place = np.clip(np.sqrt(((a[2] - b[2]) ** 2).sum()), nearest, 1)
            death = 0 if np.isinf(a[1]) else a[1] - b[1]
            return place * np.hypot(a[0] - b[0], death)

        for a, b in zip(*ends, strict=True):
            total += cost(a, b)
        length = {id(bar): (bar[0] - bar[1]) / math.sqrt(2) for bar in first + second}
        alone = sum(length.values())
        best = alone
        for size in range(1, min(len(first), len(second)) + 1):
            for left in itertools.combinations(first, size):
                for right in itertools.permutations(second, size):
                    value = alone
                    for a, b in zip(left, right, strict=True):
                        value += cost(a, b) - length[id(a)] - length[id(b)]
                    best = min(best, value)
        total += best
    return total


@pytest.mark.parametrize("nearest", [0.05, 0.6])
@pytest.mark.parametrize("seed", range(6))
def test_spatial_matching_is_the_best_of_all(nearest, seed):
    """Against trying every matching, with different values and with a binary target."""
    x, mask = maps((2, 1, 5, 6), seed)
    grey = maps((2, 1, 5, 6), seed + 100)[0]
    loss = SpatialWassersteinLoss(nearest=nearest, reduction="none")
    for target in (mask, grey):
        expected = [spatial_by_hand(x[i, 0], target[i, 0], nearest) for i in range(2)]
        assert loss(x, target).flatten().tolist() == pytest.approx(expected)


def test_places_are_parts_of_the_image():
    """Coordinates are divided by the side of their axis, in 3D too."""
    target = torch.zeros(1, 1, 2, 5, 10)
    target[0, 0, 0, 0, 0] = target[0, 0, 0, 4, 8] = 1
    x = torch.zeros(1, 1, 2, 5, 10)
    x[0, 0, 0, 0, 0], x[0, 0, 0, 2, 8] = 1, 0.9
    # two fifths of the second axis away, 0.1 below full height
    assert SpatialWassersteinLoss()(x, target).item() == pytest.approx(0.4 * 0.1)


def test_every_backend_gives_the_same_gradient():
    """Values away from ties name the same voxels everywhere."""
    x, mask = maps((2, 1, 8, 9), seed=4)
    topology = Topology("V")
    gradients = []
    for name in BACKENDS.available():
        info = BACKENDS.load(name).info
        if info.gives_locations and "V" in info.constructions:
            y = x.clone().requires_grad_()
            WassersteinLoss(backend=name, topology=topology)(y, mask).backward()
            gradients.append(y.grad)
    assert len(gradients) > 0
    for gradient in gradients:
        torch.testing.assert_close(gradient, gradients[0])


def test_values_are_enough_where_no_gradient_is_asked_for():
    """A backend without voxels judges a map; only places need it to know them."""
    x, mask = maps((2, 1, 8, 9), seed=4)
    names = [n for n in BACKENDS.available() if not BACKENDS.load(n).info.gives_locations]
    if not names:
        pytest.skip("no backend of values alone is installed")
    for name in names:
        torch.testing.assert_close(
            WassersteinLoss(backend=name, dims=[0])(x, mask), WassersteinLoss(dims=[0])(x, mask)
        )
        with pytest.raises(UserError, match="use native"):
            SpatialWassersteinLoss(backend=name, dims=[0])(x, mask)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: WassersteinLoss(order=0.5), "order.*0.5"),
        (lambda: WassersteinLoss(internal_norm=0.5), "internal_norm.*0.5"),
        (lambda: SpatialWassersteinLoss(nearest=2), r"nearest.*\[0, 1\], got 2"),
    ],
)
def test_bad_arguments_are_refused_in_words(make, words):
    """What is wrong, the value, what to do."""
    with pytest.raises(UserError, match=words):
        make()
