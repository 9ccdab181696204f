"""The region-wise loss with rectified maps: a control that uses distances and no topology."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from topoeval.errors import UserError
from topoeval.losses.base import TargetLoss, as_mask
from topoeval.losses.distances import to_other_phase
from topoeval.losses.foreground import on_host
from topoeval.losses.info import LossInfo


class RegionWiseLoss(TargetLoss):
    r"""Weigh each probability with a map that is 1 outside and falls to -1 in the middle inside.

    .. math:: L = \frac{1}{|\Omega|} \sum_{q \in \Omega} z_G(q) \, p(q), \qquad
              z_G(q) = \begin{cases} -d(q) / \max d & q \in G \\ 1 & q \notin G \end{cases}

    where d is the distance of a voxel of the target G to the nearest voxel outside (Valverde and
    Tohka, Pattern Recognition 2023: rectified region-wise maps). The value is negative where the
    prediction is good, and has no common minimum. A target that is full has no boundary: its map is
    -1. Unlike the boundary loss, no map pulls harder than another, so the loss trains by itself.

    Parameters
    ----------
    spacing
        Of the voxels along each axis; 1 by default.
    **activation
        ``sigmoid``, ``softmax``, ``include_background`` and ``reduction``, as in MONAI. The authors
        take a softmax with the background.

    Raises
    ------
    UserError
        For a spacing that is not two or three positive numbers, or of another number of axes.

    Examples
    --------
    >>> target = torch.zeros(1, 1, 5, 5)
    >>> target[..., 1:4, 1:4] = 1
    >>> RegionWiseLoss().prepare(target)[0, 0, 2].tolist()
    [1.0, -0.5, -1.0, -0.5, 1.0]
    """

    info: ClassVar[LossInfo] = LossInfo(
        name="region_wise",
        title="Region-wise",
        departures=(
            "A full mask has -1 everywhere; in the authors' code what SciPy makes of a missing "
            "background."
        ),
        voxel_means=("region_wise",),
        ndims=(2, 3),
        needs_target=True,
        needs_prior=False,
        multiclass="each channel by itself",
        cost="moderate",
        device="part",
        citation="J. M. Valverde and J. Tohka, Region-wise Loss for Biomedical Image Segmentation, "
        "Pattern Recognition 136, 2023, arXiv 2108.01405",
        advice="A control that knows distances and no topology; alone or beside a loss of overlap.",
    )

    def __init__(self, *, spacing: Sequence[float] | None = None, **activation: Any) -> None:
        super().__init__(**activation)
        fits = spacing is None or (len(spacing) in (2, 3) and all(0 < s < inf for s in spacing))
        if not fits:
            raise UserError(f"spacing is two or three positive numbers, got {spacing!r}")
        self.spacing = None if spacing is None else tuple(spacing)

    def prepare(self, target: torch.Tensor) -> torch.Tensor:
        """Return the maps of the targets, float32, ``(N, C', *spatial)``."""
        ndim = target.ndim - 2
        if self.spacing is not None and len(self.spacing) != ndim:
            raise UserError(f"a spacing of {len(self.spacing)} numbers, and images are {ndim}D")
        masks = as_mask(target if self.include_background else target[:, 1:])

        def of_images(images: NDArray[np.bool_]) -> NDArray[np.float32]:
            return np.stack([self._map(image) for image in images]).astype(np.float32)

        return on_host(of_images, masks)

    def per_class(
        self, input: torch.Tensor, target: torch.Tensor, prepared: Any = None
    ) -> dict[str, torch.Tensor]:
        """Return the mean of map times probability, ``(B, C)``."""
        probabilities, _ = self.maps(input, target)
        weights = self.prepare(target) if prepared is None else prepared
        return {"region_wise": (probabilities * weights.to(probabilities)).flatten(2).mean(2)}

    def _map(self, mask: NDArray[np.bool_]) -> NDArray[np.float64]:
        if mask.all():
            return np.full(mask.shape, -1.0)
        distance = to_other_phase(mask, self.spacing)
        deepest = distance.max(where=mask, initial=0)
        return np.where(mask, -distance / (deepest if deepest > 0 else 1), 1.0)
