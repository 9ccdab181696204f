"""Interchangeable engines behind `topoeval.persistence.compute`.

Third parties add one through the entry-point group ``topoeval.backends``
(docs/add-a-backend.md); `topoeval.testing.check_backend` says whether its bars are right.
"""

from __future__ import annotations

from collections.abc import Sequence

from topoeval.errors import UnavailableError
from topoeval.persistence.backends.base import (
    Backend,
    IndexTable,
    Info,
    TensorBackend,
    ValueTable,
)
from topoeval.persistence.backends.library import LibraryBackend, ValueLibraryBackend
from topoeval.registry import Registry
from topoeval.topology import Topology

__all__ = [
    "BACKENDS",
    "Backend",
    "IndexTable",
    "Info",
    "LibraryBackend",
    "TensorBackend",
    "ValueLibraryBackend",
    "ValueTable",
    "automatic",
    "resolve",
]


def _check(plugin: object) -> None:
    needed = ("info", "supports", "compute")
    if not (isinstance(plugin, type) and all(hasattr(plugin, name) for name in needed)):
        raise TypeError(f"{plugin!r} is no Backend class (it needs {', '.join(needed)})")


_HERE = "topoeval.persistence.backends"

BACKENDS: Registry[type[Backend]] = Registry(
    "backend",
    {
        "betti_matching": f"{_HERE}.betti_matching:BettiMatching",
        "cripser": f"{_HERE}.cripser:Cripser",
        "gudhi": f"{_HERE}.gudhi:Gudhi",
        "gudhi_sklearn": f"{_HERE}.gudhi_sklearn:GudhiSklearn",
        "homcloud": f"{_HERE}.homcloud:Homcloud",
        "native": f"{_HERE}.native:Native",
        "oineus": f"{_HERE}.oineus:Oineus",
        "ripser": f"{_HERE}.ripser:Ripser",
        "torch": f"{_HERE}.torch:Torch",
    },
    group="topoeval.backends",
    requires={
        "betti_matching": ("topolosses",),
        "cripser": ("cripser", "tcripser"),
        "gudhi": ("gudhi",),
        "gudhi_sklearn": ("gudhi",),
        "homcloud": ("homcloud",),
        "oineus": ("oineus",),
        "ripser": ("ripser",),
    },
    install={
        # its dependencies would replace the torch that is there by another build
        "betti_matching": "pip install --no-deps topolosses",
        "gudhi_sklearn": 'pip install "topoeval[gudhi]"',
    },
    validate=_check,
)

# "auto": our own engine, part of every installation and the fastest (docs/decisions), but on a CUDA
# or ROCm device, both of which torch calls "cuda", the one that leaves the images there.
_AUTO = "native"
_AUTO_ON = {"cuda": "torch"}


def automatic(device: str) -> str:
    """Return what ``"auto"`` means for images on a device of this type."""
    return _AUTO_ON.get(device, _AUTO)


def resolve(
    name: str | Backend,
    ndim: int,
    topology: Topology,
    dims: Sequence[int] | None = None,
    *,
    device: str = "cpu",
    locations: bool = False,
) -> Backend:
    """Return the backend called `name`; a backend is itself.

    ``"auto"`` is ``torch`` for images on a CUDA or ROCm `device` (its type, as ``"cuda"``), and
    everywhere else the native engine. `dims` None stands for all homology dimensions; `locations`
    asks for voxels, which a loss needs.

    Raises
    ------
    UserError
        Unknown name.
    UnavailableError
        Not installed, broken, or unable to compute this.
    """
    if name == "auto":
        name = automatic(device)
    backend = BACKENDS.load(name)() if isinstance(name, str) else name
    reason = backend.supports(ndim, topology, dims)
    if reason is None and locations and not backend.info.gives_locations:
        reason = f"gives values, not voxels; a loss needs voxels: use {_AUTO}"
    if reason is not None:
        raise UnavailableError(f"backend {backend.info.name!r} {reason}")
    return backend
