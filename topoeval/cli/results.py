"""``topoeval collect | query | compare | submit``: what to do with results that are there."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from topoeval.errors import UserError


def collect(
    results: Annotated[
        Optional[list[Path]],  # noqa: UP045  # typer reads the annotation at run time
        typer.Argument(help="Results folders, or folders of such; results by default."),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder to write to.")] = Path("collected"),
) -> None:
    """Write all records as two Parquet files, runs and cases."""
    from topoeval.results.notes import mixed_code
    from topoeval.results.parquet import NAMES
    from topoeval.results.parquet import collect as write

    found = write(results or [], out)
    typer.echo(f"{out}: {', '.join(NAMES)}; {len(found.runs)} runs, {len(found.cases)} cases")
    _tell_damaged(found.damaged)
    if warning := mixed_code(found.runs):
        typer.echo(f"Note: {warning}", err=True)


def query(
    sql: Annotated[str, typer.Argument(help="A SELECT over the tables runs and cases.")],
    results: Annotated[
        Optional[list[Path]],  # noqa: UP045
        typer.Argument(help="Results folders, or folders of such; results by default."),
    ] = None,
    csv: Annotated[bool, typer.Option("--csv", help="Answer as CSV.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Answer as JSON, a list of rows.")] = False,
) -> None:
    """Ask all records a question in SQL (DuckDB's); docs/results.md names the columns."""
    from topoeval.results.sql import query as ask
    from topoeval.results.tables import load

    if csv and json:
        raise UserError("--csv or --json, not both")
    found = load(*(results or []))
    _tell_damaged(found.damaged)
    answer = ask(sql, found)
    if csv:
        typer.echo(answer.to_csv(index=False, lineterminator="\n"), nl=False)
    elif json:
        typer.echo(answer.to_json(orient="records", date_format="iso"))
    else:
        _print(answer)


def compare(
    a: Annotated[str, typer.Argument(help="FOLDER, FOLDER@COMMIT or REVISION:FOLDER.")],
    b: Annotated[str, typer.Argument(help="The same, what A is compared with.")],
    measure: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option(help="A score, for example dice; may be repeated; all by default."),
    ] = None,
    csv: Annotated[bool, typer.Option("--csv", help="All differences as CSV.")] = False,
    fail_on_regression: Annotated[
        bool, typer.Option("--fail-on-regression", help="Exit with 1 if something got worse.")
    ] = False,
) -> None:
    """Compare two sets of records: scores, statuses, what came and what went."""
    from topoeval.results.comparison import compare as compared

    found = compared(a, b, measure or ())
    _tell_damaged(found.damaged)
    if csv:
        typer.echo(found.differences.to_csv(index=False, lineterminator="\n"), nl=False)
    else:
        _print_comparison(found)
    if fail_on_regression and found.regressions:
        raise typer.Exit(1)


def submit(
    folder: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Argument(help="With submission.toml and predictions/ or scores.csv."),
    ] = None,
    out: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="The bundle to write; FOLDER.zip by default."),
    ] = None,
    truth: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="Masks to score the predictions against, of the same names."),
    ] = None,
    check: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="Check this bundle instead of making one."),
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Processes; all cores by default.")] = (
        os.cpu_count() or 1
    ),
    max_gib: Annotated[
        float, typer.Option(min=0, help="Limit for the files of a bundle, unpacked, in GiB.")
    ] = 4.0,
) -> None:
    """Pack predictions or numbers of a method into a checked bundle, or check one."""
    from topoeval.results.submission import check as checked
    from topoeval.results.submission import pack

    if (folder is None) == (check is None):
        raise UserError("name a FOLDER to pack, or a bundle by --check")
    if check is None and folder is not None:
        from topoeval.harness.runs.environment import describe

        target = out or folder.resolve().parent / f"{folder.resolve().name}.zip"
        pack(folder, target, truth, describe("cpu", 1, "native") if truth else None, jobs)
        bundle = target
    elif check is not None:
        if out is not None:
            raise UserError("--out is for packing; --check writes nothing")
        bundle = check
    verdict = checked(bundle, truth, jobs, max_gib)
    typer.echo(f"{bundle}: {verdict.status}, {verdict.reason}")
    typer.echo(f"{verdict.about.method} on {verdict.about.dataset}, {verdict.about.topology}")
    typer.echo(f"sha256 {verdict.sha256}")
    scores = [c for c in verdict.scores.columns if c not in ("case", "class", "seed")]
    if scores:
        means = verdict.scores[scores].astype(float).mean()
        _print(means.rename("mean").rename_axis("score").reset_index())


def _tell_damaged(damaged: Iterable[UserError]) -> None:
    """Name the files that could not be read as records, on standard error."""
    for error in damaged:
        typer.echo(f"Note: {error}", err=True)


def _print_comparison(found: Any) -> None:
    counts = found.differences["change"].value_counts()
    told = [
        f"{counts[name]} {name}" for name in ("better", "worse", "open", "same") if name in counts
    ]
    typer.echo(f"{len(found.differences)} comparisons of scores: {', '.join(told) or 'none'}")
    shown = found.differences[~found.differences["change"].isin(["same", "open"])]
    if len(shown):
        _print(shown)
    for name, table in (
        ("Other status", found.statuses), ("Only in A", found.only_a), ("Only in B", found.only_b),
    ):  # fmt: skip
        if len(table):
            typer.echo(f"{name}: {len(table)} runs")
            _print(table.head(20))
    for line in found.regressions:
        typer.echo(f"worse: {line}")


def _print(frame: Any) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    if not console.is_terminal:  # a pipe has no width
        console = Console(width=160)
    table = Table(box=None, pad_edge=False)
    for name in frame.columns:
        numeric = frame[name].dtype.kind in "iuf"
        table.add_column(str(name), justify="right" if numeric else "left")
    for row in frame.itertuples(index=False):
        table.add_row(*(_text(value) for value in row))
    console.print(table, markup=False, highlight=False)


def _text(value: Any) -> str:
    if value is None or value != value:  # NaN
        return "-"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
