"""A classifier of the labels of images, for metrics that ask whether they can still be read."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional as F
from tqdm import tqdm

from topoeval.errors import UserError
from topoeval.timing import span
from topoeval.training.callbacks import Audience, Callback
from topoeval.training.fit import Schedule
from topoeval.training.tensors import TensorSet, shuffled_batches


def train_classifier(
    network: nn.Module,
    clean: TensorSet,
    *,
    schedule: Schedule,
    seed: int = 0,
    callbacks: Sequence[Callback] = (),
    progress: bool = False,
) -> float:
    """Train on the targets of nine tenths of `clean`; return the accuracy on the other tenth.

    Raises
    ------
    UserError
        The images have no labels.
    """
    if clean.labels is None:
        raise UserError("a classifier needs images with labels")
    held_out = max(1, len(clean) // 10)
    images, labels = clean.targets[held_out:], clean.labels[held_out:]
    order = torch.Generator().manual_seed(seed)
    optimiser = torch.optim.Adam(network.parameters(), lr=schedule.learning_rate)
    network.train()
    step = 0
    with Audience(callbacks) as audience:
        for epoch in tqdm(range(schedule.epochs), disable=not progress, unit="epoch", leave=False):
            values = []
            for index in shuffled_batches(len(images), schedule.batch_size, order):
                with span("network"):
                    loss = F.cross_entropy(network(images[index]), labels[index])
                with span("backward"):
                    optimiser.zero_grad()
                    loss.backward()  # type: ignore[no-untyped-call]
                optimiser.step()
                step += 1
                values.append(float(loss.detach()))
                told = {"cross_entropy": values[-1]}
                audience.step(step, epoch + 1, told, values[-1], schedule.learning_rate)
            means = {"cross_entropy": sum(values) / len(values)}
            audience.epoch(step, epoch + 1, means, schedule.learning_rate)
    read = classify(network, clean.targets[:held_out])
    return float((read == clean.labels[:held_out]).float().mean())


@torch.no_grad()
def classify(network: nn.Module, images: torch.Tensor) -> torch.Tensor:
    """Return the class of each image ``(N, C, *spatial)``, as int64 ``(N,)``."""
    network.eval()
    return torch.cat([network(batch).argmax(1) for batch in torch.split(images, 256)])
