"""``topoeval run`` and ``retry``."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path

from rich.live import Live

from topoeval import plugins
from topoeval.cli.data import use_data_folder
from topoeval.cli.display import SweepDisplay
from topoeval.cli.habits import print_json, problems_to
from topoeval.cli.output import escape, say
from topoeval.cli.places import check_folder
from topoeval.cli.terminal import Terminal
from topoeval.cli.yardsticks import leave_yardsticks
from topoeval.errors import UserError
from topoeval.harness.runs.executors import Settings, make_executor
from topoeval.harness.runs.job import thread_variables
from topoeval.harness.runs.store import Store
from topoeval.harness.runs.sweep import Retry, read_plan, sweep
from topoeval.harness.runs.template import Template
from topoeval.harness.runs.worker import IMPORTS, imports
from topoeval.harness.suites.catalogue import load_suite
from topoeval.harness.suites.selection import Filters, matched
from topoeval.harness.suites.suite import Limits
from topoeval.limits import usable_memory
from topoeval.records.spec import RunSpec

# what the quickstart took under a control group, with every library that a training loads
_LITTLE = 768 * 2**20


def run_suite(
    name: str,
    *,
    filters: Filters,
    results: Path | None,
    data: Path | None,
    download: bool,
    executor: str,
    settings: Settings,
    retry_failed: bool,
    report: bool,
    tuned: Path | None = None,
    log: Sequence[str] = (),
    again: bool = False,
    keep_maps: bool = False,
    as_json: bool = False,
) -> int:
    """Run a suite with a live display; return the number of failed runs.

    `again`: what the filters pass is run anew, whether it is done or not. `keep_maps`: all runs
    keep their probability maps, as with ``keep_answers = "maps"``.
    """
    suite = load_suite(name)
    folder = results or Path("results") / suite.name
    check_folder(folder, "--results")
    if (memory := usable_memory()) < _LITTLE:
        # the kernel ends what takes more, and then nobody can say why
        say(
            f"topoeval: this process may use {memory / 2**20:.0f} MiB of memory, and a suite takes "
            f"about {_LITTLE / 2**20:.0f} MiB with one run at a time; it may be killed",
            err=True,
        )
    store = Store(folder, suite.name)
    with closing(Template(store.template_log, thread_variables(settings.threads))) as template:
        # it imports while this process plans; a new folder is sure to have runs to execute
        if executor == "local" and set(suite.device) == {"cpu"} and not store.begun():
            template.load(IMPORTS)
        # these look at losses, and so bring torch
        from topoeval.harness.plans.plan import plan_selected
        from topoeval.harness.plans.preflight import preflight
        from topoeval.harness.suites.tuned import read_tuned

        use_data_folder(data)
        follow(log)
        asked = suite.model_copy(update={"keep_answers": "maps"}) if keep_maps else suite
        runs = plan_selected(asked, filters, tuned=None if tuned is None else read_tuned(tuned))
        if executor == "local":
            template.load(
                imports(run for run in runs if run.device == "cpu" and not store.done(run))
            )
        preflight(suite, runs, download=download)
        title = f"[bold]{escape(suite.title)}[/]"
        Terminal().print(f"{title}: {len(runs)} runs, results in {escape(str(store.root))}")
        retry: Retry = "failed" if retry_failed else "machine"
        settings = replace(settings, template=template)
        try:
            failures = execute_runs(
                runs,
                store,
                executor,
                settings,
                suite.limits,
                suite.reference,
                retry,
                matched(runs, filters) if again else (),
                as_json=as_json,
            )
        finally:
            # also of a sweep that is interrupted; what was refused has no folder
            if store.records.is_dir():
                leave_yardsticks(suite, store.root)
    if report:
        from topoeval.cli.report import make_report

        make_report(store.root, None, None)
    return failures


def retry_runs(
    results: Path,
    retry: Retry,
    *,
    data: Path | None,
    executor: str,
    settings: Settings,
    report: bool,
    as_json: bool = False,
) -> int:
    """Run the failed runs of a results folder again; return how many have failed now."""
    use_data_folder(data)
    asked = read_plan(Store(results, ""))
    if asked is None:
        raise UserError(
            f"{results} does not say what was run in it (no work/sweep.json); "
            f"topoeval run SUITE --results {results} --retry-failed"
        )
    for place in asked.plugins:
        plugins.load(place)
    store = Store(results, asked.suite)
    failures = execute_runs(
        asked.runs,
        store,
        executor,
        settings,
        asked.limits,
        asked.reference,
        retry,
        as_json=as_json,
    )
    if report:
        from topoeval.cli.report import make_report

        make_report(results, None, asked.reference)
    return failures


def execute_runs(
    runs: Sequence[RunSpec],
    store: Store,
    executor: str,
    settings: Settings,
    limits: Limits,
    reference: str,
    retry: Retry | None,
    anew: Collection[str] = (),
    *,
    as_json: bool = False,
) -> int:
    """Execute what has no record, showing how far it is; return the number of failed runs."""
    console = Terminal()
    with closing(make_executor(executor, settings, runs)) as place:
        display = SweepDisplay(len(runs), store, place.slots, console)
        with Live(display, console=console, refresh_per_second=2, transient=True):
            tally = sweep(
                runs,
                store,
                place,
                limits,
                retry=retry,
                anew=anew,
                reference=reference,
                listener=display.listen,
            )
    for line in tally.damaged:
        problems_to(console).print(line, markup=False, soft_wrap=True)
    console.print(f"{tally.ran} run, {tally.kept} found finished, {len(tally.failed)} failed")
    if tally.failed:
        console.print(
            f"What failed and why: topoeval status {store.root}; again: topoeval retry "
            f"{store.root} --failed",
            markup=False,
            soft_wrap=True,
        )
    if as_json:
        print_json({"results": store.root} | asdict(tally))
    return len(tally.failed)


def follow(sinks: Sequence[str]) -> None:
    """Log all trainings to `sinks`, which are tried here and not in the workers."""
    from topoeval.training.sinks import SINKS

    for name in sinks:
        SINKS.load(name)
    if sinks:
        os.environ["TOPOEVAL_LOG"] = ",".join(sinks)
