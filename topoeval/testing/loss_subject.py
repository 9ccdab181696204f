"""A loss under test: how to build it, how to call it, and with what."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch

from topoeval.losses.info import Loss, LossInfo
from topoeval.metrics import betti_numbers
from topoeval.testing.fixtures import IMAGES, VOLUMES
from topoeval.topology import Topology

Make = Callable[..., Loss]
"""``make(ndim, channels, **extra)`` builds the loss for ``(B, channels, *spatial)`` input."""


@dataclass(frozen=True)
class Subject:
    """A loss under test: how to build it and how to call it.

    `logits` stands for a prediction: it goes in as it is where the loss takes logits, through the
    sigmoid where it takes probabilities.
    """

    info: LossInfo
    make: Make

    def value(
        self, logits: torch.Tensor, target: torch.Tensor, loss: Loss | None = None
    ) -> torch.Tensor:
        """Return the loss of `logits`, called as its card says."""
        loss = loss or self.make(logits.ndim - 2, logits.shape[1])
        return loss(self.input(logits), **self.truth(target))

    def truth(self, target: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return the second argument by its name: the masks, or their Betti numbers."""
        if not self.info.needs_prior:
            return {"target": target}
        counted = betti_numbers(target >= 0.5, Topology(), target.ndim - 2)
        return {"prior": torch.as_tensor(counted)}

    def input(self, logits: torch.Tensor) -> torch.Tensor:
        """Return what the loss is to be called with."""
        return logits if self.info.input == "logits" else logits.sigmoid()

    def case(
        self, ndim: int, channels: int = 2, batch: int = 2
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return random logits without ties, and targets that the loss takes."""
        return random_case(ndim, channels, batch, exclusive=self.info.channels != "each")

    def cases(self, channels: int = 2) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Yield a case in each number of dimensions it takes."""
        for ndim in self.info.ndims:
            yield self.case(ndim, channels)

    def classes(self, target: torch.Tensor) -> torch.Tensor:
        """Return masks as the channels of a softmax where the loss reads them so."""
        return target if self.info.channels == "each" else as_classes(target)


def default_make(factory: type[Loss]) -> Make:
    """Return how a loss without required arguments is built."""

    def make(ndim: int, channels: int, **extra: Any) -> Loss:
        return factory(**extra)

    return make


def as_classes(target: torch.Tensor) -> torch.Tensor:
    """Return masks ``(B, C, *spatial)`` as classes of which each voxel has one.

    The first channel, the background, is what is left; of two others that overlap the first has
    the voxel. One channel stays as it is.
    """
    if target.shape[1] == 1:
        return target
    first = target[:, 1:].cumsum(1).clamp(max=1)
    others = torch.cat([first[:, :1], first.diff(dim=1)], dim=1)
    return torch.cat([1 - first[:, -1:], others], dim=1)


def random_case(
    ndim: int, channels: int, batch: int = 2, *, exclusive: bool = False
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return float64 logits of a prediction with a tenth of the voxels wrong, and binary targets.

    Targets are independent masks, or, if `exclusive`, classes. No two logits are closer than
    0.0005, no two of their differences are equal, none is near 0.
    """
    shape = (batch, channels, 9, 10) if ndim == 2 else (batch, channels, 9, 9, 9)
    masks = list(fixtures(ndim).values())
    target = torch.stack([masks[i % len(masks)] for i in range(batch * channels)]).reshape(shape)
    if exclusive:
        target = as_classes(target)
    generator = torch.Generator().manual_seed(ndim)
    order = (2 * target - 1 + 0.8 * torch.randn(shape, generator=generator)).flatten().argsort()
    half = len(order) // 2
    logits = torch.empty(len(order), dtype=torch.float64)
    logits[order[:half]] = torch.linspace(-4, -0.3, half, dtype=torch.float64)
    logits[order[half:]] = torch.linspace(0.3, 4, len(order) - half, dtype=torch.float64)
    # uneven steps: differences of logits, all that a softmax sees, are no two alike either
    logits += 2e-3 * torch.rand(logits.shape, generator=generator, dtype=torch.float64)
    return logits.reshape(shape), target


def fixtures(ndim: int) -> dict[str, torch.Tensor]:
    """Return masks of known topology as float64 ``spatial`` tensors."""
    known = IMAGES if ndim == 2 else VOLUMES
    return {name: torch.from_numpy(mask).double() for name, (mask, _) in known.items()}
