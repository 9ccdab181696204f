"""Overlap and pixel losses, which do not use topology.

Values and gradients are those of MONAI and torch. MONAI's own are not used: importing it takes
seconds, which every import of one loss, and the plan of a suite, would have to wait for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch.nn import functional as F

from topoeval.errors import UserError
from topoeval.losses.base import Reduction, TargetLoss
from topoeval.losses.info import LossInfo

Weight = float | Sequence[float] | torch.Tensor

_EVERY: dict[str, Any] = {
    "ndims": (2, 3),
    "needs_target": True,
    "needs_prior": False,
    "cost": "cheap",
    "fullgraph": True,
    "plain": True,
}


class CrossEntropyLoss(TargetLoss):
    """Cross-entropy of logits; binary for one channel, else over the channels.

    Targets need not be binary: a grey target is the probability that the voxel is bright.

    Parameters
    ----------
    weight
        Of each class, with several channels; the mean over the voxels of an image is weighted by
        them, as in `torch.nn.CrossEntropyLoss` that over a batch.
    include_background
        Whether voxels of channel 0 cost anything; they count in the mean.
    reduction
        Over the batch.
    """

    info: ClassVar[LossInfo] = LossInfo(
        name="cross_entropy",
        title="Cross-entropy",
        channels="softmax",
        voxel_means=("cross_entropy",),
        multiclass="softmax over the channels",
        citation="textbook",
        input="logits",
        soft_targets=True,
        **_EVERY,
        advice="The start of every training, and the row that every other has to beat.",
    )

    def __init__(
        self,
        *,
        weight: Weight | None = None,
        include_background: bool = True,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(include_background=include_background, reduction=reduction)
        self.weight = weight

    def per_class(
        self, input: torch.Tensor, target: torch.Tensor, prepared: Any = None
    ) -> dict[str, torch.Tensor]:
        """Return the mean over voxels, ``(B, 1)``."""
        logits, target = self.logits(input, target)
        entropy = _cross_entropy(logits, target, self.weight, background=self.include_background)
        return {"cross_entropy": entropy}


def _cross_entropy(
    logits: torch.Tensor, target: torch.Tensor, weight: Weight | None, *, background: bool
) -> torch.Tensor:
    """Return the mean over voxels, ``(B, 1)``, of what the classes that count cost."""
    classes = target.shape[1]
    if not background:
        if classes == 1:
            raise UserError("include_background=False leaves nothing of a one-channel input")
        target = torch.cat([torch.zeros_like(target[:, :1]), target[:, 1:]], dim=1)
    if weight is None:
        return cross_entropy_map(logits, target).flatten(1).mean(1, True)
    scale = torch.as_tensor(weight, dtype=target.dtype, device=target.device)
    if (scale.ndim and len(scale) != classes) or classes == 1:
        raise UserError(
            f"weight has one number for each of several channels; got {weight!r} for {classes}"
        )
    scale = scale.expand(classes).reshape(-1, *(1,) * (target.ndim - 2))
    # as torch: divided by the weights of what is there
    entropy = cross_entropy_map(logits, target * scale).flatten(1).sum(1, True)
    return entropy / (target * scale).flatten(1).sum(1, True).clamp(min=1e-12)


def cross_entropy_map(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Return the cross-entropy at each voxel, ``(B, *spatial)``, of logits ``(B, C, *spatial)``."""
    if logits.shape[1] == 1:
        return F.binary_cross_entropy_with_logits(logits, target, reduction="none")[:, 0]
    return F.cross_entropy(logits, target, reduction="none")


class DiceLoss(TargetLoss):
    r"""Soft Dice.

    With probabilities p, targets g and sums over voxels,

    .. math:: L = 1 - \frac{2 \sum p g + s}{\sum p^q + \sum g^q + s}, \qquad s = 10^{-5}

    with q = 1, so two empty masks cost 0.

    Parameters
    ----------
    squared_pred
        q = 2, as in V-Net.
    batch
        The sums run over the batch too, as in MONAI; there is one value for each class.
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

    def __init__(
        self, *, squared_pred: bool = False, batch: bool = False, **activation: Any
    ) -> None:
        super().__init__(**activation)
        self.squared_pred = squared_pred
        self.batch = batch

    def per_class(
        self, input: torch.Tensor, target: torch.Tensor, prepared: Any = None
    ) -> dict[str, torch.Tensor]:
        """Return one minus the soft Dice coefficient, ``(B, C)``, or ``(1, C)`` of the batch."""
        probabilities, target = self.maps(input, target)
        value = _dice_loss(probabilities, target, squared=self.squared_pred, batch=self.batch)
        return {"dice": value}


class DiceCrossEntropyLoss(TargetLoss):
    """Dice plus cross-entropy, the base loss of most of the field, equally weighted by default.

    Parameters
    ----------
    dice_weight, ce_weight
        Of the two terms.
    weight, include_background
        Of cross-entropy as in `CrossEntropyLoss`; the background has no Dice where it does not
        count.
    batch
        Dice over the batch, as in `DiceLoss`.
    reduction
        Over the batch.
    """

    info: ClassVar[LossInfo] = LossInfo(
        name="dice_cross_entropy",
        title="Dice + cross-entropy",
        channels="softmax",
        voxel_means=("cross_entropy",),
        multiclass="Dice of each channel, cross-entropy over the channels",
        citation="F. Isensee et al., nnU-Net, Nature Methods 18, 2021, arXiv 1904.08128",
        input="logits",
        **_EVERY,
        advice="The base to which topological terms are added, and the serious opponent of them "
        "all.",
    )

    def __init__(
        self,
        *,
        dice_weight: float = 1.0,
        ce_weight: float = 1.0,
        weight: Weight | None = None,
        batch: bool = False,
        include_background: bool = True,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(include_background=include_background, reduction=reduction)
        self.weight = weight
        self.batch = batch
        self.dice_weight = dice_weight
        self.ce_weight = ce_weight

    def per_class(
        self, input: torch.Tensor, target: torch.Tensor, prepared: Any = None
    ) -> dict[str, torch.Tensor]:
        """Return both terms, ``(B, 1)``; Dice is the mean over the channels."""
        logits, target = self.logits(input, target)
        probabilities = logits.softmax(1) if logits.shape[1] > 1 else logits.sigmoid()
        counting = self.include_background
        entropy = _cross_entropy(logits, target, self.weight, background=counting)
        first = 0 if counting else 1
        dice = _dice_loss(probabilities[:, first:], target[:, first:], batch=self.batch)
        dice = dice.mean(1, True).expand(len(logits), 1)
        return {"dice": self.dice_weight * dice, "cross_entropy": self.ce_weight * entropy}


class FocalLoss(TargetLoss):
    r"""Focal loss of logits: cross-entropy that discounts what is well classified.

    .. math:: L = -\alpha_t (1 - p_t)^\gamma \log p_t

    with p_t the probability of the true class, by sigmoid for one channel, else by softmax.

    Parameters
    ----------
    gamma
        How much well classified voxels are discounted.
    alpha
        Weight of the foreground in [0, 1], the background's is the rest; None for none.
    include_background
        Whether channel 0 has a value.
    reduction
        Over batch and classes.
    """

    info: ClassVar[LossInfo] = LossInfo(
        name="focal",
        title="Focal",
        channels="softmax",
        voxel_means=("focal",),
        multiclass="softmax over the channels",
        citation="T.-Y. Lin et al., Focal Loss for Dense Object Detection, ICCV 2017, "
        "arXiv 1708.02002",
        input="logits",
        **_EVERY,
        advice="Many easy voxels and few hard ones; blind to topology.",
    )

    def __init__(
        self,
        *,
        gamma: float = 2.0,
        alpha: float | None = None,
        include_background: bool = True,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(include_background=include_background, reduction=reduction)
        self.gamma = gamma
        self.alpha = alpha

    def per_class(
        self, input: torch.Tensor, target: torch.Tensor, prepared: Any = None
    ) -> dict[str, torch.Tensor]:
        """Return the mean over voxels, ``(B, C)``."""
        logits, target = self.logits(input, target)
        several = logits.shape[1] > 1
        if several:
            log = logits.log_softmax(1)
            focal = -((1 - log.exp()) ** self.gamma) * log * target
        else:
            # the logarithm of 1 - p_t: no power of a small difference
            wrong = F.logsigmoid(-logits * (2 * target - 1))
            focal = (wrong * self.gamma).exp() * cross_entropy_map(logits, target)[:, None]
        if self.alpha is not None:
            # of several channels the first is the background
            bright = torch.ones_like(target) if several else target
            if several:
                bright[:, 0] = 0
            focal = focal * (bright * self.alpha + (1 - bright) * (1 - self.alpha))
        if not self.include_background:
            if not several:
                raise UserError("include_background=False leaves nothing of a one-channel input")
            focal = focal[:, 1:]
        return {"focal": focal.flatten(2).mean(2)}


class TverskyLoss(TargetLoss):
    r"""Dice with a weight of its own for each kind of error.

    With probabilities p, targets g and sums over voxels,

    .. math:: L = 1 - \frac{\sum p g + s}
              {\sum p g + \alpha \sum p (1 - g) + \beta \sum (1 - p) g + s}, \qquad s = 10^{-5}

    Parameters
    ----------
    alpha, beta
        Weights of false positives and of false negatives; 0.5 and 0.5 is Dice.
    batch
        The sums run over the batch too, as in MONAI; there is one value for each class.
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

    def __init__(
        self, *, alpha: float = 0.3, beta: float = 0.7, batch: bool = False, **activation: Any
    ) -> None:
        super().__init__(**activation)
        self.batch = batch
        self.alpha = alpha
        self.beta = beta

    def per_class(
        self, input: torch.Tensor, target: torch.Tensor, prepared: Any = None
    ) -> dict[str, torch.Tensor]:
        """Return one minus the Tversky index, ``(B, C)``, or ``(1, C)`` of the batch."""
        probabilities, target = self.maps(input, target)
        axes = _summed(target, batch=self.batch)
        both = (probabilities * target).sum(axes)
        sizes = probabilities.sum(axes), target.sum(axes)
        index = _tversky_index(both, *sizes, self.alpha, self.beta, smooth=1e-5)
        return {"tversky": 1 - (index[None] if self.batch else index)}


class MSELoss(TargetLoss):
    """Mean squared error of probabilities, the seed's similarity term."""

    info: ClassVar[LossInfo] = LossInfo(
        name="mse",
        title="Mean squared error",
        voxel_means=("mse",),
        multiclass="each channel by itself",
        citation="textbook",
        minimum=0.0,
        strict=True,
        soft_targets=True,
        **_EVERY,
        advice="Grey targets, and holding a prediction near an earlier one.",
    )

    def per_class(
        self, input: torch.Tensor, target: torch.Tensor, prepared: Any = None
    ) -> dict[str, torch.Tensor]:
        """Return the mean over voxels of the squared difference, ``(B, C)``."""
        probabilities, target = self.maps(input, target)
        return {"mse": (probabilities - target).square().flatten(2).mean(2)}


def _dice_loss(
    probabilities: torch.Tensor,
    target: torch.Tensor,
    *,
    squared: bool = False,
    batch: bool = False,
) -> torch.Tensor:
    axes = _summed(target, batch=batch)
    both = (probabilities * target).sum(axes)
    if squared:
        probabilities, target = probabilities.square(), target.square()
    sizes = probabilities.sum(axes), target.sum(axes)
    loss = 1 - _tversky_index(both, *sizes, 0.5, 0.5, smooth=5e-6)
    return loss[None] if batch else loss


def _tversky_index(
    both: torch.Tensor,
    predicted: torch.Tensor,
    wanted: torch.Tensor,
    alpha: float,
    beta: float,
    smooth: float,
) -> torch.Tensor:
    """Return the Tversky index of two sizes and that of what is in both; with 0.5 and 0.5, Dice."""
    weighted = both + alpha * (predicted - both) + beta * (wanted - both)
    return (both + smooth) / (weighted + smooth)


def _summed(maps: torch.Tensor, *, batch: bool) -> tuple[int, ...]:
    """Return the spatial axes, after that of the batch if the sums run over it."""
    return (*((0,) if batch else ()), *range(2, maps.ndim))
