"""Losses for segmentation networks, topological and plain, behind one contract.

Every loss is an `nn.Module` that takes ``(B, C, *spatial)`` maps and returns a scalar, and from
``parts`` the terms it is the sum of; its ``info`` says whether it takes logits or probabilities and
needs a target or a Betti prior. Third parties add losses through the entry-point
group ``topoeval.losses``.
"""

from topoeval.losses.base import TargetLoss
from topoeval.losses.betti_prior import BettiPriorLoss
from topoeval.losses.boundary import BoundaryLoss
from topoeval.losses.info import Loss, LossInfo
from topoeval.losses.plain import (
    CrossEntropyLoss,
    DiceCrossEntropyLoss,
    DiceLoss,
    FocalLoss,
    MSELoss,
    TverskyLoss,
)
from topoeval.losses.scnp import SCNPLoss
from topoeval.losses.supervoxel import SupervoxelLoss
from topoeval.losses.topo_interaction import TopoInteractionLoss
from topoeval.registry import Registry

LOSSES: Registry[type[Loss]] = Registry(
    "loss",
    {
        "betti_prior": "topoeval.losses.betti_prior:BettiPriorLoss",
        "boundary": "topoeval.losses.boundary:BoundaryLoss",
        "cross_entropy": "topoeval.losses.plain:CrossEntropyLoss",
        "dice": "topoeval.losses.plain:DiceLoss",
        "dice_cross_entropy": "topoeval.losses.plain:DiceCrossEntropyLoss",
        "focal": "topoeval.losses.plain:FocalLoss",
        "mse": "topoeval.losses.plain:MSELoss",
        "scnp": "topoeval.losses.scnp:SCNPLoss",
        "supervoxel": "topoeval.losses.supervoxel:SupervoxelLoss",
        "topo_interaction": "topoeval.losses.topo_interaction:TopoInteractionLoss",
        "tversky": "topoeval.losses.plain:TverskyLoss",
    },
    group="topoeval.losses",
)

__all__ = [
    "LOSSES",
    "BettiPriorLoss",
    "BoundaryLoss",
    "CrossEntropyLoss",
    "DiceCrossEntropyLoss",
    "DiceLoss",
    "FocalLoss",
    "Loss",
    "LossInfo",
    "MSELoss",
    "SCNPLoss",
    "SupervoxelLoss",
    "TargetLoss",
    "TopoInteractionLoss",
    "TverskyLoss",
]
