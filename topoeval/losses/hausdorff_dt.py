"""Hausdorff distance loss by distance transforms: a control, which knows distances alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from topoeval.errors import UserError
from topoeval.losses.base import TargetLoss, as_mask
from topoeval.losses.distances import to_other_phase
from topoeval.losses.foreground import on_host
from topoeval.losses.info import LossInfo


class HausdorffDTLoss(TargetLoss):
    r"""Squared error, weighted by how far a voxel lies from the two boundaries.

    .. math:: L = \frac{1}{|\Omega|} \sum_{q \in \Omega}
              (p_q - g_q)^2 \left( d_P(q)^\alpha + d_G(q)^\alpha \right)

    where d is the distance of a voxel to the nearest voxel of the other phase, of the target and of
    the prediction at 0.5 (Karimi and Salcudean, IEEE TMI 2020, equation 8). The distances are
    constant in the gradient. A mask that is empty or full has no boundary and d = 0, so where this
    holds of both an error costs nothing: a loss of overlap belongs beside it.

    Parameters
    ----------
    alpha
        Power of the distances; positive. The authors take 2.
    spacing
        Of the voxels along each axis; 1 by default.
    **activation
        ``sigmoid``, ``softmax``, ``include_background`` and ``reduction``, as in MONAI.

    Raises
    ------
    UserError
        For a power or a spacing that is not positive, or a spacing of another number of axes.

    Examples
    --------
    >>> target = torch.zeros(1, 1, 5, 9)
    >>> target[..., 1:4, 1:4] = 1
    >>> near, far = target.clone(), target.clone()
    >>> near[..., 2, 4], far[..., 2, 8] = 1, 1
    >>> loss = HausdorffDTLoss()
    >>> bool(loss(target, target) < loss(near, target) < loss(far, target))
    True
    """

    info: ClassVar[LossInfo] = LossInfo(
        name="hausdorff_dt",
        title="Hausdorff distance (DT)",
        departures=(
            "A full mask has distances of 0 as an empty one has; in MONAI's HausdorffDTLoss "
            "those of a full mask are what SciPy makes of a missing background."
        ),
        voxel_means=("hausdorff_dt",),
        ndims=(2, 3),
        needs_target=True,
        needs_prior=False,
        multiclass="each channel by itself",
        cost="moderate",
        device="part",
        minimum=0.0,
        citation="D. Karimi and S. E. Salcudean, Reducing the Hausdorff Distance in Medical Image "
        "Segmentation with Convolutional Neural Networks, IEEE TMI 39, 2020, arXiv 1904.10030",
        advice="Errors far from the boundary, as islands, that overlap hardly sees; beside Dice. "
        "Knows distances and no topology: a control.",
    )

    def __init__(
        self, *, alpha: float = 2.0, spacing: Sequence[float] | None = None, **activation: Any
    ) -> None:
        super().__init__(**activation)
        if alpha <= 0:
            raise UserError(f"alpha must be positive, got {alpha}")
        if spacing is not None and (len(spacing) not in (2, 3) or min(spacing) <= 0):
            raise UserError(f"spacing is two or three positive numbers, got {spacing!r}")
        self.alpha = alpha
        self.spacing = None if spacing is None else tuple(spacing)

    def prepare(self, target: torch.Tensor) -> torch.Tensor:
        """Return the powers of the targets' distances, float32, ``(N, C', *spatial)``."""
        return self._weight(target if self.include_background else target[:, 1:])

    def per_class(
        self, input: torch.Tensor, target: torch.Tensor, prepared: Any = None
    ) -> dict[str, torch.Tensor]:
        """Return the weighted mean over voxels, ``(B, C)``."""
        probabilities, masks = self.maps(input, target)
        of_target = self.prepare(target) if prepared is None else prepared
        weight = self._weight(probabilities).to(probabilities) + of_target.to(probabilities)
        error = (probabilities - masks).square()
        return {"hausdorff_dt": (error * weight).flatten(2).mean(2)}

    def _weight(self, maps: torch.Tensor) -> torch.Tensor:
        ndim = maps.ndim - 2
        if self.spacing is not None and len(self.spacing) != ndim:
            raise UserError(f"a spacing of {len(self.spacing)} numbers, and images are {ndim}D")

        def of_images(images: NDArray[np.bool_]) -> NDArray[np.float32]:
            powers = [to_other_phase(image, self.spacing) ** self.alpha for image in images]
            return np.stack(powers).astype(np.float32)

        return on_host(of_images, as_mask(maps.detach()))
