"""Scores of trees of tubes: how much of the centre line is found, how many branches, what leaks.

As the airway challenges ATM'22 (Zhang et al., Medical Image Analysis 90, 2023, arXiv 2303.05745)
and AIIB23 describe them: what counts of a prediction is its largest component. The centre line is
the skeleton of the truth (`topoeval.metrics.skeleton`), measured in voxels; a branch is a piece of
it between junctions.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import convolve

from topoeval.metrics.arrays import Array, case_pairs
from topoeval.metrics.components import label
from topoeval.metrics.skeletons import skeleton

BRANCH_FOUND = 0.8
"""Share of a branch that must be covered for it to count as detected."""
_CONNECTIVITY = {2: 8, 3: 26}


def tree_scores(prediction: NDArray[np.bool_], target: NDArray[np.bool_]) -> dict[str, float]:
    """Return the scores of one pair by column.

    ``tree_length_detected``: share of the truth's centre line inside the largest component of the
    prediction. ``branches_detected``: share of its branches of which that component covers 80 % or
    more. ``leakage``: false positive voxels of the whole prediction over the voxels of the truth;
    of an empty truth their number. The shares of two empty masks are 1, of one empty mask 0.

    Parameters
    ----------
    prediction, target
        Boolean masks of one shape, 2D or 3D.

    Examples
    --------
    >>> g = np.zeros((5, 12), dtype=bool)
    >>> g[2, 1:11] = True
    >>> p = g.copy()
    >>> p[2, 7] = False
    >>> tree_scores(p, g)
    {'tree_length_detected': 0.6, 'branches_detected': 0.0, 'leakage': 0.0}
    """
    size = int(np.count_nonzero(target))
    leakage = float(np.count_nonzero(prediction & ~target)) / max(size, 1)
    if size == 0 or not prediction.any():
        share = float(size == 0 and not prediction.any())
        return {
            "tree_length_detected": share, "branches_detected": share, "leakage": leakage,
        }  # fmt: skip
    line = skeleton(target).voxels
    covered = line & largest_component(prediction)
    labels, number = branches(line)
    lengths = np.bincount(labels[line], minlength=number + 1)[1:]
    found = np.bincount(labels[covered], minlength=number + 1)[1:]
    return {
        "tree_length_detected": float(np.count_nonzero(covered) / np.count_nonzero(line)),
        "branches_detected": float(np.mean(found >= BRANCH_FOUND * lengths)),
        "leakage": leakage,
    }


def tree_length_detected(
    prediction: Array, target: Array, spatial_dims: int | None = None
) -> NDArray[np.float64]:
    """Share of the truth's centre line in the prediction's largest component; see `tree_scores`.

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
    """
    shape, pairs = case_pairs(prediction, target, spatial_dims)
    values = [tree_scores(p, g)["tree_length_detected"] for p, g in pairs]
    return np.array(values, np.float64).reshape(shape)


def largest_component(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the component of a mask with most voxels, the first of several; 8 or 26 neighbours."""
    labels, number = label(mask, _CONNECTIVITY[mask.ndim])
    if number == 0:
        return mask
    sizes = np.bincount(labels[mask], minlength=number + 1)
    return np.asarray(labels == int(np.argmax(sizes)))


def junctions(line: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the voxels of a skeleton with three neighbours or more."""
    neighbours = convolve(
        line.astype(np.uint8), np.ones((3,) * line.ndim, np.uint8), mode="constant"
    )
    return np.asarray(line & (neighbours > 3))


def branches(line: NDArray[np.bool_]) -> tuple[NDArray[np.int64], int]:
    """Label the branches of a skeleton: the pieces that are left without its junctions.

    A skeleton, or a component of it, that is all junction is one branch.
    """
    labels, number = label(line & ~junctions(line), _CONNECTIVITY[line.ndim])
    labels = labels.astype(np.int64)
    whole, components = label(line, _CONNECTIVITY[line.ndim])
    without = np.ones(components + 1, bool)
    without[whole[labels > 0]] = False
    for component in np.flatnonzero(without[1:]) + 1:
        number += 1
        labels[whole == component] = number
    return labels, number
