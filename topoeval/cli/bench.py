"""``topoeval bench backends``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(name="bench", help="Measure time and memory of backends.", no_args_is_help=True)


@app.callback()
def bench() -> None:
    """Measure the time and memory that barcodes take on this machine."""


@app.command()
def backends(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Names of backends; by default all that are installed."),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Small images only: ends within two minutes.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="Folder to write to: records.json, tables and figures.")
    ] = None,
    budget: Annotated[
        float | None,
        typer.Option(
            min=0.1,
            help="Seconds that a backend has for each image; it is stopped after them. 30 by "
            "default, 1.5 with --quick.",
        ),
    ] = None,
    threads: Annotated[int, typer.Option(min=1, help="CPU threads of a backend.")] = 1,
    records: Annotated[
        Path | None,
        typer.Option(
            help="Measure nothing: make tables and figures again from this records.json, which an "
            "earlier --out holds."
        ),
    ] = None,
) -> None:
    """Measure the time and memory of every backend on images of many sizes, side by side.

    Examples:
    topoeval bench backends --quick
    """
    from dataclasses import replace

    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    from topoeval.backend_timing.cases import FULL, QUICK
    from topoeval.backend_timing.measure import measure
    from topoeval.backend_timing.record import Record
    from topoeval.backend_timing.tables import terminal, write
    from topoeval.cli.places import check_folder
    from topoeval.cli.terminal import Terminal

    if out is not None:
        check_folder(out)

    if records is not None:
        record = Record.load(records)
        out = records.parent if out is None else out
    else:
        plan = QUICK if quick else FULL
        if budget is not None:
            plan = replace(plan, budget=budget)
        with Progress(
            SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), transient=True
        ) as display:
            task = display.add_task("starting")
            record = measure(
                plan,
                names or None,
                threads=threads,
                listener=lambda words: display.update(task, description=words),
            )
    console = Terminal()
    if not console.is_terminal:  # a pipe has no width
        console = Terminal(width=40 + 26 * len(record.titles))
    console.print(terminal(record))
    if out is not None:
        for path in write(record, out):
            console.print(f"{path}", soft_wrap=True)
