"""Labels and voxels that do not count, made into the masks that losses take."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn import functional as F

from topoeval.errors import UserError

_SURE = 20.0
"""A logit whose sigmoid is 1 to single precision; every loss of it is 2e-9 or less."""


@dataclass(frozen=True, slots=True)
class Counted:
    """Which voxels of a batch count.

    Parameters
    ----------
    mask
        ``(B, 1, *spatial)`` bool.
    """

    mask: torch.Tensor

    @classmethod
    def of(
        cls,
        input: torch.Tensor,
        target: torch.Tensor | None,
        mask: torch.Tensor | None,
        ignore_index: int | None,
    ) -> Counted | None:
        """Return what counts by a mask and by a label, or None where all does."""
        if mask is not None:
            wanted = (len(input), 1, *input.shape[2:])
            if tuple(mask.shape) != wanted:
                raise UserError(f"a mask of shape {tuple(mask.shape)}; expected {wanted}")
            mask = mask > 0.5 if mask.is_floating_point() else mask.bool()
        if ignore_index is not None and target is not None:
            labelled = _with_channel(target, input.ndim) != ignore_index
            mask = labelled if mask is None else mask & labelled
        return None if mask is None else cls(mask)

    @property
    def share(self) -> torch.Tensor:
        """The share of the voxels of each image that counts, ``(B, 1)``."""
        return self.mask.flatten(1).double().mean(1, keepdim=True)


def as_masks(
    labels: torch.Tensor, like: torch.Tensor, ignore_index: int | None = None
) -> torch.Tensor:
    """Return labels ``(B, 1, *spatial)`` or ``(B, *spatial)`` as masks of the shape of `like`.

    One channel is the mask of label 1. What is to be ignored becomes background.

    Raises
    ------
    UserError
        A label without a channel, or values that are no labels.

    Examples
    --------
    >>> like = torch.zeros(1, 3, 2, 2)
    >>> as_masks(torch.tensor([[[0, 2], [1, 255]]]), like, ignore_index=255).argmax(1)
    tensor([[[0, 2],
             [1, 0]]])
    """
    if labels.is_floating_point() and bool((labels != labels.round()).any()):
        raise UserError("to_onehot_y=True takes whole labels, and the target has fractions")
    labels = _with_channel(labels, like.ndim).long()
    channels = like.shape[1]
    if labels.shape != (len(like), 1, *like.shape[2:]):
        raise UserError(
            f"labels of shape {tuple(labels.shape)} do not fit an input of shape "
            f"{tuple(like.shape)}; expected (B, 1, *spatial)"
        )
    if ignore_index is not None:
        labels = labels.masked_fill(labels == ignore_index, 0)
    known = max(channels, 2)
    if labels.numel():
        low, high = (int(end) for end in torch.aminmax(labels))
        if low < 0 or high >= known:
            raise UserError(
                f"labels {low} to {high} for {channels} channel(s), which stand for 0 to "
                f"{known - 1}; a label that does not count is named by ignore_index"
            )
    if channels == 1:
        return labels.float()
    masks = torch.zeros((len(labels), channels, *labels.shape[2:]), device=labels.device)
    return masks.scatter_(1, labels, 1.0)


def cleared(
    input: torch.Tensor,
    target: torch.Tensor | None,
    counted: Counted,
    *,
    logits: bool = False,
    background: bool = False,
    bright: bool = True,
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Return maps and targets that are sure of nothing where voxels do not count.

    Their gradient there is exactly 0, and so is the influence of the target.

    Parameters
    ----------
    logits
        Whether the maps are logits.
    background
        Whether the first channel is the background, and is 1 there.
    bright
        Whether bright is foreground; else nothing is bright.
    """
    nothing = torch.full_like(input, 0.0 if bright else 1.0)
    if background:
        nothing[:, 0] = 1.0 - nothing[:, 0]
    empty = nothing if target is None or not len(target) else nothing[: len(target)]
    if logits:
        nothing = _SURE * (2 * nothing - 1)
    input = torch.where(counted.mask, input, nothing)
    if target is None:
        return input, None
    return input, torch.where(counted.mask, target, empty.to(target.dtype))


def resized(maps: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """Return targets, labels or masks at the resolution of an output, by their nearest voxels."""
    maps = _with_channel(maps, like.ndim)
    if maps.shape[2:] == like.shape[2:]:
        return maps
    # double holds every label
    small = F.interpolate(maps.double(), size=like.shape[2:], mode="nearest-exact")
    return small.to(maps.dtype)


def _with_channel(target: torch.Tensor, ndim: int) -> torch.Tensor:
    return target if target.ndim == ndim else target[:, None]
