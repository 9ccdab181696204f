"""Blob loss: Dice of each component of the target, so that small ones count as much as large."""

from __future__ import annotations

from typing import Any, ClassVar

import torch

from topoeval.losses.base import TargetLoss
from topoeval.losses.foreground import components, foreground, foreground_mask
from topoeval.losses.info import LossInfo
from topoeval.topology import Topology


class BlobLoss(TargetLoss):
    r"""Mean over the components of the target of the Dice loss, the other components cut out.

    For component n of the N of a target, let :math:`\Omega_n` be the image without the other
    components. With sums over it,

    .. math:: L = \frac{1}{N} \sum_{n=1}^{N} \left( 1 -
              \frac{2 \sum_{\Omega_n} p\, g_n + s}{\sum_{\Omega_n} p + \sum g_n + s} \right),
              \qquad s = 10^{-5}

    (Kofler et al., IPMI 2023). What is predicted outside all components counts with each of them.
    A target without a component costs 0 and has no gradient, so this stands beside a loss of the
    whole image; the authors take twice Dice + cross-entropy and once this.

    Parameters
    ----------
    topology
        Its foreground connectivity says what is one component; under a sublevel topology the
        components are those of the dark phase.
    **activation
        ``sigmoid``, ``softmax``, ``include_background`` and ``reduction``, as in MONAI.

    Examples
    --------
    Half of the components are missed, though these are a tenth of the volume:

    >>> target = torch.zeros(1, 1, 6, 9)
    >>> target[..., :3, :3], target[..., 5, 8] = 1, 1
    >>> missed = target.clone()
    >>> missed[..., 5, 8] = 0
    >>> round(float(BlobLoss()(missed, target)), 2)
    0.5
    """

    info: ClassVar[LossInfo] = LossInfo(
        name="blob",
        title="Blob",
        departures=(
            "Dice is the criterion; the authors take any. Components are those of the topology's "
            "foreground connectivity."
        ),
        ndims=(2, 3),
        needs_target=True,
        needs_prior=False,
        multiclass="each channel by itself",
        cost="cheap",
        takes_topology=True,
        device="part",
        minimum=0.0,
        citation="F. Kofler et al., blob loss: Instance Imbalance Aware Loss Functions for "
        "Semantic Segmentation, IPMI 2023, arXiv 2205.08209",
        advice="Many objects of very different size, as lesions, none of which may be missed; "
        "beside Dice + cross-entropy. Knows components, and nothing of holes and gaps.",
    )

    def __init__(
        self,
        *,
        topology: Topology = Topology(),  # noqa: B008  # frozen value, safe to share
        **activation: Any,
    ) -> None:
        super().__init__(**activation)
        self.topology = Topology.parse(topology)

    def prepare(self, target: torch.Tensor) -> torch.Tensor:
        """Return the components of the targets, int32 from 1, 0 outside, ``(N, C', *spatial)``."""
        target = target if self.include_background else target[:, 1:]
        corners = self.topology.construction == "T"
        return components(foreground_mask(target, self.topology), corners=corners)

    def per_class(
        self, input: torch.Tensor, target: torch.Tensor, prepared: Any = None
    ) -> dict[str, torch.Tensor]:
        """Return the mean over the components of each image, ``(B, C)``."""
        probabilities, _ = self.maps(input, target)
        bright = foreground(probabilities, self.topology)
        labels = (self.prepare(target) if prepared is None else prepared).to(bright.device)
        flat, of_image = bright.flatten(2), labels.flatten(2).long()
        n = int(of_image.max())  # components of the image that has most
        none = flat.new_zeros((*flat.shape[:2], n + 1))
        found = none.scatter_add(2, of_image, flat)  # probability outside and in each component
        size = none.scatter_add(2, of_image, torch.ones_like(flat))[..., 1:]
        outside, inside = found[..., :1], found[..., 1:]
        cost = 1 - (2 * inside + 1e-5) / (outside + inside + size + 1e-5)
        exists = size > 0
        total = torch.where(exists, cost, 0).sum(2)
        # an image without components still has a graph
        return {"blob": total / exists.sum(2).clamp(min=1) + 0 * flat.sum(2)}
