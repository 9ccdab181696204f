"""Wrong regions: which components and holes of two masks have no counterpart, and their size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from topoeval.metrics.arrays import Array, as_mask, check_same_shape
from topoeval.metrics.components import enclosed, label
from topoeval.topology import Topology


@dataclass(frozen=True, slots=True, eq=False)
class Regions:
    """Regions of one kind, as labels.

    Parameters
    ----------
    labels
        ``(*spatial)`` integers, 0 outside the regions, 1 to `number` inside.
    number
        How many there are.
    """

    labels: NDArray[Any]
    number: int

    @property
    def voxels(self) -> int:
        """Size of all of them together."""
        return int(np.count_nonzero(self.labels))


@dataclass(frozen=True, slots=True, eq=False)
class WrongRegions:
    """Components and holes of a pair of masks that share no voxel with one of the other mask.

    Parameters
    ----------
    false_components, missed_components
        Components of the prediction that touch no foreground of the target, and the reverse.
    false_holes, missed_holes
        Holes (2D) or cavities (3D) of the prediction that overlap none of the target, and the
        reverse.
    """

    false_components: Regions
    missed_components: Regions
    false_holes: Regions
    missed_holes: Regions


def wrong_regions(prediction: Array, target: Array, topology: Topology | str) -> WrongRegions:
    """Find the regions of one pair of masks that have no counterpart.

    Overlap is all that is asked: a component that two components of the other mask touch is
    not wrong here, and shows in the Betti matching error.

    Parameters
    ----------
    prediction, target
        Boolean masks of one shape, 2D or 3D, all axes spatial. Every region of a mask is wrong when
        the other mask is empty.
    topology
        Construction and border; a framed border makes every background region a hole.

    Raises
    ------
    UserError
        If a mask is not boolean, the shapes differ, or they are neither 2D nor 3D.

    Examples
    --------
    >>> target = np.zeros((5, 9), dtype=bool)
    >>> target[1:4, 1:4] = True
    >>> prediction = target.copy()
    >>> prediction[2, 2], prediction[2, 7] = False, True
    >>> wrong = wrong_regions(prediction, target, Topology())
    >>> wrong.false_components.number, wrong.false_holes.number, wrong.missed_components.number
    (1, 1, 0)
    """
    p, g = as_mask(prediction), as_mask(target)
    check_same_shape(p, g)
    topology = Topology.parse(topology)
    connectivity = topology.foreground_connectivity(p.ndim)
    p_parts, g_parts = label(p, connectivity), label(g, connectivity)
    p_holes, g_holes = enclosed(p, topology), enclosed(g, topology)
    return WrongRegions(
        _apart(*p_parts, g), _apart(*g_parts, p),
        _apart(*p_holes, g_holes[0] > 0), _apart(*g_holes, p_holes[0] > 0),
    )  # fmt: skip


def count_wrong_regions(
    prediction: NDArray[np.bool_], target: NDArray[np.bool_], topology: Topology
) -> dict[str, tuple[int, int]]:
    """Return number and voxels of the regions of `wrong_regions`, by kind.

    Labels of one mask at a time, and only where it has foreground or holes.
    """
    connectivity = topology.foreground_connectivity(prediction.ndim)
    parts = [label(mask, connectivity)[0][mask] for mask in (prediction, target)]
    found = {
        "false_component": _count_apart(parts[0], target[prediction]),
        "missed_component": _count_apart(parts[1], prediction[target]),
    }
    places, holes = [], []
    for mask in (prediction, target):
        labels = enclosed(mask, topology)[0].ravel()
        places.append(np.flatnonzero(labels))
        holes.append(labels[places[-1]])
        del labels  # as large as the image, times four
    shared = [np.isin(places[0], places[1]), np.isin(places[1], places[0])]
    found["false_hole"] = _count_apart(holes[0], shared[0])
    found["missed_hole"] = _count_apart(holes[1], shared[1])
    return found


def _count_apart(labels: NDArray[Any], in_other: NDArray[np.bool_]) -> tuple[int, int]:
    """Count the regions, and their voxels, of which no voxel is in the other mask's."""
    sizes = np.bincount(labels)
    sizes[labels[in_other]] = 0
    return int(np.count_nonzero(sizes)), int(sizes.sum())


def _apart(labels: NDArray[Any], number: int, other: NDArray[np.bool_]) -> Regions:
    """Keep the regions that share no voxel with `other`, numbered anew."""
    renumbered = np.ones(number + 1, np.int32)
    renumbered[0] = 0
    renumbered[labels[other]] = 0
    kept = renumbered > 0
    renumbered[kept] = np.arange(1, np.count_nonzero(kept) + 1)
    return Regions(renumbered[labels], int(np.count_nonzero(kept)))
