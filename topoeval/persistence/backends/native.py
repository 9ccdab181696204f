"""Our own engine, in C++ (``native/``)."""

from __future__ import annotations

import functools
import os
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from topoeval.limits import usable_cores
from topoeval.persistence.backends.base import Backend, IndexTable, Info
from topoeval.persistence.backends.library import exact_float64, unframed
from topoeval.topology import Topology


class Native(Backend):
    """The engine of ``native/``: whole batches, any real dtype and strides, without the GIL.

    Parameters
    ----------
    threads
        Threads over the batch, and inside a volume; None takes as many as OMP_NUM_THREADS says,
        else all cores this process may use. The bars do not depend on it.
    """

    info: ClassVar[Info] = Info(
        name="native",
        title="topoeval's own engine",
        package="topoeval",
        licence="MIT",
        ndims=(2, 3),
        constructions=("V", "T"),
        gives_locations=True,
        releases_gil=True,
        threads="over the batch, and inside a volume",
        citation="this package; discrete Morse theory after V. Robins, P. J. Wood, A. P. Sheppard, "
        "IEEE TPAMI 33(8), 2011, and P. Guillou, J. Vidal, J. Tierny, arXiv 2206.13932",
    )

    def __init__(self, threads: int | None = None) -> None:
        self.threads = default_threads() if threads is None else threads

    def compute(
        self, images: NDArray[np.generic], topology: Topology, dims: Sequence[int]
    ) -> IndexTable:
        """Return the bars of ``(B, *spatial)`` real, finite images in the dimensions `dims`."""
        from topoeval import _native

        shape = images.shape[1:]
        if topology.framed:
            first = np.inf if topology.superlevel else -np.inf
            around = [(0, 0)] + [(1, 1)] * len(shape)
            images = np.pad(exact_float64(images), around, constant_values=first)
        elif not images.dtype.isnative:
            images = images.astype(images.dtype.newbyteorder("="))
        image, dim, birth, death = _native.persistence(
            images, topology.construction, topology.superlevel, list(dims), 0.0, self.threads
        )
        if topology.framed:
            birth, death = unframed(birth, shape), unframed(death, shape)
        return IndexTable(image, dim, birth, death)


def default_threads() -> int:
    """Return OMP_NUM_THREADS where it is set, else the cores this process may use."""
    asked = os.environ.get("OMP_NUM_THREADS", "")
    return int(asked) if asked.isdigit() and int(asked) > 0 else _cores()


@functools.cache
def _cores() -> int:
    # read once: the files that say it take longer to read than a small image takes to compute
    return usable_cores()
