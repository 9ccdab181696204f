"""Invalid neighbours: classes that touch in a prediction and do not in the truth.

TopBrain 2025 counts, for each vessel of a prediction, the vessels that touch it and are not in the
list of those that may. Here the list is that of the truth of the same case, unless one is given.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation

from topoeval.errors import UserError
from topoeval.json_files import read_json_file
from topoeval.metrics.box import box_of

Allowed = Mapping[int, Iterable[int]]


def invalid_neighbours(
    prediction: NDArray[np.bool_],
    target: NDArray[np.bool_],
    maps: tuple[NDArray[Any], NDArray[Any]],
    allowed: Allowed | None = None,
) -> int:
    """Count the classes that touch this one in the prediction and may not.

    Parameters
    ----------
    prediction, target
        Boolean masks of the class, 2D or 3D.
    maps
        The label maps that they are from, of the same shape.
    allowed
        Labels that may touch each label; None takes those that touch the class in the target.

    Examples
    --------
    >>> truth = np.array([[1, 1, 2, 2, 0, 3]])
    >>> wrong = np.array([[1, 1, 2, 2, 3, 3]])
    >>> invalid_neighbours(wrong == 2, truth == 2, (wrong, truth))
    1
    >>> invalid_neighbours(wrong == 2, truth == 2, (wrong, truth), {2: [1, 3]})
    0
    """
    found = touching(prediction, maps[0])
    if allowed is None:
        return len(found - touching(target, maps[1]))
    own = np.unique(maps[0][prediction]).tolist() if found else []
    return len(found - {int(label) for one in own for label in allowed.get(one, ())})


def touching(mask: NDArray[np.bool_], labels: NDArray[Any]) -> set[int]:
    """Return the labels of a map that touch a mask from outside, through corners too; 0 aside.

    Examples
    --------
    >>> labels = np.array([[1, 0, 0], [0, 2, 0], [0, 0, 3]])
    >>> touching(labels == 1, labels), touching(labels == 2, labels)
    ({2}, {1, 3})
    """
    box = box_of(mask, margin=1)
    if box is None:
        return set()
    inside = mask[box]
    around = binary_dilation(inside, np.ones((3,) * mask.ndim, bool)) & ~inside
    return set(np.unique(labels[box][around]).tolist()) - {0}


def read_neighbours(path: Path) -> dict[int, tuple[int, ...]]:
    """Read which labels may touch, JSON like ``{"1": [2, 3], "2": [1]}``.

    Raises
    ------
    UserError
        If the file cannot be read or has another form.
    """
    read = read_json_file(path)
    try:
        return {int(key): tuple(int(label) for label in of) for key, of in read.items()}
    except (ValueError, TypeError, AttributeError):
        raise UserError(
            f'{path}: neighbours are JSON like {{"1": [2, 3], "2": [1]}}: of each label those that '
            "may touch it"
        ) from None
