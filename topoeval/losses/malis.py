"""MALIS: of the best path between two voxels, its weakest voxel is right or wrong."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from topoeval.digital import maximin_pairs
from topoeval.errors import UserError
from topoeval.losses.base import TargetLoss
from topoeval.losses.foreground import components, foreground, foreground_mask, on_host
from topoeval.losses.info import LossInfo
from topoeval.topology import Topology


class MalisLoss(TargetLoss):
    r"""Squared error of the voxel that decides whether two voxels are connected, over all pairs.

    The objects are the components of the target. Of the paths between two voxels the best is the
    one whose lowest probability is highest, and m(i, j) is that lowest probability. With the pairs
    S of two voxels of one object and D of two objects,

    .. math:: L = \frac{1}{|S|} \sum_{(i, j) \in S} \max(0, 1 - m(i, j) - \mu)^2
              + \frac{1}{|D|} \sum_{(i, j) \in D} \max(0, m(i, j) - \mu)^2

    (Turaga et al., NIPS 2009). At every threshold the misclassified pairs are those of the Rand
    index, so an object counts with the square of its volume. Voxels outside all objects are in no
    pair, but paths lead through them: what is predicted there costs nothing unless it joins two
    objects.

    Constrained (Funke et al., IEEE TPAMI 2019), the paths of S stay inside the object and those of
    D take the objects for certain: all of the gradient then goes to voxels that are wrong in the
    right direction. Else a pair of S may be served by a path through the background, whose
    probability then rises.

    Parameters
    ----------
    constrained
        Whether the two kinds of pairs are sought in the two constrained maps.
    margin
        Errors up to this cost nothing, in [0, 1). Turaga et al. take 0.3.
    topology
        Its foreground connectivity says what is one object, and where paths may step; under a
        sublevel topology the objects are those of the dark phase, as cells between membranes.
    **activation
        ``sigmoid``, ``softmax``, ``include_background`` and ``reduction``, as in MONAI.

    Raises
    ------
    UserError
        For a margin outside [0, 1).

    Examples
    --------
    Two objects joined by a bridge of probability 0.6, all else being right:

    >>> target = torch.tensor([[[[1.0, 1.0, 0.0, 0.0, 1.0, 1.0]]]])
    >>> bridged = torch.tensor([[[[1.0, 1.0, 0.6, 0.9, 1.0, 1.0]]]])
    >>> round(float(MalisLoss()(bridged, target)), 2)
    0.36
    """

    info: ClassVar[LossInfo] = LossInfo(
        name="malis",
        title="MALIS",
        departures=(
            "The paper's network returns an affinity of each two neighbours; here it is the lesser "
            "of their two probabilities, as the authors' code does for boundary maps, so voxels "
            "and not edges are pulled. Objects are the components of a mask, not instances. Means "
            "over pairs as in the authors' constrained loss, which sets the edges inside an object "
            "to 1 for pairs of two objects; here it is the object's voxels, so the edges of its "
            "surface have the probability of their outer end alone."
        ),
        ndims=(2, 3),
        needs_target=True,
        needs_prior=False,
        multiclass="each channel by itself",
        cost="moderate",
        takes_topology=True,
        device="part",
        minimum=0.0,
        citation="S. C. Turaga et al., Maximin affinity learning of image segmentation, NIPS 2009, "
        "arXiv 0911.5372; J. Funke et al., Large Scale Image Segmentation with Structured Loss "
        "Based Deep Learning for Connectome Reconstruction, IEEE TPAMI 41, 2019, arXiv 1709.02974",
        advice="Many objects that must not merge or split, as cells between membranes (sublevel "
        "topology) or cells in contact; beside a loss of all voxels. Knows no holes and no false "
        "objects.",
    )

    def __init__(
        self,
        *,
        constrained: bool = True,
        margin: float = 0.0,
        topology: Topology = Topology(),  # noqa: B008  # frozen value, safe to share
        **activation: Any,
    ) -> None:
        super().__init__(**activation)
        if not 0 <= margin < 1:
            raise UserError(f"margin must lie in [0, 1), got {margin}")
        self.constrained = constrained
        self.margin = margin
        self.topology = Topology.parse(topology)

    def prepare(self, target: torch.Tensor) -> torch.Tensor:
        """Return the objects of the targets, int32 from 1, 0 outside, ``(N, C', *spatial)``."""
        target = target if self.include_background else target[:, 1:]
        return components(foreground_mask(target, self.topology), corners=self._corners)

    def per_class(
        self, input: torch.Tensor, target: torch.Tensor, prepared: Any = None
    ) -> dict[str, torch.Tensor]:
        """Return the mean over pairs of one object and over pairs of two, ``(B, C)`` each."""
        probabilities, _ = self.maps(input, target)
        values = foreground(probabilities, self.topology)
        labels = (self.prepare(target) if prepared is None else prepared).to(values.device)
        objects = labels > 0
        within, between = shares(
            values, labels, objects, corners=self._corners, constrained=self.constrained
        )
        split = (1 - values - self.margin).relu().square()
        merged = (values - self.margin).relu().square()
        return {
            "splits": (within * split).flatten(2).sum(2),
            "merges": (between * merged).flatten(2).sum(2),
        }

    @property
    def _corners(self) -> bool:
        return self.topology.construction == "T"


def shares(
    values: torch.Tensor,
    labels: torch.Tensor,
    objects: torch.Tensor,
    *,
    corners: bool,
    constrained: bool = True,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the shares of the pairs that each voxel decides on, constants in the gradient.

    Parameters
    ----------
    values
        ``(B, C, *spatial)`` in [0, 1]: how much of each voxel is object.
    labels
        Integers, same shape; voxels of label 0 or less are in no pair.
    objects
        Boolean, same shape: the voxels of objects, among them all that have a label.
    corners
        Whether paths step over corners, too.
    constrained
        Whether pairs of one label are sought with 0 outside the objects, and pairs of two labels
        with 1 where there is a label.

    Returns
    -------
    Of the pairs of one label and of those of two, the share of each voxel, same shape and type as
    `values`. They sum to 1, or to 0 where there are no such pairs.
    """
    values = values.detach()
    if constrained:
        # below all that is inside; above all that is free
        keys = torch.stack([values.where(objects, -1.0), values.where(labels <= 0, 2.0)], 2)
    else:
        keys = values.unsqueeze(2)
    threads = torch.get_num_threads()

    def counted(keys: NDArray[Any], labels: NDArray[Any]) -> NDArray[np.int64]:
        maps = keys.shape[1]
        repeated = np.repeat(labels[:, None], maps, 1).reshape(-1, *labels.shape[1:])
        flat = keys.reshape(repeated.shape)
        same, other = maximin_pairs(flat, repeated, corners=corners, threads=threads)
        both = np.stack([same[::maps], other[maps - 1 :: maps]], 1)
        total = both.sum(tuple(range(2, both.ndim)), keepdims=True)
        return both / np.maximum(total, 1)

    both = on_host(counted, keys, labels).to(values)
    return both[:, :, 0], both[:, :, 1]
