"""SCNP: every voxel takes the worst prediction among its neighbours of the same class."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch.nn import functional as F

from topoeval.errors import UserError
from topoeval.losses.base import Reduction, TargetLoss, as_mask
from topoeval.losses.info import LossInfo
from topoeval.losses.plain import DiceCrossEntropyLoss

_MAX_POOL = {2: F.max_pool2d, 3: F.max_pool3d}


class SCNPLoss(TargetLoss):
    r"""Dice + cross-entropy of logits that are penalised by their poorly predicted neighbours.

    In each channel, a foreground voxel of the target takes the least logit among the foreground
    voxels of its k-neighbourhood, a background voxel the greatest among the background ones
    (Valverde et al., CVPR 2026):

    .. math:: \tilde z_q = \min_{r \in N_k(q), y_r = 1} z_r \text{ if } y_q = 1,
              \quad \max_{r \in N_k(q), y_r = 0} z_r \text{ if } y_q = 0

    so one broken voxel of a thin structure counts for all voxels around it.

    Parameters
    ----------
    size
        Side of the neighbourhood in voxels, odd.
    with_plain
        Add Dice + cross-entropy of the logits as they are.
    include_background
        As in `topoeval.losses.DiceCrossEntropyLoss`; logits of all channels are penalised.
    reduction
        Over the batch.
    """

    info: ClassVar[LossInfo] = LossInfo(
        name="scnp",
        title="SCNP",
        fullgraph=True,
        channels="softmax",
        voxel_means=("cross_entropy", "plain_cross_entropy"),
        ndims=(2, 3),
        needs_target=True,
        needs_prior=False,
        multiclass="each channel penalised by itself, softmax over the channels",
        cost="cheap",
        input="logits",
        citation="J. M. Valverde et al., Towards High-Quality Image Segmentation: Improving "
        "Topology Accuracy by Penalizing Neighbor Pixels, CVPR 2026, arXiv 2603.18671",
        advice="Instead of Dice + cross-entropy where structures break at single voxels; costs "
        "nothing, but loses structures of a few voxels.",
    )

    def __init__(
        self,
        *,
        size: int = 3,
        with_plain: bool = False,
        include_background: bool = True,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(include_background=include_background, reduction=reduction)
        if size < 1 or size % 2 == 0:
            raise UserError(f"size of an SCNP neighbourhood must be odd, got {size}")
        self.size = size
        self.with_plain = with_plain
        self._base = DiceCrossEntropyLoss(include_background=include_background)

    def per_class(
        self, input: torch.Tensor, target: torch.Tensor, prepared: Any = None
    ) -> dict[str, torch.Tensor]:
        """Return Dice and cross-entropy of the penalised logits, ``(B, 1)`` each."""
        logits, target = self.logits(input, target)
        parts = self._base.per_class(self.penalised(logits, target), target)
        if self.with_plain:
            plain = self._base.per_class(logits, target)
            parts |= {f"plain_{name}": value for name, value in plain.items()}
        return parts

    def penalised(self, logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Return the logits penalised by those of the neighbours, ``(B, C, *spatial)``."""
        mask = as_mask(target)
        pool = _MAX_POOL[logits.ndim - 2]

        def greatest(values: torch.Tensor) -> torch.Tensor:
            return pool(values, self.size, stride=1, padding=self.size // 2)

        nothing = torch.full_like(logits, -torch.inf)
        foreground = -greatest(torch.where(mask, -logits, nothing))
        background = greatest(torch.where(mask, nothing, logits))
        return torch.where(mask, foreground, background)
