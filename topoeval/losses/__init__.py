"""Losses for segmentation networks, topological and plain, behind one contract.

Every loss is an `nn.Module` that takes ``(B, C, *spatial)`` maps and returns a scalar; its ``info``
says whether it needs a target or a Betti prior. Third parties add losses through the entry-point
group ``topoeval.losses``.
"""

from topoeval.losses.betti_prior import BettiPriorLoss
from topoeval.losses.info import Loss, LossInfo
from topoeval.losses.plain import CrossEntropyLoss, DiceLoss, MSELoss
from topoeval.registry import Registry

LOSSES: Registry[type[Loss]] = Registry(
    "loss",
    {
        "betti_prior": "topoeval.losses.betti_prior:BettiPriorLoss",
        "cross_entropy": "topoeval.losses.plain:CrossEntropyLoss",
        "dice": "topoeval.losses.plain:DiceLoss",
        "mse": "topoeval.losses.plain:MSELoss",
    },
    group="topoeval.losses",
)

__all__ = [
    "LOSSES",
    "BettiPriorLoss",
    "CrossEntropyLoss",
    "DiceLoss",
    "Loss",
    "LossInfo",
    "MSELoss",
]
