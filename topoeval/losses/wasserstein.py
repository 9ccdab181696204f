"""Distances between the persistence diagrams of map and target, as losses."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from topoeval.errors import UserError
from topoeval.losses.diagram import DiagramLoss, Table
from topoeval.losses.info import LossInfo
from topoeval.persistence.barcode import host_array
from topoeval.persistence.diagram import (
    diagonal_distances,
    distances,
    pairwise_distances,
    sum_per_group,
)
from topoeval.persistence.diagram_matching import (
    Matching,
    assign,
    check_exponents,
    infinite_matching,
    joined,
    matched_distances,
    optimal_matching,
)

_TARGETED: dict[str, Any] = {
    "ndims": (2, 3),
    "needs_target": True,
    "needs_prior": False,
    "soft_targets": True,
    "multiclass": "each channel by itself",
    "takes_topology": True,
    "takes_backend": True,
    "minimum": 0.0,
}


class WassersteinLoss(DiagramLoss):
    r"""Wasserstein distance between the persistence diagrams of map and target.

    For each homology dimension,

    .. math:: L_k = \min_\pi \sum_{x} \| x - \pi(x) \|_p^q

    over matchings of bars (b, d) with bars or with the diagonal: the q-th power of the distance, so
    that for q = 2 it is smooth. With p = q = 2, the default, a matched pair costs
    (b - b')^2 + (d - d')^2 and a bar left alone, of the map or of the target, (b - d)^2 / 2: the
    loss of Hu et al. (NeurIPS 2019) as later packages compute it. q = 1, p = inf are the defaults
    of torch_topological.

    The component that never dies is matched with that of the target, (b - b')^2. The matching is
    optimal; see `topoeval.persistence.diagram_matching`. It is 0 if, and only if, the diagrams are
    equal: two masks of the same shape in different places cost nothing.

    Parameters
    ----------
    order, internal_norm
        q and p, at least 1; p may be `math.inf`.
    topology, dims, patch, include_background, sigmoid, softmax, reduction, backend
        As in `topoeval.losses.diagram.DiagramLoss`.

    Examples
    --------
    A second component of height 0.8 is one bar too many:

    >>> target = torch.tensor([[[[1.0, 0.0, 0.0]]]])
    >>> round(float(WassersteinLoss()(torch.tensor([[[[1.0, 0.0, 0.8]]]]), target)), 6)
    0.32
    """

    info: ClassVar[LossInfo] = LossInfo(
        name="wasserstein",
        title="Wasserstein distance of diagrams",
        cost="moderate",
        citation="X. Hu et al., Topology-Preserving Deep Image Segmentation, NeurIPS 2019, "
        "arXiv 1906.05404",
        device="2D",
        **_TARGETED,
        advice="The number and strength of features; blind to where they are. Warm up with an "
        "overlap loss.",
    )

    def __init__(self, *, order: float = 2.0, internal_norm: float = 2.0, **settings: Any) -> None:
        super().__init__(**settings)
        check_exponents(order, internal_norm)
        self.order = float(order)
        self.internal_norm = float(internal_norm)

    def costs(self, found: Table, wanted: Table) -> torch.Tensor:
        """Return L_k of each image, ``(n_images, len(dims))``."""
        p = self.internal_norm
        matching = optimal_matching(found, wanted, order=self.order, internal_norm=p)
        pairs = matched_distances(found, wanted, matching, p) ** self.order
        costs = sum_per_group(found, matching.first, pairs)
        for table, rows in zip((found, wanted), matching.unmatched(found, wanted), strict=True):
            alone = diagonal_distances(table, p)[rows] ** self.order
            costs = costs + sum_per_group(table, rows, alone)
        return costs


class SpatialWassersteinLoss(DiagramLoss):
    r"""Wasserstein distance in which a match costs more the further apart its features lie.

    SATLoss of Wen et al. (ICCV workshops 2025, arXiv 2412.02076): with c the voxel where a bar is
    born, each coordinate divided by the image's size along it, a pair costs

    .. math:: \min(\max(\| c - c' \|_2, \epsilon), 1) \; \| (b, d) - (b', d') \|_2

    and a bar left alone |b - d| / sqrt 2, its distance to the diagonal (order 1, internal norm 2).
    Places steer the matching and weigh its pairs; gradients flow to values alone.

    The component that never dies is matched with that of the target at the same price. Among voxels
    of equal value any may be the birth voxel, and all of a component of a binary target are equal:
    which one is named, and so a little of the value, depends on the backend.

    Parameters
    ----------
    nearest
        epsilon in [0, 1]: places closer than this count as this far apart.
    topology, dims, patch, include_background, sigmoid, softmax, reduction, backend
        As in `topoeval.losses.diagram.DiagramLoss`.

    Examples
    --------
    The same faint component costs less where the target has one:

    >>> target = torch.tensor([[[[1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0]]]])
    >>> here = torch.tensor([[[[1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.8, 0.0]]]])
    >>> there = torch.tensor([[[[1.0, 0.0, 0.0, 0.8, 0.0, 0.0, 0.0, 0.0]]]])
    >>> loss = SpatialWassersteinLoss()
    >>> round(float(loss(here, target)), 6), round(float(loss(there, target)), 6)
    (0.01, 0.075)
    """

    info: ClassVar[LossInfo] = LossInfo(
        name="spatial_wasserstein",
        title="Spatially aware Wasserstein (SATLoss)",
        departures=(
            "Which of equally bright voxels is the place of a feature is the "
            "backend's choice; on maps of 24 x 24 the value differs by up to 20 % "
            "between backends. The authors frame maps only where they are not square."
        ),
        cost="moderate",
        citation="B. Wen et al., Topology-Preserving Image Segmentation with Spatial-Aware "
        "Persistent Feature Matching, ICCV Workshops 2025, arXiv 2412.02076",
        device="part",
        **_TARGETED,
        advice="As the Wasserstein loss, where features have many possible partners: networks, "
        "vessels.",
    )

    def __init__(self, *, nearest: float = 0.05, **settings: Any) -> None:
        super().__init__(**settings)
        if not 0 <= nearest <= 1:
            raise UserError(f"nearest must lie in [0, 1], got {nearest}")
        self.nearest = float(nearest)

    def costs(self, found: Table, wanted: Table) -> torch.Tensor:
        """Return the cost of each image, ``(n_images, len(dims))``."""
        matching = self._matching(found, wanted)
        places = [
            _places(table)[rows]
            for table, rows in ((found, matching.first), (wanted, matching.second))
        ]
        factor = (places[0] - places[1]).square().sum(-1).sqrt().clamp(self.nearest, 1)
        pairs = factor * matched_distances(found, wanted, matching)
        costs = sum_per_group(found, matching.first, pairs)
        for table, rows in zip((found, wanted), matching.unmatched(found, wanted), strict=True):
            costs = costs + sum_per_group(table, rows, diagonal_distances(table)[rows])
        return costs

    def _matching(self, found: Table, wanted: Table) -> Matching:
        values = pairwise_distances(found, wanted)
        places = [host_array(_places(table)) for table in (found, wanted)]
        alone = [host_array(diagonal_distances(table)) for table in (found, wanted)]

        def gain(rows: NDArray[np.int64], columns: NDArray[np.int64]) -> NDArray[np.float64]:
            apart = distances(places[0][rows], places[1][columns])
            cost = np.clip(apart, self.nearest, 1) * values(rows, columns)
            return alone[0][rows, None] + alone[1][None, columns] - cost

        return joined(infinite_matching(found, wanted), assign(found, wanted, gain))


def _places(table: Table) -> torch.Tensor:
    """Return the birth voxels ``(n, d)`` in units of the image's sides, 0 to 1.

    A bar that is born with the frame has no voxel. It is matched with another such bar alone, at
    distance 0.
    """
    shape = torch.tensor(table.spatial_shape, device=table.image.device)
    index = table.birth_index.clamp(min=0)
    axes = torch.stack(torch.unravel_index(index, table.spatial_shape), dim=-1)
    return axes.to(table.birth) / shape
