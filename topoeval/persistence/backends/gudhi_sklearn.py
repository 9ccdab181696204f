"""GUDHI's fast route for rectangles, behind its scikit-learn interface."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from topoeval.persistence.backends.base import Info
from topoeval.persistence.backends.library import Image, ValueLibraryBackend


class GudhiSklearn(ValueLibraryBackend):
    """`gudhi.sklearn.cubical_persistence.CubicalPersistence` on 2D images; V by duality.

    Ranks in place of values would make it name voxels, but sorting an image takes longer than this
    route does.
    """

    info: ClassVar[Info] = Info(
        name="gudhi_sklearn",
        title="GUDHI CubicalPersistence, 2D route",
        package="gudhi",
        licence="MIT (cubical part)",
        ndims=(2,),
        constructions=("V", "T"),
        dims=(0, 1),
        gives_locations=False,
        releases_gil=True,
        threads="none (its n_jobs runs over a list of images)",
        citation="The GUDHI Project, GUDHI User and Reference Manual, gudhi.inria.fr; V by the "
        "duality of B. Bleile et al., arXiv 2102.11397",
    )

    def diagrams(
        self, images: Sequence[Image], construction: str, dims: Sequence[int]
    ) -> list[list[NDArray[np.floating]]]:
        """Return of each sublevel image and each of `dims` the ``(n, 2)`` births and deaths."""
        from gudhi.sklearn.cubical_persistence import CubicalPersistence

        if construction == "T":
            return CubicalPersistence(list(dims)).fit_transform(images)
        # V of an image is T of its negative inside a ring that enters first: bars change places
        # between dimensions 0 and 1, births and deaths too. The ring's own component is no bar.
        negatives = [np.pad(-image, 1, constant_values=-np.inf) for image in images]
        found = CubicalPersistence([1 - dim for dim in dims]).fit_transform(negatives)
        return [
            [
                -diagram[~((dim == 1) & np.isneginf(diagram[:, 0])), ::-1]
                for dim, diagram in zip(dims, of_image, strict=True)
            ]
            for of_image in found
        ]
