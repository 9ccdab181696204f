"""What losses on maps share: activation, checks, and one value per image and class."""

from __future__ import annotations

import sys
from abc import abstractmethod
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, ClassVar, Literal, TypeVar, cast

import torch
from torch import nn

from topoeval.errors import UserError
from topoeval.losses.activation import to_probabilities, widened
from topoeval.losses.info import LossInfo

Reduction = Literal["mean", "sum", "none"]
F = TypeVar("F", bound=Callable[..., Any])


def outside_graph(function: F) -> F:
    """Keep a function that leaves torch, say for SciPy, out of compiled graphs."""

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        # The compiler is a second and more of imports; who has not begun to compile has no graph.
        if "torch._dynamo" in sys.modules:
            return torch.compiler.disable(function)(*args, **kwargs)  # type: ignore[no-untyped-call]
        return function(*args, **kwargs)

    return cast(F, call)


class MapLoss(nn.Module):
    """A loss made of parts, each with a value per image and class.

    Parameters
    ----------
    sigmoid, softmax
        Activate logits, as in MONAI. Without activation the input must lie in [0, 1].
    include_background
        Whether channel 0 counts, as in MONAI.
    reduction
        ``"mean"`` or ``"sum"`` over batch and classes, or ``"none"`` for ``(B, C)``.
    """

    info: ClassVar[LossInfo]

    def __init__(
        self,
        *,
        sigmoid: bool = False,
        softmax: bool = False,
        include_background: bool = True,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__()
        if sigmoid and softmax:
            raise UserError("choose one of sigmoid and softmax")
        if reduction not in ("mean", "sum", "none"):
            raise UserError(f"reduction must be 'mean', 'sum' or 'none', got {reduction!r}")
        self.sigmoid = sigmoid
        self.softmax = softmax
        self.include_background = include_background
        self.reduction: Reduction = reduction

    def probabilities(self, input: torch.Tensor) -> torch.Tensor:
        """Return ``(B, C', *spatial)`` probabilities, at least float32, background as asked."""
        self._check_dims(input)
        return to_probabilities(
            input,
            sigmoid=self.sigmoid,
            softmax=self.softmax,
            include_background=self.include_background,
        )

    def reduce(self, parts: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Return the sum of the parts, each ``(B, C)``, reduced as asked."""
        per_class = torch.stack(list(parts.values())).sum(0)
        if self.reduction == "none":
            return per_class
        return per_class.mean() if self.reduction == "mean" else per_class.sum()

    def _check_dims(self, input: torch.Tensor) -> None:
        ndim = input.ndim - 2
        if ndim not in self.info.ndims:
            takes = " or ".join(
                {2: "(B, C, H, W)", 3: "(B, C, D, H, W)"}[known] for known in self.info.ndims
            )
            raise UserError(
                f"loss {self.info.name!r} takes {takes}, got shape {tuple(input.shape)}"
            )


class TargetLoss(MapLoss):
    """A loss that compares maps with targets: `parts` is all that a subclass writes.

    A target has the shape of the input and values in [0, 1]: a mask for each channel. What a loss
    needs of the targets and does not change between epochs (a barcode, a skeleton) it answers from
    `prepare`, once for a whole training set; a training hands the rows of its batch back through
    `select`.
    """

    def forward(
        self, input: torch.Tensor, target: torch.Tensor, prepared: Any = None
    ) -> torch.Tensor:
        """Return the loss of ``(B, C, *spatial)`` maps, reduced over images and classes.

        Parameters
        ----------
        input
            Logits or probabilities, as the card's ``input`` and the activation say.
        target
            Same shape, in [0, 1].
        prepared
            What `prepare` answered for these targets; computed anew if not given.
        """
        return self.reduce(self.parts(input, target, prepared))

    @abstractmethod
    def parts(
        self, input: torch.Tensor, target: torch.Tensor, prepared: Any = None
    ) -> dict[str, torch.Tensor]:
        """Return the weighted terms by name, each ``(B, C)``; their sum is the loss."""

    def prepare(self, target: torch.Tensor) -> Any:
        """Return what of the targets can be computed once, or None if there is nothing."""
        return None

    def select(self, prepared: Any, samples: torch.Tensor) -> Any:
        """Return the part of `prepared` that belongs to the samples at the indices `samples`."""
        return prepared[samples.to(prepared.device)]

    def maps(self, input: torch.Tensor, target: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return probabilities and targets ``(B, C', *spatial)``, equally typed."""
        probabilities = self.probabilities(input)
        return probabilities, self.targets(input, target).to(probabilities)

    def logits(
        self, input: torch.Tensor, target: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return logits and targets with all their channels, equally typed, at least float32."""
        self._check_dims(input)
        input = widened(input)
        _check_target(input, target)
        return input, target.to(input)

    def targets(self, input: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Return the targets without the background if it does not count, after checking them."""
        _check_target(input, target)
        return target if self.include_background else target[:, 1:]


def as_mask(target: torch.Tensor) -> torch.Tensor:
    """Return the boolean foreground of a target: 0.5 and above."""
    return target >= 0.5


def _check_target(input: torch.Tensor, target: torch.Tensor) -> None:
    if target.shape != input.shape:
        raise UserError(
            f"target of shape {tuple(target.shape)} does not fit an input of shape "
            f"{tuple(input.shape)}; a target has one mask per channel (one-hot)"
        )
    low, high = torch.aminmax(target.detach())
    if not (low >= 0 and high <= 1):
        raise UserError(
            f"target outside [0, 1] ({low:.3g} to {high:.3g}); a target is made of masks"
        )
