"""All records as two Parquet files."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path

from topoeval.errors import UnavailableError
from topoeval.results.cache import write_parquet
from topoeval.results.tables import Results, load

NAMES = ("runs.parquet", "cases.parquet")


def collect(folders: Sequence[Path | str], out: Path | str) -> Results:
    """Write the tables of `load` as ``runs.parquet`` and ``cases.parquet``.

    Rows are in the order of suites and identities, whatever the order of the folders; the same
    records give the same bytes (with the same pandas and pyarrow).

    Parameters
    ----------
    folders
        As for `load`.
    out
        Folder to write to; made if missing.

    Raises
    ------
    UserError
        As `load`; `UnavailableError` without pyarrow.
    """
    if importlib.util.find_spec("pyarrow") is None:
        raise UnavailableError('Parquet needs pyarrow; pip install "topoeval[query]"')
    results = load(*folders)
    target = Path(out)
    for name, table in zip(NAMES, (results.runs, results.cases), strict=True):
        # Cases of a run are in the order of its record, which a stable sort keeps.
        ordered = table.sort_values(["suite", "id"], kind="stable", ignore_index=True)
        write_parquet(ordered, target / name)
    return results
