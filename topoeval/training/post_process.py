"""Correcting one test image at a time with a prior alone (Clough et al., equation 5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn
from torch.func import functional_call, vmap
from tqdm import tqdm

from topoeval.errors import DivergedError
from topoeval.losses import Loss
from topoeval.timing import span
from topoeval.training import checkpoint
from topoeval.training.callbacks import Audience, Callback
from topoeval.training.classes import activated, class_maps
from topoeval.training.precision import Arithmetic, Precision


@dataclass(frozen=True, slots=True)
class Adaptation:
    r"""How far a private copy of the weights may go.

    For image X with first weights w0 the copy w minimises

    .. math:: a \, \frac{1}{V} \| f(X; w) - f(X; w_0) \|^2 + \lambda \, L_{topo}(f(X; w))

    with V voxels, by `steps` steps of Adam. The defaults are those of the authors' notebook:
    a = 10, lambda = 1, learning rate 1e-5, 100 steps.

    Parameters
    ----------
    anchor, weight
        a and lambda.
    copies
        Images adapted together; a matter of memory and speed, not of the result.
    """

    steps: int = 100
    learning_rate: float = 1e-5
    anchor: float = 10.0
    weight: float = 1.0
    copies: int = 64


def post_process(
    network: nn.Module,
    images: torch.Tensor,
    priors: torch.Tensor,
    loss: Loss,
    adaptation: Adaptation = Adaptation(),  # frozen value, safe to share
    *,
    softmax: bool = False,
    precision: Precision = "float32",
    callbacks: Sequence[Callback] = (),
    resume_from: Path | None = None,
    progress: bool = False,
) -> torch.Tensor:
    """Return corrected probabilities of `images`, each from its own copy of the weights.

    The copies are rows of one stacked parameter tensor and run as one batch; Adam acts on each
    element by itself, so this is exactly one optimisation per image. `network` is not changed.

    Parameters
    ----------
    network
        Returns logits. It must treat the images of a batch independently in evaluation mode (no
        batch statistics).
    images
        ``(N, C, *spatial)``.
    priors
        ``(N, d)`` Betti numbers, or ``(N, C, d)`` of several classes.
    loss
        Called as ``loss(logits, prior=priors)``. Built for logits (``sigmoid=True``, or
        ``softmax=True`` for exclusive classes) and without reduction (``reduction="none"``).
    softmax
        Whether the channels are a background and exclusive classes.
    precision
        Of the network; losses are computed in float32. In float16 the images adapted together
        share the scale of their gradients.
    callbacks
        Told of every step, in means over the images adapted together; these are an epoch, told of
        by its last step.
    resume_from
        A file in which the results of finished images are kept, and from which an interrupted
        call with the same arguments goes on.
    """
    network.eval()
    results: list[torch.Tensor] = checkpoint.resume(resume_from, images.device) or []
    pieces = (torch.split(values, adaptation.copies) for values in (images, priors))
    chunks = list(zip(*pieces, strict=True))
    bar = tqdm(
        total=adaptation.steps * len(chunks),
        initial=adaptation.steps * len(results),
        disable=not progress,
        unit="step",
        leave=False,
    )
    with bar, Audience(callbacks) as audience:
        for number, (chunk, prior) in enumerate(chunks[len(results) :], start=len(results)):
            arithmetic = Arithmetic(precision, images.device.type)
            answer = _adapt(
                network, chunk, prior, loss, adaptation, softmax, arithmetic, audience, number, bar
            )
            results.append(answer)
            if resume_from is not None:
                checkpoint.save(results, resume_from)
    return torch.cat(results)


def _adapt(
    network: nn.Module,
    images: torch.Tensor,
    priors: torch.Tensor,
    loss: Loss,
    adaptation: Adaptation,
    softmax: bool,
    arithmetic: Arithmetic,
    audience: Audience,
    number: int,
    bar: tqdm[None],
) -> torch.Tensor:
    """Adapt to the images of chunk `number`."""
    n = len(images)
    weights = {
        name: value.detach().expand(n, *value.shape).clone().requires_grad_()
        for name, value in network.named_parameters()
    }
    buffers = dict(network.named_buffers())

    def one(weights: dict[str, torch.Tensor], image: torch.Tensor) -> torch.Tensor:
        return functional_call(network, (weights, buffers), (image[None],))[0]

    forward = vmap(one)
    optimiser = torch.optim.Adam(weights.values(), lr=adaptation.learning_rate)
    first: torch.Tensor | None = None
    told: dict[str, float] = {}
    for step in range(adaptation.steps):
        with span("network"):
            logits = arithmetic.logits(forward, weights, images)
        with span("loss"):
            probabilities = activated(logits, softmax)
            if first is None:
                first = probabilities.detach()
            # a sum over images: each copy feels the mean over its own voxels and nothing else
            drift = (probabilities - first).square().flatten(1).mean(1).sum()
            topology = loss(logits, prior=priors).sum()
            total = adaptation.anchor * drift + adaptation.weight * topology
        if not torch.isfinite(total):
            raise DivergedError(f"loss {total.item()} while adapting to {n} images")
        with span("backward"):
            optimiser.zero_grad()
            arithmetic.backward(total)
        with span("optimiser"):
            arithmetic.step(optimiser)
        told = {"drift": float(drift.detach()) / n, loss.info.name: float(topology.detach()) / n}
        audience.step(
            number * adaptation.steps + step + 1,
            number + 1,
            told,
            float(total.detach()) / n,
            adaptation.learning_rate,
        )
        bar.update()
    audience.epoch((number + 1) * adaptation.steps, number + 1, told, adaptation.learning_rate)
    with torch.no_grad():
        return class_maps(arithmetic.logits(forward, weights, images), softmax)
