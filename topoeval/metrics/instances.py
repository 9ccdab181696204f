"""Scores of components as objects: which of them are found, and how well.

The objects are the components of the foreground. Panoptic quality is Kirillov et al.'s (CVPR 2019,
arXiv 1801.00868): two objects match if their intersection over union is above 0.5, so each has at
most one partner. Detection by overlap asks less: an object is found if the other mask touches it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from topoeval.metrics.arrays import Array, case_pairs
from topoeval.metrics.partition import contingency, contingency_of_labels
from topoeval.topology import Topology

_MATCH = 0.5


def instance_scores(
    prediction: NDArray[np.bool_], target: NDArray[np.bool_], topology: Topology | str
) -> dict[str, float]:
    """Return the scores of one pair by column.

    ``rq``: ``2 TP / (2 TP + FP + FN)``. ``sq``: mean IoU of the matches, 0 without one. ``pq``:
    their product. ``instance_f1``: harmonic mean of the share of predicted objects that touch the
    truth and of true objects that the prediction touches. ``instance_dice``: mean, over the true
    objects and the predicted ones that touch none, of the Dice of a true object with all predicted
    ones that touch it, 0 for a false one (lesion-wise Dice). Two empty masks score 1 in all, one
    empty mask 0.

    Parameters
    ----------
    prediction, target
        Boolean masks of one shape, 2D or 3D.
    topology
        Connectivity of the components.

    Examples
    --------
    >>> p, g = np.zeros((2, 3, 12), dtype=bool)
    >>> p[1, 1:4] = g[1, 1:5] = g[1, 8] = True
    >>> found = instance_scores(p, g, Topology())
    >>> round(found["rq"], 3), found["sq"], round(found["instance_f1"], 3)
    (0.667, 0.75, 0.667)
    """
    if not (prediction.any() and target.any()):
        value = float(not prediction.any() and not target.any())
        return dict.fromkeys(("pq", "sq", "rq", "instance_f1", "instance_dice"), value)
    connectivity = Topology.parse(topology).foreground_connectivity(prediction.ndim)
    return _scores(contingency(prediction, target, connectivity))


def scores_of_labels(prediction: NDArray[Any], target: NDArray[Any]) -> dict[str, float]:
    """Return the scores of `instance_scores` where every label is an object, touching or not.

    Parameters
    ----------
    prediction, target
        Label maps of one shape, whole numbers; 0 is background. Numbers mean nothing beyond which
        voxels are one object.

    Examples
    --------
    >>> target = np.array([[1, 1, 2, 2, 0]])  # two objects that touch
    >>> scores_of_labels(np.array([[7, 7, 3, 3, 0]]), target)["pq"]
    1.0
    """
    if not (prediction.any() and target.any()):
        value = float(not prediction.any() and not target.any())
        return dict.fromkeys(("pq", "sq", "rq", "instance_f1", "instance_dice"), value)
    return _scores(contingency_of_labels(prediction, target))


def _scores(table: Any) -> dict[str, float]:
    of_g, of_p = (np.asarray(table.sum(axis=axis)).ravel()[1:] for axis in (1, 0))
    both = table[1:, 1:].tocoo()
    rows, columns, common = both.row, both.col, both.data
    iou = common / (of_g[rows] + of_p[columns] - common)
    matched = iou[iou > _MATCH]
    rq = 2 * len(matched) / (len(of_g) + len(of_p))
    sq = float(matched.mean()) if len(matched) else 0.0
    return {
        "pq": rq * sq,
        "sq": sq,
        "rq": rq,
        "instance_f1": _touch_f1(rows, columns, len(of_g), len(of_p)),
        "instance_dice": _dice_of_objects(rows, columns, common, of_g, of_p),
    }


def panoptic_quality(
    prediction: Array, target: Array, topology: Topology | str, spatial_dims: int | None = None
) -> NDArray[np.float64]:
    """Panoptic quality of the components of each pair; see `instance_scores`.

    Parameters
    ----------
    prediction, target
        Boolean masks of equal shape ``(..., *spatial)``.
    topology
        Connectivity of the components.
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
    values = [instance_scores(p, g, topology)["pq"] for p, g in pairs]
    return np.array(values, np.float64).reshape(shape)


def _touch_f1(rows: Any, columns: Any, true: int, predicted: int) -> float:
    recall, precision = len(np.unique(rows)) / true, len(np.unique(columns)) / predicted
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _dice_of_objects(rows: Any, columns: Any, common: Any, of_g: Any, of_p: Any) -> float:
    inside = np.bincount(rows, weights=common, minlength=len(of_g))
    touching = np.bincount(rows, weights=of_p[columns], minlength=len(of_g))
    dice = 2 * inside / (of_g + touching)
    false = len(of_p) - len(np.unique(columns))
    return float(dice.sum() / (len(of_g) + false))
