"""The seed paper's corruption: lines of k-space that were never measured."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from topoeval.errors import UserError


def zero_kspace_lines(
    image: NDArray[np.floating[Any]], lines: int, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Set random rows and columns of the spectrum to zero and return the magnitude image.

    2D Fourier transform, zero frequency shifted to the centre, ``lines`` distinct rows and as many
    distinct columns set to zero, inverse transform, modulus, division by the maximum.

    Parameters
    ----------
    image
        ``(H, W)``, non-negative.
    lines
        Rows to lose, and columns: 0 to min(H, W).
    rng
        Chooses them. From equal generators, fewer lines are a subset of more lines.

    Returns
    -------
    ``(H, W)`` float32 in [0, 1], with maximum 1 unless nothing is left of the image.

    Raises
    ------
    UserError
        If the image is not 2D or ``lines`` is out of range.

    References
    ----------
    J. R. Clough et al., A topological loss function for deep-learning based image segmentation
    using persistent homology, TPAMI 44(12), 2022; recipe as in the authors' published notebook.

    Examples
    --------
    >>> square = np.zeros((8, 8))
    >>> square[2:6, 2:6] = 1
    >>> bool(np.allclose(zero_kspace_lines(square, 0, np.random.default_rng(0)), square))
    True
    """
    if image.ndim != 2:
        raise UserError(f"k-space lines are lost from 2D images, got shape {image.shape}")
    rows, columns = image.shape
    if not 0 <= lines <= min(rows, columns):
        raise UserError(f"lines must be 0 to {min(rows, columns)} for {image.shape}, got {lines}")

    spectrum = np.fft.fftshift(np.fft.fft2(image))
    # Prefixes of a permutation: raising `lines` only ever takes more away.
    spectrum[rng.permutation(rows)[:lines], :] = 0
    spectrum[:, rng.permutation(columns)[:lines]] = 0
    magnitude = np.abs(np.fft.ifft2(np.fft.ifftshift(spectrum)))

    peak = magnitude.max()
    # Below rounding error of the transform there is no image to scale up.
    if peak <= 1e-12 * max(1.0, float(np.max(image))):
        return np.zeros(image.shape, dtype=np.float32)
    return np.asarray(magnitude / peak, dtype=np.float32)
