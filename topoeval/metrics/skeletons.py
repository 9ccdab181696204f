"""clDice, and skeletons that do not lose a component."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects
from skimage.morphology import skeletonize

from topoeval.digital.thinning import thin
from topoeval.metrics.arrays import Array, as_mask, case_pairs
from topoeval.metrics.betti import betti_numbers
from topoeval.metrics.components import label
from topoeval.topology import Topology

# What the thinning of both algorithms keeps: foreground through corners.
_TOPOLOGY = Topology("T")


@dataclass(frozen=True, slots=True, eq=False)
class Skeleton:
    """The skeleton of one mask.

    Parameters
    ----------
    voxels
        Boolean, of the mask's shape.
    repaired
        Components that the thinning had lost; each has the skeleton of `topoeval.digital.thin`.
    mask
        The mask.
    """

    voxels: NDArray[np.bool_]
    repaired: int
    mask: NDArray[np.bool_]

    @property
    def faithful(self) -> bool:
        """Whether the skeleton has the Betti numbers of the mask (foreground 8 or 26)."""
        found, wanted = (
            betti_numbers(array, _TOPOLOGY, array.ndim) for array in (self.voxels, self.mask)
        )
        return np.array_equal(found, wanted)


def skeleton(mask: Array) -> Skeleton:
    """Thin one mask to its centre lines, by scikit-image (2D Zhang and Suen, 3D Lee et al.).

    Thinning can lose whole components: in 3D a bar of even width along the grid, for one
    (scikit-image issue 3757). Each lost one gets the curve skeleton of our own homotopic thinning
    instead, which keeps its length. Skeletons know no spacing.

    Parameters
    ----------
    mask
        Boolean, 2D or 3D, all axes spatial.

    Raises
    ------
    UserError
        If the mask is not boolean or neither 2D nor 3D.

    Examples
    --------
    >>> bar = np.zeros((4, 4, 9), dtype=bool)
    >>> bar[1:3, 1:3, 1:8] = True
    >>> lines = skeleton(bar)
    >>> int(lines.voxels.sum()), lines.repaired
    (5, 1)
    """
    array = np.ascontiguousarray(as_mask(mask))
    connectivity = _TOPOLOGY.foreground_connectivity(array.ndim)  # refuses other dimensions
    # Of a single row the 3D thinning would make nothing.
    voxels = np.asarray(skeletonize(array)) & array
    labels, number = label(array, connectivity)
    reached = np.zeros(number + 1, bool)
    reached[0] = True
    reached[labels[voxels]] = True
    lost = np.flatnonzero(~reached)
    if lost.size:
        found = find_objects(labels)
        boxes = [found[component - 1] for component in lost]
        # Components do not touch, so each thins as all would together, in a box of its own. Which
        # voxels go first depends on whether coordinates are even: counted from where the first lost
        # one begins, so that the place of the mask does not matter.
        origin = [min(box[axis].start for box in boxes) for axis in range(array.ndim)]
        for component, box in zip(lost, boxes, strict=True):
            even = tuple(
                slice(side.start - (side.start - start) % 2, side.stop)
                for side, start in zip(box, origin, strict=True)
            )
            piece = np.ascontiguousarray(labels[even] == component)
            voxels[even] |= thin(piece[None], _TOPOLOGY)[0]
    return Skeleton(voxels, len(lost), array)


def cldice(
    prediction: Array, target: Array, spatial_dims: int | None = None
) -> NDArray[np.float64]:
    """Centreline Dice (clDice) of each pair of masks.

    Harmonic mean of the share of P's skeleton inside G and of G's skeleton inside P. Skeletons come
    from `skeleton`, so no component drops out. Two empty masks score 1, one empty mask scores 0.

    Parameters
    ----------
    prediction, target
        Boolean masks of equal shape ``(..., *spatial)``.
    spatial_dims
        2 or 3; None reads the whole array as one mask.

    Returns
    -------
    Shape ``(...)``, float64 in [0, 1]; higher is better.

    Raises
    ------
    UserError
        If a mask is not boolean or the shapes differ.

    References
    ----------
    S. Shit et al., clDice, CVPR 2021, arXiv 2003.07311.

    Examples
    --------
    >>> line = np.zeros((5, 9), dtype=bool)
    >>> line[2, 1:8] = True
    >>> half = line.copy()
    >>> half[2, 4:] = False
    >>> round(float(cldice(half, line)), 3)  # all of the half, 3 of 7 of the line
    0.6
    """
    shape, pairs = case_pairs(prediction, target, spatial_dims)
    values = [cldice_halves(p, g, skeleton(p).voxels, skeleton(g).voxels)[2] for p, g in pairs]
    return np.array(values, np.float64).reshape(shape)


def cldice_halves(
    prediction: NDArray[np.bool_],
    target: NDArray[np.bool_],
    prediction_skeleton: NDArray[np.bool_],
    target_skeleton: NDArray[np.bool_],
) -> tuple[float, float, float]:
    """Return the precision, the sensitivity and clDice of one pair, given the skeletons.

    The precision is the share of the prediction's skeleton that lies in the target, the
    sensitivity that of the target's skeleton in the prediction. Two empty masks score 1, and one
    empty mask scores 0, in all three.
    """
    inside = [
        (np.count_nonzero(thin & other), np.count_nonzero(thin))
        for thin, other in ((prediction_skeleton, target), (target_skeleton, prediction))
    ]
    if any(total == 0 for _, total in inside):
        value = float(all(total == 0 for _, total in inside))
        return value, value, value
    precision, sensitivity = (hit / total for hit, total in inside)
    if precision + sensitivity == 0:
        return 0.0, 0.0, 0.0
    return precision, sensitivity, 2 * precision * sensitivity / (precision + sensitivity)
