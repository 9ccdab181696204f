"""Betti matching restricted to where prediction or target is likely foreground."""

from __future__ import annotations

from typing import Any, ClassVar

import torch

from topoeval.errors import UserError
from topoeval.losses.betti_matching import BettiMatchingLoss
from topoeval.losses.info import LossInfo


class SparseBettiMatchingLoss(BettiMatchingLoss):
    r"""Betti matching inside the voxels that enter the union of both maps by the level tau.

    In sublevel notation, with prediction P, target G and comparison C = min(P, G), all three
    filtrations are restricted to :math:`S = \{C \le \tau\}` (Berger et al. 2026); of
    probabilities, to the voxels where P or G is at least 1 - tau. What is outside enters last, at
    the empty end of the range (0), and has no gradient. Since P and G never enter before C, every
    bar that ends by tau is unchanged, and so is every match through a bar of C that does. A bar
    that would end later ends at 0 or at another voxel of S.

    Parameters
    ----------
    tau
        In (0, 1]; the paper's is 0.8. At 1 nothing is left out and the loss is `BettiMatchingLoss`.
    options
        As for `BettiMatchingLoss`, but for ``comparison``: a restriction to the intersection would
        hide every false positive.

    Examples
    --------
    What is fainter than 0.2 costs nothing:

    >>> truth = torch.zeros(1, 1, 5, 7)
    >>> truth[..., 1:3, 1:3] = 1
    >>> found = truth.clone()
    >>> found[..., 4, 5] = 0.1
    >>> found[..., 1, 5] = 0.5
    >>> losses = BettiMatchingLoss(), SparseBettiMatchingLoss()
    >>> [round(float(loss(found, truth)), 4) for loss in losses]
    [0.26, 0.25]
    """

    info: ClassVar[LossInfo] = LossInfo(
        name="sparse_betti_matching",
        title="Sparse Betti matching",
        ndims=(2, 3),
        needs_target=True,
        needs_prior=False,
        multiclass="one against the rest, each channel by itself",
        cost="moderate",
        takes_topology=True,
        device="2D",
        minimum=0.0,
        citation="A. H. Berger et al., sparse cubical filtration for Betti matching, 2026; "
        "N. Stucki et al., ICML 2023, arXiv 2211.15272",
        advice="As Betti matching, where most of the image is surely background: faint noise has "
        "no gradient.",
    )

    def __init__(self, *, tau: float = 0.8, **options: Any) -> None:
        if "comparison" in options:
            raise UserError(
                "sparse_betti_matching compares through the union only; "
                "betti_matching takes a comparison"
            )
        super().__init__(**options)
        if not 0 < tau <= 1:
            raise UserError(f"tau must lie in (0, 1], got {tau}")
        self.tau = float(tau)

    def maps(self, input: torch.Tensor, target: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return probabilities and targets ``(B, C', *spatial)``, flat outside of S."""
        p, g = super().maps(input, target)
        if self.topology.superlevel:
            outside, last = torch.maximum(p, g).detach() < 1 - self.tau, 0.0
        else:
            outside, last = torch.minimum(p, g).detach() > self.tau, 1.0
        return p.masked_fill(outside, last), g.masked_fill(outside, last)
