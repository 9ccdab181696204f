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
        """Return what `skeleton_depths` says of the targets, int32 ``(N, *spatial)``."""
        merged = target if target.shape[1] == 1 else target[:, 1:].amax(1, keepdim=True)
        return self._depths(foreground_mask(merged, self.topology))

    def per_class(
        self, input: torch.Tensor, target: torch.Tensor, prepared: Any = None
    ) -> dict[str, torch.Tensor]:
        """Return the one term, ``(B, 1)``."""
        logits, target = self.logits(input, target)
        probability = merged_probability(logits)
        of_target = self.prepare(target) if prepared is None else prepared
        mask = foreground_mask(probability, self.topology)
        bright = foreground(probability, self.topology)
        of_prediction, of_target = self._depths(mask), of_target.to(mask.device)
        power = 0 if self.weights == "mask" else mask.ndim - 3
        on_p, values_p, counts_p = on_skeleton(of_prediction, of_target, power)
        on_g, values_g, counts_g = on_skeleton(of_target, of_prediction, power)
        there = bright.reshape(-1).index_select(0, torch.cat([on_p, on_g]))
        there_p, there_g = there[: len(on_p)], there[len(on_p) :]
        w_p, q_g, r_g, r_p = values_p.to(bright)
        precision = _ratio(w_p * there_p, q_g, r_g, r_p * there_p, counts_p)
        w_g, q_p, r_p, r_g = values_g.to(bright)
        sensitivity = _ratio(w_g, q_p * there_g, r_p * there_g, r_g, counts_g)
        loss = 1 - 2 * precision * sensitivity / (precision + sensitivity)
        return {self.info.name: loss[:, None]}

    def _depths(self, masks: torch.Tensor) -> torch.Tensor:
        """Return `skeleton_depths` of boolean masks ``(B, 1, *spatial)``, ``(B, *spatial)``."""
        return on_host(lambda images: skeleton_depths(images, self.topology), masks)[:, 0]


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


def skeleton_depths(masks: NDArray[np.bool_], topology: Topology) -> NDArray[np.int32]:
    """Return squared distances to the background, negative on the skeletons, int32.

    Parameters
    ----------
    masks
        Boolean, ``(B, *spatial)``.
    topology
        Of the skeletons.
    """
    from topoeval import _native

    threads = torch.get_num_threads()
    return _native.skeleton_depths(masks, topology.construction, topology.framed, threads)


@outside_graph
def on_skeleton(
    mine: torch.Tensor, other: torch.Tensor, power: int
) -> tuple[torch.Tensor, torch.Tensor, list[int]]:
    """Return what the loss reads on the skeletons of one of two `skeleton_depths`.

    Where they are, flat over batch and voxels, image by image; there, as rows of float32, their
    weight (to the `power`), q and r of the other, and their own r; and how many voxels they have in
    each image.
    """
    if mine.device.type == "cpu":
        from topoeval import _native

        on, values, counts = _native.skeleton_values(
            mine.contiguous().numpy(), other.contiguous().numpy(), power
        )
        return torch.from_numpy(on), torch.from_numpy(values), counts
    return on_skeleton_by_torch(mine, other, power)


def on_skeleton_by_torch(
    mine: torch.Tensor, other: torch.Tensor, power: int
) -> tuple[torch.Tensor, torch.Tensor, list[int]]:
    """Return the same, on any device."""
    mine, other = mine.flatten(1), other.flatten(1)
    image, place = (mine < 0).nonzero(as_tuple=True)

    def there(depths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return distances and radii of skeletons, and whether one is there."""
        radius = depths.amin(1).clamp(max=-1).neg().double().sqrt()
        at = depths[image, place]
        return at.abs().double().sqrt(), radius[image], at < 0

    distance, radius, _ = there(mine)
    depth, reach, both = there(other)
    weight = ((radius - distance + 1) / radius) ** power
    q = torch.minimum(depth, reach) / reach
    values = torch.stack([weight, q, q * both, distance / radius]).float()
    return image * mine.shape[1] + place, values, (mine < 0).sum(1).tolist()


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
