"""``topoeval plan`` and ``topoeval schema``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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

if TYPE_CHECKING:
    from rich.table import Table

    from topoeval.harness.plans.survey import Prospect
    from topoeval.records.spec import RunSpec


def plan(
    suite: Suite,
    method: Methods = None,
    dataset: Datasets = None,
    seed: Seeds = None,
    backend: Backends = None,
    device: Devices = None,
    plugin: Plugins = None,
    results: ResultsFolder = None,
    data: DataFolder = None,
    tuned: Annotated[
        Path | None,
        typer.Option(help="The tuned.toml with the parameters that 'topoeval tune' chose."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show what 'topoeval run' would do with a suite here, and for how long; run nothing.

    A line for each method and dataset: how many of its runs are done, have failed, are to run, or
    cannot run and why. Times are those of records of the same method, where there are any.
    It ends with status 1 where 'topoeval run' would refuse, because a run cannot be done here.

    Examples:
    topoeval plan quickstart
    """
    from topoeval.cli.data import use_data_folder
    from topoeval.cli.habits import print_json, problems_to
    from topoeval.cli.terminal import Terminal
    from topoeval.harness.runs.store import Store
    from topoeval.harness.suites.catalogue import load_suite, results_folder

    use_data_folder(data)
    wanted = load_suite(suite)
    # these look at losses, and so bring torch
    from topoeval.harness.plans.survey import survey
    from topoeval.harness.plans.truth import truths
    from topoeval.harness.suites.methods import without_base
    from topoeval.harness.suites.tuned import read_tuned

    store = Store(results or Path("results") / wanted.name, wanted.name)
    known = [*Path("results").glob("*/records"), *results_folder().glob("*/records")]
    prospects = survey(
        wanted,
        store,
        filters(method, dataset, seed, backend, device),
        known,
        tuned=None if tuned is None else read_tuned(tuned),
    )
    # one run that cannot be done is enough for 'topoeval run' to begin none
    ending = typer.Exit(1 if any(one.obstacle for one in prospects) else 0)
    if as_json:
        print_json([_data(one) for one in prospects])
        raise ending
    console = Terminal()
    if not console.is_terminal:  # a pipe has no width; the table reads well at this one
        console = Terminal(width=120)
    console.print(_table(wanted.title, prospects))
    # masks are looked at, which are not here for every run that has its record
    for truth in truths([one.run for one in prospects if not one.obstacle]):
        console.print(truth.line, highlight=False, soft_wrap=True, markup=False)
    for line in [*_told([one.run for one in prospects]), *_summary(prospects)]:
        console.print(line, highlight=False, soft_wrap=True)
    for label, base in without_base(wanted, [one.run.method for one in prospects]).items():
        console.print(
            f"{label} is to be compared with {base}, which is no method of the suite: its "
            f"differences stay empty; add {base!r} to methods, or set override.NAME.base",
            highlight=False, soft_wrap=True, markup=False,
        )  # fmt: skip
    for line in _refusal(prospects):
        problems_to(console).print(line, highlight=False, soft_wrap=True, markup=False)
    raise ending


def schema(
    kind: Annotated[str, typer.Argument(help="Kind of file: suite, method or record.")],
) -> None:
    """Print the JSON schema of the files of suites, methods or records, for editors and programs.

    Examples:
    topoeval schema suite
    """
    from topoeval.harness.suites.schema import schema_text

    print(schema_text(kind), end="")


def _data(one: Prospect) -> dict[str, Any]:
    run = one.run
    return {
        "id": run.id,
        "task": run.task,
        "dataset": run.dataset.label,
        "method": run.method.label,
        "seed": run.seed,
        "backend": run.backend,
        "device": run.device,
        "state": one.state,
        "detail": one.detail,
        "estimate_s": None if one.estimate is None else one.estimate.seconds,
        "estimate_records": 0 if one.estimate is None else one.estimate.records,
    }


def _table(title: str, prospects: Sequence[Prospect]) -> Table:
    """Return one line for all seeds of a method on a dataset, a backend and a device."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    groups: dict[tuple[str, ...], list[Prospect]] = {}
    for one in prospects:
        run = one.run
        key = (run.dataset.label, run.method.label, run.backend, run.device)
        groups.setdefault(key, []).append(one)
    # a column that is the same in every line is left out
    shown = [0, 1, *(column for column in (2, 3) if len({key[column] for key in groups}) > 1)]
    names = ("dataset", "method", "backend", "device")
    table = Table(title=Text(title), title_justify="left", box=box.SIMPLE_HEAD)
    for column in shown:
        table.add_column(names[column], overflow="fold")
    for name in ("seeds", "done", "failed", "to run", "cannot", "time"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("why", overflow="fold", ratio=1)
    for names_of, group in groups.items():
        counts = [str(sum(one.state == state for one in group) or "") for state in _STATES]
        seeds = ranges(sorted(one.run.seed for one in group))
        why = "; ".join(dict.fromkeys(one.detail for one in group if one.detail))
        table.add_row(
            *(Text(names_of[column]) for column in shown), seeds, *counts, _time(group), Text(why)
        )
    return table


def _told(runs: Sequence[RunSpec]) -> list[str]:
    """Return the priors that are not the dataset's own, and thresholds that are not 0.5."""
    lines = []
    told = [run for run in runs if run.prior != "given" or any(run.prior_error)]
    for prior, error in dict.fromkeys((run.prior, run.prior_error) for run in told):
        wrong = f", each changed by {list(error)}" if any(error) else ""
        lines.append(f"Methods are given {_PRIORS[prior]}{wrong}; scores use the dataset's own.")
    chosen = dict.fromkeys(run.threshold for run in runs if run.threshold != "half")
    lines += [f"Trained networks are scored at the threshold chosen on val by {n}." for n in chosen]
    return lines


_PRIORS = {
    "given": "the dataset's priors",
    "oracle": "the Betti numbers of each true mask (oracle)",
    "class": "the most frequent Betti numbers of the same label in training",
    "train": "the most frequent Betti numbers of the training masks",
}
_STATES = ("done", "failed", "to run", "cannot")


def _summary(prospects: Sequence[Prospect]) -> list[str]:
    """Return the number of runs of each kind, and the estimated time of those to run."""
    counts = [(sum(one.state == state for one in prospects), state) for state in _STATES]
    said = ", ".join(f"{count} {state}" for count, state in counts if count)
    lines = [f"{len(prospects)} runs: {said}."]
    waiting = [one for one in prospects if one.state == "to run"]
    if waiting:
        known = [one.estimate for one in waiting if one.estimate is not None]
        if known:
            counts_of = sorted({estimate.records for estimate in known})
            told = " to ".join(map(str, dict.fromkeys((counts_of[0], counts_of[-1]))))
            total = duration(sum(estimate.seconds for estimate in known))
            line = f"About {total} one after another: medians of {told} records a run"
            if other := sum(estimate.basis == "like" for estimate in known):
                line += f", for {other} runs of such as were of another length"
            missing = len(waiting) - len(known)
            lines.append(line + (f"; unknown for {missing} runs." if missing else "."))
        else:
            lines.append("How long is unknown: no record of these on this kind of machine.")
    if failed := counts[1][0]:
        lines.append(f"Failed runs ({failed}) stay as they are; topoeval run --retry-failed.")
    return lines


def _refusal(prospects: Sequence[Prospect]) -> list[str]:
    """Say that 'topoeval run' would refuse, and how to run the others."""
    stopped = [one.obstacle for one in prospects if one.obstacle]
    if not stopped:
        return []
    told = (
        f"topoeval run would refuse: {len(stopped)} of {len(prospects)} runs cannot be done here "
        f"({stopped[0]})"
    )
    if len(stopped) == len(prospects):
        return [f"{told}."]
    return [f"{told}; leave them out by --method, --dataset, --backend or --device."]


def _time(group: Sequence[Prospect]) -> str:
    """Return the time of a line of the table, with what it is known from."""
    waiting = [one for one in group if one.state == "to run"]
    if not waiting:
        return ""
    known = [one.estimate for one in waiting if one.estimate is not None]
    if len(known) < len(waiting):
        return "unknown"
    records = max(estimate.records for estimate in known)
    return f"{duration(sum(estimate.seconds for estimate in known))} ({records})"


def duration(seconds: float) -> str:
    """Return seconds in words.

    >>> [duration(s) for s in (0.4, 95, 7300, 200_000)]
    ['0.4 s', '1.6 min', '2.0 h', '2.3 d']
    """
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.1f} s"


def ranges(numbers: Sequence[int]) -> str:
    """Return ascending numbers as text, consecutive ones as a range.

    >>> ranges([0, 1, 2, 5, 7, 8])
    '0-2, 5, 7-8'
    """
    parts: list[list[int]] = []
    for number in numbers:
        if parts and number <= parts[-1][-1] + 1:
            parts[-1].append(number)
        else:
            parts.append([number])
    return ", ".join(
        str(part[0]) if part[0] == part[-1] else f"{part[0]}-{part[-1]}" for part in parts
    )
