"""HomCloud."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from topoeval.persistence.backends.base import Index, Info
from topoeval.persistence.backends.library import LibraryBackend, pairs_of_ranks, voxel_ranks

_one_at_a_time = threading.Lock()  # the library keeps global state and writes temporary files


class Homcloud(LibraryBackend):
    """`homcloud.interface.PDList.from_bitmap_levelset`.

    It is given ranks in place of values: it loses the components of images that hold -inf, as
    framed images do, and gives voxels as Python lists.
    """

    info: ClassVar[Info] = Info(
        name="homcloud",
        title="HomCloud",
        package="homcloud",
        licence="GPL-3.0-or-later",
        ndims=(2, 3),
        constructions=("V",),
        dims=(0, 1, 2),
        gives_locations=True,
        releases_gil=False,
        threads="none; calls wait for one another",
        citation="I. Obayashi, T. Nakamura, Y. Hiraoka, Persistent Homology Analysis for Materials "
        "Research and Persistent Homology Software: HomCloud, JPSJ 91(9), 2022",
    )

    def pairs(
        self, image: NDArray[np.float64], construction: str, dims: Sequence[int]
    ) -> tuple[Index, Index, Index]:
        """Return dim, birth index and death index of one sublevel image."""
        import homcloud.interface as homcloud

        ranks, order = voxel_ranks(image)
        with _one_at_a_time:
            bars = homcloud.PDList.from_bitmap_levelset(ranks, "sublevel")
            found = [bars.dth_diagram(dim) for dim in dims]
        diagrams = []
        for diagram in found:
            never = np.asarray(diagram.essential_births, np.float64)
            births = np.concatenate([diagram.births, never])
            deaths = np.concatenate([diagram.deaths, np.full(len(never), np.inf)])
            diagrams.append(np.stack([births, deaths], axis=1))
        return pairs_of_ranks(diagrams, dims, order)
