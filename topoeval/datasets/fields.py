"""Smooth random fields: textures, bias fields, and the warping of shapes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float32]


def smooth_field(shape: Sequence[int], wavelength: float, rng: np.random.Generator) -> Field:
    """Return a random field that changes over about ``wavelength`` voxels.

    Independent normal numbers on a coarse lattice, interpolated by cubic B-splines.

    Parameters
    ----------
    shape
        ``(*spatial)``.
    wavelength
        Distance of the lattice points in voxels.
    rng
        Draws the lattice and its place.

    Returns
    -------
    ``shape`` float32, mean near 0, standard deviation near 1.

    Examples
    --------
    >>> smooth_field((8, 6), 4.0, np.random.default_rng(0)).shape
    (8, 6)
    """
    offsets = rng.uniform(0, 1, len(shape))
    weights = [
        _spline(side, float(wavelength), float(o)) for side, o in zip(shape, offsets, strict=True)
    ]
    field = rng.standard_normal([w.shape[1] for w in weights])
    for axis, weight in enumerate(weights):
        # not matmul: a threaded BLAS may round differently from call to call
        field = np.moveaxis(
            np.einsum("ij,j...->i...", weight, np.moveaxis(field, axis, 0)), 0, axis
        )
    return np.asarray(field, dtype=np.float32)


def _spline(side: int, wavelength: float, offset: float) -> NDArray[np.float64]:
    """Return ``(side, n)`` weights of cubic B-splines, scaled to keep unit variance on average."""
    position = np.arange(side) / wavelength + offset
    knots = np.arange(int(position[-1]) + 4)
    t = np.abs(position[:, None] + 1 - knots)
    inner = 2 / 3 - t**2 * (1 - t / 2)
    outer = (2 - t) ** 3 / 6
    weights = np.where(t < 1, inner, np.where(t < 2, outer, 0.0))
    return weights / _spread()


@lru_cache(maxsize=1)
def _spread() -> float:
    """Return the root mean square over all places of the norm of the four weights."""
    u = (np.arange(1000) + 0.5) / 1000
    parts = ((1 - u) ** 3, 3 * u**3 - 6 * u**2 + 4, -3 * u**3 + 3 * u**2 + 3 * u + 1, u**3)
    return float(np.sqrt(np.mean(sum((part / 6) ** 2 for part in parts))))
