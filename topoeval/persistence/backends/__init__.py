"""Interchangeable engines behind `topoeval.persistence.compute`.

Third parties add one through the entry-point group ``topoeval.backends``; it must satisfy
`topoeval.persistence.backends.base.Backend`.
"""

from __future__ import annotations

from topoeval.errors import UnavailableError
from topoeval.persistence.backends.base import Backend, Info
from topoeval.registry import Registry
from topoeval.topology import Topology

__all__ = ["BACKENDS", "Backend", "Info", "resolve"]


def _check(plugin: object) -> None:
    if not (isinstance(plugin, type) and hasattr(plugin, "info") and hasattr(plugin, "compute")):
        raise TypeError(f"{plugin!r} is no Backend class (it needs `info`, `supports`, `compute`)")


BACKENDS: Registry[type[Backend]] = Registry(
    "backend",
    {
        "cripser": "topoeval.persistence.backends.cripser:Cripser",
        "gudhi": "topoeval.persistence.backends.gudhi:Gudhi",
        "native": "topoeval.persistence.backends.native:Native",
    },
    group="topoeval.backends",
    requires={"cripser": ("cripser", "tcripser"), "gudhi": ("gudhi",)},
    validate=_check,
)

# "auto": our own engine, which is part of every installation and the fastest (docs/decisions).
_AUTO = "native"


def resolve(name: str | Backend, ndim: int, topology: Topology) -> Backend:
    """Return the backend called `name`, for ``"auto"`` the native engine; a backend is itself.

    Raises
    ------
    UserError
        Unknown name.
    UnavailableError
        Not installed, broken, or unable to compute images of this kind.
    """
    if name == "auto":
        name = _AUTO
    backend = BACKENDS.load(name)() if isinstance(name, str) else name
    reason = backend.supports(ndim, topology)
    if reason is not None:
        raise UnavailableError(f"backend {backend.info.name!r} {reason}")
    return backend
