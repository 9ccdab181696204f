"""Generalised Dice: classes weighted by their volumes; a plain opponent."""

from __future__ import annotations

from typing import Any, ClassVar

import torch

from topoeval.losses.base import TargetLoss
from topoeval.losses.info import LossInfo


class GeneralisedDiceLoss(TargetLoss):
    r"""Soft Dice over all classes at once, each weighted by the inverse square of its volume.

    With probabilities p, targets g, sums over voxels, and :math:`w_c = 1 / (\sum g_c)^2`,

    .. math:: L = 1 - \frac{2 \sum_c w_c \sum p_c g_c + s}
                           {\sum_c w_c (\sum p_c + \sum g_c) + s}, \qquad s = 10^{-5}

    (Sudre et al., DLMIA 2017). A class that an image does not have is weighted as the smallest that
    it has, or by 1 where it has none, as in MONAI. With one channel this is Dice.

    Parameters
    ----------
    **activation
        ``sigmoid``, ``softmax``, ``include_background`` and ``reduction`` over the batch.

    Examples
    --------
    >>> large, small = torch.zeros(1, 1, 4, 4), torch.zeros(1, 1, 4, 4)
    >>> large[..., :2, :], small[..., 3, 3] = 1, 1
    >>> masks = torch.cat([large, small], dim=1)
    >>> missed = masks * torch.tensor([1.0, 0.0]).reshape(1, 2, 1, 1)
    >>> round(float(GeneralisedDiceLoss()(missed, masks)), 2)
    0.8
    """

    info: ClassVar[LossInfo] = LossInfo(
        name="generalised_dice",
        title="Generalised Dice",
        ndims=(2, 3),
        needs_target=True,
        needs_prior=False,
        multiclass="all channels in one ratio, weighted by the inverse square of their volumes",
        cost="cheap",
        minimum=0.0,
        strict=True,
        fullgraph=True,
        plain=True,
        citation="C. H. Sudre et al., Generalised Dice Overlap as a Deep Learning Loss Function "
        "for Highly Unbalanced Segmentations, DLMIA 2017, arXiv 1707.03237",
        advice="Several classes of very different size, without topology; with one channel it is "
        "Dice.",
    )

    def per_class(
        self, input: torch.Tensor, target: torch.Tensor, prepared: Any = None
    ) -> dict[str, torch.Tensor]:
        """Return the one term, ``(B, 1)``."""
        probabilities, target = (x.flatten(2) for x in self.maps(input, target))
        volume = target.sum(2)
        there = volume > 0
        weight = torch.where(there, 1 / volume.clamp(min=1e-12).square(), 0)
        largest = weight.amax(1, keepdim=True)
        weight = torch.where(there, weight, torch.where(largest > 0, largest, 1))
        # so that s is as small beside large structures as beside small ones
        weight = weight / weight.amax(1, keepdim=True)
        both = (weight * (probabilities * target).sum(2)).sum(1, keepdim=True)
        sizes = (weight * (probabilities.sum(2) + volume)).sum(1, keepdim=True)
        return {"generalised_dice": 1 - (2 * both + 1e-5) / (sizes + 1e-5)}
