"""Scores of sheets: F1 of matched topological features, and the score of the Vesuvius contest.

The Vesuvius surface detection contest (Kaggle, 2025/26) scored papyrus sheets in volumes by
``0.30 topology + 0.35 surface Dice + 0.35 partition``. Its parts follow its published description:

- topology: F1 of the features that Betti matching of the masks (V-construction, comparison by the
  union) pairs, counted over the 2 x 2 x 2 octants of the volume;
- surface Dice at tolerance 2 with voxels of side 1;
- partition: ``1 / (1 + 0.3 VOI)``, VOI in bits of the 26-connected components over the union of the
  foregrounds.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from topoeval.metrics.arrays import Array, case_pairs
from topoeval.metrics.box import MARGIN, box_of
from topoeval.metrics.partition import foreground_information
from topoeval.metrics.surface import surface_dice
from topoeval.topology import Topology

WEIGHTS = (0.34, 0.33, 0.33)
"""Of the dimensions of homology in the topology part."""
_V = Topology("V")
_T = Topology("T")


@dataclass(frozen=True, slots=True, eq=False)
class FeatureCounts:
    """Topological features of a pair of masks, essential classes aside, by dimension.

    Parameters
    ----------
    matched, predicted, true
        ``(d,)`` integers: features with a counterpart, those of the prediction, of the target.
    """

    matched: NDArray[np.int64]
    predicted: NDArray[np.int64]
    true: NDArray[np.int64]

    def f1(self) -> NDArray[np.float64]:
        """Return the F1 of each dimension, NaN where neither mask has a feature.

        ``2 m / (p + g)``; where only the prediction has features ``0.5 / (p + 0.5)``.
        """
        m, p, g = self.matched, self.predicted, self.true
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(g > 0, 2 * m / (p + g), np.where(p > 0, 0.5 / (p + 0.5), np.nan))

    def mean_f1(self) -> float:
        """Return the weighted mean over the dimensions that there are; 1 if there is none."""
        values = self.f1()
        there = ~np.isnan(values)
        if not there.any():
            return 1.0
        return float(np.average(values[there], weights=np.array(WEIGHTS)[: len(values)][there]))


def feature_counts(
    prediction: NDArray[np.bool_],
    target: NDArray[np.bool_],
    topology: Topology | str,
    octants: bool = False,
) -> FeatureCounts:
    """Match the features of one pair of masks by the union, and count them.

    Parameters
    ----------
    prediction, target
        Boolean masks of one shape, 2D or 3D.
    topology
        Construction and border.
    octants
        Match each half along each axis for itself, and add the counts up: what reaches from one
        into the other is counted in both, and what only the whole has, in none.
    """
    topology = Topology.parse(topology)
    ndim = prediction.ndim
    total = np.zeros((3, ndim), np.int64)
    for part in _parts(prediction.shape, octants):
        p, g = prediction[part], target[part]
        if not topology.framed:
            box = box_of(p, g, margin=MARGIN)
            if box is None:
                continue
            p, g = p[box], g[box]
        total += _counts(np.ascontiguousarray(p), np.ascontiguousarray(g), topology)
    return FeatureCounts(total[2], total[0], total[1])


def topo_f1(
    prediction: Array,
    target: Array,
    topology: Topology | str,
    spatial_dims: int | None = None,
    octants: bool = False,
) -> NDArray[np.float64]:
    """F1 of matched topological features of each pair, weighted mean over the dimensions.

    A dimension in which neither mask has a feature is left out. The oldest component of each mask,
    its essential class, is no feature: a pair of masks of one component each, or a mask of one
    component and an empty one, scores 1 if there are no holes. Read it beside an overlap.

    Parameters
    ----------
    prediction, target
        Boolean masks of equal shape ``(..., *spatial)``.
    topology
        Construction and border.
    spatial_dims
        2 or 3; None reads the whole array as one mask.
    octants
        Count in the halves of each axis, as the Vesuvius contest does.

    Returns
    -------
    Shape ``(...)``, float64 in [0, 1]; higher is better.

    Raises
    ------
    UserError
        If a mask is not boolean or the shapes differ.

    Examples
    --------
    >>> p, g = np.zeros((2, 3, 9), dtype=bool)
    >>> p[1, [1, 4]] = g[1, [1, 4, 7]] = True
    >>> round(float(topo_f1(p, g, Topology())), 3)  # one of one, one of two
    0.667
    """
    shape, pairs = case_pairs(prediction, target, spatial_dims)
    values = [feature_counts(p, g, topology, octants).mean_f1() for p, g in pairs]
    return np.array(values, np.float64).reshape(shape)


def vesuvius_scores(
    prediction: NDArray[np.bool_], target: NDArray[np.bool_], octants: bool = True
) -> dict[str, float]:
    """Return the Vesuvius score of one pair of volumes with its parts.

    Parameters
    ----------
    prediction, target
        Boolean volumes of one shape; voxels to ignore are background in both.
    octants
        As the contest; without, the topology part is that of the whole volume.

    Examples
    --------
    >>> volume = np.zeros((8, 8, 8), dtype=bool)
    >>> volume[2:6, 2:6, 4] = True
    >>> round(vesuvius_scores(volume, volume)["vesuvius"], 9)
    1.0
    """
    parts = {
        "vesuvius_topology": feature_counts(prediction, target, _V, octants).mean_f1(),
        "vesuvius_surface": float(surface_dice(prediction, target, tolerance=2)),
        "vesuvius_partition": 1
        / (1 + 0.3 * float(foreground_information(prediction, target, _T).sum())),
    }
    topology, surface, partition = parts.values()
    return {"vesuvius": 0.30 * topology + 0.35 * surface + 0.35 * partition, **parts}


def _parts(shape: tuple[int, ...], octants: bool) -> list[tuple[slice, ...]]:
    if not octants:
        return [tuple(slice(side) for side in shape)]
    halves = [
        [half for half in (slice(0, side // 2), slice(side // 2, side)) if half.stop > half.start]
        for side in shape
    ]
    return list(itertools.product(*halves))


def _counts(p: NDArray[np.bool_], g: NDArray[np.bool_], topology: Topology) -> NDArray[np.int64]:
    """Return the features of prediction and target and the matched ones, ``(3, d)``."""
    from topoeval import _native

    counts = _native.match_masks(
        p[None], g[None], topology.construction, topology.framed, "union", 1
    )[0].astype(np.int64)
    there = [topology.framed or mask.any() for mask in (p, g)]
    counts[:, 0] -= np.array([*there, all(there)], np.int64)
    if topology.framed:
        # the loop or shell of the frame lives as long, where a mask has it
        counts[:, -1] -= np.minimum(counts[:, -1], 1)
    return counts
