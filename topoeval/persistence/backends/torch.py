"""Plain torch operations, on any device that torch knows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from topoeval.errors import UnavailableError
from topoeval.persistence.backends.base import IndexTable, Info, TensorBackend
from topoeval.topology import Topology

if TYPE_CHECKING:
    from torch import Tensor

_NUMBERS = 2**31  # nodes are numbered in 32 bits; a batch of more is taken in parts


class Torch(TensorBackend):
    """Components and their duals, batched, where the tensor lives; loops of volumes by ``native``.

    2D images never leave the device. Of volumes whose loops are asked for, the rank of each voxel
    goes to the host and voxel indices come back, while the device does the other dimensions.

    Parameters
    ----------
    threads
        Of the native engine for the loops of volumes; as there.
    """

    info: ClassVar[Info] = Info(
        name="torch",
        title="topoeval on torch tensors",
        package="torch",
        licence="BSD-3-Clause",
        ndims=(2, 3),
        constructions=("V", "T"),
        dims=(0, 1, 2),
        gives_locations=True,
        releases_gil=True,
        threads="those of torch; loops of volumes as native",
        citation="this package; rounds of first edges after O. Borůvka, 1926",
    )

    def __init__(self, threads: int | None = None) -> None:
        self.threads = threads

    def compute(
        self, images: NDArray[np.generic], topology: Topology, dims: Sequence[int]
    ) -> IndexTable:
        """Return the bars of ``(B, *spatial)`` real, finite images in the dimensions `dims`."""
        import torch

        if images.dtype.itemsize > 8:  # longer than any of torch
            images = images.astype(np.float64)
        # torch takes neither reversed axes nor foreign byte order, and warns of what is read-only
        own = np.require(images, images.dtype.newbyteorder("="), ["C", "W"])
        return IndexTable(*self.compute_tensor(torch.from_numpy(own), topology, dims).numpy())

    def compute_tensor(self, images: Tensor, topology: Topology, dims: Sequence[int]) -> Tensor:
        """Return int64 ``(4, n)`` on the device of `images`: the columns of `IndexTable`.

        Raises
        ------
        UnavailableError
            A single image of more than a thousand million voxels.
        """
        import torch

        from topoeval.persistence._parallel.bars import bars

        size = images[0].numel()
        at_once = (_NUMBERS - 1) // (2 * (size + 2))
        if at_once == 0:
            raise UnavailableError(
                f"backend 'torch' numbers voxels in 32 bits, which an image of {size} exceeds: "
                "use native"
            )
        tables = []
        for number, part in enumerate(torch.split(images, at_once)):
            table = bars(part, topology, dims, self.threads)
            table[0] += number * at_once
            tables.append(table)
        return torch.cat(tables, dim=1)
