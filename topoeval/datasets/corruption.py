"""Damage of k-space: the seed's missing lines, and a hurried acquisition."""

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


def acquire(
    image: NDArray[np.floating[Any]],
    *,
    kept: float,
    motion: float,
    noise: float,
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    """Return the magnitude image of a short and disturbed magnetic resonance acquisition.

    Of the spectrum only the central rows are kept (the phase-encoding direction is measured to a
    lower resolution); the rows are measured in eight groups, each with the object moved a little;
    each measured value has complex Gaussian noise, so that the image's is Rician.

    Parameters
    ----------
    image
        ``(H, W)``, non-negative.
    kept
        Share of the rows that are measured, in (0, 1].
    motion
        Standard deviation of the displacement of a group, in voxels along each axis.
    noise
        Standard deviation of real and imaginary part of the noise in the image.
    rng
        Draws displacements and noise.

    Returns
    -------
    ``(H, W)`` float32, non-negative; without damage the image itself.

    Raises
    ------
    UserError
        If the image is not 2D or ``kept`` is out of range.

    References
    ----------
    H. Gudbjartsson, S. Patz, The Rician distribution of noisy MRI data, MRM 34(6), 1995.

    Examples
    --------
    >>> square = np.zeros((8, 8))
    >>> square[2:6, 2:6] = 1
    >>> same = acquire(square, kept=1, motion=0, noise=0, rng=np.random.default_rng(0))
    >>> bool(np.allclose(same, square, atol=1e-6))
    True
    """
    if image.ndim != 2:
        raise UserError(f"k-space acquisitions are of 2D images, got shape {image.shape}")
    if not 0 < kept <= 1:
        raise UserError(f"kept must be a share of (0, 1], got {kept}")
    rows, columns = image.shape
    spectrum = np.fft.fft2(image)
    frequency = np.fft.fftfreq(rows)[:, None]
    # Eight groups of neighbouring rows: motion between them, none within.
    group = np.fft.ifftshift(np.arange(rows) * 8 // rows)
    moved = rng.normal(0.0, motion, (8, 2)) if motion else np.zeros((8, 2))
    phase = frequency * moved[group, :1] + np.fft.fftfreq(columns)[None] * moved[group, 1:]
    spectrum = spectrum * np.exp(-2j * np.pi * phase)
    # Weights between one and none at the cut: a sharp one would ring more than scanners do.
    spectrum *= np.clip((kept / 2 - np.abs(frequency)) * rows / 2 + 1, 0, 1)
    disturbed = np.fft.ifft2(spectrum)
    grain = rng.standard_normal((2, rows, columns)) * noise
    return np.asarray(np.hypot(disturbed.real + grain[0], disturbed.imag + grain[1]), np.float32)
