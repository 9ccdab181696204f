"""The supervoxel loss: mistakes that change the number of objects weigh more."""

from __future__ import annotations

import itertools
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import generate_binary_structure, label
from torch.nn import functional as F

from topoeval.errors import UserError
from topoeval.losses.base import Reduction, TargetLoss, as_mask, outside_graph
from topoeval.losses.info import LossInfo
from topoeval.topology import Topology

Mask = NDArray[np.bool_]


class SupervoxelLoss(TargetLoss):
    r"""Binary cross-entropy with more weight on mistakes that split, merge, omit or invent objects.

    .. math:: L = \frac{1}{|\Omega|} \sum_q \left( (1-\alpha)
              + \alpha \beta [q \in N^-] + \alpha (1-\beta) [q \in N^+] \right) \mathrm{BCE}_q

    A component of the false negatives is critical (in N-) if it touches no correctly found
    foreground, and so is a missed object, or touches several pieces of it, and so splits one.
    Components of the false positives (in N+) likewise invent or merge (Grim et al., AAAI 2025). A
    voxel is predicted foreground where its logit is positive.

    Parameters
    ----------
    alpha
        Share of the critical terms, in [0, 1].
    beta
        Weight of splits and omissions against merges and inventions, in [0, 1].
    topology
        Its foreground connectivity says what is one component.
    """

    info: ClassVar[LossInfo] = LossInfo(
        name="supervoxel",
        title="Supervoxel",
        departures=(
            "The authors label with face neighbours and search with corner "
            "neighbours; here one topology decides both. Targets are masks, not "
            "instances."
        ),
        voxel_means=("plain", "splits", "merges"),
        ndims=(2, 3),
        needs_target=True,
        needs_prior=False,
        multiclass="each channel by itself, sigmoid",
        cost="moderate",
        input="logits",
        takes_topology=True,
        device="part",
        citation="A. Grim et al., Efficient Connectivity-Preserving Instance Segmentation with "
        "Supervoxel-Based Loss Function, AAAI 2025, arXiv 2501.01022",
        advice="Objects that must not be split or merged (neurons, cells), after a few plain "
        "epochs.",
    )

    def __init__(
        self,
        *,
        alpha: float = 0.5,
        beta: float = 0.5,
        topology: Topology = Topology(),  # noqa: B008  # frozen value, safe to share
        include_background: bool = True,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(include_background=include_background, reduction=reduction)
        for name, value in (("alpha", alpha), ("beta", beta)):
            if not 0 <= value <= 1:
                raise UserError(f"{name} must lie in [0, 1], got {value}")
        self.alpha = alpha
        self.beta = beta
        self.topology = Topology.parse(topology)

    def per_class(
        self, input: torch.Tensor, target: torch.Tensor, prepared: Any = None
    ) -> dict[str, torch.Tensor]:
        """Return the plain term and those of splits and merges, ``(B, C)`` each."""
        logits, target = self.logits(input, target)
        if not self.include_background:
            logits, target = logits[:, 1:], target[:, 1:]
        entropy = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
        truth, found = as_mask(target), logits > 0
        masks = [mask.flatten(0, 1).cpu().numpy() for mask in (truth & ~found, found & ~truth)]
        correct = (truth & found).flatten(0, 1).cpu().numpy()
        critical = [
            torch.from_numpy(critical_components(mask, correct, self.topology))
            .reshape(logits.shape)
            .to(entropy)
            for mask in masks
        ]

        def mean(values: torch.Tensor) -> torch.Tensor:
            return values.flatten(2).mean(2)

        return {
            "plain": (1 - self.alpha) * mean(entropy),
            "splits": self.alpha * self.beta * mean(entropy * critical[0]),
            "merges": self.alpha * (1 - self.beta) * mean(entropy * critical[1]),
        }


@outside_graph
def critical_components(mistakes: Mask, correct: Mask, topology: Topology) -> Mask:
    """Return the components of `mistakes` that touch no component of `correct`, or several.

    Both are ``(N, *spatial)`` and disjoint; images of the batch do not touch each other.
    """
    ndim = mistakes.ndim - 1
    reach = 1 if topology.construction == "V" else ndim
    structure = np.zeros((3,) * (ndim + 1), bool)
    structure[1] = generate_binary_structure(ndim, reach)
    wrong, n_wrong = label(mistakes, structure)
    pieces, _ = label(correct, structure)

    touching = []
    for offset in itertools.product((-1, 0, 1), repeat=ndim):
        if 0 < sum(map(abs, offset)) <= reach:
            here, there = (
                tuple(slice(max(s * o, 0), min(s * o, 0) or None) for o in offset) for s in (1, -1)
            )
            a, b = wrong[:, *here], pieces[:, *there]
            both = (a > 0) & (b > 0)
            touching.append(np.stack([a[both], b[both]]))
    pairs = np.unique(np.concatenate(touching, axis=1), axis=1)
    pieces_touched = np.bincount(pairs[0], minlength=n_wrong + 1)
    is_critical = pieces_touched != 1
    is_critical[0] = False
    return np.asarray(is_critical[wrong])
