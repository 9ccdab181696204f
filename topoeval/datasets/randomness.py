"""Random numbers that belong to a case, not to the order in which cases are drawn."""

from __future__ import annotations

import hashlib

import numpy as np


def stream(*key: str | int) -> np.random.Generator:
    """Return the generator that belongs to ``key``, the same in every process.

    Each thing that is drawn gets a key of its own (dataset, case, purpose), so that changing one
    parameter leaves everything else about the case as it was.

    Examples
    --------
    >>> stream("strokes", "test-00000", "shape").integers(100, size=3).tolist()
    [38, 98, 73]
    """
    # A separator that cannot occur in a name keeps ("a", "b") apart from ("ab",).
    digest = hashlib.sha256("\x1f".join(str(part) for part in key).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest, "big"))
