"""Region separation (TOPO): a gap in a road joins the regions on its two sides."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, generate_binary_structure

from topoeval.errors import UserError
from topoeval.losses.base import TargetLoss, outside_graph
from topoeval.losses.foreground import components, foreground, foreground_mask, on_host
from topoeval.losses.info import LossInfo
from topoeval.losses.malis import shares
from topoeval.losses.patches import check_patch, patches
from topoeval.topology import Topology


class RegionSeparationLoss(TargetLoss):
    r"""Keep the regions between roads apart, and each of them whole, in windows.

    The roads of a target cut the background of each window into regions. A pair of two regions is
    kept apart by the weakest voxel of the best path between them, a pair of one region is joined by
    it: with m(i, j) the highest lowest value of :math:`1 - p` on a path from i to j, D the pairs of
    two regions and S those of one,

    .. math:: L = \frac{1}{W} \sum_{\text{windows}} \left(
              \frac{\gamma}{|D|} \sum_{(i, j) \in D} m(i, j)^2
              + \frac{\beta}{|S|} \sum_{(i, j) \in S} (1 - m(i, j))^2 \right)

    (Oner et al., IEEE TPAMI 2022): constrained `MalisLoss` of the background. Windows, since a road
    that ends cuts a small window and not the image. Voxels nearer to a road than `margin` are in no
    pair, so that a road may lie a little beside that of the target.

    A volume is seen along each of its axes (Oner et al., MICCAI 2022): the loss is the mean of
    those of its three maximum projections, for a curve cuts no volume.

    Parameters
    ----------
    window
        Side of a window; an image that is smaller is one window.
    margin
        Voxels, by steps over faces, around a road of the target that are in no pair.
    gaps
        The weight gamma of pairs of two regions.
    false_roads
        The weight beta of pairs of one region.
    topology
        Of the roads. Paths through the background have the dual connectivity; under a sublevel
        topology the roads are dark.
    **activation
        ``sigmoid``, ``softmax``, ``include_background`` and ``reduction``, as in MONAI.

    Raises
    ------
    UserError
        For a window below 1 voxel, a negative margin or weight, or two weights of 0.

    Examples
    --------
    A road with a gap of probability 0.1; without the gap the loss is 0:

    >>> target = torch.zeros(1, 1, 5, 7)
    >>> target[..., 2, :] = 1
    >>> broken = target.clone()
    >>> broken[..., 2, 3] = 0.1
    >>> loss = RegionSeparationLoss(margin=1)
    >>> round(float(loss(broken, target)), 2), float(loss(target, target))
    (0.81, 0.0)
    """

    info: ClassVar[LossInfo] = LossInfo(
        name="region_separation",
        title="Region separation (TOPO)",
        departures=(
            "The authors' network returns a map of distances to the roads, cut at 20 voxels; here "
            "a distance is 20 times 1 - p, and the factor is left to the weight. Paths go by their "
            "lowest voxel, as in the paper; in the code by the lowest sum of two neighbours. "
            "Regions are those of the roads themselves, then shrunk by the margin; in the code "
            "those of the widened roads, which closes narrow openings. Windows cover the whole "
            "image, and their mean is taken, not their sum."
        ),
        ndims=(2, 3),
        needs_target=True,
        needs_prior=False,
        multiclass="each channel by itself",
        cost="moderate",
        takes_topology=True,
        device="part",
        minimum=0.0,
        citation="D. Oner et al., Promoting Connectivity of Network-Like Structures by Enforcing "
        "Region Separation, IEEE TPAMI 44, 2022, arXiv 2009.07011; for volumes D. Oner et al., "
        "Enforcing Connectivity of 3D Linear Structures Using Their 2D Projections, MICCAI 2022, "
        "arXiv 2207.06832",
        advice="Networks of thin roads or canals that divide the image, and whose gaps matter; "
        "beside a loss of all voxels. A gap in a road that divides no window costs nothing.",
    )

    def __init__(
        self,
        *,
        window: int = 64,
        margin: int = 5,
        gaps: float = 1.0,
        false_roads: float = 0.1,
        topology: Topology = Topology(),  # noqa: B008  # frozen value, safe to share
        **activation: Any,
    ) -> None:
        super().__init__(**activation)
        check_patch("window", window)
        if margin < 0 or margin != int(margin):
            raise UserError(f"margin is a whole number of voxels, 0 or more, got {margin}")
        if not min(gaps, false_roads) >= 0 or not 0 < max(gaps, false_roads) < float("inf"):
            raise UserError(
                "gaps and false_roads must be finite, not negative, and not both 0, "
                f"got {gaps} and {false_roads}"
            )
        self.window = window
        self.margin = margin
        self.gaps = gaps
        self.false_roads = false_roads
        self.topology = Topology.parse(topology)

    @outside_graph
    def prepare(self, target: torch.Tensor) -> list[list[torch.Tensor]]:
        """Return the regions of each target: for each view, int32 ``(C', windows, h, w)``.

        Regions count from 1; 0 is the margin of a road, -1 the road.
        """
        target = target if self.include_background else target[:, 1:]
        roads = foreground_mask(target, self.topology)
        views = [self._regions(view) for view in self._views(roads)]
        return [list(rows) for rows in zip(*views, strict=True)]

    def select(
        self, prepared: list[list[torch.Tensor]], samples: torch.Tensor
    ) -> list[list[torch.Tensor]]:
        """Return the regions of the samples at the indices `samples`."""
        return [prepared[i] for i in samples.tolist()]

    def per_class(
        self, input: torch.Tensor, target: torch.Tensor, prepared: Any = None
    ) -> dict[str, torch.Tensor]:
        """Return the weighted means over windows, and views of a volume, ``(B, C)`` each."""
        probabilities, _ = self.maps(input, target)
        regions = self.prepare(target) if prepared is None else prepared
        views = self._views(foreground(probabilities, self.topology))
        costs = [
            self._view(view, torch.stack(rows).to(view.device))
            for view, rows in zip(views, zip(*regions, strict=True), strict=True)
        ]
        gaps, false_roads = torch.stack(costs).mean(0)
        return {"gaps": self.gaps * gaps, "false_roads": self.false_roads * false_roads}

    def _view(self, roads: torch.Tensor, regions: torch.Tensor) -> torch.Tensor:
        """Return the mean over windows of the two terms, ``(2, B, C)``, of ``(B, C, H, W)``."""
        cut = patches(1 - roads, self.window)
        lead, image = cut.shape[:3], cut.shape[3:]
        values = cut.flatten(1, 2)  # every window of a class is a map of its own
        regions = regions.reshape(values.shape)
        within, between = shares(values, regions, regions >= 0, corners=self._corners)
        terms = torch.stack([between * values.square(), within * (1 - values).square()])
        return terms.reshape(2, *lead, *image).flatten(4).sum(4).mean(3)

    def _regions(self, roads: torch.Tensor) -> torch.Tensor:
        """Return the regions of boolean ``(N, C, H, W)`` roads, ``(N, C, windows, h, w)``."""
        cut = patches(roads, self.window)
        roads = cut.flatten(1, 2)
        regions = components(~roads, corners=self._corners)
        if self.margin:
            regions = regions.where(~on_host(self._widened, roads), 0)
        return regions.where(~roads, -1).reshape(cut.shape)

    def _widened(self, roads: NDArray[np.bool_]) -> NDArray[np.bool_]:
        cross = generate_binary_structure(2, 1)[None]
        return np.asarray(binary_dilation(roads, cross, iterations=self.margin))

    def _views(self, maps: torch.Tensor) -> list[torch.Tensor]:
        """Return the images that are looked at: the map, or its projections along each axis."""
        return [maps] if maps.ndim == 4 else [maps.amax(axis) for axis in (2, 3, 4)]

    @property
    def _corners(self) -> bool:
        """Whether the background's paths step over corners: roads then touch through sides."""
        return self.topology.construction == "V"
