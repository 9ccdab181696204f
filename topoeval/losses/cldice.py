"""Soft clDice: overlap of each skeleton with the other mask, by soft or by homotopic skeletons."""

from __future__ import annotations

from typing import Any, ClassVar

import torch

from topoeval.digital.soft_skeleton import soft_skeleton
from topoeval.errors import UserError
from topoeval.losses.activation import widened
from topoeval.losses.base import TargetLoss
from topoeval.losses.foreground import foreground, foreground_mask, thinned
from topoeval.losses.info import LossInfo
from topoeval.topology import Topology


class ClDiceLoss(TargetLoss):
    r"""Soft centreline Dice with the soft skeletons of Shit et al.

    With S the soft skeleton (`topoeval.digital.soft_skeleton`) and sums over voxels,

    .. math:: T_p = \frac{\sum S_P G + s}{\sum S_P + s}, \qquad
              T_s = \frac{\sum S_G P + s}{\sum S_G + s}, \qquad
              L = 1 - \frac{2 T_p T_s}{T_p + T_s}

    (CVPR 2021, arXiv 2003.07311). 0 wherever each mask holds the other's skeleton, so where they
    are equal, but not only there. An empty target leaves the first factor alone, which takes the
    prediction's skeleton away; an empty prediction leaves the second, which raises the prediction
    on the target's skeleton; two empty masks cost 0.

    Parameters
    ----------
    iterations
        Of the soft skeleton; at least the largest radius in voxels. The authors' repository says 3
        and runs 10.
    smooth
        s; positive.
    batch
        The sums run over all images, as in the authors' code, and there is one value for each
        class.
    **activation
        ``sigmoid``, ``softmax``, ``include_background`` and ``reduction``, as in MONAI.

    Raises
    ------
    UserError
        For a setting out of range.

    Examples
    --------
    >>> tube = torch.zeros(1, 1, 7, 9)
    >>> tube[..., 2:5, 1:8] = 1
    >>> broken = tube.clone()
    >>> broken[..., 4] = 0
    >>> loss = ClDiceLoss()
    >>> float(loss(tube, tube)), round(float(loss(broken, tube)), 3)
    (0.0, 0.091)
    """

    info: ClassVar[LossInfo] = LossInfo(
        name="cldice",
        title="Soft clDice",
        departures=(
            "Sums run over each image (the authors': over the batch, batch=True), "
            "with 3 iterations as their text says, where their module always runs 10."
        ),
        fullgraph=True,
        double_backward=False,
        ndims=(2, 3),
        needs_target=True,
        needs_prior=False,
        multiclass="each channel by itself",
        cost="cheap",
        minimum=0.0,
        citation="S. Shit et al., clDice - a Novel Topology-Preserving Loss Function for Tubular "
        "Structure Segmentation, CVPR 2021, arXiv 2003.07311",
        advice="Vessels, roads and other tubes, from the first step and beside Dice: the cheapest "
        "loss that joins what is broken. Solid bodies have no centreline worth the name.",
    )

    def __init__(
        self,
        *,
        iterations: int = 3,
        smooth: float = 1.0,
        batch: bool = False,
        **activation: Any,
    ) -> None:
        super().__init__(**activation)
        if iterations < 0:
            raise UserError(f"iterations must not be negative, got {iterations}")
        _check(smooth)
        self.iterations = iterations
        self.smooth = smooth
        self.batch = batch

    def prepare(self, target: torch.Tensor) -> torch.Tensor:
        """Return the soft skeletons of the targets, ``(N, C', *spatial)``."""
        with torch.no_grad():
            target = target if self.include_background else target[:, 1:]
            return soft_skeleton(widened(target), self.iterations)

    def per_class(
        self, input: torch.Tensor, target: torch.Tensor, prepared: Any = None
    ) -> dict[str, torch.Tensor]:
        """Return the one term, ``(B, C)``, or ``(1, C)`` if pooled over the batch."""
        probabilities, masks = self.maps(input, target)
        of_target = self.prepare(target) if prepared is None else prepared
        value = centreline_loss(
            probabilities,
            soft_skeleton(probabilities, self.iterations),
            masks,
            of_target.to(probabilities),
            self.smooth,
            self.batch,
        )
        return {"cldice": value}


class TopologicalClDiceLoss(TargetLoss):
    r"""Soft centreline Dice with skeletons that keep the topology.

    The formula is that of `ClDiceLoss`; the skeleton of a target is its homotopic thinning
    (`topoeval.digital.thin`), that of a prediction P the thinning of P >= 0.5 times P. It has no
    gaps, and thickness does not matter. The thinning is constant in the backward pass: the gradient
    of a skeleton is that of the probabilities on it.

    Menten et al. (ICCV 2023) thin as well by simple points, found by an Euler characteristic or by
    Boolean rules, but on masks drawn at random from the probabilities (a straight-through
    estimate), and their gradient runs through every step of the thinning. Here the mask is the
    threshold's and the skeleton given, so the loss is a function of the probabilities whose
    gradient is exact wherever none of them is 0.5.

    An empty target takes the prediction's skeleton away; where no probability reaches 0.5 the
    prediction has no skeleton, and the gradient is that of raising it on the target's.

    Parameters
    ----------
    topology
        Connectivity of the thinning; under a sublevel topology the dark phase is thinned.
    smooth, batch, **activation
        As in `ClDiceLoss`.

    Raises
    ------
    UserError
        For a setting out of range.
    """

    info: ClassVar[LossInfo] = LossInfo(
        name="cldice_topological",
        title="clDice, topology-preserving skeleton",
        departures=(
            "The skeleton is that of the mask at 0.5 and constant in the gradient; "
            "the authors thin masks drawn at random and differentiate through the "
            "thinning. With a plain border a skeleton ends a radius before the edge "
            "of a patch; take a framed one for patches. Equal distances are thinned "
            "in the order of the voxels, so a mirrored image has a slightly different "
            "skeleton and gradient."
        ),
        ndims=(2, 3),
        needs_target=True,
        needs_prior=False,
        multiclass="each channel by itself",
        cost="moderate",
        takes_topology=True,
        device="part",
        minimum=0.0,
        citation="M. J. Menten et al., A Skeletonization Algorithm for Gradient-Based "
        "Optimization, ICCV 2023, arXiv 2309.02527; S. Shit et al., CVPR 2021, arXiv 2003.07311",
        advice="As soft clDice, where tubes are thick or of uneven width: the skeleton has no gaps "
        "and no number of iterations to choose. Needs a prediction that is not empty at 0.5.",
    )

    def __init__(
        self,
        *,
        topology: Topology = Topology(),  # noqa: B008  # frozen value, safe to share
        smooth: float = 1.0,
        batch: bool = False,
        **activation: Any,
    ) -> None:
        super().__init__(**activation)
        _check(smooth)
        self.topology = Topology.parse(topology)
        self.smooth = smooth
        self.batch = batch

    def prepare(self, target: torch.Tensor) -> torch.Tensor:
        """Return the thinned targets, boolean, ``(N, C', *spatial)``."""
        target = target if self.include_background else target[:, 1:]
        return thinned(foreground_mask(target, self.topology), self.topology)

    def per_class(
        self, input: torch.Tensor, target: torch.Tensor, prepared: Any = None
    ) -> dict[str, torch.Tensor]:
        """Return the one term, ``(B, C)``, or ``(1, C)`` if pooled over the batch."""
        probabilities, masks = self.maps(input, target)
        of_target = self.prepare(target) if prepared is None else prepared
        curves = thinned(foreground_mask(probabilities, self.topology), self.topology)
        bright = foreground(probabilities, self.topology)
        value = centreline_loss(
            bright,
            bright * curves,
            foreground(masks, self.topology),
            of_target.to(probabilities),
            self.smooth,
            self.batch,
        )
        return {"cldice_topological": value}


def centreline_loss(
    prediction: torch.Tensor,
    prediction_skeleton: torch.Tensor,
    target: torch.Tensor,
    target_skeleton: torch.Tensor,
    smooth: float = 1.0,
    batch: bool = False,
) -> torch.Tensor:
    """Return one minus clDice of ``(B, C, *spatial)`` maps with their skeletons.

    The formula is that of `ClDiceLoss`. The result is ``(B, C)``, or ``(1, C)`` if pooled over the
    batch.
    """
    axes = ([0] if batch else []) + list(range(2, prediction.ndim))

    def ratio(skeleton: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        return ((skeleton * other).sum(axes) + smooth) / (skeleton.sum(axes) + smooth)

    precision = ratio(prediction_skeleton, target)
    sensitivity = ratio(target_skeleton, prediction)
    loss = 1 - 2 * precision * sensitivity / (precision + sensitivity)
    return loss[None] if batch else loss


def _check(smooth: float) -> None:
    if smooth <= 0:
        raise UserError(f"smooth must be positive, got {smooth}")
