"""Distance between grey images."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from topoeval.metrics.arrays import Array, as_numpy, check_same_shape, leading_axes


def mse(prediction: Array, target: Array, spatial_dims: int | None = None) -> NDArray[np.float64]:
    """Mean squared difference of each pair of images.

    Parameters
    ----------
    prediction, target
        Real arrays of equal shape ``(..., *spatial)``.
    spatial_dims
        Number of spatial axes; None reads the whole array as one image.

    Returns
    -------
    Shape ``(...)``, float64, in squared units of the input; lower is better.

    Raises
    ------
    UserError
        If the shapes differ.

    Examples
    --------
    >>> mse(np.array([[0.0, 1.0], [0.5, 0.5]]), np.zeros((2, 2)), spatial_dims=1)
    array([0.5 , 0.25])
    """
    # float64 before the subtraction: unsigned bytes would wrap around.
    p, g = (as_numpy(values).astype(np.float64) for values in (prediction, target))
    check_same_shape(p, g)
    spatial = tuple(range(leading_axes(p, spatial_dims), p.ndim))
    return np.asarray(np.mean((p - g) ** 2, axis=spatial))
