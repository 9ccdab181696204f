"""Betti numbers of a sample's masks, as they are stored in it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from topoeval.datasets.sample import Betti
from topoeval.topology import Border, Topology


def measured_betti(mask: NDArray[np.bool_], border: Border = "plain") -> dict[str, Betti]:
    """Return the Betti numbers of a mask under both constructions.

    Parameters
    ----------
    mask
        ``(C, *spatial)`` bool, one channel a class.
    border
        What lies beyond the image.

    Returns
    -------
    By construction: ``(b0, b1[, b2])`` of the only class, or one such tuple a class.

    Examples
    --------
    >>> measured_betti(np.eye(2, dtype=bool)[None])
    {'V': (2, 0), 'T': (1, 0)}
    """
    from topoeval.metrics.betti import betti_numbers  # heavy, and not needed for a card

    return {
        construction: as_betti(
            betti_numbers(mask, Topology(construction, border=border), mask.ndim - 1)
        )
        for construction in ("V", "T")
    }


def as_betti(numbers: NDArray[np.int64]) -> Betti:
    """Return ``(C, d)`` numbers as a tuple of one class, or a tuple of tuples."""
    rows = tuple(tuple(int(value) for value in row) for row in numbers)
    return rows[0] if len(rows) == 1 else rows
