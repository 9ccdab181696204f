"""The folder of a finished ``topoeval evaluate``, read back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pandas as pd

from topoeval.checksums import checksum
from topoeval.csv_tables import read_csv
from topoeval.errors import UserError
from topoeval.evaluate.summary import KEYS
from topoeval.records.migration import migrate
from topoeval.whole_file import read_bytes


def read_evaluation(folder: Path | str) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return the cases of a finished ``topoeval evaluate`` and what it was asked for.

    Raises
    ------
    UserError
        If the folder holds no such thing, or one of its files was changed since it was written.
    """
    folder = Path(folder)
    table = folder / "cases.csv"
    try:
        content = read_bytes(table)
        document = migrate(orjson.loads(read_bytes(folder / "record.json")))
        # evaluations of older versions do not say
        if document.get("cases_csv", checksum(content)) != checksum(content):
            raise UserError(f"{table} was changed after it was written")
        cases = read_csv(content, KEYS)
    except (OSError, ValueError) as error:
        raise UserError(
            f"{folder} holds no finished 'topoeval evaluate' ({error}); run it with --out {folder}"
        ) from None
    spec: dict[str, Any] = document["spec"]
    if spec.get("kind") != "files":
        raise UserError(f"{folder} holds records of runs and no 'topoeval evaluate'")
    return cases, spec
