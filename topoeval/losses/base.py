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
from topoeval.losses.activation import in_unit_interval, to_probabilities, widened
from topoeval.losses.info import LossInfo
from topoeval.losses.memory import TargetMemory, limit_bytes
from topoeval.losses.spelling import spelled

Reduction = Literal["mean", "sum", "none"]
F = TypeVar("F", bound=Callable[..., Any])

# Attributes of a loss that say nothing about it.
_NO_SETTINGS = {*vars(nn.Module()), "_memory"}


def outside_graph(function: F) -> F:
    """Keep a function that leaves torch, say for SciPy, out of compiled graphs."""

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        # Importing the compiler takes more than a second. A process that has not imported it has
        # no graph to keep the function out of.
        if "torch._dynamo" in sys.modules:
            return torch.compiler.disable(function)(*args, **kwargs)  # type: ignore[no-untyped-call]
        return function(*args, **kwargs)

    return cast(F, call)


def _of_known_rank(prepare: Callable[[Any, torch.Tensor], Any]) -> Callable[..., Any]:
    @wraps(prepare)
    def checked(self: MapLoss, target: torch.Tensor) -> Any:
        self._check_dims(target)
        return prepare(self, target)

    return checked


class MapLoss(nn.Module):
    """A loss made of parts, each with a value per image and class.

    A map with a NaN or an infinity costs NaN and has a NaN gradient, so that a scaler of mixed
    precision skips the step. A batch without images costs 0, with a graph and an empty gradient:
    a process of a distributed training may have none.

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
        self._memory = TargetMemory()

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
        if self.reduction == "mean" and per_class.numel():
            return per_class.mean()
        return per_class.sum()

    def exclusive(self, channels: int) -> bool:
        """Return whether so many channels are read as classes of which each voxel has one."""
        several = channels > 1 and not self.sigmoid
        return several and (self.softmax or self.info.channels != "each")

    def __repr__(self) -> str:
        """Return the call that builds this loss, without the arguments that have their default."""
        return spelled(self)

    def _guarded(
        self,
        input: torch.Tensor,
        per_class: Callable[[torch.Tensor], dict[str, torch.Tensor]],
    ) -> dict[str, torch.Tensor]:
        """Return the parts of maps that may be none, or not finite."""
        if not len(input):
            first = 0 if self.include_background else 1
            return {self.info.name: widened(input)[:, first:].flatten(2).sum(2)}
        input, factor = _finite(input)
        parts = per_class(input)
        if factor is None:
            return parts
        return {
            # a part that is pooled over the batch has one row
            name: part * (factor if len(part) == len(factor) else factor.prod(0, keepdim=True))
            for name, part in parts.items()
        }

    def _check_dims(self, input: torch.Tensor) -> None:
        _check_dense("input", input)
        ndim = input.ndim - 2
        if ndim not in self.info.ndims:
            takes = " or ".join(
                {2: "(B, C, H, W)", 3: "(B, C, D, H, W)"}[known] for known in self.info.ndims
            )
            raise UserError(
                f"loss {self.info.name!r} takes {takes}, got shape {tuple(input.shape)}"
            )
        if 0 in input.shape[1:]:
            raise UserError(
                f"loss {self.info.name!r} takes images of one channel and one voxel or more, got "
                f"shape {tuple(input.shape)}"
            )


class TargetLoss(MapLoss):
    """A loss that compares maps with targets: `per_class` is all that a subclass writes.

    A target has the shape of the input and values in [0, 1]: a mask for each channel. Where the
    channels are a softmax, the targets of a voxel sum to 1. What a loss needs of the targets and
    does not change between epochs (a barcode, a skeleton) it returns from `prepare`, once for a
    whole training set; a training hands the rows of its batch back through `select`. A loop that
    knows nothing of this pays for new targets alone: `topoeval.losses.memory` keeps the rows of
    those that a loss has seen.

    Labels, voxels to ignore, weights of classes and lists of outputs: `topoeval.losses.adapt`.

    Attributes
    ----------
    prepares_rows
        Whether `prepare` returns a tensor or a list with one row for each target, which depends on
        that target alone. Others are not remembered.
    """

    prepares_rows: ClassVar[bool] = True

    def __init_subclass__(cls, **keywords: Any) -> None:
        """Have `prepare` refuse targets of a rank that the loss does not take."""
        super().__init_subclass__(**keywords)
        if "prepare" in vars(cls):
            cls.prepare = _of_known_rank(vars(cls)["prepare"])  # type: ignore[method-assign]

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
            What `prepare` returned for these targets; if not given, computed or remembered.
        """
        return self.reduce(self.parts(input, target, prepared))

    def parts(
        self, input: torch.Tensor, target: torch.Tensor, prepared: Any = None
    ) -> dict[str, torch.Tensor]:
        """Return the weighted terms by name, each ``(B, C)``; their sum is the loss.

        Raises
        ------
        UserError
            Wrong rank, a target of another shape or outside [0, 1], targets of a softmax that do
            not sum to 1, or what the loss itself refuses.
        """
        self._check_dims(input)
        target = self.checked(input, target)
        if prepared is None and len(target):
            prepared = self._remembered(target)
        return self._guarded(input, lambda maps: self.per_class(maps, target, prepared))

    def _remembered(self, target: torch.Tensor) -> Any:
        """Return what `prepare` returns, or None where it is computed by `per_class` itself."""
        if (
            torch.compiler.is_compiling()
            or type(self).prepare is TargetLoss.prepare
            or not self.prepares_rows
            or (self.info.device != "part" and target.device.type != "cpu")  # stays on its device
            or target.requires_grad
            or not limit_bytes()
            or next(self.parameters(), None) is not None  # which may change
        ):
            return None
        settings = tuple((k, repr(v)) for k, v in vars(self).items() if k not in _NO_SETTINGS)
        return self._memory.recall(settings, target, self.prepare, self.select)

    @abstractmethod
    def per_class(
        self, input: torch.Tensor, target: torch.Tensor, prepared: Any = None
    ) -> dict[str, torch.Tensor]:
        """Return what `parts` returns, of at least one image, finite, with a checked target."""

    def prepare(self, target: torch.Tensor) -> Any:
        """Return what of the targets can be computed once, or None if there is nothing."""
        return None

    def select(self, prepared: Any, samples: torch.Tensor) -> Any:
        """Return the part of `prepared` that belongs to the samples at the indices `samples`."""
        return prepared[samples.to(prepared.device)]

    def maps(self, input: torch.Tensor, target: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return probabilities and targets ``(B, C', *spatial)``, equally typed."""
        probabilities = self.probabilities(input)
        return probabilities, self.targets(target).to(probabilities)

    def logits(
        self, input: torch.Tensor, target: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return logits and targets with all their channels, equally typed, at least float32."""
        input = widened(input)
        return input, target.to(input)

    def targets(self, target: torch.Tensor) -> torch.Tensor:
        """Return the targets without the background if it does not count."""
        return target if self.include_background else target[:, 1:]

    def checked(self, input: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Return the target, what leaves [0, 1] by rounding put back."""
        _check_dense("target", target)
        if target.shape != input.shape:
            raise UserError(
                f"target of shape {tuple(target.shape)} does not fit an input of shape "
                f"{tuple(input.shape)}; a target has one mask per channel (one-hot), for labels "
                f"use topoeval.losses.adapt({self.info.name!r}, to_onehot_y=True)"
            )
        target = in_unit_interval(target, "target", "a target is made of masks")
        if self.exclusive(input.shape[1]) and target.numel() and not torch.compiler.is_compiling():
            low, high = (float(end) for end in torch.aminmax(widened(target.detach()).sum(1)))
            if max(1 - low, high - 1) > 1e-3:
                raise UserError(
                    f"targets of loss {self.info.name!r} sum to {low:.4g} to {high:.4g} over the "
                    f"{input.shape[1]} channels of a softmax, and have to sum to 1 at each voxel: "
                    "one channel for each class and one, the first, for the background"
                )
        return target


def _check_dense(what: str, tensor: torch.Tensor) -> None:
    """Refuse a sparse tensor, of which most operations of a loss are not defined."""
    if tensor.layout != torch.strided:
        raise UserError(f"{what} of layout {tensor.layout}; a loss takes {what}.to_dense()")


def as_mask(target: torch.Tensor) -> torch.Tensor:
    """Return the boolean foreground of a target: 0.5 and above."""
    return target >= 0.5


def _finite(input: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Return maps with 0 in place of what is not finite, and NaN for images that had any, else 1.

    The factor is ``(B, 1)``, or None if all is finite.
    """
    if not torch.compiler.is_compiling():
        wide = torch.promote_types(input.dtype, torch.float32)
        # one pass without allocation: the sum is finite unless a value is not finite, or huge
        if torch.isfinite(input.detach().sum(dtype=wide)):
            return input, None
    bad = ~torch.isfinite(input.detach())
    factor = torch.where(bad.flatten(1).any(1), torch.nan, 1.0)[:, None]
    return torch.where(bad, 0, input), factor
