"""Ripser's lower-star filtration of an image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from topoeval.errors import UnavailableError
from topoeval.persistence.backends.base import Info
from topoeval.persistence.backends.library import Image, ValueLibraryBackend

_FLOAT32_INTEGERS = 2**24  # float32 tells the whole numbers below this one from another


class Ripser(ValueLibraryBackend):
    """`ripser.lower_star_img`: components of 2D images.

    The library computes in float32. It is handed the rank of each value among the values of its
    image, which float32 holds, and the ranks of its bars are made values again: the bars are exact.
    """

    info: ClassVar[Info] = Info(
        name="ripser",
        title="Ripser.py lower_star_img",
        package="ripser",
        licence="MIT",
        ndims=(2,),
        constructions=("T",),
        dims=(0,),
        gives_locations=False,
        releases_gil=False,
        threads="none",
        citation="C. Tralie, N. Saul, R. Bar-On, Ripser.py, JOSS 3(29), 2018",
    )

    def diagrams(
        self, images: Sequence[Image], construction: str, dims: Sequence[int]
    ) -> list[list[NDArray[np.floating]]]:
        """Return of each sublevel image and each of `dims` the ``(n, 2)`` births and deaths."""
        import ripser

        found: list[list[NDArray[np.floating]]] = []
        for image in images:
            levels, ranks = np.unique(image, return_inverse=True)
            if len(levels) > _FLOAT32_INTEGERS:
                raise UnavailableError(
                    f"backend 'ripser' computes in float32, which cannot tell {len(levels)} "
                    f"values of one image apart (at most {_FLOAT32_INTEGERS}): use native"
                )
            diagram = ripser.lower_star_img(ranks.reshape(image.shape).astype(np.float64))
            values = np.full(diagram.shape, np.inf)
            finite = np.isfinite(diagram)
            values[finite] = levels[diagram[finite].astype(np.int64)]
            found.append([values])
        return found
