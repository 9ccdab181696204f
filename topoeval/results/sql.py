"""SQL over all records, run by DuckDB."""

from __future__ import annotations

import importlib.util

import pandas as pd

from topoeval.errors import UnavailableError, UserError
from topoeval.results.tables import Results

# Set after the tables are registered, and locked: a statement can neither read nor write files,
# nor load extensions, nor see the variables of this program, nor change these settings.
_CLOSED = {
    # what does not fit into memory would be written to the current folder
    "temp_directory": "''",
    "enable_external_access": "false",
    "python_enable_replacements": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "lock_configuration": "true",
}


def query(sql: str, results: Results) -> pd.DataFrame:
    """Run one read-only statement over the tables ``runs`` and ``cases``.

    Parameters
    ----------
    sql
        One ``SELECT`` (or ``WITH``, ``FROM``, ``DESCRIBE``, ``EXPLAIN``) of DuckDB's SQL. It sees
        the two tables and nothing else: no files, no network, no extensions. ``spec`` of runs is
        JSON: ``spec ->> '$.training.epochs'``.
    results
        What `load` returns.

    Raises
    ------
    UserError
        If it is not one statement that only reads, or DuckDB refuses it; `UnavailableError` without
        DuckDB.
    """
    if importlib.util.find_spec("duckdb") is None:
        raise UnavailableError('queries need DuckDB; pip install "topoeval[query]"')
    import duckdb

    with duckdb.connect() as connection:
        connection.register("runs", results.runs)
        connection.register("cases", results.cases)
        for name, value in _CLOSED.items():
            connection.execute(f"SET {name} = {value}")
        try:
            statements = connection.extract_statements(sql)
            if len(statements) != 1:
                raise UserError(f"query takes one statement, got {len(statements)}: {sql}")
            reading = {duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN}
            if statements[0].type not in reading:
                kind = statements[0].type.name
                raise UserError(f"query only reads; begin with SELECT (this is {kind}): {sql}")
            relation = connection.sql(sql)
            if relation is None:
                raise UserError(f"the statement returns no table; begin it with SELECT: {sql}")
            found: pd.DataFrame = relation.df()
        except duckdb.Error as error:
            raise UserError(f"query: {_message(str(error))}") from None
    return found


def _message(text: str) -> str:
    """Join the lines of DuckDB's message, without the marks of where in the statement it is."""
    lines = [line.strip() for line in text.splitlines()]
    kept = [line for line in lines if line and not line.startswith(("LINE ", "^"))]
    return " ".join(kept)
