"""Losses as frameworks call them: labels, ignored voxels, weights of classes, lists of outputs."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn

from topoeval.errors import UserError
from topoeval.losses import LOSSES
from topoeval.losses.base import MapLoss
from topoeval.losses.info import LossInfo
from topoeval.losses.labels import Counted, as_masks, cleared, resized
from topoeval.losses.spelling import argument_names

Weight = float | Sequence[float] | torch.Tensor


def adapt(
    loss: str | type[Any] | nn.Module,
    *,
    sigmoid: bool = False,
    softmax: bool = False,
    other_act: Callable[[torch.Tensor], torch.Tensor] | None = None,
    to_onehot_y: bool = False,
    ignore_index: int | None = None,
    weight: Weight | None = None,
    scale_weights: Sequence[float] | None = None,
    **params: Any,
) -> Adapted:
    """Return a loss that takes what MONAI, nnU-Net and Lightning modules hand over.

    The names are those of MONAI 1.6.

    Parameters
    ----------
    loss
        A name of the registry, a class, or a loss that is built already; then `params` are none,
        and the activation may be its own.
    sigmoid
        Channels may overlap: each is activated by itself. A loss that takes logits and reads
        channels as a softmax is given each channel as a binary map.
    softmax
        Channels are classes of which each voxel has one. For a loss that takes logits and reads
        them so, no change.
    other_act
        Applied to the input in place of `sigmoid` or `softmax`; for losses that take probabilities.
    to_onehot_y
        Targets are labels ``(B, 1, *spatial)`` or ``(B, *spatial)``, one channel of the input for
        each; with one channel, 0 and 1.
    ignore_index
        The label of voxels that do not count; it need be no channel. Needs `to_onehot_y`; with
        one-hot targets pass ``mask`` at the call.
    weight
        Of each class that counts, or one for all; multiplies its value, as in MONAI's `DiceLoss`.
        A loss whose constructor takes ``weight`` itself (`cross_entropy`) uses it by its own rule.
    scale_weights
        Of the outputs of a network with deep supervision, the full resolution first; by default 1,
        1/2, 1/4, ... and never below 1/16, as MONAI's `DeepSupervisionLoss`.
    **params
        For the constructor of the loss: ``include_background``, ``reduction``, ``batch``,
        ``topology`` and what else it takes.

    Raises
    ------
    UserError
        For arguments that contradict each other or do not apply to this loss.

    Examples
    --------
    >>> loss = adapt("cldice", softmax=True, include_background=False, to_onehot_y=True,
    ...              ignore_index=255)
    >>> labels = torch.tensor([[[[0, 1, 1, 1], [0, 2, 255, 2], [0, 0, 0, 0]]]])
    >>> logits = torch.zeros(1, 3, 3, 4, requires_grad=True)
    >>> loss(logits, labels).backward()
    >>> float(logits.grad[..., 1, 2].abs().sum())
    0.0
    """
    if sigmoid + softmax + (other_act is not None) > 1:
        raise UserError("choose one of sigmoid, softmax and other_act")
    if isinstance(loss, nn.Module):
        if params:
            raise UserError(
                f"loss {type(loss).__name__} is built already and takes no "
                f"{', '.join(sorted(params))}; pass its class or name"
            )
        built: Any = loss
    else:
        factory = LOSSES.load(loss) if isinstance(loss, str) else loss
        known = argument_names(factory)
        if weight is not None and "weight" in known:
            params, weight = {**params, "weight": weight}, None
        _check_params(factory.info, known, params)
        built = factory(**params)
    own = bool(getattr(built, "sigmoid", False)), bool(getattr(built, "softmax", False))
    if any(own) and (sigmoid or softmax or other_act is not None):
        raise UserError(f"loss {built.info.name!r} is built with an activation; give it once")
    return Adapted(
        built,
        sigmoid=sigmoid or own[0],
        softmax=softmax or own[1],
        other_act=other_act,
        to_onehot_y=to_onehot_y,
        ignore_index=ignore_index,
        weight=weight,
        scale_weights=scale_weights,
    )


def _of_share(part: torch.Tensor, share: torch.Tensor) -> torch.Tensor:
    """Return a mean over all voxels as one over those that count; 0 where none does."""
    share = share.to(part)
    return torch.where(share > 0, part / share.clamp(min=1e-12), 0 * part)


def _check_params(info: LossInfo, known: Sequence[str], params: dict[str, Any]) -> None:
    """Refuse what the constructor does not take, and leave out what is true anyway."""
    if "include_background" in params and "include_background" not in known:
        if info.channels == "softmax" and not params["include_background"]:
            del params["include_background"]  # it never counts
        elif info.channels == "softmax":
            raise UserError(f"loss {info.name!r} never counts the background")
        else:
            raise UserError(f"of loss {info.name!r} its own arguments name the labels that count")
    if "batch" in params and "batch" not in known:
        if params["batch"]:
            raise UserError(
                f"loss {info.name!r} has one value for each image and no sums over the batch"
            )
        del params["batch"]
    for name in params:
        if name not in known:
            raise UserError(
                f"loss {info.name!r} takes no {name!r}; it takes {', '.join(sorted(known))}"
            )


class Adapted(nn.Module):
    """What `adapt` returns: called with outputs of a network and targets as they come.

    The card of the loss is `info`, so an adapted loss stands wherever a loss does.
    """

    def __init__(
        self,
        loss: MapLoss,
        *,
        sigmoid: bool,
        softmax: bool,
        other_act: Callable[[torch.Tensor], torch.Tensor] | None,
        to_onehot_y: bool,
        ignore_index: int | None,
        weight: Weight | None,
        scale_weights: Sequence[float] | None,
    ) -> None:
        super().__init__()
        info = loss.info
        if other_act is not None and info.input == "logits":
            raise UserError(f"loss {info.name!r} takes logits; other_act is for probabilities")
        if info.channels == "labels" and sigmoid:
            raise UserError(
                f"loss {info.name!r} has rules between labels, which channels that overlap are not"
            )
        if ignore_index is not None and not to_onehot_y:
            raise UserError("ignore_index is a label and needs to_onehot_y=True; or pass mask=")
        # activated here, where what does not count is cleared afterwards
        self.loss: Any = copy.copy(loss)
        if info.input == "probabilities":
            self.loss.sigmoid = self.loss.softmax = False
        self.info = info
        self.sigmoid = sigmoid
        self.softmax = softmax
        self.other_act = other_act
        self.to_onehot_y = to_onehot_y
        self.ignore_index = ignore_index
        self.weight = None if weight is None else torch.as_tensor(weight, dtype=torch.float64)
        self.scale_weights = None if scale_weights is None else tuple(map(float, scale_weights))

    def forward(
        self,
        input: torch.Tensor | Sequence[torch.Tensor],
        target: torch.Tensor | Sequence[torch.Tensor] | None = None,
        *,
        prior: Any = None,
        mask: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Return the loss.

        Parameters
        ----------
        input
            ``(B, C, *spatial)``, or a list of them, full resolution first.
        target
            Masks ``(B, C, *spatial)`` or, with ``to_onehot_y``, labels; one for all scales (lower
            ones take its nearest voxels) or one for each. A loss with a prior takes it for
            `ignore_index` alone.
        prior
            Betti numbers, for losses that need them.
        mask
            ``(B, 1, *spatial)``, true where a voxel counts.
        """
        if isinstance(input, torch.Tensor):
            if target is not None and not isinstance(target, torch.Tensor):
                raise UserError(f"one output and {len(target)} targets")
            return self._one(input, target, prior, mask)
        weights = self._scales(len(input))
        if target is None or isinstance(target, torch.Tensor):
            whole = target
            target = [None if whole is None else resized(whole, out) for out in input]  # type: ignore[misc]
        elif len(target) != len(input):
            raise UserError(f"{len(input)} outputs and {len(target)} targets")
        values = [
            scale * self._one(out, truth, prior, None if mask is None else resized(mask, out))
            for scale, out, truth in zip(weights, input, target, strict=True)
            if scale
        ]
        return torch.stack(values).sum(0)

    def __repr__(self) -> str:
        """Return the call of `adapt` that builds this, with what does not have its default."""
        given = {
            "sigmoid": self.sigmoid,
            "softmax": self.softmax,
            "other_act": self.other_act,
            "to_onehot_y": self.to_onehot_y,
            "ignore_index": self.ignore_index,
            "weight": None if self.weight is None else self.weight.tolist(),
            "scale_weights": self.scale_weights,
        }
        told = [f"{k}={v!r}" for k, v in given.items() if v is not None and v is not False]
        return f"adapt({', '.join([repr(self.loss), *told])})"

    def _scales(self, n: int) -> Sequence[float]:
        if not n:
            raise UserError("a list of no outputs")
        if self.scale_weights is None:
            return [max(0.5**level, 0.0625) for level in range(n)]
        if len(self.scale_weights) != n:
            raise UserError(f"{len(self.scale_weights)} scale_weights for {n} outputs")
        return self.scale_weights

    def _one(
        self,
        input: torch.Tensor,
        target: torch.Tensor | None,
        prior: Any,
        mask: torch.Tensor | None,
    ) -> torch.Tensor:
        counted = Counted.of(input, target, mask, self.ignore_index)
        channels = input.shape[1]
        if target is not None and self.info.needs_target:
            if self.to_onehot_y:
                target = as_masks(target, input, self.ignore_index)
            self._check_exclusive(input, target, counted)
        elif self.info.needs_target:
            raise UserError(f"loss {self.info.name!r} needs a target")
        input = self._activated(input)
        if counted is not None:
            bright = getattr(getattr(self.loss, "topology", None), "superlevel", True)
            whole = self.info.channels != "each" and channels > 1 and not self.sigmoid
            input, target = cleared(
                input,
                target,
                counted,
                logits=self.info.input == "logits",
                background=whole,
                bright=bright,
            )
        parts = self._parts(input, target, prior)
        if counted is not None:
            share = self._share(target, counted)
            parts = {
                name: _of_share(part, share) if self._is_mean(name) else part
                for name, part in parts.items()
            }
        values = self._weighted(torch.stack(list(parts.values())).sum(0))
        return self.loss.reduce({"loss": values})

    def _share(self, target: torch.Tensor | None, counted: Counted) -> torch.Tensor:
        """Return how much of a mean over voxels is of those that count, ``(B, 1)``."""
        weight = getattr(self.loss, "weight", None)
        if weight is None or target is None:
            return counted.share
        # a weighted mean is divided by the weights of the classes that are there
        scale = torch.as_tensor(weight, dtype=target.dtype, device=target.device)
        each = target * scale.expand(target.shape[1]).reshape(-1, *(1,) * (target.ndim - 2))
        of_counted = (each * counted.mask).flatten(1).sum(1, keepdim=True)
        return of_counted / each.flatten(1).sum(1, keepdim=True)

    def _is_mean(self, part: str) -> bool:
        return part in self.info.voxel_means

    def _check_exclusive(
        self, input: torch.Tensor, target: torch.Tensor, counted: Counted | None
    ) -> None:
        """Refuse targets of a softmax without background, before what does not count is cleared."""
        if self.softmax and self.info.input == "probabilities" and input.shape[1] > 1:
            judge = copy.copy(self.loss)
            judge.softmax = True
            if counted is not None:  # what stands where nothing counts does not matter
                background = torch.zeros_like(target)
                background[:, 0] = 1
                target = torch.where(counted.mask, target, background)
            judge.checked(input, target)

    def _activated(self, input: torch.Tensor) -> torch.Tensor:
        if self.other_act is not None:
            return self.other_act(input)
        several = input.shape[1] > 1
        wide = input if input.dtype == torch.float64 else input.float()
        if self.info.input == "probabilities":
            if self.softmax and not several:
                raise UserError("softmax over one channel is constant; use sigmoid=True")
            return wide.softmax(1) if self.softmax else wide.sigmoid() if self.sigmoid else input
        if self.softmax and several and self.info.channels == "each":
            # the logit of each class against the rest, whose sigmoid is the softmax
            rest = [
                wide[:, [j for j in range(input.shape[1]) if j != c]].logsumexp(1)
                for c in range(input.shape[1])
            ]
            return wide - torch.stack(rest, dim=1)
        return input

    def _parts(
        self, input: torch.Tensor, target: torch.Tensor | None, prior: Any
    ) -> dict[str, torch.Tensor]:
        """Return the parts; of channels that overlap each as a map of its own."""
        truth = {"target": target} if self.info.needs_target else {"prior": prior}
        if self.info.needs_prior and prior is None:
            truth = {}
        if not (self.sigmoid and input.shape[1] > 1 and self.info.channels == "softmax"):
            return self.loss.parts(input, **truth)
        assert target is not None  # no loss with a prior reads channels so
        alone = copy.copy(self.loss)
        if not getattr(alone, "include_background", True):
            alone.include_background = True
            input, target = input[:, 1:], target[:, 1:]
        batch, channels = input.shape[:2]
        parts = alone.parts(input.flatten(0, 1)[:, None], target.flatten(0, 1)[:, None])
        return {name: part.reshape(batch, channels) for name, part in parts.items()}

    def _weighted(self, values: torch.Tensor) -> torch.Tensor:
        if self.weight is None:
            return values
        weight = self.weight.to(values)
        if weight.ndim and len(weight) != values.shape[1]:
            raise UserError(
                f"{len(weight)} weights of classes, and loss {self.info.name!r} has values for "
                f"{values.shape[1]}"
            )
        return values * weight
