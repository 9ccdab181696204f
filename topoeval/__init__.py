"""topoeval: benchmark and evaluation suite for topology-aware image segmentation.

Importing this package imports neither torch nor any persistence library; the parts are loaded when
they are first named.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from topoeval.errors import UnavailableError, UserError
from topoeval.topology import Topology

if TYPE_CHECKING:
    from topoeval import datasets as datasets
    from topoeval import digital as digital
    from topoeval import losses as losses
    from topoeval import metrics as metrics
    from topoeval import persistence as persistence
    from topoeval import repair as repair
    from topoeval import results as results
    from topoeval import statistics as statistics
    from topoeval import training as training

    __version__: str

_PARTS = (
    "datasets",
    "digital",
    "losses",
    "metrics",
    "persistence",
    "repair",
    "results",
    "statistics",
    "training",
)

__all__ = ["Topology", "UnavailableError", "UserError", "__version__", *_PARTS]


def __getattr__(name: str) -> object:
    if name in _PARTS:
        return importlib.import_module(f"topoeval.{name}")
    if name == "__version__":
        return _version()
    raise AttributeError(f"module 'topoeval' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)


def _version() -> str:
    # reading the metadata takes a quarter of the time of `topoeval --help`, which does without it
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("topoeval")
    except PackageNotFoundError:  # a source tree on the path, not installed
        return "0+unknown"
