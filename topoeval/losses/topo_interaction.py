"""Topological interaction: which classes may touch which."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch.nn import functional as F

from topoeval.errors import UserError
from topoeval.losses.base import Reduction, TargetLoss
from topoeval.losses.info import LossInfo
from topoeval.losses.plain import cross_entropy_map
from topoeval.topology import Topology

Pairs = Sequence[Sequence[int]]


class TopoInteractionLoss(TargetLoss):
    """Cross-entropy at the voxels where predicted classes touch that must not.

    Each voxel has the label of its largest logit. Two labels that exclude each other must not be
    neighbours; a label contained in another must not touch anything beyond the two. Voxels that
    break a rule, on both sides of the contact, are critical, and the loss is the sum of the
    cross-entropy over them (Gupta et al., ECCV 2022). The gradient is that of the cross-entropy;
    which voxels are critical has none.

    Parameters
    ----------
    exclusion
        Pairs of labels that must not touch.
    containment
        Pairs (inner, outer): the inner label touches only the outer one.
    topology
        Its foreground connectivity says what touching means.
    distance
        Voxels that must lie between labels that exclude each other; 1: they must not be
        neighbours.
    reduction
        Over the batch.

    Notes
    -----
    One channel has the labels 0 and 1. The paper weighs the sum with 1e-4 in 2D, 1e-6 in 3D.
    """

    info: ClassVar[LossInfo] = LossInfo(
        name="topo_interaction",
        title="Topological interaction",
        fullgraph=True,
        channels="labels",
        ndims=(2, 3),
        needs_target=True,
        needs_prior=False,
        multiclass="rules between the channels",
        cost="cheap",
        input="logits",
        takes_topology=True,
        citation="S. Gupta et al., Learning Topological Interactions for Multi-Class Medical Image "
        "Segmentation, ECCV 2022, arXiv 2207.09654",
        advice="Several classes of which some must not touch, or one encloses another.",
    )

    def __init__(
        self,
        *,
        exclusion: Pairs = (),
        containment: Pairs = (),
        topology: Topology = Topology(),  # noqa: B008  # frozen value, safe to share
        distance: int = 1,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(reduction=reduction)
        if not exclusion and not containment:
            raise UserError(
                "topo_interaction needs a rule: exclusion=[[a, b]] or containment=[[inner, outer]]"
            )
        for pair in (*exclusion, *containment):
            if len(pair) != 2 or pair[0] == pair[1] or min(pair) < 0:
                raise UserError(f"a rule is a pair of two different labels, got {list(pair)}")
        if distance < 1:
            raise UserError(f"distance must be at least 1 voxel, got {distance}")
        self.exclusion = tuple((a, b) for a, b in exclusion)
        self.containment = tuple((a, b) for a, b in containment)
        self.topology = Topology.parse(topology)
        self.distance = distance

    def per_class(
        self, input: torch.Tensor, target: torch.Tensor, prepared: Any = None
    ) -> dict[str, torch.Tensor]:
        """Return the sum over critical voxels, ``(B, 1)``."""
        logits, target = self.logits(input, target)
        entropy = cross_entropy_map(logits, target)
        return {"topo_interaction": (entropy * self.critical(logits)).flatten(1).sum(1, True)}

    def critical(self, logits: torch.Tensor) -> torch.Tensor:
        """Return the voxels that break a rule, ``(B, *spatial)`` bool."""
        several = logits.shape[1] > 1
        labels = logits.argmax(1) if several else (logits[:, 0] > 0).long()
        known = max(logits.shape[1], 2)
        critical = torch.zeros(labels.shape, dtype=torch.bool, device=labels.device)
        for a, b, contained in (
            *((a, b, False) for a, b in self.exclusion),
            *((a, b, True) for a, b in self.containment),
        ):
            if max(a, b) >= known:
                raise UserError(f"rule ({a}, {b}) names a label beyond the {known} there are")
            inner = labels == a
            other = (labels != a) & (labels != b) if contained else labels == b
            critical |= (self._grown(inner) & other) | (self._grown(other) & inner)
        return critical

    def _grown(self, mask: torch.Tensor) -> torch.Tensor:
        """Return the mask and its neighbours up to the distance."""
        ndim = mask.ndim - 1
        values = mask[:, None].float()
        for _ in range(self.distance):
            values = _dilated(values, faces=self.topology.construction == "V", ndim=ndim)
        return values[:, 0] > 0


def _dilated(values: torch.Tensor, *, faces: bool, ndim: int) -> torch.Tensor:
    """Return the maximum over the neighbours through faces, or through corners."""
    pool = F.max_pool2d if ndim == 2 else F.max_pool3d
    if not faces:
        return pool(values, 3, stride=1, padding=1)
    along = []
    for axis in range(ndim):
        size = tuple(3 if i == axis else 1 for i in range(ndim))
        padding = tuple(int(i == axis) for i in range(ndim))
        along.append(pool(values, size, stride=1, padding=padding))
    return torch.stack(along).amax(0)
