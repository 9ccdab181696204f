"""What the harness left behind, as tables: read, collect, query, compare, submit.

>>> from topoeval.results import load  # doctest: +SKIP
>>> load("results/losses-2d").cases.groupby("method")["dice"].mean()  # doctest: +SKIP

Importing this package imports no pandas.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from topoeval.results.comparison import Comparison as Comparison
    from topoeval.results.comparison import compare as compare
    from topoeval.results.parquet import collect as collect
    from topoeval.results.records import Records as Records
    from topoeval.results.records import read as read
    from topoeval.results.sql import query as query
    from topoeval.results.tables import Results as Results
    from topoeval.results.tables import load as load

_HOMES = {
    "Comparison": "comparison",
    "Records": "records",
    "Results": "tables",
    "collect": "parquet",
    "compare": "comparison",
    "load": "tables",
    "query": "sql",
    "read": "records",
}

__all__ = [
    "Comparison",
    "Records",
    "Results",
    "collect",
    "compare",
    "load",
    "query",
    "read",
]


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(importlib.import_module(f"topoeval.results.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'topoeval.results' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
