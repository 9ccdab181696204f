"""What a persistence backend is.

A backend receives a batch of images and returns a table of bars: of voxel indices, or of
values where its library names no voxels. It never sees gradients or probabilities, and only a
`TensorBackend` sees torch. All backends return the same bars for the same `Topology`; translating a
library's conventions is the adapter's work, and `topoeval.testing.check_backend` proves it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, ClassVar, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from topoeval.topology import Topology

if TYPE_CHECKING:
    import torch

Index = NDArray[np.int64]


class IndexTable(NamedTuple):
    """Bars of a batch as four int64 columns of equal length, grouped by image, then dimension.

    ``birth_index`` and ``death_index`` are flat row-major voxel indices into one image.
    ``death_index`` is -1 for a class that never dies, ``birth_index`` is -1 for one that is born
    with the frame (framed border only). Bars of length zero are left out.
    """

    image: Index
    dim: Index
    birth_index: Index
    death_index: Index


class ValueTable(NamedTuple):
    """Bars of a batch from a backend that gives values only: as `IndexTable`, with float64 values.

    ``birth`` and ``death`` are values of the image. A class that never dies has death inf, one born
    with the frame birth -inf; in a superlevel filtration the signs are exchanged.
    """

    image: Index
    dim: Index
    birth: NDArray[np.float64]
    death: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Info:
    """What is true of a backend whether or not its library is installed.

    Parameters
    ----------
    name, title
        What users type, and what tables and figures print.
    package, licence
        Distribution on the package index, and its licence.
    ndims
        Spatial dimensions of the images it takes.
    constructions
        ``"V"``, ``"T"`` or both.
    dims
        Homology dimensions it computes, of images that have them.
    gives_locations
        Whether it names voxels (`IndexTable`) or gives values only (`ValueTable`). A loss needs
        voxels.
    exact
        Whether float64 values and 64-bit integers that differ stay different. One that computes in
        float32 is exact for what float32 holds, and the conformance suite asks no more of it.
    threads
        What it runs in parallel, in words.
    releases_gil
        Whether other Python threads run meanwhile.
    citation
        What to cite.
    """

    name: str
    title: str
    package: str
    licence: str
    ndims: tuple[int, ...] = (2, 3)
    constructions: tuple[str, ...] = ("V", "T")
    dims: tuple[int, ...] = (0, 1, 2)
    gives_locations: bool = True
    exact: bool = True
    threads: str = "none"
    releases_gil: bool = False
    citation: str = ""

    @property
    def version(self) -> str | None:
        """Version of the installed package, found without importing it; None: not installed."""
        try:
            return version(self.package)
        except PackageNotFoundError:
            return None

    def refusal(
        self, ndim: int, topology: Topology, dims: Sequence[int] | None = None
    ) -> str | None:
        """Return why it cannot compute this, or None; `dims` None stands for 0 to ndim - 1."""
        if ndim not in self.ndims:
            return f"takes images of {_either(self.ndims)} spatial dimensions, not {ndim}"
        if topology.construction not in self.constructions:
            return (
                f"has the {_either(self.constructions)}-construction only, "
                f"not {topology.construction}"
            )
        beyond = sorted(set(range(ndim) if dims is None else dims) - set(self.dims))
        if beyond:
            return (
                f"computes homology of dimension {_either(self.dims)} only, not {beyond[0]}; "
                f"ask for dims={list(self.dims)}"
            )
        return None


@runtime_checkable
class Backend(Protocol):
    """Computes persistence on the CPU from NumPy arrays.

    Subclass it for `supports`, or write all three yourself.
    """

    info: ClassVar[Info]

    def supports(
        self, ndim: int, topology: Topology, dims: Sequence[int] | None = None
    ) -> str | None:
        """Return None if it can compute this, else the reason why not; by default from `info`.

        `ndim` is the number of spatial dimensions; `dims` None stands for all homology dimensions.
        """
        return self.info.refusal(ndim, topology, dims)

    def compute(
        self, images: NDArray[np.generic], topology: Topology, dims: Sequence[int]
    ) -> IndexTable | ValueTable:
        """Return the bars of ``(B, *spatial)`` real, finite images in the dimensions `dims`."""
        ...


@runtime_checkable
class TensorBackend(Backend, Protocol):
    """A backend that also takes tensors, and returns its table on their device."""

    def compute_tensor(
        self, images: torch.Tensor, topology: Topology, dims: Sequence[int]
    ) -> torch.Tensor:
        """Return int64 ``(4, n)`` on the device of `images`: the columns of `IndexTable`.

        `images` are ``(B, *spatial)``, real and finite, of any strides, and part of no graph.
        """
        ...


def _either(choices: Iterable[object]) -> str:
    return " or ".join(map(str, choices))
