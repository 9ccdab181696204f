"""SQL over all records, answered by DuckDB."""

from __future__ import annotations

import importlib.util

import pandas as pd

from topoeval.errors import UnavailableError, UserError
from topoeval.results.tables import Results


def query(sql: str, results: Results) -> pd.DataFrame:
    """Ask the tables ``runs`` and ``cases`` a question.

    Parameters
    ----------
    sql
        One statement of DuckDB's SQL that returns rows. ``spec`` of runs is JSON:
        ``spec ->> '$.training.epochs'``.
    results
        What `load` returns.

    Raises
    ------
    UserError
        If the statement is wrong or returns no table; `UnavailableError` without DuckDB.
    """
    if importlib.util.find_spec("duckdb") is None:
        raise UnavailableError('queries need DuckDB; pip install "topoeval[query]"')
    import duckdb

    with duckdb.connect() as connection:
        connection.register("runs", results.runs)
        connection.register("cases", results.cases)
        try:
            answer = connection.sql(sql)
            if answer is None:
                raise UserError(f"the statement returns no table; begin it with SELECT: {sql}")
            found: pd.DataFrame = answer.df()
        except duckdb.Error as error:
            raise UserError(f"query: {_told(str(error))}") from None
    return found


def _told(message: str) -> str:
    """Join what DuckDB says, without the picture of where in the statement it is."""
    lines = [line.strip() for line in message.splitlines()]
    kept = [line for line in lines if line and not line.startswith(("LINE ", "^"))]
    return " ".join(kept)
