"""Losses for segmentation networks, topological and plain, behind one contract.

Every loss is an `nn.Module` that takes ``(B, C, *spatial)`` maps and returns a scalar, and from
``parts`` the terms it is the sum of; its ``info`` says whether it takes logits or probabilities and
needs a target or a Betti prior. Third parties add losses through the entry-point
group ``topoeval.losses``. Importing this package imports neither torch nor any loss before it is
asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from topoeval.errors import naming_extra
from topoeval.losses.info import Loss, LossInfo
from topoeval.registry import Registry

if TYPE_CHECKING:
    from topoeval.losses.adapted import adapt
    from topoeval.losses.base import TargetLoss
    from topoeval.losses.betti_matching import BettiMatchingLoss
    from topoeval.losses.betti_prior import BettiPriorLoss
    from topoeval.losses.betti_prior_multiclass import BettiPriorMulticlassLoss
    from topoeval.losses.bicon import BiconLoss
    from topoeval.losses.blob import BlobLoss
    from topoeval.losses.boundary import BoundaryLoss
    from topoeval.losses.cape import CapeLoss
    from topoeval.losses.cbdice import CbDiceLoss, ClMDiceLoss
    from topoeval.losses.clce import ClCELoss
    from topoeval.losses.cldice import ClDiceLoss, TopologicalClDiceLoss
    from topoeval.losses.discrete_morse import DiscreteMorseLoss
    from topoeval.losses.euler import EulerLoss
    from topoeval.losses.generalised_dice import GeneralisedDiceLoss
    from topoeval.losses.hausdorff_dt import HausdorffDTLoss
    from topoeval.losses.malis import MalisLoss
    from topoeval.losses.perceptual import PerceptualLoss
    from topoeval.losses.plain import (
        CrossEntropyLoss,
        DiceCrossEntropyLoss,
        DiceLoss,
        FocalLoss,
        MSELoss,
        TverskyLoss,
    )
    from topoeval.losses.region_separation import RegionSeparationLoss
    from topoeval.losses.region_wise import RegionWiseLoss
    from topoeval.losses.scnp import SCNPLoss
    from topoeval.losses.skeleton_recall import SkeletonRecallLoss
    from topoeval.losses.sparse_betti_matching import SparseBettiMatchingLoss
    from topoeval.losses.statistics import PersistentEntropyLoss, TotalPersistenceLoss
    from topoeval.losses.supervoxel import SupervoxelLoss
    from topoeval.losses.topo_interaction import TopoInteractionLoss
    from topoeval.losses.topo_semi import TopoSemiLoss
    from topoeval.losses.topograph import TopographLoss
    from topoeval.losses.topoloss import TopoLoss
    from topoeval.losses.warping import HomotopyWarpingLoss
    from topoeval.losses.wasserstein import SpatialWassersteinLoss, WassersteinLoss

_BUILTIN = {
    "betti_matching": "topoeval.losses.betti_matching:BettiMatchingLoss",
    "betti_prior": "topoeval.losses.betti_prior:BettiPriorLoss",
    "betti_prior_multiclass": "topoeval.losses.betti_prior_multiclass:BettiPriorMulticlassLoss",
    "bicon": "topoeval.losses.bicon:BiconLoss",
    "blob": "topoeval.losses.blob:BlobLoss",
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
    "euler": "topoeval.losses.euler:EulerLoss",
    "focal": "topoeval.losses.plain:FocalLoss",
    "generalised_dice": "topoeval.losses.generalised_dice:GeneralisedDiceLoss",
    "hausdorff_dt": "topoeval.losses.hausdorff_dt:HausdorffDTLoss",
    "malis": "topoeval.losses.malis:MalisLoss",
    "mse": "topoeval.losses.plain:MSELoss",
    "perceptual": "topoeval.losses.perceptual:PerceptualLoss",
    "persistent_entropy": "topoeval.losses.statistics:PersistentEntropyLoss",
    "region_separation": "topoeval.losses.region_separation:RegionSeparationLoss",
    "region_wise": "topoeval.losses.region_wise:RegionWiseLoss",
    "scnp": "topoeval.losses.scnp:SCNPLoss",
    "skeleton_recall": "topoeval.losses.skeleton_recall:SkeletonRecallLoss",
    "sparse_betti_matching": "topoeval.losses.sparse_betti_matching:SparseBettiMatchingLoss",
    "spatial_wasserstein": "topoeval.losses.wasserstein:SpatialWassersteinLoss",
    "supervoxel": "topoeval.losses.supervoxel:SupervoxelLoss",
    "topo_interaction": "topoeval.losses.topo_interaction:TopoInteractionLoss",
    "topo_semi": "topoeval.losses.topo_semi:TopoSemiLoss",
    "topograph": "topoeval.losses.topograph:TopographLoss",
    "topoloss": "topoeval.losses.topoloss:TopoLoss",
    "total_persistence": "topoeval.losses.statistics:TotalPersistenceLoss",
    "tversky": "topoeval.losses.plain:TverskyLoss",
    "warping": "topoeval.losses.warping:HomotopyWarpingLoss",
    "wasserstein": "topoeval.losses.wasserstein:WassersteinLoss",
}


def _is_loss(plugin: object) -> None:
    if not callable(plugin) or not isinstance(getattr(plugin, "info", None), LossInfo):
        raise TypeError(f"{plugin!r} is no loss: a class with a LossInfo as its info is wanted")


LOSSES: Registry[type[Loss]] = Registry(
    "loss", _BUILTIN, group="topoeval.losses", validate=_is_loss
)

__all__ = [
    "LOSSES",
    "BettiMatchingLoss",
    "BettiPriorLoss",
    "BettiPriorMulticlassLoss",
    "BiconLoss",
    "BlobLoss",
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
    "EulerLoss",
    "FocalLoss",
    "GeneralisedDiceLoss",
    "HausdorffDTLoss",
    "HomotopyWarpingLoss",
    "Loss",
    "LossInfo",
    "MSELoss",
    "MalisLoss",
    "PerceptualLoss",
    "PersistentEntropyLoss",
    "RegionSeparationLoss",
    "RegionWiseLoss",
    "SCNPLoss",
    "SkeletonRecallLoss",
    "SparseBettiMatchingLoss",
    "SpatialWassersteinLoss",
    "SupervoxelLoss",
    "TargetLoss",
    "TopoInteractionLoss",
    "TopoLoss",
    "TopoSemiLoss",
    "TopographLoss",
    "TopologicalClDiceLoss",
    "TotalPersistenceLoss",
    "TverskyLoss",
    "WassersteinLoss",
    "adapt",
]

_CLASSES = ("topoeval.losses.adapted:adapt", "topoeval.losses.base:TargetLoss", *_BUILTIN.values())
_MODULES = {cls: module for module, _, cls in (text.partition(":") for text in _CLASSES)}


def __getattr__(name: str) -> object:
    if name in _MODULES:
        with naming_extra(f"topoeval.losses.{name}"):
            return getattr(importlib.import_module(_MODULES[name]), name)
    raise AttributeError(f"module 'topoeval.losses' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
