"""Cross-entropy on centrelines."""

from __future__ import annotations

from typing import Any, ClassVar

import torch

from topoeval.digital.soft_skeleton import soft_skeleton
from topoeval.errors import UserError
from topoeval.losses.activation import widened
from topoeval.losses.base import Reduction, TargetLoss
from topoeval.losses.info import LossInfo
from topoeval.losses.plain import cross_entropy_map


class ClCELoss(TargetLoss):
    r"""Cross-entropy of each voxel, weighted by the soft skeletons of target and prediction.

    With the cross-entropy e of the logits at each voxel and S the soft skeleton
    (`topoeval.digital.soft_skeleton`) of a foreground class,

    .. math:: L = \mathrm{mean}(e\,S_G) + \mathrm{mean}(e\,S_P)

    over all voxels, skeleton or not; both factors of the second term carry gradient (Acebes et al.,
    MICCAI 2024). An empty target leaves the second term, an empty prediction the first.

    Parameters
    ----------
    iterations
        Of the soft skeleton; at least the largest radius in voxels.
    reduction
        Over batch and classes.

    Raises
    ------
    UserError
        If `iterations` is negative.
    """

    info: ClassVar[LossInfo] = LossInfo(
        name="clce",
        title="Centreline cross-entropy",
        departures=("The skeleton is that of every foreground class, not of class 1 alone."),
        fullgraph=True,
        double_backward=False,
        channels="softmax",
        voxel_means=("target", "prediction"),
        ndims=(2, 3),
        needs_target=True,
        needs_prior=False,
        multiclass="softmax; one value for each channel but the background",
        cost="cheap",
        input="logits",
        citation="C. Acebes et al., The Centerline-Cross Entropy Loss for Vessel-Like Structure "
        "Segmentation, MICCAI 2024, LNCS pp. 710-720",
        advice="Vessels whose labels are noisy, beside Dice: centrelines as in clDice, with the "
        "steadier gradient of cross-entropy.",
    )

    def __init__(self, *, iterations: int = 3, reduction: Reduction = "mean") -> None:
        super().__init__(reduction=reduction)
        if iterations < 0:
            raise UserError(f"iterations must not be negative, got {iterations}")
        self.iterations = iterations

    def prepare(self, target: torch.Tensor) -> torch.Tensor:
        """Return the soft skeletons of the targets, ``(N, C', *spatial)``."""
        with torch.no_grad():
            return soft_skeleton(_without_background(widened(target)), self.iterations)

    def per_class(
        self, input: torch.Tensor, target: torch.Tensor, prepared: Any = None
    ) -> dict[str, torch.Tensor]:
        """Return the terms of the target's and of the prediction's skeleton, ``(B, C')``."""
        logits, target = self.logits(input, target)
        of_target = self.prepare(target) if prepared is None else prepared
        several = logits.shape[1] > 1
        probabilities = _without_background(logits.softmax(1) if several else logits.sigmoid())
        of_prediction = soft_skeleton(probabilities, self.iterations)
        entropy = cross_entropy_map(logits, target)[:, None]
        return {
            "target": (entropy * of_target.to(entropy)).flatten(2).mean(2),
            "prediction": (entropy * of_prediction).flatten(2).mean(2),
        }


def _without_background(maps: torch.Tensor) -> torch.Tensor:
    return maps if maps.shape[1] == 1 else maps[:, 1:]
