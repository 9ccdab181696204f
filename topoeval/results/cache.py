"""Tables of records kept between calls, so that records are parsed once.

What is kept is found by the folder and by name, size and time of change of every record in it: a
record that is added, removed or written anew makes another key, and the old tables are deleted.
Without pyarrow, or with TOPOEVAL_CACHE set to nothing, every call parses.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import io
import os
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from topoeval.checksums import checksum
from topoeval.datasets.cache import cache_folder
from topoeval.records.record import RECORD_SCHEMA
from topoeval.whole_file import read_bytes, whole_file, write_text

# Raise it when rows.py changes what the tables hold.
_FORM = 3
NAMES = ("runs", "cases")
_SUMS = ".sha256"

Tables = tuple[pd.DataFrame, pd.DataFrame]


def fingerprint(folder: Path) -> str:
    """Return a hash of names, sizes and times of change of a folder's records."""
    with os.scandir(folder) as found:
        files = sorted(
            (entry.name, entry.stat().st_size, entry.stat().st_mtime_ns)
            for entry in found
            if entry.name.endswith(".json") and not entry.name.startswith(".")
        )
    state = (_FORM, RECORD_SCHEMA, pd.__version__, files)
    return hashlib.sha256(repr(state).encode()).hexdigest()[:16]


def fetch(folder: Path, key: str) -> Tables | None:
    """Return the tables kept for a folder in this state; None if there are none."""
    home = _home(folder)
    if home is None:
        return None
    try:
        contents = [read_bytes(home / f"{key}.{name}.parquet") for name in NAMES]
        # Parquet has no checksum of its own: a changed byte can be another score
        if read_bytes(home / f"{key}{_SUMS}").decode("ascii") != _sums(contents):
            return None
        runs, cases = (pd.read_parquet(io.BytesIO(content)) for content in contents)
    except (OSError, ValueError):
        return None  # parsed anew, and written over
    return runs, cases


def keep(folder: Path, key: str, runs: pd.DataFrame, cases: pd.DataFrame) -> None:
    """Keep the tables of a folder; those of its earlier states are deleted.

    A cache that cannot be written is no reason to fail: the next call parses again.
    """
    home = _home(folder)
    if home is None:
        return
    with contextlib.suppress(OSError):
        home.mkdir(parents=True, exist_ok=True)
        files = [home / f"{key}.{name}.parquet" for name in NAMES]
        for table, path in zip((runs, cases), files, strict=True):
            write_parquet(table, path)
        write_text(home / f"{key}{_SUMS}", _sums([path.read_bytes() for path in files]))
        for old in (*home.glob("*.parquet"), *home.glob(f"*{_SUMS}")):
            if not old.name.startswith(key):
                old.unlink(missing_ok=True)


def write_parquet(table: pd.DataFrame, path: Path) -> None:
    """Write a table under another name and rename it; the same table gives the same bytes."""
    with whole_file(path) as partial:
        table.to_parquet(partial, index=False)


def _sums(contents: Sequence[bytes]) -> str:
    return "".join(f"{checksum(content)}\n" for content in contents)


def _home(folder: Path) -> Path | None:
    root = cache_folder()
    if root is None or importlib.util.find_spec("pyarrow") is None:
        return None
    name = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:16]
    return root / "results" / name
