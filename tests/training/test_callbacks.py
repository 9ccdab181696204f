"""Callbacks: what they are told, how often, and that the file of it is whole."""

import json

import pytest
import torch
from torch import nn

from topoeval import Topology, datasets
from topoeval.losses import CrossEntropyLoss
from topoeval.networks.classifier import classifier
from topoeval.networks.unets import unet
from topoeval.training import (
    Adaptation,
    DivergedError,
    Schedule,
    TensorSet,
    Term,
    build_term,
    fit,
    post_process,
)
from topoeval.training.callbacks import Epoch, JsonLines, Step
from topoeval.training.classification import train_classifier


@pytest.fixture(scope="module")
def data():
    """Ten small digits and six without labels."""
    return (
        TensorSet.from_samples(list(datasets.load("strokes", "train", 10))),
        TensorSet.from_samples(list(datasets.load("strokes", "unlabelled", 6))),
    )


def small_unet():
    torch.manual_seed(0)
    return unet(channels=(4, 8))


class Listener:
    """Keeps everything it is told."""

    def __init__(self):
        self.steps, self.epochs, self.ends = [], [], 0

    def on_step(self, step):
        self.steps.append(step)

    def on_epoch(self, epoch):
        self.epochs.append(epoch)

    def on_end(self):
        self.ends += 1


def test_every_step_and_epoch_is_told(data):
    """Counted from one, with unweighted terms whose weighted sum is the total."""
    listener = Listener()
    terms = [
        build_term("cross_entropy", weight=2.0, topology=Topology()),
        build_term("betti_prior", weight=0.25, on="unlabelled", topology=Topology()),
    ]
    schedule = Schedule(3, 4, 4, 5e-3)
    history = fit(small_unet(), terms, *data, schedule=schedule, callbacks=[listener])
    assert [step.step for step in listener.steps] == list(range(1, 10))
    assert [step.epoch for step in listener.steps] == [1, 1, 1, 2, 2, 2, 3, 3, 3]
    for step in listener.steps:
        total = 2.0 * step.terms["cross_entropy"] + 0.25 * step.terms["betti_prior"]
        assert step.total == pytest.approx(total, rel=1e-5)
        assert step.learning_rate == 5e-3
        assert step.seconds > 0
    assert [(epoch.epoch, epoch.step) for epoch in listener.epochs] == [(1, 3), (2, 6), (3, 9)]
    for name, means in history.terms.items():
        assert [epoch.terms[name] for epoch in listener.epochs] == means
    assert listener.ends == 1


def test_listening_changes_nothing(data):
    """The same weights, with and without."""
    networks = [small_unet(), small_unet()]
    for network, callbacks in zip(networks, ([], [Listener()]), strict=True):
        term = build_term("cross_entropy", topology=Topology())
        fit(network, [term], data[0], schedule=Schedule(2, 4), callbacks=callbacks)
    for one, other in zip(*(network.parameters() for network in networks), strict=True):
        assert torch.equal(one, other)


def test_a_training_that_breaks_off_is_told_as_an_end(data, tmp_path):
    """Sinks close their files; the lines up to there are on the disk."""

    class Breaks(nn.Module):
        info = CrossEntropyLoss.info
        calls = 0

        def forward(self, input, target):
            Breaks.calls += 1
            return CrossEntropyLoss()(input, target) * (torch.nan if Breaks.calls == 3 else 1.0)

    listener, path = Listener(), tmp_path / "history.jsonl"
    with pytest.raises(DivergedError):
        fit(
            small_unet(),
            [Term(Breaks())],
            data[0],
            schedule=Schedule(1, 3),
            callbacks=[JsonLines(path), listener],
        )
    assert (len(listener.steps), listener.ends) == (2, 1)
    assert [json.loads(line)["step"] for line in path.read_text().splitlines()] == [1, 2]


def test_the_file_has_a_line_for_each(data, tmp_path):
    """What a callback is told, as JSON."""
    listener, path = Listener(), tmp_path / "work" / "history.jsonl"
    term = build_term("cross_entropy", topology=Topology())
    callbacks = [JsonLines(path), listener]
    fit(small_unet(), [term], data[0], schedule=Schedule(2, 5), callbacks=callbacks)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line.pop("event") for line in lines] == ["step", "step", "epoch"] * 2
    steps = [line for line in lines if "total" in line]
    assert [Step(**line) for line in steps] == listener.steps
    assert [Epoch(**line) for line in lines if "total" not in line] == listener.epochs


def test_an_interrupted_training_leaves_one_line_a_step(data, tmp_path):
    """Lines after the last checkpoint are written anew, and a torn one is dropped."""
    path, state = tmp_path / "history.jsonl", tmp_path / "state.pt"
    term = build_term("cross_entropy", topology=Topology())

    def train(network, epochs):
        fit(
            network,
            [term],
            data[0],
            schedule=Schedule(epochs, 5),
            callbacks=[JsonLines(path)],
            resume_from=state,
        )

    train(small_unet(), 2)
    with path.open("a") as file:  # two more steps and half of a third, after the checkpoint
        file.write('{"event": "step", "step": 5}\n{"event": "step", "step": 6}\n{"event": "st')
    train(small_unet(), 3)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["step"] for line in lines if line["event"] == "step"] == [1, 2, 3, 4, 5, 6]
    assert [line["epoch"] for line in lines if line["event"] == "epoch"] == [1, 2, 3]
    assert all("total" in line for line in lines if line["event"] == "step")


def test_corrections_and_judges_are_told_too(data):
    """Steps of the adaptation of each group of images; steps of the classifier."""
    listener = Listener()
    loss = build_term("betti_prior", params={"reduction": "none"}, topology=Topology("T")).loss
    adaptation = Adaptation(steps=2, copies=4, learning_rate=1e-3)
    images, priors = data[0].images, data[0].priors
    post_process(small_unet(), images, priors, loss, adaptation, callbacks=[listener])
    assert [step.step for step in listener.steps] == [1, 2, 3, 4, 5, 6]
    assert listener.steps[0].terms["drift"] == 0.0
    for step in listener.steps:
        total = adaptation.anchor * step.terms["drift"] + step.terms["betti_prior"]
        assert step.total == pytest.approx(total, rel=1e-5)
    assert (len(listener.epochs), listener.ends) == (3, 1)

    listener = Listener()
    judged = TensorSet.from_samples(list(datasets.load("strokes", "judge", 20)))
    network = classifier(judged.targets.shape[1:], 10)
    train_classifier(network, judged, schedule=Schedule(2, 10), callbacks=[listener])
    assert [(step.step, step.epoch) for step in listener.steps] == [(1, 1), (2, 1), (3, 2), (4, 2)]
    first = [step.total for step in listener.steps[:2]]
    assert listener.epochs[0].terms["cross_entropy"] == pytest.approx(sum(first) / 2)
    assert listener.ends == 1
