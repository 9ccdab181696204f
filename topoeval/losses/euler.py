"""The Euler characteristic of all level sets at once, compared between map and target."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch.nn import functional as F

from topoeval.errors import UserError
from topoeval.losses.base import TargetLoss
from topoeval.losses.info import LossInfo
from topoeval.losses.patches import check_patch, patches
from topoeval.topology import Topology


class EulerLoss(TargetLoss):
    r"""Difference of the Euler characteristic to the target's, integrated over thresholds.

    .. math:: L = \Big| \int_0^1 \chi(P_t) \, dt - \int_0^1 \chi(G_t) \, dt \Big|^q,
              \qquad P_t = \{ p \ge t \}

    A cell of the cubical complex enters a level set at one threshold, so the integral of
    chi = #vertices - #edges + #squares - #cubes is a sum over cells of that threshold with the sign
    of the cell: the smallest of its voxels (construction V) or the largest of those it bounds (T).
    No persistence is computed; everything runs where the input lives.

    The Euler characteristic is b0 - b1 (+ b2): a wrong component and a wrong hole cancel. Smaller
    windows let fewer errors cancel.

    Parameters
    ----------
    topology
        Construction, direction and border. Framed: one layer of foreground round the image, or
        round each window.
    window
        Side in voxels of windows that are compared one by one and averaged; None compares whole
        images.
    step
        Voxels from one window to the next; `window` by default. Li et al. (MICCAI 2023) average
        over windows of 32 at steps of 8.
    exponent
        q, at least 1.
    include_background, sigmoid, softmax, reduction
        As in `topoeval.losses.base.MapLoss`.

    Examples
    --------
    A ring has Euler characteristic 0, a disc 1:

    >>> disc = torch.ones(1, 1, 3, 3)
    >>> ring = disc.clone()
    >>> ring[..., 1, 1] = 0
    >>> float(EulerLoss()(ring, disc)), float(EulerLoss()(0.75 * disc, disc))
    (1.0, 0.25)
    """

    info: ClassVar[LossInfo] = LossInfo(
        name="euler",
        title="Euler characteristic",
        fullgraph=True,
        ndims=(2, 3),
        needs_target=True,
        needs_prior=False,
        multiclass="each channel by itself",
        cost="cheap",
        takes_topology=True,
        minimum=0.0,
        citation="this package; guidance by the Euler characteristic after L. Li et al., Robust "
        "Segmentation via Topology Violation Detection and Feature Synthesis, MICCAI 2023",
        advice="A first topological term that costs nothing and runs on any device; in windows "
        "where holes and components may cancel.",
    )

    def __init__(
        self,
        *,
        topology: Topology = Topology(),  # noqa: B008  # frozen value, safe to share
        window: int | None = None,
        step: int | None = None,
        exponent: float = 1.0,
        **activation: Any,
    ) -> None:
        super().__init__(**activation)
        check_patch("window", window)
        check_patch("step", step)
        if window is None and step is not None:
            raise UserError(f"step={step} says how far windows are apart; give window too")
        if exponent < 1:
            raise UserError(f"exponent must be at least 1, got {exponent}")
        self.topology = Topology.parse(topology)
        self.window = window
        self.step = step
        self.exponent = float(exponent)

    def per_class(
        self, input: torch.Tensor, target: torch.Tensor, prepared: torch.Tensor | None = None
    ) -> dict[str, torch.Tensor]:
        """Return ``{"euler": (B, C)}``."""
        probabilities = self.probabilities(input)
        wanted = self.prepare(target) if prepared is None else prepared
        difference = self._characteristics(probabilities) - wanted.to(probabilities)
        return {"euler": (difference.abs() ** self.exponent).mean(-1)}

    def prepare(self, target: torch.Tensor) -> torch.Tensor:
        """Return the integrals of targets ``(N, C, *spatial)``: ``(N, C', n_windows)``."""
        target = self.targets(target).detach()
        # sums of many voxels: half precision would lose the unit
        return self._characteristics(target.to(torch.promote_types(target.dtype, torch.float32)))

    def _characteristics(self, maps: torch.Tensor) -> torch.Tensor:
        windows = maps[:, :, None]
        if self.window is not None:
            windows = patches(maps, self.window, self.step)
        return integrated_euler_characteristic(windows, self.topology, maps.ndim - 2)


def integrated_euler_characteristic(
    maps: torch.Tensor, topology: Topology, spatial_dims: int
) -> torch.Tensor:
    """Return the integral over thresholds of the Euler characteristic; differentiable.

    Parameters
    ----------
    maps
        Floating point, ``(..., *spatial)``, in [0, 1].
    topology
        Construction, direction and border.
    spatial_dims
        Number of spatial axes.

    Returns
    -------
    ``(...)``; for a binary map its Euler characteristic.

    Examples
    --------
    >>> diagonal = torch.eye(2)
    >>> [float(integrated_euler_characteristic(diagonal, Topology(c), 2)) for c in "VT"]
    [2.0, 1.0]
    """
    if not topology.superlevel:
        maps = 1 - maps
    around = (1, 1) * spatial_dims
    if topology.framed:
        maps = F.pad(maps, around, value=1.0)
    # Each axis either keeps its voxels or goes over to the positions between neighbours, which
    # adds a dimension in V and takes one away in T; as in `topoeval.metrics.betti.euler_number`.
    vertices = topology.construction == "V"
    between = torch.minimum if vertices else torch.maximum
    if not vertices:
        maps = F.pad(maps, around)
    cells = [(maps, 1)]
    for axis in range(-spatial_dims, 0):
        for values, sign in cells[:]:
            n = values.shape[axis] - 1
            faces = between(values.narrow(axis, 0, n), values.narrow(axis, 1, n))
            cells.append((faces, -sign))
    spatial = tuple(range(-spatial_dims, 0))
    total = torch.stack([sign * values.sum(spatial) for values, sign in cells]).sum(0)
    return total if vertices else (-1) ** spatial_dims * total
