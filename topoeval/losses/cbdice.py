"""Centreline Dice weighted by radius: cbDice and clM-Dice."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from topoeval.losses.base import Reduction, TargetLoss, outside_graph
from topoeval.losses.foreground import foreground, foreground_mask, on_host
from topoeval.losses.info import LossInfo
from topoeval.topology import Topology

Weights = Literal["boundary", "mask"]

_COMMON: dict[str, Any] = {
    "ndims": (2, 3),
    "needs_target": True,
    "needs_prior": False,
    "multiclass": "channel 0 is the background; the others merged by their largest logit",
    "cost": "moderate",
    "input": "logits",
    "channels": "softmax",
    "takes_topology": True,
    "device": "part",
    "citation": "P. Shi et al., Centerline Boundary Dice Loss for Vascular Segmentation, MICCAI "
    "2024, arXiv 2407.01517",
}


class ClMDiceLoss(TargetLoss):
    r"""Centreline mask Dice: clDice between skeletons and distance maps.

    Of a mask with skeleton s, let D be the distance to the background, R = max(1, max of D on s),
    q = min(D, R) / R, and r = q on s, 0 elsewhere. What belongs to the prediction, whose mask is
    P >= 0.5, is multiplied by its probability P; that is where the gradient flows. With a weight w
    on each skeleton (here 1) and sums over voxels,

    .. math:: T_p = \frac{\sum w_P q_G + 1}{\sum w_P\,(r_G \text{ or } r_P) + 1}, \qquad
              T_s = \frac{\sum w_G q_P + 1}{\sum w_G\,(r_P \text{ or } r_G) + 1}, \qquad
              L = 1 - \frac{2 T_p T_s}{T_p + T_s}

    where "a or b" is a unless that is 0 (Shi et al., MICCAI 2024, arXiv 2407.01517, one of their
    cl-X-Dice family; the paper's loss is this less 1). 0 for equal masks and probabilities 0 and 1;
    it may fall below 0, as the ratios may pass 1 where the two skeletons lie apart.

    An empty prediction has neither skeleton nor distance and so no gradient: a term beside this one
    has to lift it over 0.5. An empty target leaves the first factor alone, which takes the
    prediction's skeleton away; two empty masks cost 0.

    Parameters
    ----------
    topology
        Connectivity of the skeletons, which are homotopic thinnings (`topoeval.digital.thin`);
        under a sublevel topology the dark phase has them. Beyond the border is background.
    reduction
        Over the batch.
    """

    info: ClassVar[LossInfo] = LossInfo(
        name="clmdice",
        revision=2,
        title="clM-Dice",
        departures=(
            "Skeletons are homotopic thinnings; the authors' are Menten's or soft "
            "ones. The value is theirs plus 1. With a plain border a skeleton ends a "
            "radius before the edge of a patch; take a framed one for patches. Equal "
            "distances are thinned in the order of the voxels, so a mirrored image "
            "has a slightly different skeleton and gradient."
        ),
        **_COMMON,
        advice="As cbDice, without its weight on thin branches: the plainest of the family, to "
        "see what the radius adds.",
    )
    weights: ClassVar[Weights] = "mask"

    def __init__(
        self,
        *,
        topology: Topology = Topology(),  # noqa: B008  # frozen value, safe to share
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(reduction=reduction)
        self.topology = Topology.parse(topology)

    def prepare(self, target: torch.Tensor) -> torch.Tensor:
        """Return q, r and w of the targets, ``(N, 3, *spatial)``."""
        merged = target if target.shape[1] == 1 else target[:, 1:].amax(1, keepdim=True)
        return self._geometry(foreground_mask(merged, self.topology))

    def per_class(
        self, input: torch.Tensor, target: torch.Tensor, prepared: Any = None
    ) -> dict[str, torch.Tensor]:
        """Return the one term, ``(B, 1)``."""
        logits, target = self.logits(input, target)
        probability = merged_probability(logits)
        of_target = self.prepare(target) if prepared is None else prepared
        mask = foreground_mask(probability, self.topology)
        bright = foreground(probability, self.topology)
        of_prediction, of_target = self._geometry(mask), of_target.to(mask.device)
        # the weights are 0 but on a skeleton, which is a small part of the voxels
        on_p, values_p, counts_p = _on_skeleton(of_prediction, of_target)
        on_g, values_g, counts_g = _on_skeleton(of_target, of_prediction)
        there = bright.reshape(-1).index_select(0, torch.cat([on_p, on_g]))
        there_p, there_g = there.split([len(on_p), len(on_g)])
        w_p, q_g, r_g, r_p = values_p.to(bright)
        precision = _ratio(w_p * there_p, q_g, r_g, r_p * there_p, counts_p)
        w_g, q_p, r_p, r_g = values_g.to(bright)
        sensitivity = _ratio(w_g, q_p * there_g, r_p * there_g, r_g, counts_g)
        loss = 1 - 2 * precision * sensitivity / (precision + sensitivity)
        return {self.info.name: loss[:, None]}

    def _geometry(self, masks: torch.Tensor) -> torch.Tensor:
        """Return q, r and w of boolean masks ``(B, 1, *spatial)``, as ``(B, 3, *spatial)``."""

        def of_images(images: NDArray[np.bool_]) -> NDArray[np.float32]:
            return skeleton_geometry(images, self.topology, self.weights)

        return on_host(of_images, masks)[:, 0]


class CbDiceLoss(ClMDiceLoss):
    r"""Centreline boundary Dice: clM-Dice with more weight on thin branches.

    The formula is that of `ClMDiceLoss` with, on the skeleton, w = (R - D + 1) / R in 2D and its
    square in 3D. Its range, and what empty masks mean, are as there.

    Parameters
    ----------
    topology, reduction
        As in `ClMDiceLoss`.
    """

    info: ClassVar[LossInfo] = LossInfo(
        name="cbdice",
        revision=2,
        title="cbDice",
        departures=(
            "Skeletons are homotopic thinnings; the authors' are Menten's or soft "
            "ones. The value is theirs plus 1. With a plain border a skeleton ends a "
            "radius before the edge of a patch; take a framed one for patches. Equal "
            "distances are thinned in the order of the voxels, so a mirrored image "
            "has a slightly different skeleton and gradient."
        ),
        **_COMMON,
        advice="Tubes of uneven width, beside Dice and cross-entropy: thin branches count as much "
        "as thick ones. Not from scratch: an empty prediction gets no gradient.",
    )
    weights: ClassVar[Weights] = "boundary"


def merged_probability(logits: torch.Tensor) -> torch.Tensor:
    """Return the foreground probability ``(B, 1, *spatial)``: softmax of background and the rest.

    Of several foreground channels the largest logit stands for all; one channel is binary.
    """
    if logits.shape[1] == 1:
        return logits.sigmoid()
    return (logits[:, 1:].amax(1, keepdim=True) - logits[:, :1]).sigmoid()


def skeleton_geometry(
    masks: NDArray[np.bool_], topology: Topology, weights: Weights
) -> NDArray[np.float32]:
    """Return q, r and w of `ClMDiceLoss` and `CbDiceLoss`, ``(B, 3, *spatial)``.

    Parameters
    ----------
    masks
        Boolean, ``(B, *spatial)``.
    topology
        Of the skeleton.
    weights
        ``"mask"``: 1 on the skeleton; ``"boundary"``: more where the mask is thin.
    """
    from topoeval import _native

    return _native.skeleton_geometry(
        masks,
        topology.construction,
        topology.framed,
        weights == "boundary",
        torch.get_num_threads(),
    )


@outside_graph
def _on_skeleton(
    mine: torch.Tensor, other: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, list[int]]:
    """Return what the loss reads on the skeleton of one of two geometries ``(B, 3, *spatial)``.

    Where it is, flat over batch and voxels, image by image; there, as rows, its weight, q and r of
    the other, and its own r; and how many voxels it has in each image.
    """
    if mine.device.type == "cpu":
        from topoeval import _native

        on, values, counts = _native.skeleton_values(
            mine.float().contiguous().numpy(), other.float().contiguous().numpy()
        )
        return torch.from_numpy(on), torch.from_numpy(values), counts
    return _on_skeleton_by_torch(mine, other)


def _on_skeleton_by_torch(
    mine: torch.Tensor, other: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, list[int]]:
    """Return the same, on any device."""
    (q, r, _), (own_r, weight) = other.flatten(2).unbind(1), mine.flatten(2)[:, 1:].unbind(1)
    somewhere = weight != 0
    on = tuple(somewhere.nonzero(as_tuple=True))
    values = torch.stack([weight[on], q[on], r[on], own_r[on]])
    return on[0] * weight.shape[1] + on[1], values, somewhere.sum(1).tolist()


def _ratio(
    weight: torch.Tensor,
    distance: torch.Tensor,
    radius: torch.Tensor,
    otherwise: torch.Tensor,
    counts: list[int],
) -> torch.Tensor:
    """Return the ratio of each image, from the values on its skeleton."""
    either = torch.where(radius != 0, radius, otherwise)
    # sums by parts, not scattered: the same to the last bit each time, on any device
    above, below = (
        torch.stack([part.sum() for part in torch.split(weight * value, counts)])
        for value in (distance, either)
    )
    return (above + 1) / (below + 1)
