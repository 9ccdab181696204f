"""Betti matching: bars of prediction and target that are one feature in their comparison."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import torch

from topoeval.errors import UserError
from topoeval.losses.base import Reduction, TargetLoss, outside_graph
from topoeval.losses.info import LossInfo
from topoeval.persistence.matching import NO_VOXEL, Comparison, Matching, match
from topoeval.topology import Topology


class BettiMatchingLoss(TargetLoss):
    r"""Move matched bars onto each other and shrink those without a partner.

    With the induced matching of the barcodes of prediction P and target G,

    .. math:: L = 2 w_m \sum_{\text{matched}} (b_P - b_G)^2 + (d_P - d_G)^2
              + w_u \sum_{\text{unmatched } P} (b - d)^2 + \sum_{\text{unmatched } G} (b - d)^2

    Stucki et al., ICML 2023 (arXiv 2211.15272). A class that never dies is a bar that ends at 0
    (superlevel), one born with the frame begins at 1. The last sum has no gradient. Several classes
    are matched one against the rest, each channel by itself (Berger et al., MICCAI 2024).

    Parameters
    ----------
    topology
        How the maps are read. The paper's is the default: V, superlevel, plain. A framed border is
        its relative homology (there with the frame at the maximum of the map, here at 1).
    comparison, proper
        What bars are matched through; see `topoeval.persistence.match`.
    dims
        Homology dimensions; all by default.
    matched_weight, unmatched_weight
        w_m and w_u.
    push_unmatched
        Drive the birth of an unmatched bar of P to the empty end of the range and its death to the
        full one, with 2 (b^2 + (1 - d)^2) (superlevel), rather than shrink the bar: by the option
        of the published 3D code. Its value is not bounded by the length of the bar.
    min_length
        Unmatched bars of P of this length or less cost nothing.
    sigmoid, softmax, include_background, reduction
        As for every loss on maps; see `topoeval.losses.base.MapLoss`.
    threads
        Threads of the matching over images and classes where the CPU does it; None: as
        OMP_NUM_THREADS says. 2D maps on CUDA and ROCm are matched there.

    Examples
    --------
    One component is found, one is missed (1) and one is not there (0.9^2), and the one
    found is not bright enough (2 * 0.1^2):

    >>> found, truth = torch.zeros(2, 1, 1, 5, 7)
    >>> truth[..., :2, :2] = truth[..., 3:, 5:] = 1
    >>> found[..., 1, 1] = found[..., 4, 0] = 0.9
    >>> loss = BettiMatchingLoss()
    >>> {name: round(float(part), 3) for name, part in loss.parts(found, truth).items()}
    {'matched': 0.02, 'unmatched_prediction': 0.81, 'unmatched_target': 1.0}
    """

    info: ClassVar[LossInfo] = LossInfo(
        name="betti_matching",
        title="Betti matching",
        departures=(
            "Ties between equal values are broken by the order of the voxels; matched "
            "counts of a mirrored pair may differ by a few."
        ),
        ndims=(2, 3),
        needs_target=True,
        needs_prior=False,
        multiclass="one against the rest, each channel by itself",
        cost="moderate",
        takes_topology=True,
        device="2D",
        minimum=0.0,
        citation="N. Stucki et al., Topologically Faithful Image Segmentation via Induced Matching "
        "of Persistence Barcodes, ICML 2023, arXiv 2211.15272; A. H. Berger et al., Topologically "
        "Faithful Multi-class Segmentation in Medical Images, MICCAI 2024",
        advice="Where features must be right in number and place; beside an overlap loss, after a "
        "start with that alone.",
    )

    def __init__(
        self,
        *,
        topology: Topology = Topology("V"),  # noqa: B008  # frozen value, safe to share
        comparison: Comparison = "union",
        proper: bool = False,
        dims: Sequence[int] | None = None,
        matched_weight: float = 1.0,
        unmatched_weight: float = 1.0,
        push_unmatched: bool = False,
        min_length: float = 0.0,
        sigmoid: bool = False,
        softmax: bool = False,
        include_background: bool = True,
        reduction: Reduction = "mean",
        threads: int | None = None,
    ) -> None:
        super().__init__(
            sigmoid=sigmoid,
            softmax=softmax,
            include_background=include_background,
            reduction=reduction,
        )
        if min(matched_weight, unmatched_weight) < 0:
            raise UserError(
                f"weights are not negative, got {matched_weight} matched and "
                f"{unmatched_weight} unmatched"
            )
        if not 0 <= min_length <= 1:
            raise UserError(f"min_length is a difference of probabilities, got {min_length}")
        self.topology = Topology.parse(topology)
        self.comparison: Comparison = comparison
        self.proper = proper
        self.dims = None if dims is None else tuple(dims)
        self.matched_weight = float(matched_weight)
        self.unmatched_weight = float(unmatched_weight)
        self.push_unmatched = push_unmatched
        self.min_length = float(min_length)
        self.threads = threads

    def per_class(
        self, input: torch.Tensor, target: torch.Tensor, prepared: Any = None
    ) -> dict[str, torch.Tensor]:
        """Return what matched, superfluous and missing features cost, each ``(B, C)``."""
        p, g = self.maps(input, target)
        found = self.matching(p, g)
        start = found.image * p[0, 0].numel()
        p, g = p.reshape(-1), g.reshape(-1)
        empty, full = (0.0, 1.0) if self.topology.superlevel else (1.0, 0.0)

        def ends(
            x: torch.Tensor, rows: torch.Tensor, birth: torch.Tensor, death: torch.Tensor
        ) -> tuple[torch.Tensor, torch.Tensor]:
            image = start[rows]
            return _at(x, image, birth[rows], full), _at(x, image, death[rows], empty)

        def total(cost: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
            per_image = cost.new_zeros(found.n_images).index_add(0, found.image[rows], cost)
            return per_image.reshape(found.batch_shape)

        both, only_p, only_g = (
            mask.nonzero()[:, 0] for mask in (found.matched, found.only_p, found.only_g)
        )
        p_birth, p_death = ends(p, both, found.p_birth, found.p_death)
        g_birth, g_death = ends(g, both, found.g_birth, found.g_death)
        matched = (p_birth - g_birth).square() + (p_death - g_death).square()

        birth, death = ends(p, only_p, found.p_birth, found.p_death)
        if self.min_length > 0:
            long = (birth - death).abs() > self.min_length
            only_p, birth, death = only_p[long], birth[long], death[long]
        if self.push_unmatched:
            superfluous = 2 * ((birth - empty).square() + (death - full).square())
        else:
            superfluous = (birth - death).square()

        birth, death = ends(g, only_g, found.g_birth, found.g_death)
        return {
            "matched": 2 * self.matched_weight * total(matched, both),
            "unmatched_prediction": self.unmatched_weight * total(superfluous, only_p),
            "unmatched_target": total((birth - death).square(), only_g),
        }

    @outside_graph
    def matching(self, p: torch.Tensor, g: torch.Tensor) -> Matching[torch.Tensor]:
        """Return the matching of ``(B, C, *spatial)`` probabilities and targets."""
        return match(
            p,
            g,
            self.topology,
            self.dims,
            comparison=self.comparison,
            proper=self.proper,
            spatial_dims=p.ndim - 2,
            threads=self.threads,
        )


def _at(x: torch.Tensor, start: torch.Tensor, index: torch.Tensor, beyond: float) -> torch.Tensor:
    """Return the values of voxels of images that begin at `start`, and `beyond` for `NO_VOXEL`."""
    if index.device.type == "cpu" and not len(index):
        return x.new_empty(0)
    if index.device.type == "cpu" and int(index.min()) >= 0:  # asking would stop other devices
        return x.index_select(0, start + index)
    values = x.index_select(0, start + index.clamp(min=0))
    return torch.where(index == NO_VOXEL, torch.full_like(values, beyond), values)
