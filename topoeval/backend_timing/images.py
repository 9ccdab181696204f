"""The kinds of image that persistence is timed on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

KINDS = ("noise", "smooth", "probability")


def images(kind: str, shape: Sequence[int], seed: int = 0) -> NDArray[np.float32]:
    """Return a float32 batch ``(B, *spatial)`` of one kind; the same seed gives the same images.

    ``noise``: uniform, the worst case. ``smooth``: Gaussian-filtered noise of unit variance.
    ``probability``: the output of a network, a sigmoid of a smooth field with weak noise on it.

    >>> images("probability", (2, 8, 8)).shape
    (2, 8, 8)
    """
    rng = np.random.default_rng(seed)
    if kind == "noise":
        return rng.random(shape, dtype=np.float32)
    fields = np.stack([gaussian_filter(rng.normal(size=shape[1:]), 4) for _ in range(shape[0])])
    fields /= fields.std()
    if kind == "smooth":
        return fields.astype(np.float32)
    probabilities = 1 / (1 + np.exp(-6 * fields)) + 0.02 * rng.normal(size=shape)
    return np.clip(probabilities, 0, 1).astype(np.float32)
