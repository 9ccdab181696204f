"""What holds for every loss that compares barcodes: preparing, patches, descent."""

import itertools

import pytest
import torch

from topoeval import Topology, UserError
from topoeval.losses import LOSSES
from topoeval.persistence import compute
from topoeval.testing.fixtures import IMAGES, VOLUMES

ALL = [
    "persistent_entropy",
    "spatial_wasserstein",
    "topoloss",
    "total_persistence",
    "wasserstein",
]
MATCHING = ["spatial_wasserstein", "topoloss", "wasserstein"]
SHAPES = [(3, 2, 9, 8), (3, 2, 4, 5, 4)]


def pair(*shape, seed=0):
    """A map without ties, of values or of their differences, and a random mask."""
    generator = torch.Generator().manual_seed(seed)
    n = torch.Size(shape).numel()
    x = torch.randperm(n, generator=generator).double() + 1
    x = (x + 0.5 * torch.rand(n, generator=generator)) / (n + 2)
    return x.reshape(shape), (torch.rand(shape, generator=generator) > 0.5).double()


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("border", ["plain", "framed"])
@pytest.mark.parametrize("direction", ["superlevel", "sublevel"])
def test_gradient_equals_finite_differences(name, shape, border, direction):
    """In both directions and readings of the border, against binary and grey targets."""
    x, mask = pair(1, *shape[1:])
    topology = Topology("V", direction, border)
    loss = LOSSES.load(name)(topology=topology)
    # a grey target whose values are none of the map's; its bars need an assignment
    grey = pair(1, *shape[1:], seed=5)[0] ** 1.1
    for target in (mask, grey):
        assert torch.autograd.gradcheck(
            lambda x, target=target: loss(x, target),
            x.clone().requires_grad_(),
            eps=1e-7,
            fast_mode=True,
        )


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("patch", [None, 5])
def test_prepared_targets_of_a_data_set_serve_any_batch(name, patch):
    """In any order and repeated, without background and in patches."""
    x, target = pair(5, 3, 9, 8)
    loss = LOSSES.load(name)(include_background=False, patch=patch)
    prepared = loss.prepare(target.float())
    samples = torch.tensor([4, 0, 4])
    torch.testing.assert_close(
        loss(x[samples], target[samples], loss.select(prepared, samples)),
        loss(x[samples], target[samples]),
    )
    with pytest.raises(UserError, match=r"prepared for .* maps .* select\(\)"):
        loss(x[:2], target[:2], prepared)


@pytest.mark.parametrize("name", ALL)
def test_patches_are_images_of_their_own(name):
    """The loss in patches is the sum of the losses of the pieces."""
    x, target = pair(2, 1, 8, 8)
    build = LOSSES.load(name)
    whole = build(patch=4)(x, target)
    corners = [(slice(i, i + 4), slice(j, j + 4)) for i in (0, 4) for j in (0, 4)]
    pieces = sum(build()(x[(..., *corner)], target[(..., *corner)]) for corner in corners)
    torch.testing.assert_close(whole, pieces)


@pytest.mark.parametrize("name", ALL)
def test_dimensions_that_do_not_count_are_left_out(name):
    """The terms of the dimensions asked for, unchanged."""
    x, target = pair(1, 1, 4, 5, 4)
    loss = LOSSES.load(name)
    every, one = loss().parts(x, target), loss(dims=[1]).parts(x, target)
    assert "b0" in every
    assert set(one) - {"all"} == {"b1"}
    torch.testing.assert_close(one["b1"], every["b1"])


@pytest.mark.parametrize("name", MATCHING)
def test_random_maps_come_nearer_step_by_step(name):
    """Over 50 steps of descent the median loss of 12 random maps falls every time."""
    torch.manual_seed(0)
    target = torch.stack([torch.from_numpy(IMAGES["ring"][0])] * 12)[:, None].float()
    logits = torch.randn(target.shape).requires_grad_()
    loss = LOSSES.load(name)(sigmoid=True, reduction="none")
    medians = []
    for _ in range(50):
        values = loss(logits, target)
        medians.append(values.median().item())
        (gradient,) = torch.autograd.grad(values.sum(), logits)
        with torch.no_grad():
            logits -= 0.1 * gradient
    assert all(after < before for before, after in itertools.pairwise(medians))
    assert medians[-1] < 0.5 * medians[0]


@pytest.mark.parametrize("name", MATCHING)
@pytest.mark.parametrize("kind", [*IMAGES, *VOLUMES])
def test_descent_reaches_the_betti_numbers_of_the_target(name, kind):
    """From a noisy map, by this loss alone."""
    mask, betti = (IMAGES if kind in IMAGES else VOLUMES)[kind]
    target = torch.from_numpy(mask)[None, None].float()
    torch.manual_seed(1)
    logits = torch.randn(target.shape, requires_grad=True)
    loss = LOSSES.load(name)(sigmoid=True)
    prepared = loss.prepare(target)
    optimiser = torch.optim.Adam([logits], lr=0.1)
    for _ in range(400):
        optimiser.zero_grad()
        value = loss(logits, target, prepared)
        value.backward()
        optimiser.step()
        reached = compute(logits.sigmoid().detach(), spatial_dims=mask.ndim).betti_numbers(0.5)
        if reached.tolist() == [list(betti)] and value.item() < 0.1:
            break
    assert reached.tolist() == [list(betti)]
