"""The classifier that judges restored digits: does a reader still see the right one."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional as F
from tqdm import tqdm

from topoeval.timing import span
from topoeval.training.callbacks import Audience, Callback
from topoeval.training.fit import Schedule
from topoeval.training.tensors import TensorSet, shuffled_batches


def train_judge(
    network: nn.Module,
    clean: TensorSet,
    *,
    schedule: Schedule,
    seed: int = 0,
    callbacks: Sequence[Callback] = (),
    progress: bool = False,
) -> float:
    """Train on the targets of nine tenths of `clean`; return the accuracy on the other tenth."""
    if clean.labels is None:
        raise ValueError("a judge needs labelled images")
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
    return float(correct(network, clean.targets[:held_out], clean.labels[:held_out]).float().mean())


@torch.no_grad()
def correct(network: nn.Module, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Return for each image whether the judge reads its label, as a boolean ``(N,)``."""
    network.eval()
    answers = torch.cat([network(batch).argmax(1) for batch in torch.split(images, 256)])
    return answers == labels
