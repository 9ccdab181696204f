"""The Betti-number prior of Clough et al., a loss that needs no labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import torch

from topoeval.errors import UserError
from topoeval.losses.base import MapLoss, Reduction
from topoeval.losses.info import LossInfo
from topoeval.persistence import Barcodes, compute
from topoeval.persistence.ranking import rank_in_group
from topoeval.topology import Topology

Essential = Literal["ranked", "dropped"]
Prior = torch.Tensor | Sequence[int] | Sequence[Sequence[int]]


class BettiPriorLoss(MapLoss):
    r"""Pull the barcode of a probability map towards given Betti numbers.

    For each dimension k, bars sorted by decreasing length,

    .. math:: L_k = \sum_{l \le \beta_k} (1 - |b_{k,l} - d_{k,l}|^p)
              + \sum_{l > \beta_k} |b_{k,l} - d_{k,l}|^p,  \qquad  L = \sum_k w_k L_k

    with p = 2: equations 3 and 4 of Clough et al., TPAMI 2020 (arXiv 1910.01877). A wanted bar that
    does not exist counts 1 and has no gradient. The minimum 0 is reached exactly when dimension k
    has beta_k bars of length 1 and no others. Byrne et al. (TMI 2022) use p = 1.

    Parameters
    ----------
    prior
        Betti numbers (b0, b1[, b2]), one vector ``(d,)`` for all or one per class ``(C, d)``. None:
        given at each call.
    topology
        How the map is read; decides the connectivity.
    essential
        What becomes of the component that never dies. ``"ranked"``: it is the bar (max p, 0), as
        the paper's formula reads. ``"dropped"``: it is left out and b0 is lowered by one, as in the
        authors' code. The two differ by 1 - (max p)^p, so only in the gradient at one voxel.
    exponent
        p; at least 1.
    dim_weights
        w_k; a dimension with weight 0 is not computed.
    max_bars
        Consider only so many longest bars per image and dimension (the authors' notebook: 20).
    include_background, sigmoid, softmax
        As in MONAI: drop channel 0, activate logits. Without activation the input must lie in
        [0, 1].
    reduction
        ``"mean"`` or ``"sum"`` over batch and classes, or ``"none"`` for ``(B, C)``.
    backend
        Persistence backend.

    Examples
    --------
    A perfect disc costs nothing; asked to be a ring it lacks one bar:

    >>> disc = torch.zeros(1, 1, 5, 5)
    >>> disc[..., 1:4, 1:4] = 1
    >>> float(BettiPriorLoss((1, 0))(disc)), float(BettiPriorLoss((1, 1))(disc))
    (0.0, 1.0)
    """

    info: ClassVar[LossInfo] = LossInfo(
        name="betti_prior",
        title="Betti prior (Clough)",
        ndims=(2, 3),
        needs_target=False,
        needs_prior=True,
        multiclass="each channel by itself, one prior per class",
        cost="moderate",
        takes_topology=True,
        takes_backend=True,
        device="2D",
        citation="J. R. Clough et al., A Topological Loss Function for Deep-Learning Based Image "
        "Segmentation Using Persistent Homology, IEEE TPAMI 44(12), 2022, arXiv 1910.01877",
        advice="The Betti numbers are known and labels are few, or there are none: semi-"
        "supervised training, and correction of single images after a sound start.",
    )

    def __init__(
        self,
        prior: Prior | None = None,
        *,
        topology: Topology = Topology(),  # noqa: B008  # frozen value, safe to share
        essential: Essential = "ranked",
        exponent: float = 2.0,
        dim_weights: Sequence[float] | None = None,
        max_bars: int | None = None,
        include_background: bool = True,
        sigmoid: bool = False,
        softmax: bool = False,
        reduction: Reduction = "mean",
        backend: str = "auto",
    ) -> None:
        super().__init__(
            sigmoid=sigmoid,
            softmax=softmax,
            include_background=include_background,
            reduction=reduction,
        )
        if essential not in ("ranked", "dropped"):
            raise UserError(f"essential must be 'ranked' or 'dropped', got {essential!r}")
        if exponent < 1:
            raise UserError(f"exponent must be at least 1, got {exponent}")
        if max_bars is not None and max_bars < 1:
            raise UserError(f"max_bars must be at least 1, got {max_bars}")
        self.prior = None if prior is None else _as_betti(prior)
        self.topology = Topology.parse(topology)
        self.essential: Essential = essential
        self.exponent = float(exponent)
        self.dim_weights = None if dim_weights is None else tuple(map(float, dim_weights))
        self.max_bars = max_bars
        self.backend = backend

    def forward(self, input: torch.Tensor, prior: Prior | None = None) -> torch.Tensor:
        """Return the loss.

        Parameters
        ----------
        input
            ``(B, C, *spatial)`` logits or probabilities, 2D or 3D.
        prior
            Betti numbers of these samples, ``(B, d)`` or ``(B, C, d)``; replaces the prior the loss
            was built with.
        """
        return self.reduce(self.parts(input, prior))

    def parts(self, input: torch.Tensor, prior: Prior | None = None) -> dict[str, torch.Tensor]:
        """Return the weighted terms ``{"b0": (B, C), "b1": ...}`` whose sum is the loss."""
        self._check_dims(input)
        return self._guarded(input, lambda maps: self.per_class(maps, prior))

    def per_class(self, input: torch.Tensor, prior: Prior | None = None) -> dict[str, torch.Tensor]:
        """Return what `parts` returns, of at least one image, finite."""
        probabilities = self.probabilities(input)
        batch, classes, ndim = *probabilities.shape[:2], probabilities.ndim - 2
        weights = self._weights(ndim)
        wanted = self._prior_per_image(prior, batch, classes, ndim).to(probabilities.device)
        dims = [k for k in range(ndim) if weights[k] != 0]
        barcodes = compute(probabilities, self.topology, dims, self.backend, spatial_dims=ndim)
        terms = betti_prior_terms(
            barcodes,
            wanted[:, dims],
            exponent=self.exponent,
            essential=self.essential,
            max_bars=self.max_bars,
        )
        return {
            f"b{k}": weights[k] * terms[:, column].reshape(batch, classes)
            for column, k in enumerate(dims)
        }

    def _weights(self, ndim: int) -> tuple[float, ...]:
        weights = self.dim_weights or (1.0,) * ndim
        if len(weights) != ndim or not any(weights):
            raise UserError(
                f"dim_weights must be {ndim} numbers for {ndim}D images, not all 0, got {weights}"
            )
        return weights

    def _prior_per_image(
        self, given: Prior | None, batch: int, classes: int, ndim: int
    ) -> torch.Tensor:
        """Return the prior as ``(B * C, d)``."""
        if given is not None:
            prior, where = _as_betti(given), "(B, d) or (B, C, d)"
            fits = tuple(prior.shape) in {(batch, ndim), (batch, classes, ndim)}
        elif self.prior is not None:
            prior, where = self.prior, "(d,) or (C, d)"
            fits = tuple(prior.shape) in {(ndim,), (classes, ndim)}
        else:
            raise UserError("BettiPriorLoss was built without a prior and called without one")
        if not fits:
            raise UserError(
                f"a prior of shape {tuple(prior.shape)} does not fit: expected {where} with "
                f"B={batch}, C={classes} and d={ndim} Betti numbers for {ndim}D images"
            )
        if given is not None and prior.ndim == 2:
            prior = prior[:, None]  # one vector per sample, the same for all its classes
        return prior.expand(batch, classes, ndim).reshape(-1, ndim)


def betti_prior_terms(
    barcodes: Barcodes[torch.Tensor],
    prior: torch.Tensor,
    *,
    exponent: float = 2.0,
    essential: Essential = "ranked",
    max_bars: int | None = None,
) -> torch.Tensor:
    """Return L_k of each image, ``(n_images, len(barcodes.dims))``, from bars and wanted numbers.

    `prior` has the shape of the result. The formula is that of `BettiPriorLoss`; images and
    dimensions are processed together, as segments of one table.
    """
    lengths = barcodes.lengths()
    n_dims = len(barcodes.dims)
    column = torch.searchsorted(
        torch.tensor(barcodes.dims, device=lengths.device), barcodes.dim.contiguous()
    )
    group = barcodes.image * n_dims + column
    prior = prior.to(torch.int64)
    if essential == "dropped":
        finite = ~barcodes.essential
        lengths, group = lengths[finite], group[finite]
        if 0 in barcodes.dims:
            # each image has one essential bar of dimension 0, which is the first component
            first = torch.tensor([int(k == 0) for k in barcodes.dims], device=prior.device)
            prior = (prior - first).clamp(min=0)
    if max_bars is not None and int(prior.max()) > max_bars:
        raise UserError(f"max_bars={max_bars} is less than the {int(prior.max())} bars wanted")

    rank = rank_in_group(group, lengths)
    if max_bars is not None:
        kept = rank < max_bars
        lengths, group, rank = lengths[kept], group[kept], rank[kept]
    wanted = prior.reshape(-1)
    powered = lengths**exponent
    cost = torch.where(rank < wanted[group], 1 - powered, powered)
    present = torch.bincount(group, minlength=wanted.numel())
    absent = (wanted - present).clamp(min=0).to(cost.dtype)
    return absent.index_add(0, group, cost).reshape(prior.shape)


def _as_betti(prior: Prior) -> torch.Tensor:
    betti = torch.as_tensor(prior)
    if betti.numel() == 0 or (betti.is_floating_point() and bool((betti % 1 != 0).any())):
        raise UserError(f"a prior is made of whole Betti numbers, got {prior}")
    if bool((betti < 0).any()):
        raise UserError(f"Betti numbers are not negative, got {prior}")
    return betti.to(torch.int64)
