"""``topoeval ensemble``: the mean of the networks of all seeds, of finished runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from topoeval.cli.filters import DataFolder, Datasets, Methods
from topoeval.cli.habits import AsJson
from topoeval.cli.plugins import Plugins

if TYPE_CHECKING:
    from topoeval.harness.runs.members import Members
    from topoeval.results.records import Records

FILE = "ensemble"


def ensemble(
    results: Annotated[Path, typer.Argument(help="Results folder that 'topoeval run' made.")],
    method: Methods = None,
    dataset: Datasets = None,
    remedy: Annotated[
        list[str] | None,
        typer.Option(
            help="Correct the means by this remedy and the prior of each test case, the one that "
            "the suite's methods had, as rows of their own: a name, or NAME[KEY=VALUE] "
            "(topoeval list remedies); may be repeated."
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for ensemble.md and ensemble.csv, in place of RESULTS."),
    ] = None,
    data: DataFolder = None,
    jobs: Annotated[int, typer.Option(min=1, help="Processes side by side.")] = 1,
    as_json: AsJson = False,
    plugin: Plugins = None,
) -> None:
    """Score the mean of each method's networks over its seeds, without training.

    The probability maps of all seeds are averaged for each test case and cut at 0.5. The mean is
    scored as the runs were, stands beside the single networks, and is compared with the mean of
    its base's networks, case by case. Runs must have kept their maps (topoeval run --keep-maps).
    The tables go to RESULTS/ensemble.md and RESULTS/ensemble.csv. A part of the folder (--method,
    --dataset) is only printed, unless --out says where its tables go, and tables with a --remedy
    are not replaced by tables without it.

    Examples:
    topoeval ensemble results/quickstart

    topoeval ensemble results/quickstart --dataset strokes --remedy edit --out results/strokes
    """
    from topoeval.cli.data import use_data_folder
    from topoeval.cli.filters import filters
    from topoeval.cli.habits import print_json, rows
    from topoeval.cli.places import check_folder
    from topoeval.cli.progress import progress
    from topoeval.cli.terminal import Terminal
    from topoeval.cli.yardsticks import yardsticks_of
    from topoeval.csv_tables import to_csv
    from topoeval.errors import UserError
    from topoeval.harness.runs.ensembles import ensembles, remedies_of
    from topoeval.harness.runs.members import columns_of, members_of, told_priors
    from topoeval.harness.runs.priors import Told
    from topoeval.harness.runs.store import Store
    from topoeval.report.bases import base_labels
    from topoeval.report.conditions import conditions_of, prior_words
    from topoeval.report.ensembles import caption, to_markdown, to_terminal
    from topoeval.results.ensembles import ensemble_frame, ensemble_rows
    from topoeval.results.records import read
    from topoeval.whole_file import write_text

    if not (results / "records").is_dir():
        raise UserError(f"no records in {results}; topoeval run SUITE makes them")
    check_folder(results, "RESULTS")
    # the tables in the results folder are of all that is in it; a part must not replace them
    folder = out if out is not None or method or dataset else results
    if out is not None:
        check_folder(out)
    use_data_folder(data)
    remedies = remedies_of(remedy or ())
    if folder is not None and out is None:
        _check_kept(folder / f"{FILE}.csv", [str(one) for one in remedies])
    store = Store(results, "")
    console = Terminal()
    if not console.is_terminal:  # a pipe has no width; the table reads well at this one
        console = Terminal(width=120)
    with store.exclusive():
        records = read(results / "records")
        bases = base_labels(records, yardsticks_of(records, results))
        members = members_of(records, filters(method, dataset, None, None, None), bases, store)
        columns = columns_of(records, members)
        told = told_priors(records, members) if remedies else {}
        with progress(console) as listen:
            found = ensembles(
                results,
                members,
                columns,
                remedies,
                jobs,
                lambda done, total: listen("methods", done, total),
                told,
            )
        lines = ensemble_rows(found, bases)
        conditions = {
            name: conditions_of(group, records.documents)
            for name, group in records.runs.groupby("dataset")
            if name in columns
        }
        priors = {
            name: prior_words(one.prior, one.prior_error, conditions[name].params)
            for name, one in told.items()
            if one != Told()
        }
        texts = {name: one.text() for name, one in conditions.items()}
        said = [*caption(lines, texts, priors), *_notes(records, members)]
        table = ensemble_frame(lines)
        files = [] if folder is None else [folder / f"{FILE}.md", folder / f"{FILE}.csv"]
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            write_text(files[0], to_markdown(lines, said))
            write_text(files[1], to_csv(table))
    console.print(to_terminal(lines, said))
    where = (
        f"Tables: {files[0]}, {files[1]}"
        if files
        else f"A part of {results}: it was printed and not written; --out FOLDER writes its tables."
    )
    console.print(where, soft_wrap=True, markup=False, highlight=False)
    if as_json:
        print_json({"rows": rows(table), "caption": said, "files": files})


def _check_kept(table: Path, remedies: Sequence[str]) -> None:
    """Refuse to replace a table by one without its remedies, which --out may do."""
    from topoeval.csv_tables import read_csv
    from topoeval.errors import UserError
    from topoeval.whole_file import read_bytes

    if not table.exists():
        return
    remedy = f"move it away, or say --out {table.parent} to replace it"
    try:
        made = read_csv(read_bytes(table), ["remedy"])["remedy"]
    except (ValueError, KeyError):
        raise UserError(f"{table} is no table of 'topoeval ensemble'; {remedy}") from None
    lost = [str(one) for one in dict.fromkeys(made) if one and one not in remedies]
    if lost:
        asked = " ".join(f"--remedy '{one}'" for one in lost)
        raise UserError(
            f"{table} has rows of {', '.join(lost)}, which this call would not make; add {asked}, "
            f"{remedy}"
        )


def _notes(records: Records, members: Sequence[Members]) -> list[str]:
    """Say what code and how many threads made the networks, and what is in none of the tables."""
    from topoeval.metrics.catalogue import every_column
    from topoeval.results.notes import metric_notes, mixed_code, mixed_threads, old_code

    averaged = {run for one in members for run in one.runs}
    runs = records.runs[records.runs["id"].isin(averaged)]
    known = every_column()
    # what is known was scored again, by one revision
    unknown = [
        {name: made for name, made in records.documents[run].metrics.items() if name not in known}
        for run in averaged
    ]
    mixed = [note for note in (mixed_code(runs), mixed_threads(runs)) if note]
    return [*mixed, *metric_notes(unknown, known), *old_code(records.old)]
