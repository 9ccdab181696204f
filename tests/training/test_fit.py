"""Training: what is optimised, in which order, and that an interruption changes nothing."""

import numpy as np
import pytest
import torch
from torch import nn

from topoeval import Topology, UserError, datasets
from topoeval.datasets.classes import TargetClasses
from topoeval.losses import CrossEntropyLoss, MSELoss
from topoeval.networks import build
from topoeval.networks.unets import unet
from topoeval.training import DivergedError, Schedule, TensorSet, Term, build_term, fit, predict
from topoeval.training.augment import Augmentation, augment
from topoeval.training.callbacks import Callback
from topoeval.training.objective import weighted_sum
from topoeval.training.tensors import shuffled_batches


@pytest.fixture(scope="module")
def data():
    """Sixteen small digits, and eight more without labels."""
    return (
        TensorSet.from_samples(list(datasets.load("strokes", "train", 16))),
        TensorSet.from_samples(list(datasets.load("strokes", "unlabelled", 8))),
    )


def small_unet(seed=0):
    torch.manual_seed(seed)
    return unet(channels=(4, 8))


def terms(*named):
    return [build_term(name, topology=Topology(), **rest) for name, rest in named]


def weights(network):
    return torch.cat([p.detach().flatten() for p in network.parameters()])


def test_training_lowers_the_loss(data):
    """Cross-entropy after thirty epochs is well below that of the first."""
    history = fit(
        small_unet(), terms(("cross_entropy", {})), data[0], schedule=Schedule(30, 8, 8, 1e-2)
    )
    assert history.steps == 60
    assert history.terms["cross_entropy"][-1] < 0.7 * history.terms["cross_entropy"][0]


def test_an_interrupted_training_ends_as_an_undisturbed_one(data, tmp_path):
    """Weights, optimiser, batches and history come back from the checkpoint."""
    objective = [("cross_entropy", {}), ("betti_prior", {"weight": 0.1, "on": "unlabelled"})]
    schedule = Schedule(6, 8, 4, 1e-2)
    undisturbed = small_unet()
    whole = fit(undisturbed, terms(*objective), *data, schedule=schedule)

    class Killed(Exception):
        """Stands in for a signal."""

    class Dies(nn.Module):
        info = terms(("cross_entropy", {}))[0].info
        calls = 0

        def forward(self, input, target):
            Dies.calls += 1
            if Dies.calls == 8:
                raise Killed
            return CrossEntropyLoss()(input, target)

    state = tmp_path / "state.pt"
    victim = small_unet()
    dying = [Term(Dies()), terms(*objective)[1]]
    with pytest.raises(Killed):
        fit(victim, dying, *data, schedule=schedule, resume_from=state, save_every_s=0.0)
    resumed = small_unet(seed=99)
    rest = fit(resumed, terms(*objective), *data, schedule=schedule, resume_from=state)
    torch.testing.assert_close(weights(resumed), weights(undisturbed), rtol=0, atol=0)
    assert rest == whole
    assert [path.name for path in tmp_path.iterdir()] == ["state.pt"]


def test_unlabelled_images_change_no_labelled_batch(data):
    """A semi-supervised term of weight zero trains exactly as the plain loss does."""
    plain, semi = small_unet(), small_unet()
    schedule = Schedule(3, 5, 4, 1e-2)
    fit(plain, terms(("cross_entropy", {})), data[0], schedule=schedule, seed=4)
    objective = terms(("cross_entropy", {}), ("betti_prior", {"weight": 1e-30, "on": "unlabelled"}))
    fit(semi, objective, *data, schedule=schedule, seed=4)
    torch.testing.assert_close(weights(plain), weights(semi))


def test_a_prior_on_unlabelled_images_is_what_lowers_their_loss(data):
    """After a warm-up, without which a topological loss collapses, it is optimised where named."""
    last = {}
    for weight in (1e-30, 0.3):
        network = small_unet()
        fit(network, terms(("cross_entropy", {})), data[0], schedule=Schedule(40, 16, 8, 1e-2))
        prior = ("betti_prior", {"weight": weight, "on": "unlabelled"})
        objective = terms(("cross_entropy", {}), prior)
        history = fit(network, objective, *data, schedule=Schedule(20, 16, 8, 3e-3))
        last[weight] = history.terms["betti_prior"][-1]
    assert last[0.3] < 0.8 * last[1e-30]


def test_weight_schedules():
    """Nothing before the start, a straight ramp, full strength after it."""
    (term,) = terms(("cross_entropy", {"weight": 4.0, "start": 0.25, "ramp": 0.5}))
    assert [term.weight_at(x) for x in (0.0, 0.24, 0.25, 0.5, 0.75, 1.0)] == [0, 0, 0, 2, 4, 4]


def test_every_image_is_seen_once_an_epoch():
    """The last, smaller batch is not thrown away."""
    batches = shuffled_batches(10, 4, torch.Generator().manual_seed(1))
    assert sorted(torch.cat(batches).tolist()) == list(range(10))


def test_divergence_is_an_error_of_its_own(data):
    """NaN stops the training at once, with the epoch and the terms."""

    class Broken(nn.Module):
        info = terms(("cross_entropy", {}))[0].info

        def forward(self, input, target):
            return input.mean() * torch.nan

    with pytest.raises(DivergedError, match="epoch 1"):
        fit(small_unet(), [Term(Broken())], data[0], schedule=Schedule(1))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda d: terms(("cross_entropy", {"on": "unlabelled"})), "needs targets"),
        (lambda d: terms(("dice", {"params": {"wrong": 1}})), "loss 'dice'.*wrong"),
        (lambda d: terms(("dise", {})), "did you mean 'dice'"),
        (
            lambda d: fit(
                small_unet(),
                terms(("cross_entropy", {}), ("betti_prior", {"on": "unlabelled"})),
                d,
                schedule=Schedule(1),
            ),
            "gives none",
        ),
    ],
)
def test_bad_objectives_are_refused(call, words, data):
    """One line that names the loss and the remedy."""
    with pytest.raises(UserError, match=words):
        call(data[0])


def test_a_gradient_ratio_is_the_ratio_of_gradients_at_the_logits():
    """The relative term pulls r times as hard as the plain ones, and ramps up like any other."""
    torch.manual_seed(0)
    logits = torch.randn(2, 1, 8, 8, requires_grad=True)
    target = (torch.rand(2, 1, 8, 8) > 0.5).float()
    plain, relative = terms(
        ("cross_entropy", {"weight": 3.0}),
        ("mse", {"gradient_ratio": 0.5, "start": 0.2, "ramp": 0.4}),
    )
    values = [(term, term(logits, target, None)) for term in (plain, relative)]
    (base,) = torch.autograd.grad(3 * values[0][1], logits, retain_graph=True)
    for progress, ratio in ((0.1, 0.0), (0.4, 0.25), (0.9, 0.5)):
        total = weighted_sum(values, {"labelled": logits}, progress)
        (whole,) = torch.autograd.grad(total, logits, retain_graph=True)
        assert float((whole - base).norm() / base.norm()) == pytest.approx(ratio, abs=1e-5)


def test_a_term_without_gradient_gets_no_weight():
    """Nothing is divided by zero."""
    logits = torch.randn(1, 1, 4, 4, requires_grad=True)
    target = torch.ones(1, 1, 4, 4)
    plain, relative = terms(("cross_entropy", {}), ("mse", {"gradient_ratio": 2.0}))
    values = [(plain, plain(logits, target, None)), (relative, logits.new_ones(()))]
    total = weighted_sum(values, {"labelled": logits}, 1.0)
    torch.testing.assert_close(total, values[0][1])


def test_targets_are_prepared_once_and_dealt_out_by_batch(data):
    """A loss sees the prepared rows of exactly the samples of its batch."""

    class Remembers(MSELoss):
        prepared = 0

        def prepare(self, target):
            Remembers.prepared += 1
            return target.clone()

        def parts(self, input, target, prepared=None):
            assert torch.equal(prepared, target)
            return super().parts(input, target, prepared)

    fit(small_unet(), [Term(Remembers(sigmoid=True))], data[0], schedule=Schedule(3, 5))
    assert Remembers.prepared == 1


class Watched(nn.Module):
    """A network that keeps the images it has seen."""

    def __init__(self):
        super().__init__()
        self.inner, self.seen = small_unet(), []

    def forward(self, images):
        self.seen.append(images.clone())
        return self.inner(images)


def test_every_method_sees_the_same_varied_images(data):
    """A second source and another loss change none of them; each step and epoch has its own."""
    plain, semi = Watched(), Watched()
    settings = {"schedule": Schedule(2, 16, 4, 1e-2), "augmentation": Augmentation(), "seed": 3}
    fit(plain, terms(("cross_entropy", {})), data[0], **settings)
    objective = terms(("dice", {}), ("betti_prior", {"weight": 0.1, "on": "unlabelled"}))
    fit(semi, objective, *data, **settings)
    labelled, unlabelled = semi.seen[::2], semi.seen[1::2]
    assert len(plain.seen) == len(labelled) == len(unlabelled) == 2
    for one, other in zip(plain.seen, labelled, strict=True):
        assert torch.equal(one, other)
    first, second = (batch.flatten(1).sort(0).values for batch in labelled)
    assert not torch.equal(first, second)
    shown = {tuple(image.flatten().tolist()) for image in data[0].images}
    assert not any(tuple(image.flatten().tolist()) in shown for image in labelled[0][:1])


def test_a_loss_that_prepares_its_targets_gets_the_varied_ones(data):
    """What was computed of the targets as they were would be wrong for them."""
    network = small_unet()
    history = fit(
        network,
        terms(("dice", {}), ("skeleton_recall", {})),
        data[0],
        schedule=Schedule(1, 16, 4, 0.0),
        augmentation=Augmentation(),
        seed=3,
    )
    images, targets = data[0].images, data[0].targets
    order = torch.randperm(16, generator=torch.Generator().manual_seed(3))
    key = int(np.random.SeedSequence((3, 0, 0)).generate_state(1)[0])
    images, targets = augment(images[order], targets[order], Augmentation(), key)
    (recall,) = terms(("skeleton_recall", {}))
    expected = float(recall(small_unet()(images), targets, None).detach())
    assert history.terms["skeleton_recall"] == pytest.approx([expected], rel=1e-5)


def test_a_varied_training_resumes_as_if_undisturbed(data, tmp_path):
    """The variation of a step belongs to the step, whatever process takes it."""
    settings = {"augmentation": Augmentation(), "seed": 1}
    whole, halved = small_unet(), small_unet()
    objective = terms(("cross_entropy", {}))
    fit(whole, objective, data[0], schedule=Schedule(4, 8, 8, 1e-2), **settings)
    state = tmp_path / "state.pt"
    fit(halved, objective, data[0], schedule=Schedule(2, 8, 8, 1e-2), resume_from=state, **settings)
    again = small_unet(seed=5)
    fit(again, objective, data[0], schedule=Schedule(4, 8, 8, 1e-2), resume_from=state, **settings)
    torch.testing.assert_close(weights(again), weights(whole), rtol=0, atol=0)


def test_patches_and_priors_of_whole_images_do_not_go_together(data):
    """The Betti numbers of a patch are others."""
    with pytest.raises(UserError, match=r"'betti_prior' needs .* patch=8"):
        fit(
            small_unet(),
            terms(("cross_entropy", {}), ("betti_prior", {"on": "unlabelled"})),
            *data,
            schedule=Schedule(1),
            augmentation=Augmentation(patch=8),
        )


@pytest.mark.parametrize("name", ["dice", "cldice", "topograph"])
def test_the_classes_of_the_dataset_decide_between_softmax_and_sigmoid(name):
    """Exclusive classes are a softmax without its background; without them, sigmoids."""
    two = TargetClasses(("a", "b"), exclusive=True)
    softmax = build_term(name, topology=Topology(), classes=two).loss
    assert softmax.softmax
    assert not softmax.include_background
    assert build_term(name, topology=Topology()).loss.sigmoid


def test_with_deep_supervision_plain_losses_see_all_levels_and_topology_the_prediction():
    """Weights halve from level to level and sum to one; a term may ask for more or for less."""
    generator = torch.Generator().manual_seed(0)
    outputs = [torch.randn(2, 1, 8, 8, generator=generator) for _ in range(3)]
    target = (torch.rand(2, 1, 8, 8, generator=generator) > 0.5).float()

    def value(name, deep, logits):
        return float(build_term(name, deep=deep, topology=Topology())(logits, target, None))

    for name, default in (("dice", True), ("cross_entropy", True), ("cldice", False)):
        one, two, three = (value(name, None, output) for output in outputs)
        everything = (4 * one + 2 * two + three) / 7
        assert value(name, True, outputs) == pytest.approx(everything, abs=1e-6)
        assert value(name, False, outputs) == pytest.approx(one, abs=1e-6)
        assert value(name, None, outputs) == value(name, default, outputs)


def test_a_network_with_deep_supervision_trains(data):
    """Its loss falls, and it predicts with its best output alone."""
    torch.manual_seed(0)
    network = build("dynunet", channels=(4, 8, 8), deep_supervision=1)
    two = terms(("cross_entropy", {}), ("cldice", {}))
    history = fit(network, two, data[0], schedule=Schedule(12, 8, 8, 1e-2))
    assert history.terms["cross_entropy"][-1] < history.terms["cross_entropy"][0] * 0.7
    assert predict(network, data[0].images).shape == data[0].targets.shape


@pytest.mark.parametrize(("epochs", "enough"), [(1, False), (4, False), (5, True), (20, True)])
def test_a_ramp_ends_inside_the_training_or_is_refused(data, epochs, enough):
    """The last epoch has the full strength; else a term would never count, or never in full."""
    both = terms(("cross_entropy", {}), ("dice", {"start": 0.5, "ramp": 0.3}))
    if enough:
        history = fit(small_unet(), both, data[0], schedule=Schedule(epochs, 16))
        assert history.terms["dice"][-1] > 0
        return
    with pytest.raises(UserError, match=rf"no epoch of {epochs} reaches; it takes at least 5"):
        fit(small_unet(), both, data[0], schedule=Schedule(epochs, 16))


@pytest.mark.parametrize("setting", [{"weight": 0.0}, {"start": 0.3}, {"ramp": 0.5}])
def test_a_training_that_begins_without_a_loss_is_refused(data, setting):
    """In one line that names the losses, and not in torch's words in the first step."""
    with pytest.raises(UserError, match="loss 'dice': no weight at the first step"):
        fit(small_unet(), terms(("dice", setting)), data[0], schedule=Schedule(20, 16))


def test_a_loss_of_other_dimensions_is_refused_in_a_training():
    """Topograph on volumes: a line that says what it takes, before its preparation fails."""
    generator = torch.Generator().manual_seed(0)
    volumes = torch.rand((2, 1, 8, 8, 8), generator=generator)
    data = TensorSet(volumes, (volumes > 0.5).float(), None, None, ("a", "b"))
    network = unet(ndim=3, channels=(4, 8))
    term = build_term("topograph", topology=Topology())
    with pytest.raises(UserError, match="'topograph' takes 2D images, got 3D targets"):
        fit(network, [term], data, schedule=Schedule(1))


def test_the_learning_rate_falls_linearly_to_nothing(data):
    """From the full rate at the first step; an interrupted training goes on at its place."""
    rates = []

    class Listener(Callback):
        def on_step(self, step):
            rates.append(step.learning_rate)

    term = build_term("dice", topology=Topology())
    schedule = Schedule(5, 8, learning_rate=0.1, decay="linear")
    fit(small_unet(), [term], data[0], schedule=schedule, callbacks=[Listener()])
    np.testing.assert_allclose(rates, 0.1 * (1 - np.arange(10) / 10))
