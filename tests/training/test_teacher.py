"""The teacher: what it is, what it answers, and that an interruption changes nothing of it."""

import json
from pathlib import Path

import pytest
import torch
from torch import nn

from topoeval import Topology, UserError, datasets
from topoeval.datasets.classes import TargetClasses
from topoeval.harness.suites.parameters import value_of, with_params
from topoeval.losses import CrossEntropyLoss, DiceLoss, MSELoss
from topoeval.networks import build
from topoeval.networks.unets import unet
from topoeval.records.parts import Method
from topoeval.records.spec import RunSpec
from topoeval.training import Schedule, Teaching, TensorSet, Term, build_term, fit
from topoeval.training.augment import Augmentation
from topoeval.training.precision import Arithmetic
from topoeval.training.teacher import Teacher

ROOT = Path(__file__).parents[2]
TAUGHT = {"on": "unlabelled", "target": "teacher"}


@pytest.fixture(scope="module")
def data():
    """Eight small digits, and six more without labels."""
    return (
        TensorSet.from_samples(list(datasets.load("strokes", "train", 8))),
        TensorSet.from_samples(list(datasets.load("strokes", "unlabelled", 6))),
    )


def small_unet(seed=0):
    torch.manual_seed(seed)
    return unet(channels=(4, 8), norm="batch")


def term(name, **rest):
    return build_term(name, topology=Topology(), **rest)


def state_of(network):
    return torch.cat([value.detach().double().flatten() for value in network.state_dict().values()])


def test_its_weights_are_a_mean_of_the_student_s():
    """The plain mean of all weights, the start included, then the exponential one; buffers too."""
    network = nn.Sequential(nn.Linear(2, 1), nn.BatchNorm1d(1))
    teacher = Teacher(network, Teaching(decay=0.75), seed=0)
    weights, expected = [network[0].weight.detach().clone()], None
    for step in range(1, 8):
        with torch.no_grad():
            network[0].weight += torch.randn(1, 2)
            network[1].running_mean += 1
            network[1].num_batches_tracked += 1
        weights.append(network[0].weight.detach().clone())
        teacher.follow(network, step)
        mean = torch.stack(weights).mean(0)
        expected = mean if step <= 3 else 0.75 * expected + 0.25 * weights[-1]
        torch.testing.assert_close(teacher.network[0].weight.data, expected)
    assert float(teacher.network[1].running_mean) == 7
    assert int(teacher.network[1].num_batches_tracked) == 7
    assert not any(own.requires_grad for own in teacher.network.parameters())
    assert not teacher.network.training


class Seen(MSELoss):
    """Keeps the targets it is given."""

    def __init__(self):
        super().__init__(sigmoid=True)
        self.answers = []

    def parts(self, input, target, prepared=None):
        self.answers.append(target.clone())
        assert not target.requires_grad
        return super().parts(input, target, prepared)


class Cut(DiceLoss):
    """The same, of a loss that takes masks."""

    def __init__(self):
        super().__init__(sigmoid=True)
        self.answers = []

    def parts(self, input, target, prepared=None):
        self.answers.append(target.clone())
        return super().parts(input, target, prepared)


def test_a_loss_gets_its_prediction_and_never_the_true_masks(data):
    """Probabilities where the loss takes them, else the prediction cut at one half."""
    network, seen, cut = small_unet(), Seen(), Cut()
    expected = small_unet().eval()
    objective = [term("cross_entropy"), *(Term(loss, **TAUGHT) for loss in (seen, cut))]
    fit(network, objective, *data, schedule=Schedule(1, 8, 6), teaching=Teaching(noise=0.0))
    drawn = torch.randint(6, (6,), generator=torch.Generator().manual_seed(1_000_003))
    with torch.no_grad():
        answer = expected(data[1].images[drawn]).sigmoid()
    torch.testing.assert_close(seen.answers[0], answer)
    assert torch.equal(cut.answers[0], (answer >= 0.5).float())
    assert not torch.equal(cut.answers[0], data[1].targets[drawn])


def test_both_see_the_same_varied_images_and_it_sees_noise_more(data):
    """Noise of the given strength, another in each step."""
    shown = []

    class Watched(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = small_unet()

        def forward(self, images):
            shown.append((self.training, images.clone()))
            return self.inner(images)

    objective = [term("cross_entropy"), term("mse", **TAUGHT)]
    settings = {"schedule": Schedule(2, 8, 6), "augmentation": Augmentation(), "seed": 2}
    fit(Watched(), objective, *data, **settings, teaching=Teaching(noise=0.2))
    students = [images for training, images in shown if training][1::2]
    noises = [
        images - student
        for (training, images), student in zip(
            [one for one in shown if not one[0]], students, strict=True
        )
    ]
    for noise in noises:
        assert 0.15 < float(noise.std()) < 0.2
        assert 0.39 < float(noise.abs().max()) <= 0.4 + 1e-6
    assert not torch.equal(*noises)


@pytest.mark.parametrize("varied", [None, Augmentation()])
def test_an_interrupted_training_ends_as_an_undisturbed_one(data, tmp_path, varied):
    """To the last bit, though the teacher is another network than the student."""
    objective = [term("cross_entropy"), term("mse", weight=3.0, **TAUGHT)]
    settings = {"seed": 1, "augmentation": varied}
    whole, halved, again = small_unet(), small_unet(), small_unet(seed=5)
    state = tmp_path / "state.pt"
    told = fit(whole, objective, *data, schedule=Schedule(4, 4, 3, 1e-2), **settings)
    for network, epochs in ((halved, 2), (again, 4)):
        schedule = Schedule(epochs, 4, 3, 1e-2)
        rest = fit(network, objective, *data, schedule=schedule, resume_from=state, **settings)
    assert torch.equal(state_of(again), state_of(whole))
    assert rest == told
    for others in (objective[:1], [objective[0]]):
        with pytest.raises(UserError, match=r"state.pt is .* with a teacher, and this one is not"):
            fit(whole, others, *data, schedule=Schedule(4), resume_from=state)


def test_a_term_that_weighs_nothing_trains_as_the_plain_loss_does(data):
    """Teacher and noise change no batch, no weight and no random number."""
    plain, semi = small_unet(), small_unet()
    # the norm is that of the instance: the student's own statistics would see more images
    plain, semi = (build("unet", channels=(4, 8)) for _ in range(2))
    semi.load_state_dict(plain.state_dict())
    schedule = Schedule(2, 4, 3, 1e-2)
    fit(plain, [term("cross_entropy")], data[0], schedule=schedule)
    taught = [term("cross_entropy"), term("mse", weight=1e-30, **TAUGHT)]
    fit(semi, taught, *data, schedule=schedule)
    torch.testing.assert_close(state_of(semi), state_of(plain))


def test_it_differs_from_the_plain_loss_where_it_weighs(data):
    """The gradient of the consistency reaches the student."""
    plain, semi = small_unet(), small_unet()
    schedule = Schedule(2, 4, 3, 1e-2)
    for network, weight in ((plain, 1e-30), (semi, 10.0)):
        taught = [term("cross_entropy"), term("mse", weight=weight, **TAUGHT)]
        history = fit(network, taught, *data, schedule=schedule)
        assert history.terms["mse"][-1] > 0
    assert float((state_of(semi) - state_of(plain)).abs().max()) > 1e-3


def test_with_deep_supervision_its_prediction_is_held_against_every_level(data):
    """It answers by its full resolution alone."""
    torch.manual_seed(0)
    network = build("dynunet", channels=(4, 8, 8), deep_supervision=1)
    seen = Seen()
    objective = [term("cross_entropy"), Term(seen, **TAUGHT)]
    fit(network, objective, *data, schedule=Schedule(1, 8, 6))
    assert len(seen.answers) == 2
    assert torch.equal(*seen.answers)


def test_of_exclusive_classes_it_answers_without_the_background():
    """A softmax of which the term makes the background again, or the class that wins."""
    two = TargetClasses(("a", "b"), exclusive=True)
    logits = torch.tensor([0.0, 1.0, 0.9]).reshape(1, 3, 1, 1).expand(1, 3, 2, 2)

    class Constant(nn.Module):
        def forward(self, images):
            return logits

    teacher = Teacher(Constant(), Teaching(), seed=0)
    terms = [term(name, classes=two, **TAUGHT) for name in ("cross_entropy", "dice")]
    soft, masks = teacher.answers(torch.rand(1, 1, 2, 2), terms, Arithmetic(), steps=0)
    torch.testing.assert_close(soft, logits.softmax(1)[:, 1:])
    assert masks[0, :, 0, 0].tolist() == [1, 0]
    for one, target in zip(terms, (soft, masks), strict=True):
        assert torch.isfinite(one(logits, target, None))


@pytest.mark.parametrize(
    ("name", "rest", "words"),
    [
        ("mse", {"target": "teacher"}, "'mse': target = .* is for unlabelled images"),
        ("betti_prior", TAUGHT, "'betti_prior' takes Betti numbers and no target"),
        ("mse", {"on": "unlabelled"}, "'mse' needs targets .* unless a teacher answers them"),
    ],
)
def test_a_target_that_is_not_there_is_refused(name, rest, words):
    """One line, with the remedy."""
    with pytest.raises(UserError, match=words) as caught:
        term(name, **rest)
    assert "\n" not in str(caught.value)


def test_terms_by_hand_are_looked_at_too(data):
    """Else a loss on unlabelled images would be given their true masks."""
    objective = [Term(CrossEntropyLoss()), Term(MSELoss(sigmoid=True), on="unlabelled")]
    with pytest.raises(UserError, match="unless a teacher"):
        fit(small_unet(), objective, *data, schedule=Schedule(1))


@pytest.mark.parametrize("settings", [{"decay": 1.0}, {"decay": -0.1}, {"noise": -1.0}])
def test_a_teacher_that_cannot_be_is_refused(settings):
    """Naming what is wrong, and the value."""
    (name,) = settings
    with pytest.raises(UserError, match=f"teacher: {name} must be"):
        Teaching(**settings)


METHOD = {
    "name": "mine",
    "title": "Mine",
    "regime": "semi_supervised",
    "losses": [{"name": "dice"}, {"name": "mse", "weight": 2.0, **TAUGHT}],
    "teacher": {},
}


def test_a_method_says_all_of_its_teacher():
    """Its values are in the record, its parameters have names, and `dice` stays as it was."""
    method = Method.model_validate(METHOD)
    assert method.model_dump()["teacher"] == {"decay": 0.99, "noise": 0.1}
    assert "target" not in method.model_dump()["losses"][0]
    slower = with_params(method, {"decay": 0.999, "mse.weight": 1.0})
    assert slower.teacher.decay == 0.999
    assert value_of(slower, "teacher.noise") == 0.1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"teacher": None}, r"no teacher; add \[teacher\]"),
        ({"losses": [{"name": "betti_prior", "on": "unlabelled"}]}, "no loss asks it"),
        ({"losses": [{"name": "dice", "target": "teacher"}]}, "'dice': .* unlabelled images"),
        ({"regime": "post_process", "adaptation": {}, "losses": [{"name": "mse", **TAUGHT}]},
         "which is of semi_supervised"),
    ],
)  # fmt: skip
def test_a_method_whose_teacher_has_nothing_to_say_is_refused(change, words):
    """Wherever the two do not fit each other."""
    with pytest.raises(ValueError, match=words):
        Method.model_validate({**METHOD, **change})


@pytest.mark.parametrize("name", ["clough-myocardium", "topomortar"])
def test_runs_of_before_have_the_identity_they_had(name):
    """The identity of a committed record, computed again."""
    for path in sorted((ROOT / "results" / name / "records").glob("*.json"))[::7]:
        record = json.loads(path.read_text())
        assert RunSpec.model_validate(record["spec"]).id == record["id"] == path.stem
