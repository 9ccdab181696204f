"""Priors of labels and unions: the formula, their spelling, and what descent reaches."""

import numpy as np
import pytest
import torch

from topoeval import Topology, UserError
from topoeval.losses import BettiPriorLoss, BettiPriorMulticlassLoss
from topoeval.persistence import compute
from topoeval.records.parts import LossTerm
from topoeval.training import build_term

HEART = {"1": (1, 0), "2": (1, 1), "3": (1, 0), "1+2": (1, 0), "1+3": (2, 0), "2+3": (1, 1)}


def heart():
    """Labels of a cavity (1) inside a muscle (2), and beside it another cavity (3)."""
    labels = torch.zeros(12, 12, dtype=torch.int64)
    labels[2:9, 1:8] = 2
    labels[4:7, 3:6] = 1
    labels[3:8, 8:11] = 3
    return labels


def logits_of(labels, classes, high=200.0):
    return high * torch.nn.functional.one_hot(labels, classes).movedim(-1, 0)[None].double()


def by_hand(logits, priors, topology, essential, exponent):
    """Byrne's formula written as a person would, one image and one set at a time."""
    probabilities = logits.softmax(1).numpy()
    values = []
    for image in probabilities:
        total = 0.0
        for labels, betti in priors.items():
            union = sum(image[label] for label in labels)
            bars = compute(union[None], topology, spatial_dims=union.ndim)
            for k, wanted in enumerate(betti):
                rows = bars.dim == k
                if essential == "dropped":
                    rows &= np.isfinite(bars.death)
                    wanted -= k == 0
                lengths = np.sort(bars.birth[rows] - bars.death[rows].clip(0))[::-1] ** exponent
                missing = max(0, wanted - len(lengths))
                total += (1 - lengths[:wanted]).sum() + missing + lengths[wanted:].sum()
        values.append(total)
    return values


@pytest.mark.parametrize("essential", ["ranked", "dropped"])
@pytest.mark.parametrize("exponent", [1.0, 2.0])
@pytest.mark.parametrize("shape", [(2, 4, 9, 8), (2, 4, 4, 5, 4)])
def test_value_is_the_formula(shape, essential, exponent):
    """All sets in one call equal one set after another."""
    torch.manual_seed(0)
    logits = 2 * torch.randn(shape).double()
    betti = (2, 1, 0)[: len(shape) - 2]
    priors = {
        (1,): betti,
        (3,): (1,) * len(betti),
        (1, 2): betti,
        (1, 2, 3): (1, 0, 0)[: len(betti)],
    }
    topology = Topology("V")
    loss = BettiPriorMulticlassLoss(
        priors, topology=topology, essential=essential, exponent=exponent, reduction="none"
    )
    expected = by_hand(logits, priors, topology, essential, exponent)
    assert loss(logits).flatten().tolist() == pytest.approx(expected)
    assert list(loss.parts(logits)) == [
        f"{name}:b{k}" for name in ("1", "3", "1+2", "1+2+3") for k in range(len(betti))
    ]


def test_anatomy_that_is_right_costs_nothing():
    """And what is wrong is named by its set and dimension."""
    loss = BettiPriorMulticlassLoss(HEART)
    labels = heart()
    assert loss(logits_of(labels, 4)).item() == 0
    labels[5, 2] = 1  # the cavity nearly breaks out of the muscle
    labels[5, 1] = 1
    parts = loss.parts(logits_of(labels, 4))
    assert {name: part.item() for name, part in parts.items() if part > 0} == {
        "2:b1": 1,
        "2+3:b1": 1,
    }
    labels = heart()
    labels[3:8, 8] = 0  # the other cavity no longer touches the muscle
    parts = loss.parts(logits_of(labels, 4))
    assert {name: part.item() for name, part in parts.items() if part > 0} == {"2+3:b0": 1}


def test_one_channel_is_background_and_foreground():
    """Then label 1 is the linear Betti prior of Byrne, and a tensor prior is its own."""
    torch.manual_seed(0)
    logits = torch.randn(3, 1, 9, 8).double()
    prior = torch.tensor([[1, 0], [2, 1], [0, 3]])
    linear = BettiPriorLoss(exponent=1.0, essential="dropped", sigmoid=True)
    loss = BettiPriorMulticlassLoss()
    torch.testing.assert_close(loss(logits, prior=prior), linear(logits, prior=prior))
    torch.testing.assert_close(loss(logits, prior[:, None]), linear(logits, prior=prior))
    torch.testing.assert_close(loss(logits, {"1": prior}), linear(logits, prior=prior))
    two = torch.cat([torch.zeros_like(logits), logits], dim=1)
    torch.testing.assert_close(loss(two, {1: prior}), loss(logits, {1: prior}))


def test_priors_of_a_call_stand_beside_those_of_the_loss():
    """A tensor is the union of all labels but the background, or one row a channel."""
    torch.manual_seed(0)
    logits = torch.randn(2, 3, 8, 8).double()
    prior = torch.tensor([[1, 0], [3, 2]])
    loss = BettiPriorMulticlassLoss({"1": (1, 0)})
    assert list(loss.parts(logits, prior)) == ["1:b0", "1:b1", "1+2:b0", "1+2:b1"]
    torch.testing.assert_close(loss(logits, prior), loss(logits, {"1+2": prior}))
    torch.testing.assert_close(
        loss(logits, {"1": (2, 2)}), BettiPriorMulticlassLoss({"1": (2, 2)})(logits)
    )
    rows = torch.stack([prior, prior + 1, prior + 2], dim=1)
    each = {"0": prior, "1": prior + 1, "2": prior + 2}
    torch.testing.assert_close(
        BettiPriorMulticlassLoss()(logits, rows), BettiPriorMulticlassLoss(each)(logits)
    )


def test_keys_may_be_spelt_in_three_ways():
    """Text, as in TOML; a number; a tuple, in any order."""
    logits = torch.randn(1, 3, 6, 6)
    values = [
        BettiPriorMulticlassLoss(priors)(logits).item()
        for priors in (
            {"1": [1, 0], "1+2": [1, 1]},
            {1: [1, 0], (2, 1): [1, 1]},
            {" 1 ": (1, 0), "2 + 1": torch.tensor([1, 1])},
        )
    ]
    assert len(set(values)) == 1


def test_a_method_may_write_priors_in_its_file():
    """The parameters of a `method.toml` term build the loss, with the suite's topology."""
    params = {"priors": {"1": [1, 0], "1+2": [1, 1]}}
    term = LossTerm(name="betti_prior_multiclass", params=params)
    topology = Topology("V")
    built = build_term(term.name, params=dict(term.params), topology=topology)
    logits = torch.randn(2, 3, 8, 8)
    expected = BettiPriorMulticlassLoss(params["priors"], topology=topology)(logits)
    torch.testing.assert_close(built.loss(logits), expected)


def test_gradient_equals_finite_differences():
    """Through the softmax, for sets of one and of two labels."""
    torch.manual_seed(0)
    logits = torch.randn(2, 4, 5, 6).double().requires_grad_()
    loss = BettiPriorMulticlassLoss(HEART, max_bars=6)
    assert torch.autograd.gradcheck(loss, logits, eps=1e-7, fast_mode=True)


def test_descent_reaches_the_anatomy():
    """From noisy labels of a heart whose muscle is broken, by the prior alone."""
    torch.manual_seed(0)
    labels = heart()
    labels[5, 1:3] = 0
    labels[0, 11] = 1
    logits = logits_of(labels, 4, high=2.0) + 0.3 * torch.randn(1, 4, 12, 12).double()
    logits.requires_grad_()
    loss = BettiPriorMulticlassLoss(HEART)
    optimiser = torch.optim.Adam([logits], lr=0.05)
    for _ in range(250):
        optimiser.zero_grad()
        loss(logits).backward()
        optimiser.step()
    found = logits.softmax(1).detach()
    for key, betti in HEART.items():
        union = found[:, [int(label) for label in key.split("+")]].sum(1)
        assert compute(union).betti_numbers(0.5).tolist() == [list(betti)], key


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda x: BettiPriorMulticlassLoss({"1-2": (1, 0)}), r"'1\+2'; got '1-2'"),
        (lambda x: BettiPriorMulticlassLoss({"1+1": (1, 0)}), r"different labels.*'1\+1'"),
        (lambda x: BettiPriorMulticlassLoss({(): (1, 0)}), r"got \(\)"),
        (lambda x: BettiPriorMulticlassLoss({-1: (1, 0)}), "got -1"),
        (
            lambda x: BettiPriorMulticlassLoss({"1+2": (1, 0), (2, 1): (1, 0)}),
            r"two priors.*'1\+2'",
        ),
        (lambda x: BettiPriorMulticlassLoss({"1": (1, 0.5)}), "whole Betti numbers"),
        (lambda x: BettiPriorMulticlassLoss({"1": (1, -1)}), "not negative"),
        (lambda x: BettiPriorMulticlassLoss({"3": (1, 0)})(x), "'3'.*3 labels.*beyond 2"),
        (lambda x: BettiPriorMulticlassLoss({"1": (1, 0, 0)})(x), r"'1' has shape \(3,\).*d=2"),
        (lambda x: BettiPriorMulticlassLoss()(x), "without priors and called without one"),
        (lambda x: BettiPriorMulticlassLoss()(x, [(1, 0)]), r"shape \(1, 2\).*B=2, C=3"),
        (lambda x: BettiPriorMulticlassLoss({"1": (5, 0)}, max_bars=3)(x), "less than the"),
        (lambda x: BettiPriorMulticlassLoss(max_bars=0), "at least 1"),
        (lambda x: BettiPriorMulticlassLoss(exponent=0.5), "at least 1"),
        (lambda x: BettiPriorMulticlassLoss(essential="E1"), "'ranked' or 'dropped'"),
    ],
)
def test_bad_input_is_refused_in_words(make, words):
    """What is wrong, the value, what to do."""
    with pytest.raises(UserError, match=words):
        make(torch.zeros(2, 3, 6, 6))
