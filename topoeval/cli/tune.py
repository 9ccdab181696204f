"""``topoeval tune``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from topoeval.cli.data import use_data_folder
from topoeval.cli.habits import print_json
from topoeval.cli.places import check_folder
from topoeval.cli.run import execute_runs
from topoeval.cli.terminal import Terminal
from topoeval.harness.plans.plan import plan
from topoeval.harness.plans.preflight import preflight
from topoeval.harness.runs.executors import Settings
from topoeval.harness.runs.sweep import Retry
from topoeval.harness.suites.catalogue import load_suite
from topoeval.harness.suites.selection import on_datasets
from topoeval.harness.suites.suite import Suite
from topoeval.harness.tuning.search import Search
from topoeval.harness.tuning.tuning import check, for_trials, tune, tuning_store
from topoeval.records.spec import RunSpec


def tune_suite(
    name: str,
    *,
    datasets: Sequence[str],
    results: Path | None,
    data: Path | None,
    download: bool,
    executor: str,
    settings: Settings,
    retry_failed: bool,
    as_json: bool = False,
) -> int:
    """Search for the parameters of a suite's methods; return the number of failed runs.

    `datasets` are names or patterns of those to search on; none means all.
    """
    use_data_folder(data)
    suite = on_datasets(load_suite(name), datasets)
    check(suite)
    trials = for_trials(suite)
    preflight(trials, plan(trials, score="val"), download=download)
    results = results or Path("results") / suite.name
    check_folder(results, "--results")
    store = tuning_store(results, suite)
    console = Terminal()
    if not console.is_terminal:  # a pipe has no width; the table reads well at this one
        console = Terminal(width=110)
    console.print(
        f"[bold]{suite.title}[/]: {suite.tuning.trials} trials a method on validation images, "
        f"seeds {', '.join(map(str, suite.tuning.seeds))}, in {store.root}"
    )
    for line in _narrowed(suite, trials):
        console.print(line)
    failed = 0
    retry: Retry = "failed" if retry_failed else "machine"

    def execute(runs: Sequence[RunSpec]) -> None:
        nonlocal failed
        failed += execute_runs(
            runs, store, executor, settings, suite.limits, suite.reference, retry
        )

    searches = tune(suite, store, execute)
    console.print(_table(searches))
    console.print(f"Chosen: {results / 'tuned.toml'}; the searches: {store.root}", soft_wrap=True)
    if as_json:
        chosen = results / "tuned.toml"
        print_json({"tuned": chosen, "failed": failed, "searches": [_data(s) for s in searches]})
    return failed


def _data(search: Search) -> dict[str, Any]:
    trial = None if search.chosen is None else search.trials[search.chosen]
    return {
        "method": search.method.label,
        "dataset": search.runs[0].dataset.label,
        "chosen": None if trial is None else trial.values,
        "dice": None if trial is None else trial.dice,
        "betti_error": None if trial is None else trial.betti_error,
        "within": search.within,
        "why": search.why,
    }


def _narrowed(suite: Suite, trials: Suite) -> list[str]:
    """Say with which of several networks, backends and devices the search is made."""
    found = []
    for axis, all_, used in (
        ("networks", suite.network, [network.label for network in trials.network]),
        ("backends", suite.backend, trials.backend),
        ("devices", suite.device, trials.device),
    ):
        if len(all_) > 1:
            chosen = f"{', '.join(map(str, used))} alone, the first of {len(all_)} {axis}"
            found.append(f"searched with {chosen}; what is chosen holds for all")
    return found


def _table(searches: Sequence[Search]) -> Table:
    table = Table("method", "dataset", box=None)
    table.add_column("chosen", overflow="fold")
    for name in ("Dice", "Betti error"):
        table.add_column(name, justify="right")
    for search in searches:
        place = search.runs[0].dataset.label
        if search.chosen is None:
            table.add_row(search.method.label, place, search.why)
            continue
        trial = search.trials[search.chosen]
        values = ", ".join(f"{key} = {value}" for key, value in trial.values.items())
        # the reason is printed where the criterion was not met; otherwise it is the same for all
        why = "" if search.within else f"; {search.why}"
        scores = (f"{trial.dice:.4f}", f"{trial.betti_error:.4g}")
        table.add_row(search.method.label, place, values + why, *scores)
    return table
