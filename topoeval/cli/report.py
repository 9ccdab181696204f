"""``topoeval report`` and ``topoeval leaderboard``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from topoeval.cli.habits import AsJson, print_json, rows
from topoeval.cli.output import say
from topoeval.cli.places import check_folder
from topoeval.cli.plugins import Plugins
from topoeval.cli.results import tell_damaged
from topoeval.cli.yardsticks import yardsticks_of
from topoeval.errors import UserError, nearest

if TYPE_CHECKING:
    import pandas as pd

    from topoeval.report.bases import Yardsticks
    from topoeval.report.published import Published
    from topoeval.results.records import Records
    from topoeval.results.submission import Verdict

_DEFAULT = "by default the one that the suite's file names."


def report(
    results: Annotated[Path, typer.Argument(help="Results folder that 'topoeval run' made.")],
    out: Annotated[
        Optional[Path],  # noqa: UP045  # typer reads the annotation at run time
        typer.Option(help="Folder to write to; RESULTS/report by default."),
    ] = None,
    reference: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help=f"Name of the method to be the reference; {_DEFAULT}"),
    ] = None,
    copy_records: Annotated[
        bool,
        typer.Option(
            "--copy-records",
            help="Copy the records into the folder, so that it can be shared on its own.",
        ),
    ] = False,
    as_json: AsJson = False,
    plugin: Plugins = None,
) -> None:
    """Make HTML pages, figures and tables (CSV, Markdown, LaTeX) from the records of a suite.

    Examples:
    topoeval report results/quickstart
    """
    table, page = make_report(results, out, reference, copy_records=copy_records)
    if as_json:
        print_json({"page": page, "table": rows(table)})


def leaderboard(
    results: Annotated[
        list[Path],
        typer.Argument(help="Results folders of suites, or a folder of results folders."),
    ],
    out: Annotated[Path, typer.Option(help="Folder to write to.")] = Path("results/site"),
    without: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option(help="Name of a results folder to leave out; may be repeated."),
    ] = None,
    reference: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option(
            help="Name of the method to be the reference; may be repeated: each suite takes the "
            f"first that it has; {_DEFAULT}"
        ),
    ] = None,
    submission: Annotated[
        Optional[list[Path]],  # noqa: UP045
        typer.Option(
            help="A bundle of 'topoeval submit', shown in a table of its own; may be repeated."
        ),
    ] = None,
    truth: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option(
            help="DATASET=FOLDER with the true masks of a dataset, by which the predictions in "
            "bundles are scored; may be repeated."
        ),
    ] = None,
    tables: Annotated[
        bool,
        typer.Option("--tables", help="Write table.md and table.csv into each results folder too."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make one web site (files, no server) of the reports of several suites.

    Examples:
    topoeval leaderboard results --out site
    """
    from topoeval.report import build_leaderboard
    from topoeval.report.formats import write_tables
    from topoeval.report.summary import summarise
    from topoeval.results.records import read

    check_folder(out)
    folders = {folder.name: folder for folder in results_folders(results, without or ())}
    records = {name: read(folder / "records") for name, folder in folders.items()}
    for found in records.values():
        tell_damaged(found.damaged)
    yardsticks = chosen_yardsticks(records, folders, reference or ())
    page = build_leaderboard(
        records,
        out,
        yardsticks,
        published=_published(),
        submissions=_checked(submission or (), truth or ()),
    )
    if tables:
        for name, folder in folders.items():
            write_tables(summarise(records[name], yardsticks[name]), folder)
    for name, chosen in yardsticks.items():
        runs = records[name].runs
        say(f"{name}: {runs['file'].nunique()} runs, reference {chosen.reference}")
    say(f"Page: {page}")
    if as_json:
        told = {
            name: {"runs": records[name].runs["file"].nunique(), "reference": chosen.reference}
            for name, chosen in yardsticks.items()
        }
        print_json({"page": page, "suites": told})


def make_report(
    results: Path, out: Path | None, reference: str | None, *, copy_records: bool = False
) -> tuple[pd.DataFrame, Path]:
    """Print the table of a results folder and write its pages; return the tidy table and a page."""
    from topoeval.cli.terminal import Terminal
    from topoeval.report import build
    from topoeval.report.formats import to_frame
    from topoeval.report.summary import summarise
    from topoeval.report.terminal import to_terminal
    from topoeval.results.records import read

    folder = results / "records"
    if not folder.is_dir():
        raise UserError(f"{results} has no records folder; 'topoeval run' makes one")
    check_folder(out or results / "report")
    records = read(folder)
    tell_damaged(records.damaged)
    yardsticks = yardsticks_of(records, results, reference)
    console = Terminal()
    if not console.is_terminal:  # a pipe has no width; the table reads well at this one
        console = Terminal(width=110)
    summary = summarise(records, yardsticks)
    console.print(to_terminal(summary))
    page = build(
        records,
        out or results / "report",
        yardsticks,
        published=_published(),
        copy_records=copy_records,
    )
    console.print(f"Page: {page}", soft_wrap=True, markup=False)
    return to_frame(summary), page


def results_folders(paths: Sequence[Path], without: Sequence[str] = ()) -> list[Path]:
    """Return the results folders among paths and directly below them, by name.

    Raises
    ------
    UserError
        If a path does not exist, none has records, or two have the same name: their reports would
        lie in one folder.
    """
    found: dict[str, Path] = {}
    for path in paths:
        if not path.exists():
            raise UserError(f"{path} does not exist; name results folders or a folder of them")
        candidates = [path] if (path / "records").is_dir() else sorted(path.glob("*/"))
        for folder in candidates:
            # A results folder may hold other things: timings, notes, an earlier report.
            if not (folder / "records").is_dir() or folder.name in without:
                continue
            other = found.setdefault(folder.name, folder)
            if other.resolve() != folder.resolve():
                raise UserError(f"{other} and {folder} have the same name; rename one")
    if not found:
        named = ", ".join(map(str, paths))
        raise UserError(f"no results folder with records in {named}; 'topoeval run' makes one")
    return [found[name] for name in sorted(found)]


def chosen_yardsticks(
    records: Mapping[str, Records], folders: Mapping[str, Path], asked: Sequence[str]
) -> dict[str, Yardsticks]:
    """Return for each suite its yardsticks, with the first asked-for reference that it has.

    Raises
    ------
    UserError
        If no suite has a method or row of a name that was asked for.
    """
    known = {
        name: {*found.runs["method"], *found.runs["arm"], *found.runs["label"]}
        for name, found in records.items()
    }
    for reference in asked:
        if not any(reference in names for names in known.values()):
            raise UserError(
                f"no suite has a record of the reference method {reference!r}"
                f"{nearest(reference, set().union(*known.values()))}"
            )
    return {
        name: yardsticks_of(
            found,
            folders[name],
            next((reference for reference in asked if reference in known[name]), None),
        )
        for name, found in records.items()
    }


def _checked(bundles: Sequence[Path], truths: Sequence[str]) -> list[Verdict]:
    from topoeval.results.submission import check

    folders: dict[str, str] = {}
    for text in truths:
        dataset, equals, folder = text.partition("=")
        if not equals or not Path(folder).is_dir():
            raise UserError(f"--truth {text!r} is not DATASET=FOLDER with a folder that exists")
        folders[dataset] = folder
    found = []
    for bundle in bundles:
        # What a bundle says of its dataset is known only once it was read.
        unscored = check(bundle)
        folder = folders.get(unscored.about.dataset, "")
        found.append(check(bundle, folder) if folder else unscored)
    return found


def _published() -> list[Published]:
    from topoeval.harness.suites.catalogue import baselines_folder
    from topoeval.report.published import read_published

    return read_published(baselines_folder())
