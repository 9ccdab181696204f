"""How far each voxel of a mask lies from the other phase: what the losses of distances weigh by."""

from __future__ import annotations

from collections.abc import Sequence

import edt
import numpy as np
from numpy.typing import NDArray


def to_other_phase(
    mask: NDArray[np.bool_], spacing: Sequence[float] | None = None
) -> NDArray[np.float64]:
    """Return the Euclidean distance of each voxel to the nearest voxel of the other phase.

    Both phases in one pass of the package ``edt``, which takes a third of the time of two passes of
    SciPy. Squares of distances are whole numbers where the spacing is 1, so its float32 holds them
    exactly below 2^24, and the roots are SciPy's to the last bit: records of trainings before this
    stay what a rerun gives. With another spacing they agree to a float32's precision.

    Parameters
    ----------
    mask
        Of an image or a volume, bool.
    spacing
        Of the voxels along each axis; 1 by default.

    Returns
    -------
    ndarray
        float64, of the mask's shape; zeros for a mask that is empty or full, which has no other
        phase.

    Examples
    --------
    >>> to_other_phase(np.array([[False, True, True, True]]))
    array([[1., 1., 2., 3.]])
    """
    if mask.all() or not mask.any():
        return np.zeros(mask.shape)
    sizes = tuple(map(float, spacing)) if spacing is not None else (1.0,) * mask.ndim
    labels = np.ascontiguousarray(mask).view(np.uint8) + np.uint8(1)  # 0 would be no phase
    squares = edt.edtsq(labels, anisotropy=sizes, black_border=False, parallel=1)
    return np.sqrt(squares, dtype=np.float64)
