"""``topoeval time``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from topoeval.cli.filters import (
    Backends,
    DataFolder,
    Datasets,
    Devices,
    Methods,
    ResultsFolder,
    Seeds,
    Suite,
    filters,
)
from topoeval.cli.habits import AsJson
from topoeval.cli.plugins import Plugins


def time(
    suite: Suite,
    method: Methods = None,
    dataset: Datasets = None,
    seed: Seeds = None,
    backend: Backends = None,
    device: Devices = None,
    plugin: Plugins = None,
    rounds: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Repetitions per method, each in a new process; by default as many as the suite "
            "says.",
        ),
    ] = None,
    threads: Annotated[int, typer.Option(min=1, help="CPU threads, each kept on one core.")] = 1,
    busy: Annotated[
        bool,
        typer.Option(
            "--busy",
            help="Measure although other programs are at work, which else is refused; the records "
            "say so.",
        ),
    ] = False,
    again: Annotated[bool, typer.Option("--again", help="Measure anew what has records.")] = False,
    results: ResultsFolder = None,
    data: DataFolder = None,
    as_json: AsJson = False,
) -> None:
    """Measure how long a training step of each method of a suite takes, with nothing else running.

    A step takes one batch through network, loss, backward pass and update of the weights.

    Examples:
    topoeval time quickstart --method betti_prior
    """
    from rich.markdown import Markdown
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    from topoeval.cli.data import use_data_folder
    from topoeval.cli.habits import print_json
    from topoeval.cli.places import check_folder
    from topoeval.cli.terminal import Terminal
    from topoeval.harness.plans.plan import plan_selected
    from topoeval.harness.plans.preflight import preflight
    from topoeval.harness.suites.catalogue import load_suite
    from topoeval.harness.timing.lane import Lane
    from topoeval.report.timing import read_timings, timing_tables
    from topoeval.whole_file import write_bytes

    use_data_folder(data)
    wanted = load_suite(suite)
    runs = plan_selected(wanted, filters(method, dataset, seed, backend, device))
    preflight(wanted, runs, schedules=False)
    settings = wanted.timing
    if rounds is not None:
        settings = settings.model_copy(update={"rounds": rounds})
    results = results or Path("results") / wanted.name
    check_folder(results, "--results")
    folder = results / "timing"
    lane = Lane(folder, wanted.name, settings, wanted.limits, threads, busy)
    console = Terminal()
    display = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    )
    with display:
        task = display.add_task("looking at the machine")
        records = lane.measure(
            runs, again=again, listener=lambda words: display.update(task, description=words)
        )
    table = folder / "table.md"
    write_bytes(table, timing_tables(read_timings(folder)).encode())
    if not console.is_terminal:  # a pipe has no width; the table reads well at this one
        console = Terminal(width=160)
    console.print(Markdown(timing_tables(records)))
    console.print(f"Table: {table}", soft_wrap=True)
    if as_json:
        print_json({"records": records, "table": table})
    raise typer.Exit(1 if any(record["status"] != "ok" for record in records) else 0)
