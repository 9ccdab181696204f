"""Which stored images belong to which split."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from topoeval.datasets.dataset_info import DatasetInfo, Split
from topoeval.datasets.randomness import stream

FIXED_SPLITS: tuple[Split, ...] = ("test", "judge", "shifted", "relaxed")
"""Splits that are the same for every seed: all runs are scored on, and by, the same images."""


def split_indices(
    info: DatasetInfo,
    split: str,
    size: int,
    seed: int,
    *,
    fixed: Mapping[Split, NDArray[np.int64]],
    pool: NDArray[np.int64],
    shares: Mapping[Split, int],
) -> NDArray[np.int64]:
    """Return the indices of the images of a split.

    The seed shuffles the pool, of which every other split takes its own stretch: for one seed the
    splits are disjoint whatever their sizes, and a larger size keeps the samples of a smaller one.

    Parameters
    ----------
    info
        The dataset's card.
    split, size, seed
        As given to the dataset.
    fixed
        Candidates of the splits that no seed changes, in order.
    pool
        Indices that the remaining splits share.
    shares
        How many of the pool each remaining split may take.

    Returns
    -------
    ``(size,)`` indices.

    Raises
    ------
    UserError
        If the split is unknown or holds fewer than ``size`` images.
    """
    name = info.checked_split(split)
    info.check_integer("seed", seed, 0, 2**63 - 1)
    if name in fixed:
        candidates = fixed[name]
    else:
        start = sum(list(shares.values())[: list(shares).index(name)])
        shuffled = stream(info.name, "split", seed).permutation(pool)
        candidates = shuffled[start : start + shares[name]]
    info.check_integer(f"size of split {name!r}", size, 1, len(candidates))
    return candidates[:size]
