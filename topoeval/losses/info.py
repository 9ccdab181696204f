"""What is true of a loss before it is built."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol

import torch

Cost = Literal["cheap", "moderate", "expensive"]


@dataclass(frozen=True, slots=True)
class LossInfo:
    """The card of a loss.

    Parameters
    ----------
    name, title
        Name in suites and methods; words in tables.
    ndims
        Spatial dimensions it takes.
    needs_target
        Called as ``loss(input, target)`` with ``(B, C, *spatial)`` targets.
    needs_prior
        Called as ``loss(input, prior=...)`` with ``(B, d)`` Betti numbers. Needs no labels.
    multiclass
        How several channels are treated.
    cost
        ``cheap`` (as Dice), ``moderate`` (up to a network step), ``expensive`` (more).
    citation
        Where the formula is from.
    """

    name: str
    title: str
    ndims: tuple[int, ...]
    needs_target: bool
    needs_prior: bool
    multiclass: str
    cost: Cost
    citation: str


class Loss(Protocol):
    """What the registry holds: a module that knows what it needs.

    Called as ``loss(input, target)`` or ``loss(input, prior=prior)``, as its `info` says.
    """

    info: ClassVar[LossInfo]

    def __call__(self, input: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        """Return a scalar."""
        ...
