"""Oineus."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from topoeval.limits import usable_cores
from topoeval.persistence.backends.base import Index, Info
from topoeval.persistence.backends.library import LibraryBackend, pairs_of_ranks, voxel_ranks


class Oineus(LibraryBackend):
    """`oineus.cube_filtration` with values on vertices (V) or cells (T).

    Its diagrams hold values or numbers of cells; given ranks in place of values they name voxels.

    Parameters
    ----------
    threads
        Threads of the reduction, at most one a core, as each is pinned to its own; the bars do not
        depend on it.
    """

    info: ClassVar[Info] = Info(
        name="oineus",
        title="Oineus",
        package="oineus",
        licence="BSD",
        ndims=(2, 3),
        constructions=("V", "T"),
        dims=(0, 1, 2),
        gives_locations=True,
        releases_gil=False,
        threads="inside the reduction of one image",
        citation="D. Morozov, A. Nigmetov, Towards Lockfree Persistent Homology, SPAA 2020",
    )

    def __init__(self, threads: int = 1) -> None:
        self.threads = min(threads, usable_cores())

    def pairs(
        self, image: NDArray[np.float64], construction: str, dims: Sequence[int]
    ) -> tuple[Index, Index, Index]:
        """Return dim, birth index and death index of one sublevel image."""
        import oineus

        ranks, order = voxel_ranks(image)
        values_on = "vertices" if construction == "V" else "cells"
        filtration = oineus.cube_filtration(ranks, values_on=values_on, n_threads=self.threads)
        bars = oineus.reduce(filtration, n_threads=self.threads).diagram(filtration)
        # axes of one voxel span no cells in V, and there are no diagrams beyond the last cells
        dims = [dim for dim in dims if dim <= filtration.max_dim]
        return pairs_of_ranks([bars.in_dimension(dim) for dim in dims], dims, order)
