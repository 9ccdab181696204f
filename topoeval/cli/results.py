"""``topoeval collect | query | submit``: what to do with results that are there."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from topoeval.cli.habits import AsJson, print_document, print_json, rows
from topoeval.cli.output import say
from topoeval.cli.places import check_file, check_folder
from topoeval.errors import UserError
from topoeval.limits import usable_cores


def collect(
    results: Annotated[
        Optional[list[Path]],  # noqa: UP045  # typer reads the annotation at run time
        typer.Argument(
            help="Results folders, or folders that hold results folders; by default ./results."
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder to write to.")] = Path("collected"),
    as_json: AsJson = False,
) -> None:
    """Write all records into two tables: runs.parquet and cases.parquet (Parquet files).

    A row per run, with its settings, times and state, and a row per run and case, with its scores.

    Examples:
    topoeval collect results --out collected
    """
    from topoeval.results.notes import mixed_code
    from topoeval.results.parquet import NAMES
    from topoeval.results.parquet import collect as write

    check_folder(out)
    found = write(results or [], out)
    say(f"{out}: {', '.join(NAMES)}; {len(found.runs)} runs, {len(found.cases)} cases")
    tell_damaged(found.damaged)
    if as_json:
        counts = {"runs": len(found.runs), "cases": len(found.cases)}
        print_json({"files": [out / name for name in NAMES], **counts})
    if warning := mixed_code(found.runs):
        say(f"Note: {warning}", err=True)


def query(
    sql: Annotated[str, typer.Argument(help="SQL that begins with SELECT.")],
    results: Annotated[
        Optional[list[Path]],  # noqa: UP045
        typer.Argument(
            help="Results folders, or folders that hold results folders; by default ./results."
        ),
    ] = None,
    csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print the result of an SQL query over all records.

    There are two tables: runs, a row per run with its settings, times and state, and cases, a row
    per run and case with its scores. The first example lists the columns of one.

    Examples:
    topoeval query "SELECT column_name FROM (DESCRIBE cases)"

    topoeval query "SELECT method, count(*) FROM runs GROUP BY method" results
    """
    from topoeval.csv_tables import to_csv
    from topoeval.results.sql import query as ask
    from topoeval.results.tables import load

    if csv and as_json:
        raise UserError("--csv or --json, not both")
    found = load(*(results or []))
    tell_damaged(found.damaged)
    answer = ask(sql, found)
    if csv:
        typer.echo(to_csv(answer), nl=False)
    elif as_json:
        print_document(answer.to_json(orient="records", date_format="iso"))
    else:
        print_frame(answer)


def submit(
    folder: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Argument(help="Folder to pack; what it holds is said above."),
    ] = None,
    out: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="The bundle to write; FOLDER.zip by default."),
    ] = None,
    truth: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(
            help="Folder of the true masks, named like the predictions, which are scored by them."
        ),
    ] = None,
    check: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="Check this bundle instead of making one."),
    ] = None,
    jobs: Annotated[
        int,
        typer.Option(min=1, help="Processes side by side; by default one for each CPU core."),
    ] = (usable_cores()),
    max_gib: Annotated[
        float, typer.Option(min=0, help="Refuse a bundle whose files are larger together, in GiB.")
    ] = 4.0,
    as_json: AsJson = False,
) -> None:
    """Pack predictions or scores of a method of your own into a bundle to hand on, or check one.

    FOLDER holds submission.toml and either predictions/, a mask file per test image, or scores.csv
    with the columns case, class and any scores. submission.toml needs three lines: method = "NAME",
    dataset = "NAME" and topology = "T" or "V" (whether foreground voxels touch through corners,
    too, or through faces alone). Predictions that are scored here, by --truth, are verified; all
    else is unverified, and says so wherever it is shown.

    Examples:
    topoeval submit my_folder --truth MASKS

    topoeval submit --check my_folder.zip
    """
    from topoeval.results.submission import check as checked
    from topoeval.results.submission import pack

    if (folder is None) == (check is None):
        raise UserError("name a FOLDER to pack, or a bundle by --check")
    if check is None and folder is not None:
        from topoeval.harness.runs.environment import describe

        target = out or folder.resolve().parent / f"{folder.resolve().name}.zip"
        check_file(target)
        pack(folder, target, truth, describe("cpu", 1, "native") if truth else None, jobs)
        bundle = target
    elif check is not None:
        if out is not None:
            raise UserError("--out is for packing; --check writes nothing")
        bundle = check
    verdict = checked(bundle, truth, jobs, max_gib)
    say(f"{bundle}: {verdict.status}, {verdict.reason}")
    say(f"{verdict.about.method} on {verdict.about.dataset}, {verdict.about.topology}")
    typer.echo(f"sha256 {verdict.sha256}")
    if as_json:
        told: dict[str, Any] = {
            "bundle": bundle,
            "status": verdict.status,
            "reason": verdict.reason,
        }
        told |= {"sha256": verdict.sha256, "about": verdict.about, "scores": rows(verdict.scores)}
        print_json(told)
    scores = [c for c in verdict.scores.columns if c not in ("case", "class", "seed")]
    if scores:
        means = verdict.scores[scores].astype(float).mean()
        print_frame(means.rename("mean").rename_axis("score").reset_index())


def tell_damaged(damaged: Iterable[UserError]) -> None:
    """Name the files that could not be read as records, on standard error."""
    for error in damaged:
        say(f"Note: {error}", err=True)


def print_frame(frame: Any) -> None:
    """Print a table, numbers to the right; a pipe gets 160 columns."""
    from rich.table import Table

    from topoeval.cli.terminal import Terminal

    console = Terminal()
    if not console.is_terminal:  # a pipe has no width
        console = Terminal(width=160)
    table = Table(box=None, pad_edge=False)
    for name in frame.columns:
        numeric = frame[name].dtype.kind in "iuf"
        table.add_column(str(name), justify="right" if numeric else "left")
    for row in frame.itertuples(index=False):
        table.add_row(*(_text(value) for value in row))
    console.print(table, markup=False, highlight=False)


def _text(value: Any) -> str:
    import pandas as pd

    if pd.api.types.is_scalar(value) and pd.isna(value):  # a list of SQL is no scalar
        return "-"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
