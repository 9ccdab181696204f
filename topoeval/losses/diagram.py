"""What losses that compare barcodes of maps and targets share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

import torch

from topoeval.errors import UserError
from topoeval.losses.base import TargetLoss, outside_graph
from topoeval.losses.patches import check_patch, patches
from topoeval.persistence import compute
from topoeval.persistence.diagram import Table
from topoeval.topology import Topology


class DiagramLoss(TargetLoss):
    """A loss on the barcodes of map and target: `costs` is all that a subclass writes.

    Parameters
    ----------
    topology
        How maps and targets are read; decides the connectivity.
    dims
        Homology dimensions that count; all by default.
    patch
        Side in voxels of the patches that are compared one by one and summed; None compares whole
        images.
    include_background, sigmoid, softmax, reduction
        As in `topoeval.losses.base.MapLoss`.
    backend
        Persistence backend.
    """

    prepares_rows: ClassVar[bool] = False

    def __init__(
        self,
        *,
        topology: Topology = Topology(),  # noqa: B008  # frozen value, safe to share
        dims: Sequence[int] | None = None,
        patch: int | None = None,
        backend: str = "auto",
        **activation: Any,
    ) -> None:
        super().__init__(**activation)
        check_patch("patch", patch)
        self.topology = Topology.parse(topology)
        self.dims = None if dims is None else tuple(dims)
        self.patch = patch
        self.backend = backend

    def per_class(
        self, input: torch.Tensor, target: torch.Tensor, prepared: Table | None = None
    ) -> dict[str, torch.Tensor]:
        """Return the terms, ``{"b0": (B, C), "b1": ...}`` of the dimensions; their sum is the loss.

        Raises
        ------
        UserError
            As `topoeval.persistence.compute`; prepared barcodes of other targets.
        """
        probabilities = self.probabilities(input)
        wanted = self.prepare(target) if prepared is None else prepared
        costs = self._compare(probabilities, wanted)
        names = self.terms(wanted.dims)
        batch, classes = probabilities.shape[:2]
        per_class = costs.reshape(batch, classes, -1, len(names)).sum(2)
        return dict(zip(names, per_class.unbind(-1), strict=True))

    @abstractmethod
    def costs(self, found: Table, wanted: Table) -> torch.Tensor:
        """Return the cost of each image and term, ``(n_images, len(self.terms(found.dims)))``.

        Parameters
        ----------
        found, wanted
            Bars of the maps, through which gradients flow, and of the targets.
        """

    def terms(self, dims: Sequence[int]) -> list[str]:
        """Return the names of the terms: one a dimension, after its Betti number."""
        return [f"b{k}" for k in dims]

    @outside_graph
    def _compare(self, maps: torch.Tensor, wanted: Table) -> torch.Tensor:
        found = self._barcodes(maps)
        if (wanted.n_images, wanted.dims) != (found.n_images, found.dims):
            raise UserError(
                f"prepared for {wanted.n_images} maps in dimensions {wanted.dims}, called with "
                f"{found.n_images} in {found.dims}; pass what select() returns for this batch"
            )
        return self.costs(found, _like(wanted, found))

    def prepare(self, target: torch.Tensor) -> Table:
        """Return the barcodes of targets ``(N, C, *spatial)``."""
        self._check_dims(target)
        return self._barcodes(self.targets(target).detach())

    def select(self, prepared: Table, samples: torch.Tensor) -> Table:
        """Return the barcodes of the samples at the indices `samples`."""
        n_maps = prepared.batch_shape[1]
        first = samples.to(prepared.image) * n_maps
        return prepared.select(first[:, None] + torch.arange(n_maps, device=first.device))

    def _barcodes(self, maps: torch.Tensor) -> Table:
        """Return bars; the patches of a map are numbered like further channels."""
        ndim = maps.ndim - 2
        if self.patch is not None:
            maps = patches(maps, self.patch).flatten(1, 2)
        return compute(maps, self.topology, self.dims, self.backend, spatial_dims=ndim)


def _like(wanted: Table, found: Table) -> Table:
    """Return the bars of targets on the device and in the precision of those of the maps."""
    return replace(
        wanted,
        image=wanted.image.to(found.image),
        dim=wanted.dim.to(found.dim),
        birth=wanted.birth.to(found.birth),
        death=wanted.death.to(found.death),
        locations=None if wanted.locations is None else wanted.locations.to(found.image),
    )
