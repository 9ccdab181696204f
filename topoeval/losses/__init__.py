"""Losses for segmentation networks, topological and plain, behind one contract.

Every loss is an `nn.Module` that takes ``(B, C, *spatial)`` maps and returns a scalar, and from
``parts`` the terms it is the sum of; its ``info`` says whether it takes logits or probabilities and
needs a target or a Betti prior. Third parties add losses through the entry-point
group ``topoeval.losses``.
"""

from topoeval.losses.base import TargetLoss
from topoeval.losses.betti_matching import BettiMatchingLoss
from topoeval.losses.betti_prior import BettiPriorLoss
from topoeval.losses.boundary import BoundaryLoss
from topoeval.losses.cape import CapeLoss
from topoeval.losses.cbdice import CbDiceLoss, ClMDiceLoss
from topoeval.losses.clce import ClCELoss
from topoeval.losses.cldice import ClDiceLoss, TopologicalClDiceLoss
from topoeval.losses.discrete_morse import DiscreteMorseLoss
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
from topoeval.losses.skeleton_recall import SkeletonRecallLoss
from topoeval.losses.sparse_betti_matching import SparseBettiMatchingLoss
from topoeval.losses.supervoxel import SupervoxelLoss
from topoeval.losses.topo_interaction import TopoInteractionLoss
from topoeval.losses.topograph import TopographLoss
from topoeval.losses.warping import HomotopyWarpingLoss
from topoeval.registry import Registry

LOSSES: Registry[type[Loss]] = Registry(
    "loss",
    {
        "betti_matching": "topoeval.losses.betti_matching:BettiMatchingLoss",
        "betti_prior": "topoeval.losses.betti_prior:BettiPriorLoss",
        "boundary": "topoeval.losses.boundary:BoundaryLoss",
        "cape": "topoeval.losses.cape:CapeLoss",
        "cbdice": "topoeval.losses.cbdice:CbDiceLoss",
        "clce": "topoeval.losses.clce:ClCELoss",
        "cldice": "topoeval.losses.cldice:ClDiceLoss",
        "cldice_topological": "topoeval.losses.cldice:TopologicalClDiceLoss",
        "clmdice": "topoeval.losses.cbdice:ClMDiceLoss",
        "cross_entropy": "topoeval.losses.plain:CrossEntropyLoss",
        "dice": "topoeval.losses.plain:DiceLoss",
        "dice_cross_entropy": "topoeval.losses.plain:DiceCrossEntropyLoss",
        "discrete_morse": "topoeval.losses.discrete_morse:DiscreteMorseLoss",
        "focal": "topoeval.losses.plain:FocalLoss",
        "mse": "topoeval.losses.plain:MSELoss",
        "scnp": "topoeval.losses.scnp:SCNPLoss",
        "skeleton_recall": "topoeval.losses.skeleton_recall:SkeletonRecallLoss",
        "sparse_betti_matching": "topoeval.losses.sparse_betti_matching:SparseBettiMatchingLoss",
        "supervoxel": "topoeval.losses.supervoxel:SupervoxelLoss",
        "topo_interaction": "topoeval.losses.topo_interaction:TopoInteractionLoss",
        "topograph": "topoeval.losses.topograph:TopographLoss",
        "tversky": "topoeval.losses.plain:TverskyLoss",
        "warping": "topoeval.losses.warping:HomotopyWarpingLoss",
    },
    group="topoeval.losses",
)

__all__ = [
    "LOSSES",
    "BettiMatchingLoss",
    "BettiPriorLoss",
    "BoundaryLoss",
    "CapeLoss",
    "CbDiceLoss",
    "ClCELoss",
    "ClDiceLoss",
    "ClMDiceLoss",
    "CrossEntropyLoss",
    "DiceCrossEntropyLoss",
    "DiceLoss",
    "DiscreteMorseLoss",
    "FocalLoss",
    "HomotopyWarpingLoss",
    "Loss",
    "LossInfo",
    "MSELoss",
    "SCNPLoss",
    "SkeletonRecallLoss",
    "SparseBettiMatchingLoss",
    "SupervoxelLoss",
    "TargetLoss",
    "TopoInteractionLoss",
    "TopographLoss",
    "TopologicalClDiceLoss",
    "TverskyLoss",
]
