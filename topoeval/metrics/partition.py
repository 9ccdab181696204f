"""Two masks compared as partitions: which voxels belong together.

The parts are the components of the foreground, numbered by the topology's connectivity. These
scores weigh parts by their volume, so a small wrong connection hardly shows: read them
beside Betti errors, never instead.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.special import entr

from topoeval.metrics.arrays import Array, case_pairs
from topoeval.metrics.components import label
from topoeval.topology import Topology


def adapted_rand_error(
    prediction: Array, target: Array, topology: Topology | str, spatial_dims: int | None = None
) -> NDArray[np.float64]:
    """Adapted Rand error of each pair: 1 less the F-score of pairs of voxels that belong together.

    As scikit-image has it, over the voxels of the target's foreground: its background is left out,
    as in the SNEMI3D challenge; where the prediction has background, that is one part. Two empty
    masks score 0, and so do masks without any pair to judge. One empty mask scores 1; the formula
    would call an empty prediction of one component perfect, and has no value for an empty target.

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
    Shape ``(...)``, float64 in [0, 1]; lower is better.

    Raises
    ------
    UserError
        If a mask is not boolean or the shapes differ.

    References
    ----------
    I. Arganda-Carreras et al., Crowdsourcing the creation of image segmentation algorithms for
    connectomics, Frontiers in Neuroanatomy 9, 2015.

    Examples
    --------
    >>> line = np.ones((1, 4), dtype=bool)
    >>> cut = np.array([[True, True, False, True]])
    >>> round(float(adapted_rand_error(cut, line, Topology())), 3)
    0.714
    """
    shape, pairs = case_pairs(prediction, target, spatial_dims)
    return np.array([_rand_error(_table(p, g, topology)) for p, g in pairs]).reshape(shape)


def adjusted_rand_index(
    prediction: Array, target: Array, topology: Topology | str, spatial_dims: int | None = None
) -> NDArray[np.float64]:
    """Adjusted Rand index (Hubert and Arabie 1985) of each pair, over all voxels.

    The background is a part like the others. Equal partitions score 1, also two empty masks; one
    empty mask scores 0, what chance would reach.

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
    Shape ``(...)``, float64 in [-0.5, 1]; higher is better.

    Raises
    ------
    UserError
        If a mask is not boolean or the shapes differ.

    Examples
    --------
    >>> line = np.array([[True, True, False]])
    >>> float(adjusted_rand_index(line, line, Topology()))
    1.0
    """
    shape, pairs = case_pairs(prediction, target, spatial_dims)
    return np.array([_rand_index(_table(p, g, topology)) for p, g in pairs]).reshape(shape)


def variation_of_information(
    prediction: Array, target: Array, topology: Topology | str, spatial_dims: int | None = None
) -> NDArray[np.float64]:
    """Variation of information (Meila 2007) of each pair in its two parts, over all voxels.

    The background is a part like the others. Their sum is the usual single figure.
    Two empty masks score 0 and 0; if one is empty, it is one part that holds everything.

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
    Shape ``(..., 2)``, float64 >= 0 in bits, lower is better: ``H(P|G)``, the target's parts that
    are split, and ``H(G|P)``, those that are merged.

    Raises
    ------
    UserError
        If a mask is not boolean or the shapes differ.

    Examples
    --------
    >>> line = np.ones((1, 4), dtype=bool)
    >>> variation_of_information(~line, line, Topology())  # each is one part
    array([0., 0.])
    """
    shape, pairs = case_pairs(prediction, target, spatial_dims)
    values = [information(_table(p, g, topology)) for p, g in pairs]
    return np.array(values, np.float64).reshape(*shape, 2)


def partition_scores(
    prediction: NDArray[np.bool_],
    target: NDArray[np.bool_],
    topology: Topology | str,
    voxels: int | None = None,
) -> dict[str, float]:
    """Return all scores of one pair by column, its components labelled once.

    Where the masks are a box of an image, `voxels` is how many the image has.
    """
    table = _table(prediction, target, topology, voxels)
    split, merge = information(table)
    return {
        "adapted_rand_error": _rand_error(table),
        "adjusted_rand_index": _rand_index(table),
        "voi": float(split + merge),
        "voi_split": float(split),
        "voi_merge": float(merge),
    }


def _table(
    prediction: NDArray[np.bool_],
    target: NDArray[np.bool_],
    topology: Topology | str,
    voxels: int | None = None,
) -> Any:
    connectivity = Topology.parse(topology).foreground_connectivity(prediction.ndim)
    return contingency(prediction, target, connectivity, voxels)


def contingency(
    prediction: NDArray[np.bool_],
    target: NDArray[np.bool_],
    connectivity: int,
    voxels: int | None = None,
) -> Any:
    """Return a sparse table: voxels of each part of the target (rows) in each of the prediction.

    Part 0 is the background. Only foreground is looked up; that both have background is what is
    left of all voxels, `voxels` if the masks are a box of an image.
    """
    either = prediction | target
    parts, numbers = [], []
    for mask in (target, prediction):
        labels, number = label(mask, connectivity)
        parts.append(labels[either].astype(np.int64))
        numbers.append(number + 1)
        del labels  # as large as the image, times four
    return _counted(parts, numbers, prediction.size if voxels is None else voxels)


def contingency_of_labels(prediction: NDArray[Any], target: NDArray[Any]) -> Any:
    """Return the table of `contingency` for parts that are labelled already; label 0 is part 0.

    Labels may be any whole numbers; a label that lies in several places is one part.
    """
    either = (prediction != 0) | (target != 0)
    parts, numbers = [], []
    for labels in (target, prediction):
        held, places = np.unique(np.append(labels[either], 0), return_inverse=True)
        # the number of 0 is that of the background, whatever the order of the others
        zero = int(places[-1])
        order = np.arange(len(held)) + (np.arange(len(held)) < zero)
        order[zero] = 0
        parts.append(order[places[:-1]].astype(np.int64))
        numbers.append(len(held))
    return _counted(parts, numbers, prediction.size)


def _counted(parts: list[NDArray[np.int64]], numbers: list[int], voxels: int) -> Any:
    keys, counts = np.unique(parts[0] * numbers[1] + parts[1], return_counts=True)
    outside = voxels - len(parts[0])
    if outside:
        keys, counts = np.append(keys, 0), np.append(counts, outside)
    places = np.divmod(keys, numbers[1])
    return coo_array((counts, places), shape=tuple(numbers)).tocsr()


def _rand_error(table: Any) -> float:
    if min(table.shape) == 1:  # nothing but background in one mask
        return float(max(table.shape) > 1)
    both, in_g, in_p = _pairs(table[1:])
    # Single voxels make no pair: where neither side has one, nothing is wrong.
    return 1 - 2 * both / (in_g + in_p) if in_g + in_p else 0.0


def _rand_index(table: Any) -> float:
    # sklearn.metrics.adjusted_rand_score gives the same but sorts all voxels, ten times slower.
    parts_of_g, parts_of_p = table.shape
    if (parts_of_g == 1) != (parts_of_p == 1):  # one mask is empty
        return 0.0
    both, in_g, in_p = _pairs(table)
    size = table.sum()
    expected = in_g * in_p / max(1, size * (size - 1) / 2)
    highest = (in_g + in_p) / 2
    return 1.0 if highest == expected else (both - expected) / (highest - expected)


def _pairs(table: Any) -> tuple[float, float, float]:
    """Count the pairs of voxels that belong together in both, in the target, in the prediction."""
    margins = (np.asarray(table.sum(axis=axis)).ravel() for axis in (1, 0))
    together, of_g, of_p = (float((n * (n - 1) / 2).sum()) for n in (table.data, *margins))
    return together, of_g, of_p


def information(table: Any) -> NDArray[np.float64]:
    """Return the entropies ``H(P|G)`` and ``H(G|P)`` of a table of `contingency`, in bits."""
    # scikit-image has no way to give a table alone to its variation_of_information.
    joint = _entropy(table.data)
    of_g, of_p = (_entropy(np.asarray(table.sum(axis=axis)).ravel()) for axis in (1, 0))
    return np.maximum([joint - of_g, joint - of_p], 0.0)


def _entropy(counts: NDArray[np.float64]) -> float:
    """Return the entropy in bits; that of scipy.stats takes half a second to import."""
    return float(entr(counts / counts.sum()).sum() / np.log(2))


def foreground_information(
    prediction: NDArray[np.bool_], target: NDArray[np.bool_], topology: Topology | str
) -> NDArray[np.float64]:
    """Return the variation of information, ``(2,)`` bits, over the union of two foregrounds.

    Within it the background of a mask is a part of it. Two empty masks have 0.
    """
    either = int(np.count_nonzero(prediction | target))
    if either == 0:
        return np.zeros(2)
    return information(_table(prediction, target, topology, either))
