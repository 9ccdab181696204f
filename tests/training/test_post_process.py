"""Post-processing: one private copy of the weights per image, anchored to its first answer."""

import copy

import pytest
import torch

from topoeval import datasets
from topoeval.losses import BettiPriorLoss
from topoeval.networks.unets import unet
from topoeval.training import Adaptation, TensorSet, post_process, predict


@pytest.fixture(scope="module")
def trained():
    """A network and five images; weights at random will do."""
    torch.manual_seed(0)
    network = unet(channels=(4, 8))
    return network, TensorSet.from_samples(list(datasets.load("strokes", "test", 5)))


def alone(network, image, prior, loss, adaptation):
    """Equation 5 as a person would write it: copy the network, optimise, answer."""
    private = copy.deepcopy(network).eval()
    optimiser = torch.optim.Adam(private.parameters(), lr=adaptation.learning_rate)
    first = private(image).sigmoid().detach()
    for _ in range(adaptation.steps):
        logits = private(image)
        drift = (logits.sigmoid() - first).square().mean()
        total = adaptation.anchor * drift + adaptation.weight * loss(logits, prior=prior).sum()
        optimiser.zero_grad()
        total.backward()
        optimiser.step()
    return private(image).sigmoid().detach()


def test_stacked_copies_are_private_copies(trained):
    """All images at once equals one after the other, and the network stays as it was."""
    network, test = trained
    before = copy.deepcopy(network.state_dict())
    loss = BettiPriorLoss(sigmoid=True, reduction="none")
    adaptation = Adaptation(steps=4, learning_rate=1e-3, anchor=2.0, weight=0.5, copies=3)
    together = post_process(network, test.images, test.priors, loss, adaptation)
    for i in range(len(test)):
        expected = alone(network, test.images[i : i + 1], test.priors[i : i + 1], loss, adaptation)
        torch.testing.assert_close(together[i : i + 1], expected, rtol=1e-3, atol=1e-5)
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name])


def test_it_lowers_the_topological_loss_and_a_strong_anchor_forbids_it(trained):
    """The two terms pull against each other."""
    network, test = trained
    loss = BettiPriorLoss(sigmoid=False, reduction="none")
    start = loss(predict(network, test.images), prior=test.priors)

    def after(anchor):
        adaptation = Adaptation(steps=40, learning_rate=3e-3, anchor=anchor)
        answer = post_process(
            network,
            test.images,
            test.priors,
            BettiPriorLoss(sigmoid=True, reduction="none"),
            adaptation,
        )
        return loss(answer, prior=test.priors), answer

    free, moved = after(0.0)
    held, kept = after(1e6)
    assert (free < start).all()
    first = predict(network, test.images)
    assert (kept - first).square().mean() < 0.01 * (moved - first).square().mean()
    assert free.mean() < held.mean()


def test_finished_images_are_not_adapted_again(trained, tmp_path):
    """What an interrupted call has answered is kept; the rest comes out the same."""
    network, test = trained
    adaptation = Adaptation(steps=3, learning_rate=1e-3, copies=2)
    plain = BettiPriorLoss(sigmoid=True, reduction="none")
    whole = post_process(network, test.images, test.priors, plain, adaptation)

    class Killed(Exception):
        """Stands in for a signal."""

    class Dies(BettiPriorLoss):
        calls = 0

        def forward(self, input, prior=None):
            Dies.calls += 1
            if Dies.calls == 5:  # in the second pair of images
                raise Killed
            return super().forward(input, prior)

    state = tmp_path / "state.pt"
    dying = Dies(sigmoid=True, reduction="none")
    arguments = (network, test.images, test.priors)
    with pytest.raises(Killed):
        post_process(*arguments, dying, adaptation, resume_from=state)
    Dies.calls = 100
    resumed = post_process(*arguments, dying, adaptation, resume_from=state)
    assert Dies.calls == 100 + 2 * adaptation.steps
    torch.testing.assert_close(resumed, whole, rtol=0, atol=0)
