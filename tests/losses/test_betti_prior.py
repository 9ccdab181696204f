"""The seed's loss: formula, conventions, gradients, and what descending it reaches."""

import numpy as np
import pytest
import torch

from topoeval import Topology, UserError
from topoeval.losses import BettiPriorLoss
from topoeval.persistence import BACKENDS, compute

INSTALLED = [
    name
    for name in BACKENDS.available()
    if BACKENDS.load(name).info.gives_locations and "T" in BACKENDS.load(name).info.constructions
]


def distinct_map(*shape, seed=0):
    """A map without ties, away from 0 and 1."""
    generator = torch.Generator().manual_seed(seed)
    n = int(np.prod(shape))
    values = (torch.randperm(n, generator=generator).double() + 1) / (n + 1)
    return values.reshape(shape)


def formula(lengths, wanted, exponent=2.0):
    """Equation 3, written as a person would: sort, reward the first, punish the rest."""
    lengths = sorted(lengths, reverse=True)
    lengths += [0.0] * max(0, wanted - len(lengths))
    rewarded = sum(1 - length**exponent for length in lengths[:wanted])
    return rewarded + sum(length**exponent for length in lengths[wanted:])


def bar_lengths(image, topology, essential="ranked"):
    """Lengths per dimension of one image."""
    bars = compute(image[None].numpy(), topology, spatial_dims=image.ndim)
    lengths = [[] for _ in range(image.ndim)]
    for _, k, birth, death in bars.multiset():
        if np.isfinite(death) or essential == "ranked":
            lengths[int(k)].append(birth - max(death, 0.0))
    return lengths


@pytest.mark.parametrize("shape", [(9, 8), (4, 5, 4)])
@pytest.mark.parametrize("construction", ["V", "T"])
@pytest.mark.parametrize("essential", ["ranked", "dropped"])
@pytest.mark.parametrize("exponent", [1.0, 2.0])
def test_value_is_the_formula(shape, construction, essential, exponent):
    """The segmented sort over a batch equals sorting each image's bars by hand."""
    maps = distinct_map(3, 2, *shape)
    prior = torch.tensor([[1, 0, 1], [2, 3, 0], [1, 1, 0]])[:, : len(shape)]
    topology = Topology(construction)
    loss = BettiPriorLoss(
        topology=topology, essential=essential, exponent=exponent, reduction="none"
    )
    value = loss(maps, prior=prior)
    for b in range(3):
        for c in range(2):
            lengths = bar_lengths(maps[b, c], topology, essential)
            wanted = prior[b].tolist()
            if essential == "dropped":
                wanted[0] -= 1
            expected = sum(map(formula, lengths, wanted, [exponent] * len(wanted)))
            assert value[b, c].item() == pytest.approx(expected)


def test_the_two_conventions_differ_by_the_brightest_voxel():
    """E1 - E2 = 1 - (max p)^2, in value and in gradient."""
    maps = distinct_map(1, 1, 10, 10) * 0.9
    grads = []
    values = []
    for essential in ("ranked", "dropped"):
        x = maps.clone().requires_grad_()
        value = BettiPriorLoss((1, 1), essential=essential)(x)
        value.backward()
        values.append(value.item())
        grads.append(x.grad)
    top = maps.max().item()
    assert values[0] - values[1] == pytest.approx(1 - top**2)
    difference = (grads[0] - grads[1]).flatten()
    assert difference.nonzero().flatten().tolist() == [maps.flatten().argmax().item()]
    assert difference.min().item() == pytest.approx(-2 * top)


@pytest.mark.parametrize("backend", INSTALLED)
@pytest.mark.parametrize("shape", [(1, 2, 7, 6), (2, 1, 3, 4, 3)])
@pytest.mark.parametrize("border", ["plain", "framed"])
def test_gradient_equals_finite_differences(backend, shape, border):
    """Away from ties the loss is smooth and autograd is right, on probabilities and logits."""
    topology = Topology("T", border=border)
    prior = (2, 1) if len(shape) == 4 else (1, 1, 1)
    loss = BettiPriorLoss(prior, topology=topology, backend=backend, max_bars=9)
    maps = distinct_map(*shape, seed=3)
    assert torch.autograd.gradcheck(loss, maps.clone().requires_grad_(), eps=1e-7)
    logits = torch.logit(maps).requires_grad_()
    loss = BettiPriorLoss(prior, topology=topology, backend=backend, sigmoid=True)
    assert torch.autograd.gradcheck(loss, logits, eps=1e-7)


def solid(kind):
    """Binary fixtures with known Betti numbers."""
    if kind in ("disc", "ring", "two", "eight"):
        x = torch.zeros(1, 1, 12, 12)
        if kind == "disc":
            x[..., 3:8, 3:8] = 1
        if kind == "ring":
            x[..., 2:10, 2:10] = 1
            x[..., 4:8, 4:8] = 0
        if kind == "two":
            x[..., 1:4, 1:4] = x[..., 7:11, 7:11] = 1
        if kind == "eight":
            x[..., 1:11, 2:9] = 1
            x[..., 3:5, 4:7] = x[..., 7:9, 4:7] = 0
        return x
    x = torch.zeros(1, 1, 9, 9, 9)
    x[..., 1:8, 1:8, 1:8] = 1
    if kind == "shell":
        x[..., 3:6, 3:6, 3:6] = 0
    if kind == "torus":
        x[..., 3:6, 3:6] = 0
    return x


@pytest.mark.parametrize("construction", ["V", "T"])
@pytest.mark.parametrize("essential", ["ranked", "dropped"])
@pytest.mark.parametrize(
    ("kind", "betti"),
    [
        ("disc", (1, 0)),
        ("ring", (1, 1)),
        ("two", (2, 0)),
        ("eight", (1, 2)),
        ("ball", (1, 0, 0)),
        ("shell", (1, 0, 1)),
        ("torus", (1, 1, 0)),
    ],
)
def test_zero_exactly_on_the_right_binary_input(kind, betti, construction, essential):
    """0 for its own Betti numbers, at least 1 for every other prior nearby."""
    topology = Topology(construction)
    x = solid(kind)
    assert BettiPriorLoss(betti, topology=topology, essential=essential)(x).item() == 0
    for k in range(len(betti)):
        other = list(betti)
        other[k] += 1
        assert BettiPriorLoss(other, topology=topology, essential=essential)(x).item() == 1


@pytest.mark.parametrize("value", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("shape", [(2, 1, 6, 6), (1, 1, 4, 4, 4), (1, 1, 1, 5), (1, 1, 1, 1)])
@pytest.mark.parametrize("essential", ["ranked", "dropped"])
def test_constant_and_tiny_maps_are_finite(value, shape, essential):
    """No bars to rank is no reason for NaN, in the value or in the gradient."""
    x = torch.full(shape, value, requires_grad=True)
    prior = (1, 1, 0)[: len(shape) - 2]
    loss = BettiPriorLoss(prior, essential=essential, reduction="none")(x)
    loss.sum().backward()
    missing = 1.0  # the loop that is not there
    expected = missing + (1 - value**2 if essential == "ranked" else 0.0)
    torch.testing.assert_close(loss, torch.full(shape[:2], expected))
    assert torch.isfinite(x.grad).all()


@pytest.mark.parametrize(
    ("shape", "prior"),
    [
        ((16, 16), (1, 0)),
        ((16, 16), (1, 1)),
        ((16, 16), (1, 2)),
        ((16, 16), (2, 0)),
        ((9, 9, 9), (1, 0, 0)),
        ((9, 9, 9), (1, 1, 0)),
        ((9, 9, 9), (1, 0, 1)),
    ],
)
def test_descending_the_loss_on_a_map_reaches_the_prior(shape, prior):
    """From a noisy map, gradient descent alone arrives at the wanted Betti numbers."""
    torch.manual_seed(0)
    logits = torch.randn(1, 1, *shape, requires_grad=True)
    loss = BettiPriorLoss(prior, sigmoid=True)
    optimiser = torch.optim.Adam([logits], lr=0.1)
    for _ in range(400):
        optimiser.zero_grad()
        value = loss(logits)
        value.backward()
        optimiser.step()
        if value.item() < 0.05:
            break
    bars = compute(logits.sigmoid().detach(), spatial_dims=len(shape))
    assert bars.betti_numbers(0.5).tolist() == [list(prior)]


def test_a_batch_is_the_mean_of_its_samples():
    """Batch size 2 is two times batch size 1, gradients included."""
    maps = distinct_map(3, 2, 8, 8)
    loss = BettiPriorLoss([(1, 0), (2, 1)])
    x = maps.clone().requires_grad_()
    loss(x).backward()
    singles = maps.clone().requires_grad_()
    mean = sum(loss(singles[i : i + 1]) for i in range(3)) / 3
    mean.backward()
    torch.testing.assert_close(loss(maps), mean.detach())
    torch.testing.assert_close(x.grad, singles.grad)


def test_priors_per_class_per_sample_and_both():
    """Each form of prior reaches the image it is meant for."""
    x = torch.cat([solid("disc"), solid("ring")], dim=1).repeat(2, 1, 1, 1)  # B=2, C=2
    assert BettiPriorLoss([(1, 0), (1, 1)])(x).item() == 0
    assert BettiPriorLoss([(1, 1), (1, 0)])(x).item() == 2 / 2
    per_sample = torch.tensor([[1, 0], [1, 1]])
    none = BettiPriorLoss(reduction="none")
    assert none(x, prior=per_sample).tolist() == [[0, 1], [1, 0]]
    both = torch.tensor([[[1, 0], [1, 1]], [[1, 1], [1, 1]]])
    assert none(x, prior=both).tolist() == [[0, 0], [1, 0]]


def test_monai_vocabulary():
    """Background is dropped, logits are activated, reductions reduce."""
    logits = torch.logit(distinct_map(2, 3, 6, 6)).float()
    softmax = BettiPriorLoss((1, 0), softmax=True, include_background=False)
    by_hand = BettiPriorLoss((1, 0))(logits.softmax(1)[:, 1:])
    torch.testing.assert_close(softmax(logits), by_hand)
    each = BettiPriorLoss((1, 0), sigmoid=True, reduction="none")(logits)
    assert each.shape == (2, 3)
    torch.testing.assert_close(
        BettiPriorLoss((1, 0), sigmoid=True, reduction="sum")(logits), each.sum()
    )


def test_dimension_weights_and_the_cap_on_bars():
    """A weight scales its dimension; a cap keeps the longest bars."""
    x = distinct_map(1, 1, 12, 12)
    parts = BettiPriorLoss((1, 1)).parts(x)
    weighted = BettiPriorLoss((1, 1), dim_weights=(0.5, 3.0)).parts(x)
    torch.testing.assert_close(weighted["b0"], 0.5 * parts["b0"])
    torch.testing.assert_close(weighted["b1"], 3.0 * parts["b1"])
    assert list(BettiPriorLoss((1, 1), dim_weights=(0.0, 1.0)).parts(x)) == ["b1"]
    lengths = bar_lengths(x[0, 0], Topology())
    capped = BettiPriorLoss((1, 1), max_bars=4)(x).item()
    longest = [sorted(bars, reverse=True)[:4] for bars in lengths]
    assert capped == pytest.approx(formula(longest[0], 1) + formula(longest[1], 1))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_widened_before_ranking(dtype):
    """The loss of a half-precision map is that of the same values in single precision."""
    x = distinct_map(1, 1, 10, 10).to(dtype).requires_grad_()
    value = BettiPriorLoss((1, 1))(x)
    value.backward()
    assert value.dtype == torch.float32
    assert x.grad.dtype == dtype
    torch.testing.assert_close(value, BettiPriorLoss((1, 1))(x.detach().float()))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda x: BettiPriorLoss((1, 0, 0))(x), r"shape \(3,\) does not fit.*d=2"),
        (lambda x: BettiPriorLoss()(x, prior=[(1, 0)]), r"shape \(1, 2\).*B=2"),
        (lambda x: BettiPriorLoss()(x), "without a prior"),
        (lambda x: BettiPriorLoss((1, 0.5)), "whole Betti numbers"),
        (lambda x: BettiPriorLoss((1, -1)), "not negative"),
        (lambda x: BettiPriorLoss((1, 0))(x * 4), "sigmoid=True"),
        (lambda x: BettiPriorLoss((1, 0), sigmoid=True, softmax=True), "one of"),
        (lambda x: BettiPriorLoss((1, 0), softmax=True)(x), "one channel"),
        (lambda x: BettiPriorLoss((1, 0), include_background=False)(x), "leaves nothing"),
        (lambda x: BettiPriorLoss((5, 0), max_bars=3)(x), "less than the 5"),
        (lambda x: BettiPriorLoss((1, 0), max_bars=0), "at least 1"),
        (lambda x: BettiPriorLoss((1, 0), exponent=0.5), "at least 1"),
        (lambda x: BettiPriorLoss((1, 0), dim_weights=(1,))(x), "2 numbers"),
        (lambda x: BettiPriorLoss((1, 0), essential="E1"), "'ranked' or 'dropped'"),
        (lambda x: BettiPriorLoss((1, 0))(x[0]), r"\(1, 6, 6\)"),
    ],
)
def test_bad_input_is_refused_in_words(make, words):
    """What is wrong, the value, what to do."""
    with pytest.raises(UserError, match=words):
        make(distinct_map(2, 1, 6, 6))
