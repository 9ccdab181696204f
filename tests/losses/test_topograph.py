"""Topograph: regions against a search by hand, aggregates, and what its zero is worth."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from topoeval import Topology, UserError
from topoeval.losses import TopographLoss
from topoeval.metrics import betti_numbers
from topoeval.testing.fixtures import IMAGES

TOPOLOGIES = [Topology(c, d, b) for c in "VT" for d in ("superlevel", "sublevel")
              for b in ("plain", "framed")]  # fmt: skip
FACES = [(0, 1), (1, 0), (0, -1), (-1, 0)]
CORNERS = [*FACES, (1, 1), (1, -1), (-1, 1), (-1, -1)]


def components(pixels, steps, joined=lambda a, b: True):
    """Split a set of pixels into connected sets."""
    left, found = set(pixels), []
    while left:
        todo = [left.pop()]
        component = set(todo)
        while todo:
            i, j = todo.pop()
            for di, dj in steps:
                near = (i + di, j + dj)
                if near in left and joined((i, j), near):
                    left.remove(near)
                    component.add(near)
                    todo.append(near)
        found.append(component)
    return found


def critical_by_hand(p, g, topology):
    """Return the critical regions as sets of pixels, by the definition."""
    if not topology.superlevel:
        p, g = ~p, ~g
    p, g = (np.pad(x, 1, constant_values=topology.framed) for x in (p, g))
    eight = topology.construction == "T"
    fg_steps, bg_steps = (CORNERS, FACES) if eight else (FACES, CORNERS)

    def where(mask):
        return set(zip(*(axis.tolist() for axis in mask.nonzero()), strict=True))

    empty = components(where(~p & ~g), bg_steps)
    critical = []
    for wrong, other in ((p & ~g, g), (g & ~p, p)):

        def joined(a, b, other=other):
            if a[0] == b[0] or a[1] == b[1]:
                return True
            corners = [(a[0], b[1]), (b[0], a[1])]
            if eight:
                return not any(p[c] or g[c] for c in corners)
            return all(other[c] for c in corners)

        clusters = components(where(other), fg_steps)
        for region in components(where(wrong), CORNERS, joined):
            near, next_to = (
                {(i + di, j + dj) for i, j in region for di, dj in steps}
                for steps in (fg_steps, bg_steps)
            )
            touched = [
                sum(bool(c & near) for c in clusters),
                sum(bool(c & next_to) for c in empty),
            ]
            if touched != [1, 1]:
                critical.append(region)
    return [{(i - 1, j - 1) for i, j in region} for region in critical]


AGGREGATES = {
    "mean": lambda v, q: v.mean(),
    "rms": lambda v, q: np.sqrt((v**2).mean()),
    "sum": lambda v, q: v.sum(),
    "max": lambda v, q: v.max(),
    "min": lambda v, q: v.min(),
    "cross_entropy": lambda v, q: -np.log(q).mean(),
}


def masks(shape, seed):
    """A random mask and one that differs in some pixels."""
    rng = np.random.default_rng([seed, *shape])
    g = rng.random(shape) < rng.choice([0.2, 0.5, 0.8])
    return g ^ (rng.random(shape) < rng.choice([0.05, 0.15, 0.4])), g


def probabilities(mask, seed):
    """Distinct probabilities above a half where the mask is true."""
    rng = np.random.default_rng(seed)
    return np.where(mask, 0.55, 0.05) + 0.4 * rng.random(mask.shape)


@pytest.mark.parametrize("topology", TOPOLOGIES, ids=str)
@pytest.mark.parametrize("aggregate", sorted(AGGREGATES))
def test_value_is_that_of_regions_found_by_hand(topology, aggregate):
    """Every image of a batch, from nearly right to mostly wrong."""
    loss = TopographLoss(topology=topology, aggregate=aggregate, reduction="none", sigmoid=True)
    single = TopographLoss(topology=topology, aggregate=aggregate)
    for seed in range(3):
        p, g = masks((4, 2, 7, 9), seed)
        x = probabilities(p, seed)
        found = loss(torch.logit(torch.from_numpy(x)), torch.from_numpy(g))
        assert found.shape == (4, 2)
        for b, c in itertools.product(range(4), range(2)):
            certainty = np.where(p[b, c], x[b, c], 1 - x[b, c])
            expected = 0.0
            for region in critical_by_hand(p[b, c], g[b, c], topology):
                values = np.array([certainty[place] for place in region])
                expected += AGGREGATES[aggregate](values, 1 - values)
            assert found[b, c].item() == pytest.approx(expected)
            alone = single(*(torch.from_numpy(m[b, c][None, None]) for m in (x, g)))
            assert alone.item() == pytest.approx(expected)


@pytest.mark.parametrize("aggregate", sorted(AGGREGATES))
@pytest.mark.parametrize("include_background", [True, False])
def test_classes_are_taken_by_argmax(aggregate, include_background):
    """One against the rest; certainty is the probability of the predicted class."""
    rng = np.random.default_rng(0)
    x = torch.from_numpy(rng.dirichlet([0.7] * 4, size=(2, 8, 9))).movedim(-1, 1)
    wanted = torch.from_numpy(rng.integers(0, 4, (2, 8, 9)))
    target = torch.nn.functional.one_hot(wanted, 4).movedim(-1, 1)
    loss = TopographLoss(
        aggregate=aggregate, include_background=include_background, reduction="none"
    )
    found = loss(x, target)
    predicted = x.argmax(1)
    for b, c in itertools.product(range(2), range(4)):
        if not include_background and c == 0:
            continue
        p, g = (predicted[b] == c).numpy(), (wanted[b] == c).numpy()
        expected = 0.0
        for region in critical_by_hand(p, g, Topology("T")):
            v, q = (
                np.array([x[b, int(classes[b][place]), *place].item() for place in region])
                for classes in (predicted, wanted)
            )
            expected += AGGREGATES[aggregate](v, q)
        assert found[b, c - (not include_background)].item() == pytest.approx(expected)
    logits = (x + 1e-9).log() + 3
    again = TopographLoss(
        aggregate=aggregate, include_background=include_background, reduction="none", softmax=True
    )(logits, target)
    torch.testing.assert_close(again, found, rtol=1e-5, atol=1e-6)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(TOPOLOGIES))
def test_no_critical_region_means_equal_betti_numbers(seed, topology):
    """The paper's theorem: where nothing is critical, prediction and target have one topology."""
    rng = np.random.default_rng(seed)
    shape = (40, 1, *rng.integers(2, 8, 2))
    g = rng.random(shape) < rng.choice([0.2, 0.5, 0.8])
    p = g ^ (rng.random(shape) < rng.choice([0.03, 0.08, 0.15]))
    loss = TopographLoss(topology=topology, reduction="none")
    value = loss(torch.from_numpy(p).float(), torch.from_numpy(g).float())[:, 0].numpy()
    foregrounds = (p, g) if topology.superlevel else (~p, ~g)
    ours, theirs = (betti_numbers(x, topology, spatial_dims=2)[:, 0] for x in foregrounds)
    assert (ours == theirs).all(1)[value == 0].all()


def test_published_diagonal_rule_would_miss_this():
    """Foreground 4, framed: Betti numbers differ, and the loss says so."""
    kinds = np.array([[2, 3, 2, 1, 0], [3, 0, 1, 3, 3], [0, 3, 3, 3, 0]])
    p, g = kinds % 2 == 1, kinds >= 2
    topology = Topology("V", border="framed")
    assert not np.array_equal(betti_numbers(p, topology), betti_numbers(g, topology))
    maps = [torch.from_numpy(x).float()[None, None] for x in (p, g)]
    assert TopographLoss(topology=topology)(*maps) > 0


@pytest.mark.parametrize("topology", TOPOLOGIES, ids=str)
def test_prepared_targets_and_many_images(topology):
    """Cached components of the target give the same value, whatever else was prepared."""
    p, g = masks((300, 1, 6, 5), 7)
    x, g = torch.from_numpy(probabilities(p, 7)), torch.from_numpy(g)
    loss = TopographLoss(topology=topology, reduction="none")
    prepared = loss.prepare(g)
    chosen = torch.tensor([299, 3, 150, 3])
    torch.testing.assert_close(
        loss(x[chosen], g[chosen], loss.select(prepared, chosen)), loss(x, g)[chosen]
    )


@pytest.mark.parametrize("aggregate", sorted(AGGREGATES))
def test_gradient_equals_finite_differences(aggregate):
    """Regions are locally constant; the aggregates are smooth or have one extremum."""
    p, g = masks((2, 2, 7, 8), 1)
    logits = torch.logit(torch.from_numpy(probabilities(p, 1))).requires_grad_()
    loss = TopographLoss(aggregate=aggregate, sigmoid=True)
    target = torch.from_numpy(g).double()
    assert torch.autograd.gradcheck(loss, (logits, target), eps=1e-7, fast_mode=True)


@pytest.mark.parametrize("name", sorted(IMAGES))
@pytest.mark.parametrize("construction", ["V", "T"])
def test_descent_reaches_the_topology_of_the_fixture(name, construction):
    """From a noisy map the loss falls to 0, and there the Betti numbers are the target's."""
    mask, _ = IMAGES[name]
    topology = Topology(construction)
    rng = np.random.default_rng(len(name))
    target = torch.from_numpy(mask).float().expand(8, 1, *mask.shape)
    noise = torch.from_numpy(rng.random(target.shape)).float()
    logits = torch.logit(0.15 + 0.3 * target + 0.4 * noise).requires_grad_()
    loss = TopographLoss(topology=topology, sigmoid=True, aggregate="sum")
    optimiser = torch.optim.SGD([logits], lr=2.0)
    value = torch.tensor(1.0)
    for _ in range(100):
        optimiser.zero_grad()
        value = loss(logits, target)
        value.backward()
        optimiser.step()
    assert value == 0
    found = betti_numbers((logits > 0).numpy(), topology, spatial_dims=2)
    assert (found == betti_numbers(mask, topology)).all()


def test_bad_options_are_one_line():
    """The error names the option, or the axis too many."""
    with pytest.raises(UserError, match="aggregate"):
        TopographLoss(aggregate="median")
    with pytest.raises(UserError, match="topograph"):
        TopographLoss()(torch.zeros(1, 1, 4, 4, 4), torch.zeros(1, 1, 4, 4, 4))
