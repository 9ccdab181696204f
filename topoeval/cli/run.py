"""``topoeval run`` and ``topoeval report``."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from topoeval.cli.data import use_data_folder
from topoeval.errors import UserError
from topoeval.harness.catalogue import load_suite
from topoeval.harness.executors import make_executor
from topoeval.harness.plan import plan_selected
from topoeval.harness.preflight import preflight
from topoeval.harness.selection import Filters
from topoeval.harness.spec import RunSpec
from topoeval.harness.store import Record, Store
from topoeval.harness.sweep import sweep
from topoeval.harness.tuned import read_tuned


def run_suite(
    name: str,
    *,
    filters: Filters,
    results: Path | None,
    data: Path | None,
    download: bool,
    executor: str,
    jobs: int,
    threads: int,
    retry_failed: bool,
    report: bool,
    tuned: Path | None = None,
    log: Sequence[str] = (),
) -> int:
    """Run a suite with a progress display; return the number of failed runs."""
    use_data_folder(data)
    follow(log)
    suite = load_suite(name)
    runs = plan_selected(suite, filters, tuned=None if tuned is None else read_tuned(tuned))
    preflight(suite, runs, download=download)
    store = Store(results or Path("results") / suite.name, suite.name)
    console = Console()
    console.print(f"[bold]{suite.title}[/]: {len(runs)} runs, results in {store.root}")
    display = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
    )
    with display:
        task = display.add_task("runs", total=len(runs))
        active: dict[str, str] = {}

        def listen(event: str, spec: RunSpec, record: Record | None) -> None:
            if event == "started":
                active[spec.id] = spec.label
            else:
                active.pop(spec.id, None)
                display.advance(task)
                if record is not None and record["status"] != "ok":
                    last = (record["error"] or "").strip().splitlines()[-1:]
                    display.print(
                        f"{spec.label}: {record['status']} {' '.join(last)}", markup=False
                    )
            display.update(task, description=", ".join(active.values()) or "runs")

        tally = sweep(
            runs,
            store,
            make_executor(executor, jobs, threads),
            suite.limits,
            retry_failed=retry_failed,
            listener=listen,
        )
    console.print(f"{tally.ran} run, {tally.kept} found finished, {len(tally.failed)} failed")
    if tally.failed:
        console.print(f"Logs of failed runs: {store.root / 'work'}/*/log.txt; --retry-failed")
    if report:
        make_report(store.root, None, suite.reference)
    return len(tally.failed)


def follow(sinks: Sequence[str]) -> None:
    """Have all trainings followed in `sinks`, which are tried here and not in the workers."""
    from topoeval.training.sinks import SINKS

    for name in sinks:
        SINKS.load(name)
    if sinks:
        os.environ["TOPOEVAL_LOG"] = ",".join(sinks)


def make_report(results: Path, out: Path | None, reference: str) -> None:
    """Print the table of a results folder and write its page."""
    from topoeval.report import build, terminal_table

    records = results / "records"
    if not records.is_dir():
        raise UserError(f"{results} has no records folder; 'topoeval run' makes one")
    console = Console()
    if not console.is_terminal:  # a pipe has no width; the table reads well at this one
        console = Console(width=110)
    console.print(terminal_table(records, reference=reference))
    page = build(records, out or results / "report", reference=reference)
    console.print(f"Page: {page}", soft_wrap=True)
