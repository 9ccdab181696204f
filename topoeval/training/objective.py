"""What a network is trained for: weighted losses, each with its images and its schedule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch

from topoeval.errors import UserError
from topoeval.losses import LOSSES, Loss, LossInfo
from topoeval.topology import Topology

Source = Literal["labelled", "unlabelled"]


@dataclass(frozen=True, slots=True)
class Term:
    """One weighted loss.

    Parameters
    ----------
    loss
        A module with an ``info``.
    weight
        Weight at full strength.
    on
        Which images it sees.
    own_prior
        Whether the loss was built with a prior, which then holds for all samples.
    start, ramp
        Fractions of the training: the weight is 0 before `start` and then rises linearly to full
        strength over `ramp`.
    """

    loss: Loss
    weight: float = 1.0
    on: Source = "labelled"
    start: float = 0.0
    ramp: float = 0.0
    own_prior: bool = False

    @property
    def info(self) -> LossInfo:
        """The card of the loss."""
        return self.loss.info

    def weight_at(self, progress: float) -> float:
        """Return the weight after the fraction `progress` of the training.

        >>> term = Term(None, weight=2.0, start=0.5, ramp=0.2)
        >>> [round(term.weight_at(x), 2) for x in (0.4, 0.6, 0.9)]
        [0.0, 1.0, 2.0]
        """
        if progress < self.start:
            return 0.0
        if self.ramp == 0:
            return self.weight
        return self.weight * min(1.0, (progress - self.start) / self.ramp)

    def __call__(
        self, logits: torch.Tensor, target: torch.Tensor, prior: torch.Tensor | None
    ) -> torch.Tensor:
        """Return the unweighted loss of a batch."""
        if self.own_prior:
            return self.loss(logits)
        if self.info.needs_prior:
            if prior is None:
                raise UserError(
                    f"loss {self.info.name!r} needs a Betti prior per sample, "
                    "and this dataset has none"
                )
            return self.loss(logits, prior=prior)
        return self.loss(logits, target)


def build_term(
    name: str,
    *,
    weight: float = 1.0,
    on: Source = "labelled",
    start: float = 0.0,
    ramp: float = 0.0,
    params: dict[str, object] | None = None,
    topology: Topology,
    backend: str = "auto",
) -> Term:
    """Return the term of a ``method.toml``; topological losses get the suite's topology.

    Raises
    ------
    UserError
        Unknown loss or parameter; a loss that needs targets put on unlabelled images.
    """
    factory = LOSSES.load(name)
    info: LossInfo = factory.info
    arguments = dict(params or {})
    if info.input == "probabilities":
        arguments = {"sigmoid": True, **arguments}
    if info.takes_topology:
        arguments = {"topology": topology, **arguments}
    if info.takes_backend:
        arguments = {"backend": backend, **arguments}
    if on == "unlabelled" and info.needs_target:
        raise UserError(f"loss {name!r} needs targets and cannot be put on unlabelled images")
    try:
        loss = factory(**arguments)
    except TypeError as error:
        raise UserError(f"loss {name!r}: {error}") from error
    own_prior = info.needs_prior and "prior" in arguments
    return Term(loss, weight=weight, on=on, start=start, ramp=ramp, own_prior=own_prior)


def wants_unlabelled(terms: Sequence[Term]) -> bool:
    """Whether any term looks at unlabelled images (the semi-supervised regime)."""
    return any(term.on == "unlabelled" for term in terms)
