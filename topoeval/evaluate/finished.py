"""The folder of a finished ``topoeval evaluate``, read back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
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


@dataclass(frozen=True, eq=False)
class Finished:
    """What a finished ``topoeval evaluate`` has left.

    Parameters
    ----------
    cases
        Its ``cases.csv``.
    spec
        What it was asked for.
    notes
        What it noted, a line each: what values were read as, headers that differ.
    problems
        What it left out, and why, a line each.
    """

    cases: pd.DataFrame
    spec: Mapping[str, Any]
    notes: tuple[str, ...]
    problems: tuple[str, ...]


def read_evaluation(folder: Path | str) -> Finished:
    """Return what a finished ``topoeval evaluate`` has left.

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
    problems = (document.get("error") or "").splitlines()
    return Finished(cases, spec, tuple(document.get("notes") or ()), tuple(problems))
