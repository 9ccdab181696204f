"""TopoLoss of Hu et al.: move the critical points of the map to those of the target."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar, Literal, get_args

import torch

from topoeval.errors import UserError
from topoeval.losses.diagram import DiagramLoss, Table
from topoeval.losses.info import LossInfo
from topoeval.persistence.diagram import diagonal_distances, sum_per_group
from topoeval.persistence.diagram_matching import (
    matched_distances,
    optimal_matching,
    ranked_matching,
)

Reading = Literal["longest", "optimal"]


class TopoLoss(DiagramLoss):
    r"""Move the bars of a map onto those of its target, and the rest onto the diagonal.

    For each homology dimension, with bars (b, d) of the map and (b', d') of the target,

    .. math:: L_k = \sum_{matched} (b - b')^2 + (d - d')^2
              + \sum_{unmatched} \tfrac{1}{2} (b - d)^2,

    Hu et al., NeurIPS 2019 (arXiv 1906.05404). Bars of the target without partner count too and
    have no gradient. The component that never dies is matched with that of the target.

    Parameters
    ----------
    reading
        ``"longest"``: the n longest bars are matched, n being the number of bars of the target, as
        in the paper and its first code. ``"optimal"``: matched at least total cost (2-Wasserstein),
        as in the authors' later code; a bar so short that it is cheaper to let it and a bar of the
        target vanish is pushed down, so this reading cannot raise every feature out of noise.
    to_corner
        Matched bars go to (1, 0), the most persistent bar there is, and not to the target's bar.
        No difference where the target is binary.
    min_length
        Unmatched bars of the map shorter than this are left alone (the authors' first code: 0.03).
    patch
        As in `topoeval.losses.diagram.DiagramLoss`; the authors compare patches, of side 100 in
        their code, and put a frame of foreground round them (``Topology(border="framed")``).
    topology, dims, include_background, sigmoid, softmax, reduction, backend
        As in `topoeval.losses.diagram.DiagramLoss`. The paper uses dimension 1 alone, the authors'
        later code dimension 0 alone; all dimensions count here unless `dims` says otherwise.

    Examples
    --------
    A gap of 0.6 in a ring: its loop should reach from 1 to 0, and does from 0.6:

    >>> ring = torch.ones(1, 1, 3, 3)
    >>> ring[..., 1, 1] = 0
    >>> broken = ring.clone()
    >>> broken[..., 0, 1] = 0.6
    >>> round(float(TopoLoss()(broken, ring)), 6)
    0.16
    """

    info: ClassVar[LossInfo] = LossInfo(
        name="topoloss",
        title="TopoLoss (Hu)",
        departures=(
            "All dimensions and the whole image by default; the authors' codes take "
            "one dimension, patches of 100 and, in one version, raw logits for the "
            "values."
        ),
        ndims=(2, 3),
        needs_target=True,
        needs_prior=False,
        multiclass="each channel by itself",
        cost="moderate",
        takes_topology=True,
        takes_backend=True,
        device="2D",
        minimum=0.0,
        citation="X. Hu et al., Topology-Preserving Deep Image Segmentation, NeurIPS 2019, "
        "arXiv 1906.05404",
        advice="Broken lines and spurious holes, late in a training: the authors train with "
        "cross-entropy first. Isolated specks may remain.",
    )

    def __init__(
        self,
        *,
        reading: Reading = "longest",
        to_corner: bool = False,
        min_length: float = 0.0,
        **settings: Any,
    ) -> None:
        super().__init__(**settings)
        if reading not in get_args(Reading):
            raise UserError(f"reading must be 'longest' or 'optimal', got {reading!r}")
        if not 0 <= min_length < 1:
            raise UserError(f"min_length must lie in [0, 1), got {min_length}")
        self.reading: Reading = reading
        self.to_corner = to_corner
        self.min_length = float(min_length)

    def costs(self, found: Table, wanted: Table) -> torch.Tensor:
        """Return L_k of each image, ``(n_images, len(dims))``."""
        if self.to_corner:
            wanted = _corners(wanted)
        match = ranked_matching if self.reading == "longest" else optimal_matching
        matching = match(found, wanted)
        pairs = matched_distances(found, wanted, matching).square()
        alone, missing = matching.unmatched(found, wanted)
        if self.min_length > 0:
            alone = alone[found.lengths()[alone] >= self.min_length]
        costs = sum_per_group(found, matching.first, pairs)
        for table, rows in ((found, alone), (wanted, missing)):
            costs = costs + sum_per_group(table, rows, diagonal_distances(table)[rows].square())
        return costs


def _corners(table: Table) -> Table:
    """Return the table with finite bars of full length."""
    birth, death = (1.0, 0.0) if table.topology.superlevel else (0.0, 1.0)
    finite = table.birth.isfinite() & table.death.isfinite()
    return replace(
        table,
        birth=torch.where(finite, birth, table.birth),
        death=torch.where(finite, death, table.death),
    )
