r"""A teacher: the mean of a network's weights over its training, which answers unlabelled images.

Mean teacher (Tarvainen and Valpola, NeurIPS 2017, arXiv 1703.01780): the network that is trained,
the student, is held to what a slower copy of it predicts. After step n the weights of the teacher
are

.. math:: t_n = a_n t_{n-1} + (1 - a_n) s_n, \qquad a_n = \min(1 - 1 / (n + 1), a)

with the student's s: the mean of all weights so far, the start included, until the exponential mean
is slower. Buffers, as the running means of batch normalisation, are the student's. It answers as a
network answers after its training (no dropout, running means), and no gradient flows through it.

Both see the same varied images; on those of the teacher lies white noise more, as in the public
trainings of medical segmentation (SSL4MIS, UA-MT): two views, without which little is asked.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from topoeval.errors import UserError
from topoeval.training.classes import activated, class_maps
from topoeval.training.objective import Term, full_resolution
from topoeval.training.precision import Arithmetic


@dataclass(frozen=True, slots=True)
class Teaching:
    """How a teacher follows its student, and what it sees.

    Parameters
    ----------
    decay
        a, from 0 (the student of the step before) to below 1.
    noise
        Standard deviation of the white noise on its images, in grey values; what is beyond two of
        them is put back.

    Raises
    ------
    UserError
        A decay outside [0, 1), or a negative noise.
    """

    decay: float = 0.99
    noise: float = 0.1

    def __post_init__(self) -> None:
        if not 0 <= self.decay < 1:
            raise UserError(f"teacher: decay must be 0 or more and below 1, got {self.decay}")
        if not (self.noise >= 0 and math.isfinite(self.noise)):
            raise UserError(f"teacher: noise must be a number of 0 or more, got {self.noise}")

    def decay_at(self, steps: int) -> float:
        """Return a_n after so many steps.

        >>> [round(Teaching(0.9).decay_at(n), 3) for n in (1, 3, 9, 20)]
        [0.5, 0.75, 0.9, 0.9]
        """
        return min(1 - 1 / (steps + 1), self.decay)


class Teacher:
    """The copy of a network, as it is now, that follows it.

    Parameters
    ----------
    network
        The student.
    settings
        Decay and noise.
    seed
        Of the noise; that of a step depends on seed and step alone.
    """

    def __init__(self, network: nn.Module, settings: Teaching, seed: int) -> None:
        self.network = copy.deepcopy(network).requires_grad_(False).eval()
        self.settings = settings
        self.seed = seed

    @torch.no_grad()
    def answers(
        self, images: torch.Tensor, terms: Sequence[Term], arithmetic: Arithmetic, steps: int
    ) -> list[torch.Tensor | None]:
        """Return what each term is held to, ``(B, C, *spatial)`` in [0, 1]; None without teacher.

        Parameters
        ----------
        images
            ``(B, C, *spatial)``, as the student sees them.
        terms
            Of the objective.
        arithmetic
            In which the student runs, too.
        steps
            Made so far.
        """
        if not any(term.target for term in terms):
            return [None for _ in terms]
        logits = full_resolution(arithmetic.logits(self.network, self._seen(images, steps)))
        return [_answer(logits, term) if term.target else None for term in terms]

    def _seen(self, images: torch.Tensor, steps: int) -> torch.Tensor:
        if not self.settings.noise:
            return images
        # drawn on the CPU, and by a generator of its own: the same on every device, and no other
        # random number of the training is changed
        key = (self.seed * 1_000_003 + steps) % 2**63
        generator = torch.Generator().manual_seed(key)
        noise = torch.randn(images.shape, generator=generator).clamp(-2, 2)
        return images + self.settings.noise * noise.to(images)

    @torch.no_grad()
    def follow(self, network: nn.Module, steps: int) -> None:
        """Take over the share of the student's weights that is due after so many steps."""
        share = 1 - self.settings.decay_at(steps)
        for own, weight in zip(self.network.parameters(), network.parameters(), strict=True):
            own.lerp_(weight, share)
        for mine, buffer in zip(self.network.buffers(), network.buffers(), strict=True):
            mine.copy_(buffer)

    def state_dict(self) -> dict[str, Any]:
        """Return its weights and buffers."""
        return self.network.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore `state_dict`."""
        self.network.load_state_dict(state)


def _answer(logits: torch.Tensor, term: Term) -> torch.Tensor:
    """Return the prediction as the loss of a term takes targets; the classes without background."""
    softmax = term.classes.softmax
    if not term.info.soft_targets:
        return (class_maps(logits, softmax) >= 0.5).to(logits.dtype)
    probabilities = activated(logits, softmax)
    return probabilities[:, 1:] if softmax else probabilities
