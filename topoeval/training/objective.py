"""What a network is trained for: weighted losses, each with its images and its schedule."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch

from topoeval.datasets.classes import ONE_CLASS, TargetClasses
from topoeval.errors import UserError
from topoeval.losses import LOSSES, Loss, LossInfo, adapt
from topoeval.losses.labels import Counted, cleared
from topoeval.topology import Topology
from topoeval.training.classes import with_background
from topoeval.training.label_priors import LabelPriors
from topoeval.training.sources import Source, Target, check_target

Logits = torch.Tensor | list[torch.Tensor]


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
    target
        ``"teacher"``: what the teacher predicts of unlabelled images, as probabilities or, where
        the loss takes masks alone, cut at one half (`topoeval.training.teacher`). None: the masks
        of labelled images.
    own_prior
        Whether the loss was built with a prior, which then holds for all samples.
    start, ramp
        Fractions of the training: the weight is 0 before `start` and then rises linearly to full
        strength over `ramp`.
    deep
        Whether it sees all outputs of a network with deep supervision, or the full resolution
        alone. None: all if the card of the loss says that it is plain.
    classes
        What the channels of the targets mean. Of exclusive classes the targets get a background,
        and logits have one; of overlapping ones a loss of logits sees each channel by itself.
    """

    loss: Loss
    weight: float = 1.0
    on: Source = "labelled"
    start: float = 0.0
    ramp: float = 0.0
    own_prior: bool = False
    gradient_ratio: float | None = None
    deep: bool | None = None
    classes: TargetClasses = ONE_CLASS
    target: Target | None = None

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

    def check_ramp(self, epochs: int) -> None:
        """Refuse a training whose last epoch does not reach the full strength.

        Raises
        ------
        UserError
            Saying how many epochs it takes, at least.
        """
        if self.ramp_at((epochs - 1) / epochs) < 1 - 1e-9:
            end = self.start + self.ramp
            enough = (
                f"at least {math.ceil(1 / (1 - end) - 1e-9)} epochs"
                if end < 1
                else "a shorter ramp"
            )
            raise UserError(
                f"loss {self.info.name!r}: its strength rises until {end:.3g} of the training, "
                f"which no epoch of {epochs} reaches; it takes {enough}, or start = 0 and ramp = 0"
            )

    def prepare(self, targets: torch.Tensor) -> Any:
        """Return what the loss computes once of the targets ``(N, C, *spatial)``, or None."""
        prepare = getattr(self.loss, "prepare", None)
        if targets.ndim - 2 not in self.info.ndims:
            takes = " or ".join(f"{ndim}D" for ndim in self.info.ndims)
            raise UserError(
                f"loss {self.info.name!r} takes {takes} images, got {targets.ndim - 2}D targets"
            )
        if prepare is None or self.on == "unlabelled":
            return None
        return prepare(self._targets(targets))

    def __call__(
        self,
        logits: Logits,
        target: torch.Tensor,
        prior: torch.Tensor | None,
        prepared: Any = None,
        samples: torch.Tensor | None = None,
        counted: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Return the unweighted loss of a batch.

        `logits` are ``(B, C, *spatial)``, or a list of them from a network with deep supervision,
        the full resolution first: then the loss is the mean over those that it sees, each with half
        the weight of the one before. `prepared` is what `prepare` returned for the whole
        training set, and `samples` says which of its rows the batch is made of. Where `counted`,
        ``(B, 1, *spatial)``, is false a voxel has no influence; then nothing may be prepared.
        """
        if counted is not None:
            return self._of_counted(logits, target, prior, counted)
        if isinstance(logits, torch.Tensor):
            return self._of(logits, target, prior, prepared, samples)
        seen = logits if self.sees_all else logits[:1]
        shares = deep_weights(len(seen))
        values = [self._of(one, target, prior, prepared, samples) for one in seen]
        return torch.stack([w * value for w, value in zip(shares, values, strict=True)]).sum(0)

    def _of_counted(
        self,
        logits: Logits,
        target: torch.Tensor,
        prior: torch.Tensor | None,
        counted: torch.Tensor,
    ) -> torch.Tensor:
        """Return the loss of the voxels that count."""
        outputs = [logits] if isinstance(logits, torch.Tensor) else logits
        seen = outputs if self.sees_all else outputs[:1]
        for one in seen:
            self._check_channels(one)
        if self.info.needs_prior:
            # no loss with a prior is a mean over voxels: sure background has no influence
            how = {"logits": True, "background": self.classes.softmax}
            sure = [cleared(one, None, Counted(counted), **how)[0] for one in seen]
            return self(sure if len(sure) > 1 else sure[0], target, prior)
        target = self._targets(target)
        if self._apart:
            seen = [one.flatten(0, 1)[:, None] for one in seen]
            counted = counted.repeat_interleave(len(self.classes.names), dim=0)
        loss = adapt(cast(torch.nn.Module, self.loss))
        shares = deep_weights(len(seen))
        values = [loss(one, target, mask=counted) for one in seen]
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
        self._check_channels(logits)
        if self.own_prior:
            return self.loss(logits)
        if self.info.needs_prior:
            if prior is None:
                raise UserError(
                    f"loss {self.info.name!r} needs a Betti prior per sample, "
                    "and this dataset has none"
                )
            return self.loss(logits, prior=prior)
        target = self._targets(target)
        if self._apart:
            logits = logits.flatten(0, 1)[:, None]
        if prepared is None:
            return self.loss(logits, target)
        if self._apart and samples is not None:
            count = len(self.classes.names)
            samples = (samples[:, None] * count + torch.arange(count)).flatten()
        return self.loss(logits, target, self.loss.select(prepared, samples))  # type: ignore[attr-defined]

    @property
    def _apart(self) -> bool:
        """Whether a loss, which takes several channels for a softmax, sees each by itself."""
        several = len(self.classes.names) > 1 and not self.classes.softmax
        return several and self.info.input == "logits"

    def _targets(self, targets: torch.Tensor) -> torch.Tensor:
        if self.classes.softmax:
            return with_background(targets)
        return targets.flatten(0, 1)[:, None] if self._apart else targets

    def _check_channels(self, logits: torch.Tensor) -> None:
        if logits.shape[1] != self.classes.channels:
            raise UserError(
                f"loss {self.info.name!r}: the network has {logits.shape[1]} channels, and the "
                f"classes {', '.join(self.classes.names)} need {self.classes.channels}"
                + (" (one is the background)" if self.classes.softmax else "")
            )


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
    target: Target | None = None,
    params: dict[str, object] | None = None,
    topology: Topology,
    backend: str = "auto",
    classes: TargetClasses = ONE_CLASS,
) -> Term:
    """Return the term of a ``method.toml``; topological losses get the suite's topology.

    Raises
    ------
    UserError
        Unknown loss or parameter; a loss that needs targets put on unlabelled images without a
        teacher, or a teacher where there is nothing for it to answer.
    """
    factory = LOSSES.load(name)
    info: LossInfo = factory.info
    arguments = dict(params or {})
    arguments = {**_activation(info, classes, arguments), **arguments}
    if info.takes_topology:
        arguments = {"topology": topology, **arguments}
    if info.takes_backend:
        arguments = {"backend": backend, **arguments}
    check_target(info, on, target)
    try:
        loss = factory(**arguments)
    except TypeError as error:
        raise UserError(f"loss {name!r}: {error}") from error
    own_prior = info.needs_prior and "prior" in arguments
    if classes.softmax and info.needs_prior and info.input == "logits" and not own_prior:
        loss = cast(Loss, LabelPriors(loss, classes))
    return Term(
        loss,
        weight=weight,
        gradient_ratio=gradient_ratio,
        on=on,
        start=start,
        ramp=ramp,
        own_prior=own_prior,
        deep=deep,
        classes=classes,
        target=target,
    )


def _activation(
    info: LossInfo, classes: TargetClasses, given: Mapping[str, object]
) -> dict[str, object]:
    """Return how a loss activates logits of these classes.

    Raises
    ------
    UserError
        The classes are exclusive and the loss is given a sigmoid, or they overlap and the loss is a
        softmax.
    """
    several = len(classes.names) > 1
    named = ", ".join(classes.names)
    if classes.softmax and given.get("sigmoid"):
        raise UserError(
            f"loss {info.name!r}: sigmoid = true, but the classes {named} are exclusive and are "
            "trained by a softmax; leave it out"
        )
    if not classes.softmax and given.get("softmax"):
        raise UserError(
            f"loss {info.name!r}: softmax = true, but the targets of {named} have no background "
            "channel and need not sum to 1; leave it out"
        )
    if info.input == "logits":
        if several and not classes.softmax and not info.plain:
            raise UserError(
                f"loss {info.name!r} is a softmax over background and classes, and the regions "
                f"{named} overlap: their targets have no background and need not sum to 1; use a "
                "loss that takes each channel by itself, or a dataset of exclusive classes"
            )
        return {}
    if classes.softmax:
        return {"softmax": True, "include_background": False}
    return {"sigmoid": True}


def check_first_step(terms: Sequence[Term]) -> None:
    """Refuse a training in whose first step every loss has the weight 0: there is nothing to learn.

    Raises
    ------
    UserError
        Naming the losses.
    """
    if not any(term.ramp_at(0.0) * (term.gradient_ratio or term.weight) for term in terms):
        names = ", ".join(repr(term.info.name) for term in terms)
        raise UserError(
            f"loss {names}: no weight at the first step; one loss needs a weight other than 0, "
            "with start = 0 and ramp = 0"
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
