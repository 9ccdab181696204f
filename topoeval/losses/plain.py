"""Overlap and pixel losses: MONAI's and torch's, with the contract of this package."""

from __future__ import annotations

from typing import ClassVar

import torch
from monai.losses import DiceLoss as MonaiDice
from torch import nn
from torch.nn import functional as F

from topoeval.losses.info import LossInfo

_EVERY = {"ndims": (2, 3), "needs_target": True, "needs_prior": False, "cost": "cheap"}


class CrossEntropyLoss(nn.Module):
    """Cross-entropy of logits; binary per channel for one channel, else over the channels.

    Targets are ``(B, C, *spatial)`` in [0, 1] and need not be binary: a grey target is the
    probability that the voxel is bright.
    """

    info: ClassVar[LossInfo] = LossInfo(
        name="cross_entropy",
        title="Cross-entropy",
        multiclass="softmax over the channels",
        citation="textbook",
        **_EVERY,  # type: ignore[arg-type]
    )

    def forward(self, input: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Return the mean over voxels."""
        if input.shape[1] == 1:
            return F.binary_cross_entropy_with_logits(input, target)
        return F.cross_entropy(input, target)


class DiceLoss(nn.Module):
    """Soft Dice of logits (`monai.losses.DiceLoss`), mean over images and channels."""

    info: ClassVar[LossInfo] = LossInfo(
        name="dice",
        title="Dice",
        multiclass="mean over the channels",
        citation="F. Milletari et al., V-Net, 3DV 2016, arXiv 1606.04797",
        **_EVERY,  # type: ignore[arg-type]
    )

    def __init__(self, squared_pred: bool = False) -> None:
        super().__init__()
        self.squared_pred = squared_pred

    def forward(self, input: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Return the mean over images and channels."""
        several = input.shape[1] > 1
        dice = MonaiDice(sigmoid=not several, softmax=several, squared_pred=self.squared_pred)
        return dice(input, target)


class MSELoss(nn.Module):
    """Mean squared error of probabilities, the seed's similarity term."""

    info: ClassVar[LossInfo] = LossInfo(
        name="mse",
        title="Mean squared error",
        multiclass="mean over the channels",
        citation="textbook",
        **_EVERY,  # type: ignore[arg-type]
    )

    def forward(self, input: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Return the mean over voxels of the squared difference to ``sigmoid(input)``."""
        several = input.shape[1] > 1
        probabilities = input.softmax(1) if several else input.sigmoid()
        return F.mse_loss(probabilities, target)
