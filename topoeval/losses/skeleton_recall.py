"""Recall of a tube round the target's skeleton."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, generate_binary_structure

from topoeval.digital import thin
from topoeval.errors import UserError
from topoeval.losses.base import TargetLoss
from topoeval.losses.foreground import foreground, foreground_mask, on_host
from topoeval.losses.info import LossInfo
from topoeval.topology import Topology


class SkeletonRecallLoss(TargetLoss):
    r"""How much of the target's tubed skeleton the prediction misses.

    K is the skeleton of the target, dilated and cut to the target; with sums over voxels,

    .. math:: L = 1 - \frac{\sum P K + s}{\sum K + s}

    (Kirchhoff et al., ECCV 2024, arXiv 2404.03010; the paper's loss is this less 1). 0 where the
    prediction holds the tube; what it holds besides is not counted, so this is never used alone.
    An empty target has nothing to recall: 0 without gradient. An empty prediction costs most, and
    the gradient is the same for every prediction.

    Parameters
    ----------
    topology
        Connectivity of the skeleton, a homotopic thinning (`topoeval.digital.thin`): every
        component of the target has a tube. Under a sublevel topology the dark phase is recalled.
    dilations
        By the cross of face neighbours.
    smooth
        s; positive.
    batch
        The sums run over the batch too; there is one value for each class.
    **activation
        ``sigmoid``, ``softmax``, ``include_background`` and ``reduction``, as in MONAI.

    Raises
    ------
    UserError
        For a setting out of range.

    Examples
    --------
    >>> tube = torch.zeros(1, 1, 5, 9)
    >>> tube[..., 1:4, 1:8] = 1
    >>> loss = SkeletonRecallLoss()
    >>> float(loss(tube, tube)), round(float(loss(tube / 2, tube)), 2)
    (0.0, 0.48)
    """

    info: ClassVar[LossInfo] = LossInfo(
        name="skeleton_recall",
        title="Skeleton recall",
        departures=(
            "The authors thin the union of all classes and then split it, and never "
            "count the background; here each channel is thinned by itself, and the "
            "background counts unless include_background=False. With a plain border a "
            "skeleton ends a radius before the edge of a patch; take a framed one for "
            "patches. Equal distances are thinned in the order of the voxels, so a "
            "mirrored image has a slightly different skeleton and gradient."
        ),
        ndims=(2, 3),
        needs_target=True,
        needs_prior=False,
        multiclass="each channel by itself",
        cost="cheap",
        takes_topology=True,
        device="part",
        minimum=0.0,
        citation="Y. Kirchhoff et al., Skeleton Recall Loss for Connectivity Conserving and "
        "Resource Efficient Segmentation of Thin Tubular Structures, ECCV 2024, arXiv 2404.03010",
        advice="Many classes of thin tubes in large volumes, beside Dice and cross-entropy: the "
        "skeletons are computed once, a step costs next to nothing.",
    )

    def __init__(
        self,
        *,
        topology: Topology = Topology(),  # noqa: B008  # frozen value, safe to share
        dilations: int = 2,
        smooth: float = 1.0,
        batch: bool = False,
        **activation: Any,
    ) -> None:
        super().__init__(**activation)
        if dilations < 0:
            raise UserError(f"dilations must not be negative, got {dilations}")
        if smooth <= 0:
            raise UserError(f"smooth must be positive, got {smooth}")
        self.topology = Topology.parse(topology)
        self.dilations = dilations
        self.smooth = smooth
        self.batch = batch

    def prepare(self, target: torch.Tensor) -> torch.Tensor:
        """Return the tubes of the targets, boolean, ``(N, C', *spatial)``."""
        target = target if self.include_background else target[:, 1:]

        def of_images(images: NDArray[np.bool_]) -> NDArray[np.bool_]:
            return tubed_skeleton(images, self.topology, self.dilations)

        return on_host(of_images, foreground_mask(target, self.topology))

    def per_class(
        self, input: torch.Tensor, target: torch.Tensor, prepared: Any = None
    ) -> dict[str, torch.Tensor]:
        """Return the one term, ``(B, C)``, or ``(1, C)`` of the batch."""
        probabilities, _ = self.maps(input, target)
        tube = (self.prepare(target) if prepared is None else prepared).to(probabilities)
        bright = foreground(probabilities, self.topology)
        axes = (*((0,) if self.batch else ()), *range(2, tube.ndim))
        found = (bright * tube).sum(axes) + self.smooth
        loss = 1 - found / (tube.sum(axes) + self.smooth)
        return {"skeleton_recall": loss[None] if self.batch else loss}


def tubed_skeleton(
    masks: NDArray[np.bool_], topology: Topology, dilations: int
) -> NDArray[np.bool_]:
    """Return the skeletons of masks ``(B, *spatial)``, dilated, inside the masks."""
    tube = thin(masks, topology, threads=torch.get_num_threads())
    if dilations:
        cross = generate_binary_structure(masks.ndim - 1, 1)[None]  # never from image to image
        tube = binary_dilation(tube, cross, iterations=dilations)
    return np.asarray(tube & masks)
