"""One number per barcode, compared between map and target."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import torch

from topoeval.errors import UserError
from topoeval.losses.diagram import DiagramLoss, Table
from topoeval.losses.info import LossInfo
from topoeval.persistence.diagram import group_index, sum_per_group

_CARD: dict[str, Any] = {
    "ndims": (2, 3),
    "needs_target": True,
    "needs_prior": False,
    "soft_targets": True,
    "multiclass": "each channel by itself",
    "cost": "moderate",
    "takes_topology": True,
    "takes_backend": True,
    "device": "2D",
    "minimum": 0.0,
}

# Lengths up to a few units of rounding near 1 are noise of the arithmetic, not of the map.
_ROUNDING = 1e-6


class SummaryStatisticLoss(DiagramLoss):
    r"""Difference of a statistic s of the barcodes, ``|s(map) - s(target)|^exponent`` of each term.

    A number for a whole barcode sees neither places nor single bars: equal diagrams cost nothing,
    and so do different diagrams of equal sum.

    Parameters
    ----------
    exponent
        Of the absolute difference, at least 1.
    topology, dims, patch, include_background, sigmoid, softmax, reduction, backend
        As in `topoeval.losses.diagram.DiagramLoss`.
    """

    def __init__(self, *, exponent: float = 1.0, **settings: Any) -> None:
        super().__init__(**settings)
        if exponent < 1:
            raise UserError(f"exponent must be at least 1, got {exponent}")
        self.exponent = float(exponent)

    def costs(self, found: Table, wanted: Table) -> torch.Tensor:
        """Return the difference of each image and term, ``(n_images, n_terms)``."""
        return (self.statistic(found) - self.statistic(wanted)).abs() ** self.exponent

    @abstractmethod
    def statistic(self, barcodes: Table) -> torch.Tensor:
        """Return s of each image and term, ``(n_images, n_terms)``; differentiable."""


class TotalPersistenceLoss(SummaryStatisticLoss):
    r"""Difference of total persistence to the target's.

    .. math:: L_k = \Big| \sum_{map} |b - d|^r - \sum_{target} |b - d|^r \Big|^q

    with r = 2 and q = 1, the defaults of `torch_topological.nn.SummaryStatisticLoss`. The component
    that never dies is the bar (b, 0).

    Parameters
    ----------
    power
        r, at least 1.
    exponent
        q, at least 1.
    topology, dims, patch, include_background, sigmoid, softmax, reduction, backend
        As in `topoeval.losses.diagram.DiagramLoss`.

    Examples
    --------
    >>> target = torch.tensor([[[[1.0, 0.0, 0.0]]]])
    >>> round(float(TotalPersistenceLoss()(torch.tensor([[[[1.0, 0.0, 0.5]]]]), target)), 6)
    0.25
    """

    info: ClassVar[LossInfo] = LossInfo(
        name="total_persistence",
        title="Total persistence",
        citation="D. Cohen-Steiner et al., Lipschitz Functions Have L_p-Stable Persistence, "
        "Foundations of Computational Mathematics 10, 2010",
        **_CARD,
        advice="The cheapest summary of a barcode: noise in amount. Single features are better "
        "told by a matching.",
    )

    def __init__(self, *, power: float = 2.0, **settings: Any) -> None:
        super().__init__(**settings)
        if power < 1:
            raise UserError(f"power must be at least 1, got {power}")
        self.power = float(power)

    def statistic(self, barcodes: Table) -> torch.Tensor:
        """Return the sum of powers of lengths, ``(n_images, len(dims))``."""
        return sum_per_group(barcodes, _all(barcodes), barcodes.lengths() ** self.power)


class PersistentEntropyLoss(SummaryStatisticLoss):
    r"""Difference of persistent entropy, in bits, to the target's.

    .. math:: s = - \sum_i p_i \log_2 p_i, \qquad p_i = \frac{|b_i - d_i|}{\sum_j |b_j - d_j|}

    of the bars of each dimension, as in `torch_topological.nn.SummaryStatisticLoss`, and once more
    of all bars together: within a dimension one bar has entropy 0 as has none, and a ring would be
    no different from a disc. The component that never dies is the bar (b, 0). Bars no longer than
    1e-6 are rounding and left out.

    Entropy does not change when all lengths are scaled: it tells many equal bars from few and is
    blind to how long they are.

    Parameters
    ----------
    exponent
        Of the absolute difference, at least 1. The peer has 1; squares also tell which of two maps
        should have the larger entropy where both have too much.
    topology, dims, patch, include_background, sigmoid, softmax, reduction, backend
        As in `topoeval.losses.diagram.DiagramLoss`.

    Examples
    --------
    Two equal components are one bit more than one, in dimension 0 and in all:

    >>> target = torch.tensor([[[[1.0, 0.0, 0.0]]]])
    >>> parts = PersistentEntropyLoss().parts(torch.tensor([[[[1.0, 0.0, 1.0]]]]), target)
    >>> {name: float(part) for name, part in parts.items()}
    {'b0': 1.0, 'b1': 0.0, 'all': 1.0}
    """

    info: ClassVar[LossInfo] = LossInfo(
        name="persistent_entropy",
        title="Persistent entropy",
        citation="N. Atienza, R. Gonzalez-Diaz, M. Soriano-Trigueros, On the Stability of "
        "Persistent Entropy and New Summary Functions for Topological Data Analysis, 2018, "
        "arXiv 1803.08304",
        **_CARD,
        advice="Whether few or many features share the persistence; blind to their strength. A "
        "control beside the other barcode losses.",
    )

    def __init__(self, *, exponent: float = 2.0, **settings: Any) -> None:
        super().__init__(exponent=exponent, **settings)

    def terms(self, dims: Sequence[int]) -> list[str]:
        """Return the names of the terms: one a dimension, and all bars together."""
        return [*super().terms(dims), "all"]

    def statistic(self, barcodes: Table) -> torch.Tensor:
        """Return the entropies, ``(n_images, len(dims) + 1)``."""
        lengths = barcodes.lengths()
        rows = (lengths.detach() > _ROUNDING).nonzero().flatten()
        lengths = lengths[rows]
        per_dim = sum_per_group(barcodes, rows, lengths)
        total = per_dim.sum(1, keepdim=True)
        entropies = []
        for whole in (per_dim, total.expand_as(per_dim)):
            share = lengths / whole.flatten()[group_index(barcodes)[rows]]
            entropies.append(sum_per_group(barcodes, rows, -share * share.log2()))
        return torch.cat([entropies[0], entropies[1].sum(1, keepdim=True)], dim=1)


def _all(barcodes: Table) -> torch.Tensor:
    return torch.arange(len(barcodes), device=barcodes.image.device)
