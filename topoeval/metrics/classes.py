"""Classes of a label map as masks: one against the rest, unions, and all of them merged."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from topoeval.errors import UserError
from topoeval.metrics.arrays import Array, as_numpy

MERGED = "merged"


def class_masks(labels: Array, classes: Sequence[str]) -> NDArray[np.bool_]:
    """Return one mask per class of a label map.

    Parameters
    ----------
    labels
        Integers, any shape ``(..., *spatial)``.
    classes
        ``"2"``: that label against the rest. ``"1+2"``: the union of labels. ``"merged"``:
        everything but 0.

    Returns
    -------
    Boolean, ``(len(classes), *labels.shape)``.

    Raises
    ------
    UserError
        If the labels are not integers, or a class is written in another way.

    Examples
    --------
    >>> class_masks(np.array([0, 1, 2, 3]), ["1", "1+2", "merged"]).astype(int)
    array([[0, 1, 0, 0],
           [0, 1, 1, 0],
           [0, 1, 1, 1]])
    """
    array = as_numpy(labels)
    if array.dtype.kind not in "biu":
        raise UserError(f"a label map holds integers, got {array.dtype}")
    masks = [array != 0 if name == MERGED else np.isin(array, members(name)) for name in classes]
    return np.stack(masks) if masks else np.zeros((0, *array.shape), np.bool_)


def members(name: str) -> list[int]:
    """Return the labels of a class or union.

    >>> members("1+2")
    [1, 2]
    """
    try:
        found = [int(part) for part in name.split("+")]
    except ValueError:
        found = [0]
    if min(found) < 1:
        raise UserError(
            f"class {name!r} is neither a label of 1 or more, a union like 1+2, nor {MERGED!r}"
        )
    return found


def pairwise_unions(labels: Sequence[int]) -> list[str]:
    """Return every union of two labels (Byrne et al., IEEE TMI 2022, state priors on them).

    >>> pairwise_unions([1, 2, 3])
    ['1+2', '1+3', '2+3']
    """
    return [f"{a}+{b}" for a, b in itertools.combinations(labels, 2)]
