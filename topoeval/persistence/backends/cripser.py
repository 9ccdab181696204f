"""CubicalRipser."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from topoeval.persistence.backends.base import Index, Info
from topoeval.persistence.backends.library import LibraryBackend


class Cripser(LibraryBackend):
    """`cripser.computePH` (V) and `tcripser.computePH` (T)."""

    info: ClassVar[Info] = Info(
        name="cripser",
        title="CubicalRipser",
        package="cripser",
        licence="LGPL-3.0-or-later by its text, GPL-3.0 by its licence file",
        ndims=(2, 3),
        constructions=("V", "T"),
        gives_locations=True,
        releases_gil=True,
        threads="two in 2D (one per dimension)",
        citation="S. Kaji, T. Sudo, K. Ahara, Cubical Ripser, arXiv 2005.12692",
    )

    def pairs(
        self, image: NDArray[np.float64], construction: str, dims: Sequence[int]
    ) -> tuple[Index, Index, Index]:
        """Return dim, birth index and death index of one sublevel image."""
        import cripser
        import tcripser

        shape = image.shape
        if image.ndim == 2 and 1 in shape:
            # In V, cripser 0.0.37 calls every pixel of a one-pixel-wide image essential; the same
            # image as a volume of one slice is computed correctly.
            image = image[None]
        library = cripser if construction == "V" else tcripser
        rows = library.computePH(image, maxdim=max(dims))
        coordinates = rows[:, 3:9].astype(np.int64)
        # Three birth and three death coordinates, whatever the number of axes; an essential class
        # is marked by its death value (inf, or the largest float in older releases).
        birth = coordinates[:, : image.ndim]
        death = coordinates[:, 3 : 3 + image.ndim]
        essential = rows[:, 2] >= np.finfo(np.float64).max
        death_index = np.full(len(rows), -1, np.int64)
        death_index[~essential] = np.ravel_multi_index(tuple(death[~essential].T), image.shape)
        return (
            rows[:, 0].astype(np.int64),
            np.asarray(np.ravel_multi_index(tuple(birth.T), image.shape), np.int64),
            death_index,
        )
