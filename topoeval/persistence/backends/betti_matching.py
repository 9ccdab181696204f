"""The barcode routine of Betti-Matching-3D, as compiled in the topolosses wheel."""

from __future__ import annotations

import importlib.util
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from topoeval.errors import UnavailableError
from topoeval.persistence.backends.base import Index, Info
from topoeval.persistence.backends.library import LibraryBackend

_MODULE = "topolosses.losses.betti_matching.src.betti_matching"
_loading = threading.Lock()


class BettiMatching(LibraryBackend):
    """`betti_matching.compute_barcode`, which leaves out the class that never dies.

    The extension module is loaded by its path: importing the package around it needs torchvision
    and OpenCV, and installing those replaces the torch that is there. Hence ``--no-deps``.
    """

    info: ClassVar[Info] = Info(
        name="betti_matching",
        title="Betti-Matching-3D",
        package="topolosses",
        licence="MIT",
        ndims=(2, 3),
        constructions=("V",),
        dims=(0, 1, 2),
        gives_locations=True,
        releases_gil=False,
        threads="none (given a list of images, one each)",
        citation="N. Stucki, V. Bürgin, J. C. Paetzold, U. Bauer, Efficient Betti Matching "
        "Enables Topology-Aware 3D Segmentation via Persistent Homology, arXiv 2407.04683",
    )

    def pairs(
        self, image: NDArray[np.float64], construction: str, dims: Sequence[int]
    ) -> tuple[Index, Index, Index]:
        """Return dim, birth index and death index of one sublevel image."""
        bars = _library().compute_barcode(image)
        oldest = np.array([[0], [np.argmin(image)], [-1]])
        columns = [oldest]
        ends = zip(bars.birth_coordinates, bars.death_coordinates, strict=True)
        for dim, (birth, death) in enumerate(ends):
            birth_index = np.ravel_multi_index(tuple(birth.T), image.shape)
            death_index = np.ravel_multi_index(tuple(death.T), image.shape)
            columns.append(np.stack([np.full(len(birth), dim), birth_index, death_index]))
        dim, birth, death = np.concatenate(columns, axis=1)
        return dim, birth, death


def _library() -> Any:
    with _loading:
        return sys.modules.get(_MODULE) or _load()


def _load() -> ModuleType:
    package = importlib.util.find_spec("topolosses")
    folders = package.submodule_search_locations if package is not None else None
    files = [
        file
        for folder in folders or ()
        for file in Path(folder).glob("losses/betti_matching/src/betti_matching.*")
        if file.suffix in (".so", ".pyd")
    ]
    spec = importlib.util.spec_from_file_location(_MODULE, files[0]) if files else None
    if spec is None or spec.loader is None:
        raise UnavailableError(
            "backend 'betti_matching' is broken: topolosses holds no compiled betti_matching for "
            "this Python; pip install --no-deps topolosses"
        )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    # Under its own name, so that topolosses, imported later, does not register its types twice.
    sys.modules[_MODULE] = module
    return module
