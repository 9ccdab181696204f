"""The Betti prior of Byrne et al.: Betti numbers of labels and of unions of labels."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, get_args

import torch

from topoeval.errors import UserError
from topoeval.losses.activation import widened
from topoeval.losses.base import MapLoss, Reduction
from topoeval.losses.betti_prior import Essential, Prior, betti_prior_terms
from topoeval.losses.info import LossInfo
from topoeval.persistence import compute
from topoeval.topology import Topology

Labels = tuple[int, ...]
# Keys as "1+2", 1 or (1, 2); values (d,) or, at a call, (B, d) Betti numbers.
Priors = Mapping[Any, torch.Tensor | Sequence[int] | Sequence[Sequence[int]]]


class BettiPriorMulticlassLoss(MapLoss):
    r"""Pull labels, and unions of labels, towards given Betti numbers.

    For each set S of labels with a prior, the map of the union is the sum of its softmax channels,
    and with its bars of dimension k sorted by decreasing length,

    .. math:: L = \sum_S \sum_k \Big( \sum_{l \le \beta_{S,k}} (1 - |b_{S,k,l} - d_{S,k,l}|)
              + \sum_{l > \beta_{S,k}} |b_{S,k,l} - d_{S,k,l}| \Big),

    Byrne et al. (TMI 2022, arXiv 2107.12689). Lengths are linear, so every bar is pushed alike. The
    unions say how labels lie to each other: "1+2 has one component" means that they touch.

    Takes logits: several channels are a softmax, one channel is background (label 0) and foreground
    (label 1). For probabilities pass their logarithm, whose softmax they are.

    Parameters
    ----------
    priors
        Sets of labels to their Betti numbers: ``{"1": (1, 0), "2": (1, 1), "1+2": (1, 1)}``. Labels
        are channels of the input. None: given at each call.
    topology
        How maps are read; decides the connectivity.
    essential
        As in `topoeval.losses.BettiPriorLoss`. The authors leave the component that never dies out
        (``"dropped"``).
    exponent
        Of the lengths; at least 1.
    max_bars
        Consider only so many longest bars per set, image and dimension.
    reduction
        ``"mean"`` or ``"sum"`` over the batch, or ``"none"`` for ``(B, 1)``.
    backend
        Persistence backend.

    Examples
    --------
    A heart: a muscle (2) round a cavity (1). All is as wanted; a muscle without a hole is not:

    >>> labels = torch.zeros(7, 7, dtype=torch.int64)
    >>> labels[1:6, 1:6], labels[3, 3] = 2, 1
    >>> scores = 200.0 * torch.nn.functional.one_hot(labels).movedim(-1, 0)[None]
    >>> loss = BettiPriorMulticlassLoss({"1": (1, 0), "2": (1, 1), "1+2": (1, 0)})
    >>> float(loss(scores)), float(loss(scores, {"2": (1, 0)}))
    (0.0, 1.0)
    """

    info: ClassVar[LossInfo] = LossInfo(
        name="betti_prior_multiclass",
        title="Betti prior of labels and unions (Byrne)",
        channels="labels",
        ndims=(2, 3),
        needs_target=False,
        needs_prior=True,
        multiclass="softmax over the channels; a prior for each label and each union",
        cost="moderate",
        input="logits",
        takes_topology=True,
        takes_backend=True,
        device="2D",
        citation="N. Byrne et al., A Persistent Homology-Based Topological Loss for CNN-Based "
        "Multiclass Segmentation of CMR, IEEE TMI, 2022, arXiv 2107.12689",
        advice="Several labels whose anatomy is known, each and in their unions; needs a network "
        "that is trained already.",
    )

    def __init__(
        self,
        priors: Priors | None = None,
        *,
        topology: Topology = Topology(),  # noqa: B008  # frozen value, safe to share
        essential: Essential = "dropped",
        exponent: float = 1.0,
        max_bars: int | None = None,
        reduction: Reduction = "mean",
        backend: str = "auto",
    ) -> None:
        super().__init__(reduction=reduction)
        if essential not in get_args(Essential):
            raise UserError(f"essential must be 'ranked' or 'dropped', got {essential!r}")
        if exponent < 1:
            raise UserError(f"exponent must be at least 1, got {exponent}")
        if max_bars is not None and max_bars < 1:
            raise UserError(f"max_bars must be at least 1, got {max_bars}")
        self.priors = {} if priors is None else _read(priors)
        self.topology = Topology.parse(topology)
        self.essential: Essential = essential
        self.exponent = float(exponent)
        self.max_bars = max_bars
        self.backend = backend

    def forward(self, input: torch.Tensor, prior: Priors | Prior | None = None) -> torch.Tensor:
        """Return the loss.

        Parameters
        ----------
        input
            ``(B, C, *spatial)`` logits, 2D or 3D.
        prior
            Betti numbers of these samples, beside those the loss was built with: a dictionary as
            there, with vectors ``(d,)`` or ``(B, d)``; or ``(B, d)`` of the foreground, the union
            of all labels but 0; or ``(B, C, d)`` of every channel by itself.
        """
        return self.reduce(self.parts(input, prior))

    def parts(
        self, input: torch.Tensor, prior: Priors | Prior | None = None
    ) -> dict[str, torch.Tensor]:
        """Return the terms ``{"1:b0": (B, 1), ..., "1+2:b1": (B, 1)}`` whose sum is the loss.

        Raises
        ------
        UserError
            No prior, a label that the input does not have, or a prior of the wrong shape.
        """
        self._check_dims(input)
        return self._guarded(input, lambda maps: self.per_class(maps, prior))

    def per_class(
        self, input: torch.Tensor, prior: Priors | Prior | None = None
    ) -> dict[str, torch.Tensor]:
        """Return what `parts` returns, of at least one image, finite."""
        maps = _label_probabilities(input)
        batch, labels, *shape = maps.shape
        ndim = len(shape)
        wanted = self._wanted(prior, input.shape[1], batch, labels, ndim)
        member = maps.new_zeros(len(wanted), labels)
        for row, subset in zip(member, wanted, strict=True):
            row[list(subset)] = 1
        unions = (member @ maps.flatten(2)).reshape(batch, len(wanted), *shape)
        barcodes = compute(unions, self.topology, None, self.backend, spatial_dims=ndim)
        terms = betti_prior_terms(
            barcodes,
            torch.stack(list(wanted.values()), 1).flatten(0, 1).to(maps.device),
            exponent=self.exponent,
            essential=self.essential,
            max_bars=self.max_bars,
        ).reshape(batch, len(wanted), ndim)
        return {
            f"{_name(subset)}:b{k}": terms[:, number, k, None]
            for number, subset in enumerate(wanted)
            for k in range(ndim)
        }

    def _wanted(
        self, given: Priors | Prior | None, channels: int, batch: int, labels: int, ndim: int
    ) -> dict[Labels, torch.Tensor]:
        """Return the Betti numbers of each set, ``(B, d)``."""
        wanted = {**self.priors, **_given(given, channels, batch, labels, ndim)}
        if not wanted:
            raise UserError(
                f"loss {self.info.name!r} was built without priors and called without one"
            )
        for subset, betti in wanted.items():
            if subset[-1] >= labels:
                raise UserError(
                    f"prior of {_name(subset)!r}, but an input of {labels} labels has none beyond "
                    f"{labels - 1}"
                )
            if tuple(betti.shape) not in {(ndim,), (batch, ndim)}:
                raise UserError(
                    f"prior of {_name(subset)!r} has shape {tuple(betti.shape)}; expected (d,) or "
                    f"(B, d) with B={batch} and d={ndim} Betti numbers for {ndim}D images"
                )
        return {subset: betti.expand(batch, ndim) for subset, betti in wanted.items()}


def _label_probabilities(logits: torch.Tensor) -> torch.Tensor:
    logits = widened(logits)
    if logits.shape[1] > 1:
        return logits.softmax(1)
    return torch.cat([(-logits).sigmoid(), logits.sigmoid()], dim=1)


def _given(
    prior: Priors | Prior | None, channels: int, batch: int, labels: int, ndim: int
) -> dict[Labels, torch.Tensor]:
    """Return what a call says of this batch."""
    if prior is None:
        return {}
    if isinstance(prior, Mapping):
        return _read(prior)
    betti = _betti(prior)
    if tuple(betti.shape) == (batch, ndim):
        return {tuple(range(1, labels)): betti}
    if tuple(betti.shape) == (batch, channels, ndim):
        first = labels - channels  # one channel is label 1
        return {(first + channel,): betti[:, channel] for channel in range(channels)}
    raise UserError(
        f"a prior of shape {tuple(betti.shape)} does not fit: expected (B, d) or (B, C, d) with "
        f"B={batch}, C={channels} and d={ndim} Betti numbers for {ndim}D images"
    )


def _read(priors: Priors) -> dict[Labels, torch.Tensor]:
    read: dict[Labels, torch.Tensor] = {}
    for key, vector in priors.items():
        labels = _labels(key)
        if labels in read:
            raise UserError(f"two priors for the labels {_name(labels)!r}")
        read[labels] = _betti(vector)
    return read


def _labels(key: object) -> Labels:
    """Return the sorted labels of a key: ``"1+2"``, ``1`` or ``(1, 2)``."""
    if isinstance(key, str) and re.fullmatch(r"\s*\d+\s*(\+\s*\d+\s*)*", key):
        labels = [int(label) for label in key.split("+")]
    elif isinstance(key, int) and not isinstance(key, bool):
        labels = [key]
    elif isinstance(key, tuple | frozenset) and all(isinstance(label, int) for label in key):
        labels = list(key)
    else:
        labels = []
    if not labels or min(labels) < 0 or len(set(labels)) < len(labels):
        raise UserError(f"a prior is for different labels joined by '+', as '1+2'; got {key!r}")
    return tuple(sorted(labels))


def _name(labels: Labels) -> str:
    return "+".join(map(str, labels))


def _betti(vector: Any) -> torch.Tensor:
    betti = torch.as_tensor(vector)
    if betti.is_floating_point() and bool((betti % 1 != 0).any()):
        raise UserError(f"a prior is made of whole Betti numbers, got {vector}")
    if bool((betti < 0).any()):
        raise UserError(f"Betti numbers are not negative, got {vector}")
    return betti.to(torch.int64)
