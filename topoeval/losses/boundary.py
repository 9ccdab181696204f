"""The boundary loss of Kervadec et al.: a control that uses distances and no topology."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from topoeval.losses.base import TargetLoss, as_mask, outside_graph
from topoeval.losses.distances import to_other_phase
from topoeval.losses.info import LossInfo


class BoundaryLoss(TargetLoss):
    r"""Weigh each foreground probability with its signed distance to the target's boundary.

    .. math:: L = \frac{1}{|\Omega|} \sum_{q \in \Omega} \phi_G(q) \, p(q)

    where phi is the distance to the nearest foreground voxel outside the target, and minus the
    distance to the nearest background voxel inside (Kervadec et al., MIDL 2019, equation 5). The
    value is negative where the prediction is good, and has no common minimum. A target that is
    empty or full has no boundary: its phi is 0, so such an image costs nothing. The paper adds it
    to a regional loss with a weight that rises during the training.

    Parameters
    ----------
    spacing
        Size of a voxel along each axis, in the unit the distances then have; 1 by default.
    activation
        ``sigmoid``, ``softmax``, ``include_background``, ``reduction`` as in `MapLoss`.

    Examples
    --------
    >>> target = torch.zeros(1, 1, 3, 3)
    >>> target[..., 1, 1] = 1
    >>> round(9 * float(BoundaryLoss()(target, target)), 3)
    -1.0
    """

    info: ClassVar[LossInfo] = LossInfo(
        name="boundary",
        title="Boundary",
        departures=(
            "The authors' code takes the distance less 1 inside the target, so that "
            "its boundary voxels count 0; here they count -1, as the paper's signed "
            "distance to the other side."
        ),
        voxel_means=("boundary",),
        ndims=(2, 3),
        needs_target=True,
        needs_prior=False,
        multiclass="each channel by itself",
        cost="cheap",
        device="part",
        citation="H. Kervadec et al., Boundary loss for highly unbalanced segmentation, MIDL 2019, "
        "arXiv 1812.07032",
        advice="A control that knows distances and no topology; beside a regional loss, with a "
        "weight that rises.",
    )

    def __init__(self, *, spacing: Sequence[float] | None = None, **activation: Any) -> None:
        super().__init__(**activation)
        self.spacing = None if spacing is None else tuple(map(float, spacing))

    def per_class(
        self, input: torch.Tensor, target: torch.Tensor, prepared: torch.Tensor | None = None
    ) -> dict[str, torch.Tensor]:
        """Return the mean of distance times probability, ``(B, C)``."""
        probabilities, _ = self.maps(input, target)
        distance = self.prepare(target) if prepared is None else prepared
        return {"boundary": (probabilities * distance.to(probabilities)).flatten(2).mean(2)}

    @outside_graph
    def prepare(self, target: torch.Tensor) -> torch.Tensor:
        """Return the signed distances, ``(B, C, *spatial)`` float32."""
        masks = as_mask(target if self.include_background else target[:, 1:])
        images = masks.flatten(0, 1).cpu().numpy()
        distances = np.stack([self._signed_distance(image) for image in images])
        return torch.from_numpy(distances).reshape(masks.shape).to(target.device)

    def _signed_distance(self, mask: NDArray[np.bool_]) -> NDArray[np.float32]:
        distance = to_other_phase(mask, self.spacing)
        return np.where(mask, -distance, distance).astype(np.float32)
