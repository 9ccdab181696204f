"""Overlap and pixel losses: MONAI's and torch's, with the contract of this package."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from monai.losses import DiceLoss as MonaiDice
from monai.losses import FocalLoss as MonaiFocal
from monai.losses import TverskyLoss as MonaiTversky
from torch.nn import functional as F

from topoeval.losses.base import Reduction, TargetLoss
from topoeval.losses.info import LossInfo

_EVERY: dict[str, Any] = {
    "ndims": (2, 3),
    "needs_target": True,
    "needs_prior": False,
    "cost": "cheap",
}


class CrossEntropyLoss(TargetLoss):
    """Cross-entropy of logits; binary for one channel, else over the channels.

    Targets need not be binary: a grey target is the probability that the voxel is bright.
    """

    info: ClassVar[LossInfo] = LossInfo(
        name="cross_entropy",
        title="Cross-entropy",
        multiclass="softmax over the channels",
        citation="textbook",
        input="logits",
        **_EVERY,
        advice="The start of every training, and the row that every other has to beat.",
    )

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction=reduction)

    def parts(
        self, input: torch.Tensor, target: torch.Tensor, prepared: Any = None
    ) -> dict[str, torch.Tensor]:
        """Return the mean over voxels, ``(B, 1)``."""
        logits, target = self.logits(input, target)
        return {"cross_entropy": cross_entropy_map(logits, target).flatten(1).mean(1, True)}


def cross_entropy_map(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Return the cross-entropy at each voxel, ``(B, *spatial)``, of logits ``(B, C, *spatial)``."""
    if logits.shape[1] == 1:
        return F.binary_cross_entropy_with_logits(logits, target, reduction="none")[:, 0]
    return F.cross_entropy(logits, target, reduction="none")


class DiceLoss(TargetLoss):
    """Soft Dice (`monai.losses.DiceLoss`).

    Parameters
    ----------
    squared_pred
        Squares in the denominator, as in V-Net.
    """

    info: ClassVar[LossInfo] = LossInfo(
        name="dice",
        title="Dice",
        multiclass="each channel by itself",
        citation="F. Milletari et al., V-Net, 3DV 2016, arXiv 1606.04797",
        minimum=0.0,
        strict=True,
        **_EVERY,
        advice="Overlap of unbalanced classes; blind to topology.",
    )

    def __init__(self, *, squared_pred: bool = False, **activation: Any) -> None:
        super().__init__(**activation)
        self._dice = MonaiDice(squared_pred=squared_pred, reduction="none")

    def parts(
        self, input: torch.Tensor, target: torch.Tensor, prepared: Any = None
    ) -> dict[str, torch.Tensor]:
        """Return one minus the soft Dice coefficient, ``(B, C)``."""
        return {"dice": self._dice(*self.maps(input, target)).flatten(1)}


class DiceCrossEntropyLoss(TargetLoss):
    """Dice plus cross-entropy, the base loss of most of the field, equally weighted by default."""

    info: ClassVar[LossInfo] = LossInfo(
        name="dice_cross_entropy",
        title="Dice + cross-entropy",
        multiclass="Dice of each channel, cross-entropy over the channels",
        citation="F. Isensee et al., nnU-Net, Nature Methods 18, 2021, arXiv 1904.08128",
        input="logits",
        **_EVERY,
        advice="The base to which topological terms are added, and the serious opponent of them "
        "all.",
    )

    def __init__(
        self, *, dice_weight: float = 1.0, ce_weight: float = 1.0, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction=reduction)
        self.dice_weight = dice_weight
        self.ce_weight = ce_weight
        self._dice = MonaiDice(reduction="none")

    def parts(
        self, input: torch.Tensor, target: torch.Tensor, prepared: Any = None
    ) -> dict[str, torch.Tensor]:
        """Return both terms, ``(B, 1)``; Dice is the mean over the channels."""
        logits, target = self.logits(input, target)
        probabilities = logits.softmax(1) if logits.shape[1] > 1 else logits.sigmoid()
        dice = self._dice(probabilities, target).flatten(1).mean(1, True)
        entropy = cross_entropy_map(logits, target).flatten(1).mean(1, True)
        return {"dice": self.dice_weight * dice, "cross_entropy": self.ce_weight * entropy}


class FocalLoss(TargetLoss):
    """Focal loss of logits (`monai.losses.FocalLoss`), by sigmoid per channel or by softmax.

    Parameters
    ----------
    gamma
        How much well classified voxels are discounted.
    alpha
        Weight of the foreground in [0, 1]; None for none.
    """

    info: ClassVar[LossInfo] = LossInfo(
        name="focal",
        title="Focal",
        multiclass="softmax over the channels",
        citation="T.-Y. Lin et al., Focal Loss for Dense Object Detection, ICCV 2017, "
        "arXiv 1708.02002",
        input="logits",
        **_EVERY,
        advice="Many easy voxels and few hard ones; blind to topology.",
    )

    def __init__(
        self, *, gamma: float = 2.0, alpha: float | None = None, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction=reduction)
        self.gamma = gamma
        self.alpha = alpha

    def parts(
        self, input: torch.Tensor, target: torch.Tensor, prepared: Any = None
    ) -> dict[str, torch.Tensor]:
        """Return the mean over voxels, ``(B, C)``."""
        logits, target = self.logits(input, target)
        focal = MonaiFocal(
            gamma=self.gamma,
            alpha=self.alpha,
            use_softmax=logits.shape[1] > 1,
            reduction="none",
        )
        return {"focal": focal(logits, target).flatten(2).mean(2)}


class TverskyLoss(TargetLoss):
    """Tversky loss (`monai.losses.TverskyLoss`).

    Parameters
    ----------
    alpha, beta
        Weights of false positives and of false negatives; 0.5 and 0.5 is Dice.
    """

    info: ClassVar[LossInfo] = LossInfo(
        name="tversky",
        title="Tversky",
        multiclass="each channel by itself",
        citation="S. S. M. Salehi, D. Erdogmus, A. Gholipour, MLMI 2017, arXiv 1706.05721",
        minimum=0.0,
        strict=True,
        **_EVERY,
        advice="Thin structures that Dice loses: missed voxels cost more than invented ones.",
    )

    def __init__(self, *, alpha: float = 0.3, beta: float = 0.7, **activation: Any) -> None:
        super().__init__(**activation)
        self._tversky = MonaiTversky(alpha=alpha, beta=beta, reduction="none")

    def parts(
        self, input: torch.Tensor, target: torch.Tensor, prepared: Any = None
    ) -> dict[str, torch.Tensor]:
        """Return one minus the Tversky index, ``(B, C)``."""
        return {"tversky": self._tversky(*self.maps(input, target)).flatten(1)}


class MSELoss(TargetLoss):
    """Mean squared error of probabilities, the seed's similarity term."""

    info: ClassVar[LossInfo] = LossInfo(
        name="mse",
        title="Mean squared error",
        multiclass="each channel by itself",
        citation="textbook",
        minimum=0.0,
        strict=True,
        **_EVERY,
        advice="Grey targets, and holding a prediction near an earlier one.",
    )

    def parts(
        self, input: torch.Tensor, target: torch.Tensor, prepared: Any = None
    ) -> dict[str, torch.Tensor]:
        """Return the mean over voxels of the squared difference, ``(B, C)``."""
        probabilities, target = self.maps(input, target)
        return {"mse": (probabilities - target).square().flatten(2).mean(2)}
