"""``topoeval status`` and ``topoeval retry``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from topoeval.cli.execution import (
    DaskAddress,
    Executor,
    Gpus,
    Jobs,
    Slurm,
    Threads,
    execution_settings,
)
from topoeval.cli.filters import DataFolder
from topoeval.cli.habits import AsJson
from topoeval.errors import UserError

if TYPE_CHECKING:
    from rich.table import Table

    from topoeval.harness.runs.progress import RunState

Results = Annotated[Path, typer.Argument(help="Results folder that 'topoeval run' made.")]


def status(
    results: Results,
    every: Annotated[
        bool,
        typer.Option(
            "--all", help="List every run, not only those that are going on or did not end well."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show which runs of a suite are going on, how the others ended, and which are left.

    Examples:
    topoeval status results/quickstart --all
    """
    from collections import Counter

    from topoeval.cli.habits import print_json
    from topoeval.cli.terminal import Terminal
    from topoeval.harness.runs.progress import recorded_runs, run_states
    from topoeval.harness.runs.store import Store
    from topoeval.harness.runs.sweep import read_plan

    if not results.is_dir():
        raise UserError(f"results folder {results} does not exist")
    store = Store(results, "")
    asked = read_plan(store)
    runs, damaged = (asked.runs, []) if asked else recorded_runs(store)
    states = list(run_states(runs, store))
    console = Terminal()
    if not console.is_terminal:  # a pipe has no width; the table reads well at this one
        console = Terminal(width=110)
    at_work = store.in_use()
    if as_json:
        print_json(
            {
                "suite": asked.suite if asked else None,
                "at_work": at_work,
                "runs": [_data(state) for state in states],
                "damaged": [str(error) for error in damaged],
            }
        )
        return
    if asked is not None:
        by = f"process {asked.pid} on {asked.host}, since {asked.started}"
        now = f"at work: {by}" if at_work else f"no sweep is at work; the last was {by}"
        console.print(f"{asked.suite}: {now}", markup=False)
    for error in damaged:
        console.print(str(error), markup=False, soft_wrap=True)
    counts = Counter(state.status for state in states)
    told = ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
    console.print(f"{len(states)} runs: {told or 'none'}")
    rows = [state for state in states if every or state.status not in ("ok", "waiting")]
    if rows:
        console.print(_table(rows))
    if any(state.ended and state.status != "ok" for state in states):
        console.print(
            f"Logs: {store.root / 'work'}/ID/log.txt; again: topoeval retry {results} --failed",
            markup=False,
            soft_wrap=True,
        )


def _data(state: RunState) -> dict[str, Any]:
    return {
        "id": state.spec.id,
        "label": state.spec.label,
        "status": state.status,
        "fault": state.fault,
        "reason": state.reason,
        "wall_s": state.wall_s,
        "step": state.step,
        "silent_s": state.silent_s,
        "host": state.host,
    }


def _table(states: list[RunState]) -> Table:
    from rich.table import Table
    from rich.text import Text

    from topoeval.cli.display import state_cells
    from topoeval.cli.progress import duration

    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for name in ("run", "status", "fault", "time", "how far", "ID"):
        table.add_column(name, overflow="fold")
    for state in states:
        label, status_, step, memory, silence = state_cells(state)
        far = ", ".join(part for part in (step, memory, state.host or "", silence) if part)
        table.add_row(
            label,
            status_,
            state.fault or "",
            "" if state.wall_s is None else duration(state.wall_s),
            Text(far or state.reason),
            state.spec.id,
        )
    return table


def retry(
    results: Results,
    failed: Annotated[
        bool, typer.Option("--failed", help="All failed runs, whatever the reason.")
    ] = False,
    machine: Annotated[
        bool,
        typer.Option(
            "--machine",
            help="Only failed runs that the machine is to blame for: it killed them, its disk was "
            "full, or they were gone without a word.",
        ),
    ] = False,
    data: DataFolder = None,
    executor: Executor = "local",
    jobs: Jobs = None,
    threads: Threads = 1,
    gpus: Gpus = None,
    dask_address: DaskAddress = None,
    slurm: Slurm = None,
    report: Annotated[bool, typer.Option(help="Make tables and HTML pages at the end.")] = True,
    as_json: AsJson = False,
) -> None:
    """Run the failed runs of a suite again, and those never begun.

    Say which of the failed ones: --failed or --machine.

    Examples:
    topoeval retry results/quickstart --failed
    """
    from topoeval.cli.run import retry_runs

    if failed == machine:
        raise UserError("say which runs to retry: --failed (all of them) or --machine")
    failures = retry_runs(
        results,
        "failed" if failed else "machine",
        data=data,
        executor=executor,
        settings=execution_settings(jobs, threads, gpus, dask_address, slurm),
        report=report,
        as_json=as_json,
    )
    raise typer.Exit(1 if failures else 0)
