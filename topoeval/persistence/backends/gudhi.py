"""GUDHI's general cubical complex."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from topoeval.persistence.backends.base import Index, Info
from topoeval.persistence.backends.library import LibraryBackend


class Gudhi(LibraryBackend):
    """`gudhi.CubicalComplex` with coefficients in Z/2.

    The library's default field is Z/11, in which one-dimensional classes of a volume can honestly
    pair differently; every other backend computes over Z/2.
    """

    info: ClassVar[Info] = Info(
        name="gudhi",
        title="GUDHI CubicalComplex",
        package="gudhi",
        licence="MIT (cubical part)",
        ndims=(2, 3),
        constructions=("V", "T"),
        gives_locations=True,
        releases_gil=True,
        threads="none",
        citation="The GUDHI Project, GUDHI User and Reference Manual, gudhi.inria.fr",
    )

    def pairs(
        self, image: NDArray[np.float64], construction: str, dims: Sequence[int]
    ) -> tuple[Index, Index, Index]:
        """Return dim, birth index and death index of one sublevel image."""
        import gudhi

        if construction == "V":
            complex_ = gudhi.CubicalComplex(vertices=image)
            complex_.compute_persistence(homology_coeff_field=2)
            finite, essential = complex_.vertices_of_persistence_pairs()
        else:
            complex_ = gudhi.CubicalComplex(top_dimensional_cells=image)
            complex_.compute_persistence(homology_coeff_field=2)
            finite, essential = complex_.cofaces_of_persistence_pairs()

        columns = []
        # The lists end at the last dimension that has a bar, and may be shorter than `dims`.
        for dim, pairs in enumerate(finite):
            columns.append(_columns(dim, pairs.reshape(-1, 2), image.shape))
        for dim, births in enumerate(essential):
            never = np.full((births.size, 1), -1)
            columns.append(_columns(dim, np.hstack([births.reshape(-1, 1), never]), image.shape))
        dim, birth, death = np.concatenate(columns, axis=1)
        return dim, birth, death


def _columns(dim: int, pairs: NDArray[np.integer], shape: tuple[int, ...]) -> Index:
    """Return ``(3, n)``: dimension, birth, death; GUDHI's column-major indices made row-major."""
    pairs = pairs.astype(np.int64)
    finite = pairs >= 0
    row_major = np.full_like(pairs, -1)
    row_major[finite] = np.ravel_multi_index(
        np.unravel_index(pairs[finite], shape, order="F"), shape
    )
    return np.stack([np.full(len(pairs), dim, np.int64), row_major[:, 0], row_major[:, 1]])
