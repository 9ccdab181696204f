"""nnU-Net's own loss with a topological term beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from topoeval.errors import UserError
from topoeval.losses import LOSSES, LossInfo, adapt
from topoeval.metrics import betti_numbers
from topoeval.topology import Topology

_SCALE = 2.0**16
"""Gradients of half precision are taken of so many times the loss: they would vanish else."""


class TopologicalTerm(nn.Module):
    """nnU-Net's loss plus a term on the output of full resolution.

    Called as nnU-Net calls its losses: with outputs and targets, or lists of them with deep
    supervision. Set `progress` at each epoch.

    Parameters
    ----------
    base
        nnU-Net's loss, with its deep supervision.
    name, params
        Of the loss in the registry, and for its constructor.
    regions
        Whether channels are regions that may overlap (sigmoid, targets are masks) or labels
        (softmax, targets are labels).
    ignore_label
        The label that does not count; with regions, whether the last channel of a target says so.
    gradient_ratio
        At full strength the gradient of the term at the logits is so many times as long as that of
        `base` there. The factor is renewed at each training step.
    weight
        A fixed weight in place of `gradient_ratio`.
    start, ramp
        Fractions of the training: no term before `start`, then linearly to full strength.
    every
        The term is added in every so many training steps.
    prior
        Betti numbers ``(C, d)`` of the classes but the background, for losses that need them. A
        sample whose target has others (a patch cuts structures) has no term.

    Attributes
    ----------
    calls, skipped
        Training samples that had the term, and that contradicted the prior.
    factor
        What the term was multiplied by at the last training step.
    """

    def __init__(
        self,
        base: nn.Module,
        name: str,
        params: dict[str, Any],
        *,
        regions: bool,
        ignore_label: int | None,
        gradient_ratio: float | None,
        weight: float | None,
        start: float,
        ramp: float,
        every: int,
        prior: Sequence[Sequence[int]] | None = None,
    ) -> None:
        super().__init__()
        if (gradient_ratio is None) == (weight is None):
            raise UserError("a term has a gradient_ratio or a weight, one of the two")
        if not (0 <= start < 1 and ramp >= 0 and start + ramp <= 1):
            raise UserError(
                f"a term of start {start} and ramp {ramp} does not reach its strength in the "
                "training; both are fractions of it"
            )
        if every < 1:
            raise UserError(f"every is a number of steps from 1, got {every}")
        info: LossInfo = LOSSES.load(name).info
        if info.needs_prior != (prior is not None):
            raise UserError(
                f"loss {name!r} {'needs a' if info.needs_prior else 'takes no'} Betti prior"
            )
        self.base = base
        if regions:
            self.loss = adapt(name, sigmoid=True, **params)
        else:
            background: dict[str, Any] = (
                {} if info.channels == "labels" else {"include_background": False}
            )
            self.loss = adapt(
                name,
                softmax=True,
                to_onehot_y=True,
                ignore_index=ignore_label,
                **background,
                **params,
            )
        self.info = info
        self.regions = regions
        self.ignore_label = ignore_label
        self.gradient_ratio = gradient_ratio
        self.weight = weight
        self.start = start
        self.ramp = ramp
        self.every = every
        self.prior = None if prior is None else torch.as_tensor(prior)
        self.progress = 0.0
        self.steps = self.calls = self.skipped = 0
        self.factor: float | None = weight

    def strength(self) -> float:
        """Return how much of its strength the term has, from 0 to 1."""
        # the end of an epoch counts: two epochs with start 0.5 have a term in the second
        if self.progress <= self.start:
            return 0.0
        return min(1.0, (self.progress - self.start) / self.ramp) if self.ramp else 1.0

    def forward(
        self,
        output: torch.Tensor | Sequence[torch.Tensor],
        target: torch.Tensor | Sequence[torch.Tensor],
    ) -> torch.Tensor:
        """Return nnU-Net's loss, and the term where it is its turn."""
        value: torch.Tensor = self.base(output, target)
        strength = self.strength()
        training = torch.is_grad_enabled()
        if training:
            self.steps += 1
        turn = training and self.steps % self.every == 0
        # validation (no gradient) is monitored with the last factor, every time
        if not strength or not (turn or (not training and self.factor is not None)):
            return value
        logits = output if isinstance(output, torch.Tensor) else output[0]
        truth = target if isinstance(target, torch.Tensor) else target[0]
        with torch.autocast(logits.device.type, enabled=False):
            term, samples = self._term(logits.float(), truth)
            if term is None:
                return value
            if training:
                self.calls += samples
                self.factor = self._renewed(value, term, logits)
        if not self.factor:
            return value
        return value + strength * self.factor * term

    def extra_repr(self) -> str:
        """Return what the term is added by; nnU-Net writes it into debug.json."""
        how = (
            f"weight={self.weight}"
            if self.gradient_ratio is None
            else f"gradient_ratio={self.gradient_ratio}"
        )
        return f"{how}, start={self.start}, ramp={self.ramp}, every={self.every}"

    def report(self) -> str:
        """Return the line for the log of an epoch."""
        text = f"topoeval {self.info.name}: strength {self.strength():.3g}, "
        text += "no factor yet" if self.factor is None else f"factor {self.factor:.3g}"
        text += f", {self.calls} samples so far"
        if self.prior is not None:
            seen = max(1, self.calls + self.skipped)
            text += f"; {self.skipped / seen:.0%} of the patches contradicted the prior"
        return text

    def _term(self, logits: torch.Tensor, target: torch.Tensor) -> tuple[torch.Tensor | None, int]:
        """Return the term and of how many samples, or None where nothing is left to look at."""
        mask = None
        if self.regions:
            if self.ignore_label is not None:
                mask, target = target[:, -1:] < 0.5, target[:, :-1]
            target = target.to(logits.dtype)
            counted = torch.ones_like(target[:, :1], dtype=torch.bool) if mask is None else mask
        else:
            counted = target != self.ignore_label if self.ignore_label is not None else target >= 0
        rows = counted.flatten(1).any(1)
        if self.prior is not None:
            agrees = self._agrees(target, counted, logits.shape[1])
            if torch.is_grad_enabled():
                self.skipped += int((rows & ~agrees).sum())
            rows = rows & agrees
        if not rows.any():
            return None, 0
        if not rows.all():
            logits, target = logits[rows], target[rows]
            mask = None if mask is None else mask[rows]
        if self.prior is None:
            return self.loss(logits, target, mask=mask), len(logits)
        prior = self.prior.expand(len(logits), *self.prior.shape)
        return self.loss(logits, target, mask=mask, prior=prior), len(logits)

    def _agrees(self, target: torch.Tensor, counted: torch.Tensor, channels: int) -> torch.Tensor:
        """Return which samples have the Betti numbers of the prior, ``(B,)``."""
        assert self.prior is not None
        if self.regions:
            masks = target > 0.5
        else:
            labels = torch.arange(1, channels, device=target.device)
            masks = target == labels.reshape(1, -1, *(1,) * (target.ndim - 2))
        ndim = target.ndim - 2
        topology = getattr(self.loss.loss, "topology", Topology())
        found = betti_numbers((masks & counted).cpu().numpy(), topology, ndim)
        same = np.asarray(found == self.prior.numpy()).all(axis=(1, 2))
        return torch.from_numpy(same).to(target.device)

    def _renewed(
        self, base: torch.Tensor, term: torch.Tensor, logits: torch.Tensor
    ) -> float | None:
        """Return the factor of this step, or the last one where a gradient says nothing."""
        if self.gradient_ratio is None or not term.requires_grad:
            return self.factor
        lengths = []
        for value in (base, term):
            (slope,) = torch.autograd.grad(_SCALE * value, logits, retain_graph=True)
            lengths.append(float(slope.float().norm()))
        if not all(np.isfinite(lengths)) or not lengths[1]:
            return self.factor
        return self.gradient_ratio * lengths[0] / lengths[1]
