"""The supervoxel loss: mistakes that change the number of objects weigh more."""

from __future__ import annotations

import itertools
from typing import Any, ClassVar, Literal

import cc3d
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
_CONNECTIVITY: dict[tuple[int, int], Literal[4, 6, 8, 26]] = {
    (2, 1): 4,
    (2, 2): 8,
    (3, 1): 6,
    (3, 3): 26,
}


class SupervoxelLoss(TargetLoss):
    r"""Binary cross-entropy with more weight on mistakes that split, merge, omit or invent objects.

    .. math:: L = \frac{1}{|\Omega|} \sum_q \left( (1-\alpha)
              + \alpha \beta [q \in N^-] + \alpha (1-\beta) [q \in N^+] \right) \mathrm{BCE}_q

    A component of the false negatives is critical (in N-) if it touches no correctly found
    foreground, and so is a missed object, or touches several pieces of it, and so splits one.
    Components of the false positives (in N+) likewise invent or merge (Grim et al., AAAI 2025). A
    voxel is predicted foreground where its logit is positive.

    With `instances` a target holds a number for each object, and objects may touch. Then what is
    missed of two objects is two components, and of the pieces found only those of the same object
    hold a component of it. False positives are as before: a mask of the prediction has no objects.

    Parameters
    ----------
    alpha
        Share of the critical terms, in [0, 1].
    beta
        Weight of splits and omissions against merges and inventions, in [0, 1].
    topology
        Its foreground connectivity says what is one component.
    instances
        Targets are numbers of objects, whole, 0 for the background, in place of masks. A target of
        zeros and ones is read as a mask in either case. `topoeval.losses.adapt` reads numbers as
        classes, so call the loss itself.

    Raises
    ------
    UserError
        Settings out of range; with `instances`, targets with numbers that are negative, not whole
        or 2^31 or more.

    Examples
    --------
    Of two objects that touch the second is missed. As one mask nothing is split:

    >>> objects = torch.tensor([[[[1.0, 1.0, 2.0, 2.0]]]])
    >>> logits = torch.tensor([[[[4.0, 4.0, -4.0, -4.0]]]])
    >>> parts = SupervoxelLoss(instances=True).parts(logits, objects)
    >>> masks = SupervoxelLoss().parts(logits, (objects > 0).float())
    >>> round(float(parts["splits"]), 3), float(masks["splits"])
    (0.502, 0.0)
    """

    info: ClassVar[LossInfo] = LossInfo(
        name="supervoxel",
        title="Supervoxel",
        departures=(
            "The authors label with face neighbours and search with corner "
            "neighbours; here one topology decides both. Pieces of an object that are "
            "joined only through another object are two, theirs one."
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
        instances: bool = False,
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
        self.instances = instances

    def checked(self, input: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Return the target, whose values are numbers of objects if the loss says so."""
        if not self.instances:
            return super().checked(input, target)
        super().checked(input, (target > 0).to(torch.float32))  # its layout and its shape
        if target.numel():
            low, high = (float(end) for end in torch.aminmax(target.detach()))
            if not (low >= 0 and high < 2**31) or bool((target != target.round()).any()):
                raise UserError(
                    f"targets of supervoxel(instances=True) are whole numbers of objects, 0 for "
                    f"the background and less than 2^31, got values from {low:.9g} to {high:.9g}"
                )
        return target

    def per_class(
        self, input: torch.Tensor, target: torch.Tensor, prepared: Any = None
    ) -> dict[str, torch.Tensor]:
        """Return the plain term and those of splits and merges, ``(B, C)`` each."""
        objects = None
        if self.instances:
            numbers = target if self.include_background else target[:, 1:]
            objects = numbers.detach().flatten(0, 1).cpu().numpy().astype(np.int64)
            target = target > 0
        logits, target = self.logits(input, target)
        if not self.include_background:
            logits, target = logits[:, 1:], target[:, 1:]
        entropy = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
        truth, found = (
            mask.flatten(0, 1).cpu().numpy() for mask in (as_mask(target), logits.detach() > 0)
        )
        correct = truth & found
        critical = [
            torch.from_numpy(mask).reshape(logits.shape).to(entropy)
            for mask in (
                critical_components(truth & ~found, correct, self.topology, objects),
                critical_components(found & ~truth, correct, self.topology),
            )
        ]

        def mean(values: torch.Tensor) -> torch.Tensor:
            return values.flatten(2).mean(2)

        return {
            "plain": (1 - self.alpha) * mean(entropy),
            "splits": self.alpha * self.beta * mean(entropy * critical[0]),
            "merges": self.alpha * (1 - self.beta) * mean(entropy * critical[1]),
        }


@outside_graph
def critical_components(
    mistakes: Mask, correct: Mask, topology: Topology, objects: NDArray[np.int64] | None = None
) -> Mask:
    """Return the components of `mistakes` that touch no component of `correct`, or several.

    Both are ``(N, *spatial)`` and disjoint; images of the batch do not touch each other. With the
    numbers of objects, of the same shape, components are parts of one object each and touch only
    what is of the same.
    """
    ndim = mistakes.ndim - 1
    reach = 1 if topology.construction == "V" else ndim
    wrong, pieces = (_components(mask, objects, reach) for mask in (mistakes, correct))

    touching = []
    for offset in itertools.product((-1, 0, 1), repeat=ndim):
        if 0 < sum(map(abs, offset)) <= reach:
            here, there = (
                tuple(slice(max(s * o, 0), min(s * o, 0) or None) for o in offset) for s in (1, -1)
            )
            a, b = wrong[:, *here], pieces[:, *there]
            both = (a > 0) & (b > 0)
            if objects is not None:
                both &= objects[:, *here] == objects[:, *there]
            touching.append(np.stack([a[both], b[both]]))
    pairs = np.unique(np.concatenate(touching, axis=1), axis=1)
    pieces_touched = np.bincount(pairs[0], minlength=int(wrong.max(initial=0)) + 1)
    is_critical = pieces_touched != 1
    is_critical[0] = False
    return np.asarray(is_critical[wrong])


def _components(
    masks: Mask, objects: NDArray[np.int64] | None, reach: int
) -> NDArray[np.signedinteger[Any]]:
    """Return the components of ``(N, *spatial)`` masks, each within one object, from 1."""
    ndim = masks.ndim - 1
    if objects is None:
        structure = np.zeros((3,) * (ndim + 1), bool)
        structure[1] = generate_binary_structure(ndim, reach)
        return np.asarray(label(masks, structure)[0])
    found = np.zeros(masks.shape, np.int64)
    connectivity = _CONNECTIVITY[ndim, reach]
    known = 0
    for image, mask, numbers in zip(found, masks, objects, strict=True):
        labels = cc3d.connected_components(np.where(mask, numbers, 0), connectivity=connectivity)
        image[:] = np.where(mask, labels.astype(np.int64) + known, 0)
        known += int(labels.max(initial=0))
    return found
