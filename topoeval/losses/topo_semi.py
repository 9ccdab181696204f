"""Signal bars matched with a teacher's, noise removed: TopoSemiSeg."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from topoeval.errors import UserError
from topoeval.losses.diagram import DiagramLoss, Table
from topoeval.losses.info import LossInfo
from topoeval.persistence.barcode import host_array
from topoeval.persistence.diagram import PairFunction, distances, points_of, sum_per_group
from topoeval.persistence.diagram_matching import assign


class TopoSemiLoss(DiagramLoss):
    r"""The noise-aware topological consistency of Xu et al. (ECCV 2024, arXiv 2311.16447).

    The target is what a teacher predicts, a map of probabilities. Bars longer than a threshold are
    signal, all others noise. The signal bars (b, d) of the map are matched with those (b', d') of
    the target, and

    .. math:: L_k = \min_\pi \Big( \sum_{matched} (b - b')^2 + (d - d')^2
              + \sum_{left} (b - d)^2 \Big) + \sum_{noise} (b - d)^2

    where noise is that of the map, and signal bars that are left without a partner are those of
    both sides: of the target's a map feels nothing, as no bar of it is meant. The component that
    never dies ends where the values end, at 0 (at 1 in a sublevel filtration).

    Parameters
    ----------
    threshold
        In [0, 1]: what is longer is signal.
    dims
        Homology dimensions that count; components alone by default, as in the paper.
    topology, patch, include_background, sigmoid, softmax, reduction, backend
        As in `topoeval.losses.diagram.DiagramLoss`. The authors compare patches of 100.

    Examples
    --------
    A second component of height 0.5 is noise whatever the teacher says; one of 0.8 is drawn to the
    0.9 that the teacher has:

    >>> teacher = torch.tensor([[[[1.0, 0.0, 0.9]]]])
    >>> loss = TopoSemiLoss()
    >>> round(float(loss(torch.tensor([[[[1.0, 0.0, 0.8]]]]), teacher)), 6)
    0.01
    >>> loss(torch.tensor([[[[1.0, 0.0, 0.5]]]]), torch.tensor([[[[1.0, 0.0, 0.2]]]])).item()
    0.25
    """

    info: ClassVar[LossInfo] = LossInfo(
        name="topo_semi",
        title="Topological consistency (TopoSemiSeg)",
        ndims=(2, 3),
        needs_target=True,
        needs_prior=False,
        soft_targets=True,
        multiclass="each channel by itself",
        takes_topology=True,
        takes_backend=True,
        minimum=0.0,
        cost="moderate",
        device="part",
        citation="M. Xu et al., Semi-supervised Segmentation of Histopathology Images with "
        "Noise-Aware Topological Consistency, ECCV 2024, arXiv 2311.16447",
        departures="Their code holds the student's p against one minus the teacher's: it takes "
        "the ends of bars of the inverted map for values of the map. It matches by the larger of "
        "two differences, for which several matchings are often equally cheap; ours is by the "
        "squares that the loss is made of. Where several bars end at one voxel the last decides; "
        "here all add up. A bar to be removed costs twice as much there, with the same gradient; "
        "the one that never dies is drawn to 1 there and to 0 here. Patches that are empty or full "
        "are skipped there; no patches are cut here unless asked for.",
        advice="Unlabelled images with a teacher: features that the teacher is sure of are kept, "
        "all others go. A persistence of 0.7 asks for a network that is sure of itself.",
    )

    def __init__(
        self, *, threshold: float = 0.7, dims: Sequence[int] | None = (0,), **settings: Any
    ) -> None:
        super().__init__(dims=dims, **settings)
        if not 0 <= threshold <= 1:
            raise UserError(f"threshold must lie in [0, 1], got {threshold}")
        self.threshold = float(threshold)

    def costs(self, found: Table, wanted: Table) -> torch.Tensor:
        """Return L_k of each image, ``(n_images, len(dims))``."""
        found, wanted = _closed(found), _closed(wanted)
        signal, kept = (_rows(table, self._is_signal(table)) for table in (found, wanted))
        matching = assign(signal, kept, _gain(signal, kept))
        one, other = matching.first, matching.second
        pairs = (signal.birth[one] - kept.birth[other]) ** 2
        pairs = pairs + (signal.death[one] - kept.death[other]) ** 2
        costs = sum_per_group(signal, one, pairs)
        left = matching.unmatched(signal, kept)
        noise = (~self._is_signal(found)).nonzero().flatten()
        alone = zip((signal, kept, found), (*left, noise), strict=True)
        for table, rows in alone:
            lengths = (table.birth[rows] - table.death[rows]) ** 2
            costs = costs + sum_per_group(table, rows, lengths)
        return costs

    def _is_signal(self, table: Table) -> torch.Tensor:
        return (table.birth - table.death).detach().abs() > self.threshold


def _closed(table: Table) -> Table:
    """Return bars of maps in [0, 1] with the end of the values in place of an infinite one."""
    first, last = (1.0, 0.0) if table.topology.superlevel else (0.0, 1.0)
    birth, death = (
        torch.where(ends.isinf(), torch.full_like(ends, value), ends)
        for ends, value in ((table.birth, first), (table.death, last))
    )
    return replace(table, birth=birth, death=death)


def _gain(signal: Table, kept: Table) -> PairFunction:
    """Return what a pair costs less than its two bars by themselves."""
    points = [host_array(points_of(table)) for table in (signal, kept)]
    alone = [(ends[:, 0] - ends[:, 1]) ** 2 for ends in points]

    def gain(rows: NDArray[np.int64], columns: NDArray[np.int64]) -> NDArray[np.float64]:
        apart = distances(points[0][rows], points[1][columns])
        return alone[0][rows, None] + alone[1][None, columns] - apart**2

    return gain


def _rows(table: Table, chosen: torch.Tensor) -> Table:
    """Return the bars that are chosen; no image is left out."""
    return replace(
        table,
        image=table.image[chosen],
        dim=table.dim[chosen],
        birth=table.birth[chosen],
        death=table.death[chosen],
        locations=None if table.locations is None else table.locations[chosen],
    )
