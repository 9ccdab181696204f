"""Homotopy warping: cross-entropy on the voxels that topology makes critical."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from topoeval.digital import warp
from topoeval.losses.base import Reduction, TargetLoss
from topoeval.losses.foreground import foreground_mask, on_host
from topoeval.losses.info import LossInfo
from topoeval.losses.plain import cross_entropy_map
from topoeval.topology import Topology


class HomotopyWarpingLoss(TargetLoss):
    r"""Mean cross-entropy over the topologically critical voxels.

    The mask of the prediction, P >= 0.5, is warped towards the target G, and the target towards the
    prediction, by flipping simple voxels, nearest to where the masks agree first
    (`topoeval.digital.warp`). What neither topology lets pass is critical:

    .. math:: M = \{G \ne P'\} \cup \{P \ne G'\}, \qquad
              L = \frac{1}{|M|} \sum_{v \in M} e_v

    with e the cross-entropy of the logits (X. Hu, NeurIPS 2022, arXiv 2112.07812). The gradient is
    that of the cross-entropy; which voxels are critical has none. 0 without gradient where each
    mask deforms into the other, so where they are equal. An empty mask deforms into nothing else:
    against it all of the other is critical.

    Parameters
    ----------
    topology
        Adjacencies of the simple points, and what lies beyond the border.
    include_background
        Whether channel 0 is warped like the others; the background of foreground classes has the
        dual adjacency, so leave it out where there are several channels.
    reduction
        Over batch and classes.

    Notes
    -----
    The authors' code multiplies its mean over all voxels by the number of critical ones, so its
    weights are on another scale; it also takes non-simple voxels for simple.

    Examples
    --------
    A road with a gap, a dent and a bump: only the gap is critical, where its banks would meet and
    where the road must not be thinned away.

    >>> road = torch.zeros(1, 1, 5, 9, dtype=torch.bool)
    >>> road[..., 1:4, :] = True
    >>> found = road.clone()
    >>> found[..., 3:6] = False
    >>> found[..., 1, :2], found[..., 0, 7] = False, True
    >>> HomotopyWarpingLoss().critical(found, road)[0, 0].int()
    tensor([[0, 0, 0, 0, 0, 0, 0, 0, 0],
            [0, 0, 0, 0, 1, 0, 0, 0, 0],
            [0, 0, 0, 1, 1, 1, 0, 0, 0],
            [0, 0, 0, 0, 1, 0, 0, 0, 0],
            [0, 0, 0, 0, 0, 0, 0, 0, 0]], dtype=torch.int32)
    """

    info: ClassVar[LossInfo] = LossInfo(
        name="warping",
        title="Homotopy warping",
        departures=(
            "The authors' code takes 160 of 512 neighbourhoods wrongly for simple or "
            "not, and multiplies its mean by the number of critical voxels; both are "
            "as the paper says here."
        ),
        channels="softmax",
        ndims=(2, 3),
        needs_target=True,
        needs_prior=False,
        multiclass="softmax; the mask of each channel is warped by itself",
        cost="moderate",
        input="logits",
        takes_topology=True,
        device="part",
        minimum=0.0,
        citation="X. Hu, Structure-Aware Image Segmentation with Homotopy Warping, NeurIPS 2022, "
        "arXiv 2112.07812",
        advice="The last third of a training, beside Dice: a few voxels that break or join what "
        "must not be. A prediction that is far off has too many of them.",
    )

    def __init__(
        self,
        *,
        topology: Topology = Topology(),  # noqa: B008  # frozen value, safe to share
        include_background: bool = True,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(include_background=include_background, reduction=reduction)
        self.topology = Topology.parse(topology)

    def per_class(
        self, input: torch.Tensor, target: torch.Tensor, prepared: Any = None
    ) -> dict[str, torch.Tensor]:
        """Return the one term, ``(B, C)``."""
        logits, target = self.logits(input, target)
        several = logits.shape[1] > 1
        probabilities = (logits.softmax(1) if several else logits.sigmoid()).detach()
        first = 0 if self.include_background else 1
        critical = self.critical(
            foreground_mask(probabilities[:, first:], self.topology),
            foreground_mask(target[:, first:], self.topology),
        ).to(logits)
        entropy = cross_entropy_map(logits, target)[:, None]
        count = critical.flatten(2).sum(2)
        return {"warping": (entropy * critical).flatten(2).sum(2) / count.clamp(min=1)}

    def critical(self, prediction: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Return M of two boolean masks ``(B, C, *spatial)`` of the topology's foreground."""

        def of_images(p: NDArray[np.bool_], g: NDArray[np.bool_]) -> NDArray[np.bool_]:
            both, other = np.concatenate([p, g]), np.concatenate([g, p])
            stuck = warp(both, other, self.topology) != other
            return np.asarray(stuck[: len(p)] | stuck[len(p) :])

        return on_host(of_images, prediction, target)
