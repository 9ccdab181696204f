"""The softmax of nnU-Net v2 that lies beside a label map. Nothing pickled is read."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from topoeval.errors import UserError

_KEY = "probabilities"


def softmax_of(path: Path, labels: NDArray[np.integer]) -> NDArray[np.float32]:
    """Return the softmax that a label map was made from, ``(C, *shape of labels)``.

    nnU-Net stores it in the order of its reader, ``(C, z, y, x)``, and images of two axes with a
    third of length 1. The order whose largest channel is the label map is the right one.

    Raises
    ------
    UserError
        If the file cannot be read, or in no order belongs to the label map.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            stored = np.asarray(archive[_KEY], dtype=np.float32)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise UserError(f"{path}: no softmax of nnU-Net: {error}") from None
    spatial = stored.shape[1:]
    if labels.ndim == 2 and len(spatial) == 3 and spatial[0] == 1:
        stored = stored[:, 0]
    backwards = (0, *range(stored.ndim - 1, 0, -1))
    for order in (backwards, tuple(range(stored.ndim))):
        turned = stored.transpose(order)
        if turned.shape[1:] == labels.shape and np.array_equal(turned.argmax(axis=0), labels):
            return np.ascontiguousarray(turned)
    raise UserError(
        f"{path}: its largest channels are not the label map beside it (was that one changed "
        "afterwards?); move the softmax away to repair the label map alone"
    )
