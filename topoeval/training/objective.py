"""What a network is trained for: weighted losses, each with its images and its schedule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import torch

from topoeval.errors import UserError
from topoeval.losses import LOSSES, Loss, LossInfo
from topoeval.topology import Topology

Source = Literal["labelled", "unlabelled"]
Logits = torch.Tensor | list[torch.Tensor]
SOURCES: tuple[Source, ...] = get_args(Source)


@dataclass(frozen=True, slots=True)
class Term:
    """One weighted loss.

    Parameters
    ----------
    loss
        A module with an ``info``.
    weight
        Weight at full strength.
    gradient_ratio
        Instead of `weight`: at full strength the gradient of this term is so many times as long as
        that of the terms with a plain weight, both taken at the logits of the batch.
    on
        Which images it sees.
    own_prior
        Whether the loss was built with a prior, which then holds for all samples.
    start, ramp
        Fractions of the training: the weight is 0 before `start` and then rises linearly to full
        strength over `ramp`.
    deep
        Whether it sees all outputs of a network with deep supervision, or the full resolution
        alone. None: all if the card of the loss says that it is plain.
    """

    loss: Loss
    weight: float = 1.0
    on: Source = "labelled"
    start: float = 0.0
    ramp: float = 0.0
    own_prior: bool = False
    gradient_ratio: float | None = None
    deep: bool | None = None

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
        return self.weight * self.ramp_at(progress)

    def ramp_at(self, progress: float) -> float:
        """Return how much of the full strength is reached, from 0 to 1."""
        if progress < self.start:
            return 0.0
        return min(1.0, (progress - self.start) / self.ramp) if self.ramp else 1.0

    def prepare(self, targets: torch.Tensor) -> Any:
        """Return what the loss computes once of the targets ``(N, C, *spatial)``, or None."""
        prepare = getattr(self.loss, "prepare", None)
        return None if prepare is None or self.on == "unlabelled" else prepare(targets)

    def __call__(
        self,
        logits: Logits,
        target: torch.Tensor,
        prior: torch.Tensor | None,
        prepared: Any = None,
        samples: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Return the unweighted loss of a batch.

        `logits` are ``(B, C, *spatial)``, or a list of them from a network with deep supervision,
        the full resolution first: then the loss is the mean over those that it sees, each with half
        the weight of the one before. `prepared` is what `prepare` returned for the whole
        training set, and `samples` says which of its rows the batch is made of.
        """
        if isinstance(logits, torch.Tensor):
            return self._of(logits, target, prior, prepared, samples)
        seen = logits if self.sees_all else logits[:1]
        shares = deep_weights(len(seen))
        values = [self._of(one, target, prior, prepared, samples) for one in seen]
        return torch.stack([w * value for w, value in zip(shares, values, strict=True)]).sum(0)

    @property
    def sees_all(self) -> bool:
        """Whether it sees the lower resolutions of a network with deep supervision."""
        return self.info.plain if self.deep is None else self.deep

    def _of(
        self,
        logits: torch.Tensor,
        target: torch.Tensor,
        prior: torch.Tensor | None,
        prepared: Any,
        samples: torch.Tensor | None,
    ) -> torch.Tensor:
        if self.own_prior:
            return self.loss(logits)
        if self.info.needs_prior:
            if prior is None:
                raise UserError(
                    f"loss {self.info.name!r} needs a Betti prior per sample, "
                    "and this dataset has none"
                )
            return self.loss(logits, prior=prior)
        if prepared is None:
            return self.loss(logits, target)
        return self.loss(logits, target, self.loss.select(prepared, samples))  # type: ignore[attr-defined]


def deep_weights(outputs: int) -> list[float]:
    """Return the weights of the outputs of a network with deep supervision; their sum is 1.

    >>> deep_weights(2)
    [0.6666666666666666, 0.3333333333333333]
    """
    halves = [0.5**level for level in range(outputs)]
    return [one / sum(halves) for one in halves]


def full_resolution(logits: Logits) -> torch.Tensor:
    """Return the output of a network that is its prediction."""
    return logits if isinstance(logits, torch.Tensor) else logits[0]


def build_term(
    name: str,
    *,
    weight: float = 1.0,
    gradient_ratio: float | None = None,
    on: Source = "labelled",
    start: float = 0.0,
    ramp: float = 0.0,
    deep: bool | None = None,
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
    if info.input == "probabilities" and not arguments.get("softmax"):
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
    return Term(
        loss,
        weight=weight,
        gradient_ratio=gradient_ratio,
        on=on,
        start=start,
        ramp=ramp,
        own_prior=own_prior,
        deep=deep,
    )


def wants_unlabelled(terms: Sequence[Term]) -> bool:
    """Whether any term looks at unlabelled images (the semi-supervised regime)."""
    return any(term.on == "unlabelled" for term in terms)


def weighted_sum(
    values: Sequence[tuple[Term, torch.Tensor]],
    outputs: Mapping[Source, Logits],
    progress: float,
) -> torch.Tensor:
    """Return the objective of a step from the unweighted values of its terms.

    A term with a gradient ratio r gets the weight r |g_0| / |g|, where g is its gradient at the
    logits it saw and g_0 that of the sum of all terms with a plain weight at theirs; 0 while its
    own gradient is 0. The weight itself is a constant of the step. Of a network with deep
    supervision these are the logits of the full resolution.
    """
    logits = {source: full_resolution(one) for source, one in outputs.items()}
    total = logits["labelled"].new_zeros(())
    for term, value in values:
        if term.gradient_ratio is None:
            total = total + term.weight_at(progress) * value
    relative = [(term, value) for term, value in values if term.gradient_ratio is not None]
    if relative:
        base = _gradient_norm(total, logits["labelled"])
        for term, value in relative:
            own = _gradient_norm(value, logits[term.on])
            ratio = (term.gradient_ratio or 0.0) * term.ramp_at(progress)
            total = total + torch.where(own > 0, ratio * base / own, torch.zeros_like(own)) * value
    return total


def _gradient_norm(value: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
    if not value.requires_grad:
        return value.new_zeros(())
    (gradient,) = torch.autograd.grad(value, logits, retain_graph=True, allow_unused=True)
    return value.new_zeros(()) if gradient is None else gradient.norm().to(value.dtype)
