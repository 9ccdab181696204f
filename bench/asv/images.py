"""Images of the kinds that persistence is timed on."""

import numpy as np
from scipy.ndimage import gaussian_filter

KINDS = ("noise", "smooth", "probability")


def images(kind, shape, seed=0):
    """Return a float32 batch ``(B, *spatial)`` of one kind.

    ``noise``: uniform, the worst case. ``smooth``: Gaussian-filtered noise of unit variance.
    ``probability``: what a network answers, a sigmoid of a smooth field with weak noise on it.
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
