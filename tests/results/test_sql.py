"""A query reads the two tables and nothing else."""

from types import SimpleNamespace

import pandas as pd
import pytest

from topoeval import UserError
from topoeval.results import sql as sql_module
from topoeval.results.sql import query

pytest.importorskip("duckdb")


@pytest.fixture
def results():
    """Return tables of two runs and one case."""
    runs = pd.DataFrame({"id": ["a", "b"], "spec": ['{"training": {"epochs": 3}}'] * 2})
    return SimpleNamespace(runs=runs, cases=pd.DataFrame({"id": ["a"], "dice": [0.5]}))


@pytest.mark.parametrize(
    ("sql", "shape"),
    [
        ("SELECT * FROM runs", (2, 2)),
        ("FROM cases", (1, 2)),
        ("WITH t AS (SELECT id FROM runs) SELECT * FROM t JOIN cases USING (id)", (1, 2)),
        ("SELECT spec ->> '$.training.epochs' AS epochs FROM runs;", (2, 1)),
        ("DESCRIBE runs", (2, 6)),
        ("SHOW TABLES", (2, 1)),
        ("SUMMARIZE cases", (2, 12)),
    ],
)
def test_whatever_reads_the_tables_is_run(results, sql, shape):
    """In each form that DuckDB has for it."""
    assert query(sql, results).shape == shape


@pytest.mark.parametrize(
    "sql",
    [
        "COPY runs TO '{folder}/out.csv'",
        "ATTACH '{folder}/out.db'",
        "EXPORT DATABASE '{folder}/out'",
        "IMPORT DATABASE '{folder}'",
        "CREATE TABLE t AS SELECT 1",
        "INSERT INTO runs VALUES ('c', '')",
        "DROP VIEW runs",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
        "PRAGMA database_list",
        "SELECT * FROM read_csv('{folder}/in.csv')",
        "SELECT * FROM '{folder}/in.csv'",
        "SELECT content FROM read_text('{folder}/in.csv')",
        "SELECT * FROM glob('{folder}/*')",
        "EXPLAIN ANALYZE SELECT * FROM read_csv('{folder}/in.csv')",
        "SELECT * FROM 'https://example.org/in.parquet'",
        "SELECT * FROM secret",
        "SELECT 1; SELECT 2",
        # variants: forms that no list of statements and functions has
        "FROM query('FROM read_text(''{folder}/in.csv'')')",
        "FROM query_table('{folder}/in.csv')",
        "FROM sniff_csv('{folder}/in.csv')",
        "FROM read_blob('{folder}/in.csv')",
        "FROM parquet_schema('{folder}/in.csv')",
        "SELECT getenv('HOME')",
        "CREATE TEMP MACRO m() AS TABLE FROM read_text('{folder}/in.csv')",
        "PREPARE p AS COPY runs TO '{folder}/out.csv'",
        "CALL enable_logging(storage = 'file')",
        "USE '{folder}/out.db'",
        "RESET enable_external_access",
        "EXPLAIN ANALYZE COPY runs TO '{folder}/out.csv'",
        "WITH t AS (FROM '{folder}/in.csv') FROM t",
        "SELECT (SELECT content FROM read_text('{folder}/in.csv')) FROM runs",
        "SELECT * FROM runs ORDER BY (SELECT max(a) FROM '{folder}/in.csv')",
        "",
        "SELEC 1",
    ],
)
def test_everything_else_is_refused_in_one_line(results, tmp_path, sql):
    """Files, addresses, extensions, settings, changes, our variables, two statements (D17)."""
    secret = pd.DataFrame({"s": [1]})
    (tmp_path / "in.csv").write_text("a\n1\n")
    with pytest.raises(UserError, match="query") as refused:
        query(sql.format(folder=tmp_path), results)
    assert "\n" not in str(refused.value)
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]
    assert len(secret) == 1


def test_a_statement_that_needs_more_memory_than_there_is_writes_nothing(
    results, tmp_path, monkeypatch
):
    """Sorting spills to files beside us unless it is told not to (a variant of D17)."""
    monkeypatch.chdir(tmp_path)
    little = {"memory_limit": "'30MB'", "threads": "1"}
    monkeypatch.setattr("topoeval.results.sql._CLOSED", little | sql_module._CLOSED)
    sql = (
        "SELECT max(s) FROM (SELECT hash(i)::VARCHAR || repeat('x', 200) AS s "
        "FROM range(300000) t(i) ORDER BY s LIMIT 250000)"
    )
    with pytest.raises(UserError, match="Out of Memory") as refused:
        query(sql, results)
    assert "\n" not in str(refused.value)
    assert list(tmp_path.iterdir()) == []
