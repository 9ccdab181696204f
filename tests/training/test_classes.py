"""Several classes, from the target to the prediction."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from topoeval import datasets, networks
from topoeval.datasets.classes import TargetClasses
from topoeval.errors import UserError
from topoeval.losses import LOSSES
from topoeval.metrics import Settings, score_cases
from topoeval.topology import Topology
from topoeval.training import Schedule, TensorSet, apply_remedy, build_term, fit, predict
from topoeval.training.classes import class_maps, with_background

NAMES = ("right ventricle", "myocardium", "left ventricle")
PRIOR = ((1, 0), (1, 1), (1, 0))
T = Topology("T", "superlevel", "plain")
# losses that need an argument of their own
NEEDED = {"topo_interaction": {"exclusion": [[1, 3]]}}


def hearts(number, seed):
    """Dark rings round a bright disc, another bright disc beside them."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:64, :64]
    images, targets = [], []
    for _ in range(number):
        cy, cx = rng.uniform(24, 40, 2)
        inner, wall, size = rng.uniform(6, 9), rng.uniform(3, 5), rng.uniform(6, 8)
        radius = np.hypot(y - cy, x - cx)
        cavity, ring = radius < inner, (radius >= inner) & (radius < inner + wall)
        angle, away = rng.uniform(0, 2 * np.pi), inner + wall + size + 1
        disc = np.hypot(y - cy - away * np.sin(angle), x - cx - away * np.cos(angle)) < size
        image = 0.35 + 0.4 * disc - 0.25 * ring + 0.4 * cavity + rng.normal(0, 0.03, y.shape)
        images.append(image.clip(0, 1)[None])
        targets.append([disc, ring, cavity])
    return TensorSet(
        torch.tensor(np.array(images), dtype=torch.float32),
        torch.tensor(np.array(targets), dtype=torch.float32),
        torch.tensor([PRIOR] * number),
        None,
        tuple(map(str, range(number))),
    )


@pytest.mark.slow
@pytest.mark.parametrize("exclusive", [True, False], ids=["softmax", "sigmoids"])
def test_three_classes_are_learnt_with_a_softmax_and_with_three_sigmoids(exclusive):
    """Cross-entropy, 30 images, 120 epochs: Dice 0.97 and nine of ten images right in topology."""
    train, test = hearts(30, 0), hearts(30, 1)
    classes = TargetClasses(NAMES, exclusive=exclusive)
    torch.manual_seed(0)
    network = networks.build("unet", out_channels=classes.channels)
    term = build_term("cross_entropy", topology=T, classes=classes)
    schedule = Schedule(120, 5, learning_rate=5e-3, decay="linear")
    fit(network, [term], train, schedule=schedule)
    maps = predict(network, test.images, softmax=classes.softmax).numpy()
    scores = score_cases(
        maps, test.targets.numpy(), Settings(topology=T), priors=test.priors.numpy()
    )
    assert scores["dice"].mean() >= 0.97
    assert scores["matches_truth"].mean() >= 0.9
    assert scores["matches_prior"].mean() >= 0.9
    if exclusive:
        assert ((maps >= 0.5).sum(1) <= 1).all()


@given(st.integers(0, 2**32 - 1), st.integers(1, 4))
def test_a_class_is_predicted_exactly_where_its_logit_is_the_largest(seed, count):
    """Ties included: integers as logits have many, and one class of them is predicted."""
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randint(-2, 3, (2, count + 1, 4, 4), generator=generator).float()
    maps = class_maps(logits, softmax=True)
    winner = logits.argmax(1, keepdim=True)
    expected = torch.arange(1, count + 1)[None, :, None, None] == winner
    assert torch.equal(maps >= 0.5, expected)
    two = class_maps(logits[:, :2], softmax=True)
    plain = logits[:, :2].softmax(1)[:, 1:]
    torch.testing.assert_close(two, plain)


def test_targets_of_exclusive_classes_get_a_background_and_may_not_overlap():
    """Their sum is 1 at each voxel; two classes at one voxel are regions."""
    targets = hearts(3, 0).targets
    full = with_background(targets)
    assert torch.equal(full.sum(1), torch.ones(3, 64, 64))
    assert torch.equal(full[:, 1:], targets)
    with pytest.raises(UserError, match=r"sum to 2 at a voxel.*overlap are regions"):
        with_background(torch.ones(1, 2, 4, 4))


@pytest.mark.parametrize("name", list(LOSSES))
def test_every_loss_trains_exclusive_classes_and_sees_their_background(name):
    """The background of a softmax has a gradient, with which class the voxels are lost or won."""
    data = hearts(2, 0)
    classes = TargetClasses(NAMES, exclusive=True, unions={"myocardium+left ventricle": (1, 0)})
    term = build_term(name, topology=T, classes=classes, params=NEEDED.get(name))
    logits = torch.randn(2, 4, 64, 64, generator=torch.Generator().manual_seed(0))
    logits.requires_grad_()
    value = term(logits, data.targets, data.priors, term.prepare(data.targets), torch.arange(2))
    value.backward()
    assert torch.isfinite(value.detach())
    assert (logits.grad.abs().sum((0, 2, 3)) > 0).all()


def test_of_overlapping_regions_each_is_a_sigmoid_of_its_own():
    """Cross-entropy is the mean of the three binary ones; prepared targets are found again."""
    data = hearts(3, 0)
    regions = TargetClasses(NAMES)
    logits = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    index = torch.tensor([2, 0])
    for name in ("cross_entropy", "dice_cross_entropy", "focal"):
        term = build_term(name, topology=T, classes=regions)
        single = build_term(name, topology=T)
        each = [
            single(logits[:, c : c + 1], data.targets[index][:, c : c + 1], None) for c in range(3)
        ]
        value = term(logits, data.targets[index], None, term.prepare(data.targets), index)
        assert float(value) == pytest.approx(float(sum(each)) / 3, rel=1e-6)


@pytest.mark.parametrize("name", ["clce", "cbdice", "clmdice", "betti_prior_multiclass"])
def test_a_softmax_loss_refuses_regions_and_a_sigmoid_refuses_exclusive_classes(name):
    """The one would take the first class for the background, the other train it as a class."""
    with pytest.raises(UserError, match=rf"{name}.*softmax.*no background.*sum to 1"):
        build_term(name, topology=T, classes=TargetClasses(NAMES))
    with pytest.raises(UserError, match=r"softmax = true, but the targets.*no background"):
        build_term("dice", topology=T, classes=TargetClasses(NAMES), params={"softmax": True})
    with pytest.raises(UserError, match=r"sigmoid = true, but the classes.*exclusive"):
        build_term(
            "dice",
            topology=T,
            classes=TargetClasses(NAMES, exclusive=True),
            params={"sigmoid": True},
        )


@pytest.mark.parametrize("name", ["dice", "cldice", "topograph"])
def test_a_method_that_says_softmax_gets_one(name):
    """It wins over what the harness would choose, and is the same loss (B19)."""
    classes = TargetClasses(NAMES, exclusive=True)
    said = build_term(name, topology=T, classes=classes, params={"softmax": True})
    assert repr(said.loss) == repr(build_term(name, topology=T, classes=classes).loss)
    assert said.loss.softmax
    assert not said.loss.sigmoid


def test_remedies_take_each_class_with_its_prior_and_no_voxel_of_another():
    """A speck goes from its class alone; the cavity stays the cavity's when the ring is filled."""
    maps = hearts(2, 0).targets.numpy().copy()
    speck = maps.copy()
    speck[:, 0, 1, 1] = 1
    fixed = apply_remedy("largest_component", speck, np.array([PRIOR] * 2), T, exclusive=True)
    np.testing.assert_array_equal(fixed, maps)
    filled_ring = np.array([((1, 0), (1, 0), (1, 0))] * 2)
    params = {"opening": 0, "closing": 0}
    regions = apply_remedy("morphology", maps, filled_ring, T, **params)
    assert (regions[:, 1] >= regions[:, 2]).all()  # regions may overlap
    kept = apply_remedy("morphology", maps, filled_ring, T, exclusive=True, **params)
    np.testing.assert_array_equal(kept, maps)


def test_priors_of_unions_say_how_true_hearts_lie():
    """What the card of `cardiac` says of unions holds for every mask under T."""
    card = datasets.info("cardiac", structure="all")
    assert card.exclusive
    assert card.target_classes.channels == 4
    masks = np.stack([s.target for s in datasets.load("cardiac", "test", 20, structure="all")])
    for labels, betti in card.target_classes.unions_by_label.items():
        union = masks[:, [label - 1 for label in labels]].max(1, keepdims=True)
        scores = score_cases(union, union, Settings(topology=T), priors=[betti] * 20)
        assert scores["truth_matches_prior"].all(), (labels, betti)
