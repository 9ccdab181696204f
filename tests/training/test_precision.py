"""Precision: what the network computes in, what the losses see, and what stays as it was."""

import pytest
import torch
from torch import nn

from topoeval import Topology, UserError, datasets
from topoeval.losses import CrossEntropyLoss
from topoeval.networks.unets import unet
from topoeval.training import (
    Adaptation,
    Schedule,
    TensorSet,
    Term,
    build_term,
    fit,
    post_process,
    predict,
)
from topoeval.training.precision import Arithmetic, reproducible

HALF = ("bfloat16", "float16")


@pytest.fixture(scope="module")
def data():
    """Sixteen small digits."""
    return TensorSet.from_samples(list(datasets.load("strokes", "train", 16)))


def small_unet():
    torch.manual_seed(0)
    return unet(channels=(4, 8))


def weights(network):
    return torch.cat([p.detach().flatten() for p in network.parameters()])


class Seen(nn.Module):
    """Cross-entropy that remembers the dtypes it was given."""

    info = CrossEntropyLoss.info

    def __init__(self):
        super().__init__()
        self.dtypes = set()

    def forward(self, input, target):
        self.dtypes.add(input.dtype)
        return CrossEntropyLoss()(input, target)


def convolutions(network):
    """The dtypes in which the convolutions of a network answer, filled as it runs."""
    answered = set()
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(lambda m, i, output: answered.add(output.dtype))
    return answered


@pytest.mark.parametrize("precision", ["float32", *HALF])
def test_the_network_computes_in_it_and_the_losses_in_float32(data, precision):
    """Convolutions answer in half precision, losses and probabilities are float32; it trains."""
    network, seen = small_unet(), Seen()
    answered = convolutions(network)
    history = fit(
        network, [Term(seen)], data, schedule=Schedule(20, 8, 8, 1e-2), precision=precision
    )
    assert answered == {getattr(torch, precision)}
    assert seen.dtypes == {torch.float32}
    assert {p.dtype for p in network.parameters()} == {torch.float32}
    losses = history.terms["cross_entropy"]
    assert losses[-1] < 0.8 * losses[0]
    probabilities = predict(network, data.images, precision=precision)
    assert probabilities.dtype == torch.float32
    torch.testing.assert_close(probabilities, predict(network, data.images), atol=0.05, rtol=0)


def test_float32_is_what_it_was(data):
    """Bit for bit the training that knows nothing of precision."""
    network, by_hand = small_unet(), small_unet()
    schedule = Schedule(2, 16, 8, 1e-2)
    fit(network, [build_term("cross_entropy", topology=Topology())], data, schedule=schedule)
    optimiser = torch.optim.Adam(by_hand.parameters(), lr=1e-2)
    order = torch.Generator().manual_seed(0)
    for _ in range(2):
        index = torch.randperm(len(data), generator=order)
        optimiser.zero_grad()
        CrossEntropyLoss()(by_hand(data.images[index]), data.targets[index]).backward()
        optimiser.step()
    assert torch.equal(weights(network), weights(by_hand))


def test_a_gradient_too_small_for_float16_arrives():
    """Unscaled it would be 0 in the network's own arithmetic."""
    steps = {}
    for scaled in (True, False):
        layer = nn.Linear(4, 1, bias=False)
        arithmetic = Arithmetic("float16", "cpu")
        total = 1e-9 * arithmetic.logits(layer, torch.ones(1, 4)).sum()
        arithmetic.backward(total) if scaled else total.backward()
        steps[scaled] = float(layer.weight.grad.abs().sum())
    assert steps[False] == 0
    assert steps[True] > 0


def test_an_interrupted_float16_training_ends_as_an_undisturbed_one(data, tmp_path):
    """The scale of the gradients comes back from the checkpoint, too."""
    term = build_term("cross_entropy", topology=Topology())
    state = tmp_path / "state.pt"
    half = {"precision": "float16", "resume_from": state}
    whole, first, second = small_unet(), small_unet(), small_unet()
    fit(whole, [term], data, schedule=Schedule(4, 8), precision="float16")
    fit(first, [term], data, schedule=Schedule(2, 8), **half)
    fit(second, [term], data, schedule=Schedule(4, 8), **half)
    assert torch.equal(weights(second), weights(whole))


@pytest.mark.parametrize("precision", HALF)
def test_corrections_per_image_run_in_it(data, precision):
    """The prior's loss falls, and answers are float32 and near those of float32."""
    images, priors = data.images[:4], data.priors[:4]
    network = small_unet()
    term = build_term("cross_entropy", topology=Topology())
    fit(network, [term], data, schedule=Schedule(30, 8, 8, 1e-2))
    loss = build_term("betti_prior", params={"reduction": "none"}, topology=Topology("T")).loss
    adaptation = Adaptation(steps=15, learning_rate=1e-3)
    answers = {
        name: post_process(network, images, priors, loss, adaptation, precision=name)
        for name in ("float32", precision)
    }
    assert answers[precision].dtype == torch.float32

    def cost(probabilities):
        return float(loss(torch.logit(probabilities, eps=1e-6), prior=priors).sum())

    assert cost(answers[precision]) < cost(predict(network, images))
    assert float((answers[precision] - answers["float32"]).abs().mean()) < 0.05


def test_another_precision_is_refused():
    """With the ones there are."""
    with pytest.raises(UserError, match=r"one of float32, bfloat16, float16, got 'float8'"):
        Arithmetic("float8")


def test_on_cuda_what_varies_is_settled_and_put_back():
    """The settings can be made without a GPU; the caller's are the caller's again."""
    cudnn, products = torch.backends.cudnn, torch.backends.cuda.matmul

    def now():
        deterministic = torch.are_deterministic_algorithms_enabled()
        return (
            deterministic,
            cudnn.deterministic,
            cudnn.benchmark,
            cudnn.allow_tf32,
            products.allow_tf32,
        )

    def fails():
        with reproducible("cuda") as settings:
            assert now() == tuple(settings.values()) == (True, True, False, False, False)
            assert torch.is_deterministic_algorithms_warn_only_enabled()
            raise ConnectionError

    before = now()
    assert before != (True, True, False, False, False)
    with pytest.raises(ConnectionError):
        fails()
    assert now() == before


def test_on_the_cpu_nothing_is_changed():
    """There is nothing to settle."""
    with reproducible("cpu") as settings:
        assert settings["deterministic_algorithms"] == torch.are_deterministic_algorithms_enabled()
        assert not torch.is_deterministic_algorithms_warn_only_enabled()
