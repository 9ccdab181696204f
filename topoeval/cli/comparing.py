"""``topoeval compare``: predictions of several models, or two sets of records."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from topoeval.cli.habits import AsJson, is_quiet, print_json, rows
from topoeval.cli.output import say
from topoeval.cli.places import check_folder
from topoeval.cli.results import print_frame, tell_damaged
from topoeval.errors import UserError
from topoeval.limits import usable_cores

if TYPE_CHECKING:
    from topoeval.evaluate import Evaluation
    from topoeval.evaluate.comparison import Comparison

_CORES = usable_cores()
# Sections of the page of help.
_PREDICTIONS, _RECORDS = "Of predictions", "Of two sets of records"
_FORMS = (
    "compare takes folders of predictions and the truth last (PRED_A PRED_B GT), two or more "
    "folds of nnU-Net or finished 'topoeval evaluate' folders, or two results folders"
)
_NO_PICTURES = (
    "the page has no pictures, since masks of finished evaluations are not read; name the "
    "predictions and the truth, or folds of nnU-Net, to have them"
)


def compare(
    paths: Annotated[
        list[str],
        typer.Argument(
            help="One of: folders of predictions and the truth last, PRED_A PRED_B [...] GT; two "
            "or more folders fold_0 of nnU-Net; two or more folders that 'topoeval evaluate' "
            "wrote; two results folders, each written "
            "FOLDER, FOLDER@COMMIT or REVISION:FOLDER."
        ),
    ],
    measure: Annotated[
        Optional[list[str]],  # noqa: UP045  # typer reads the annotation at run time
        typer.Option(
            help="A score to compare, for example dice (topoeval list metrics names all); may be "
            "repeated. By default dice, cldice, betti_error, betti_matching_union, hd95 and nsd "
            "(within the length of a voxel's longest side) of predictions, and all scores of "
            "records."
        ),
    ] = None,
    topology: Annotated[
        str,
        typer.Option(
            help="Which voxels of the foreground touch: T, through corners, too, or V, through "
            "faces alone; in full CONSTRUCTION-DIRECTION-BORDER.",
            rich_help_panel=_PREDICTIONS,
        ),
    ] = "T",
    classes: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            help="Classes to compare: 1,2 (each by itself), 1+2 (both as one mask), merged, or "
            "names of --labels. By default each of those in the files, and all of them merged.",
            rich_help_panel=_PREDICTIONS,
        ),
    ] = None,
    labels: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(
            help='File with the names of labels and regions: JSON like {"vessel": 1}; by default '
            "a dataset.json of nnU-Net that lies beside the predictions, or above a fold.",
            rich_help_panel=_PREDICTIONS,
        ),
    ] = None,
    threshold: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option(
            help="Take predictions as probabilities (floats from 0 to 1, or uint8 of which 255 "
            "is 1): values from this one on are foreground, for example 0.5.",
            rich_help_panel=_PREDICTIONS,
        ),
    ] = None,
    ignore: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(
            help="Label of the truth that marks voxels to leave out, because nobody has labelled "
            "them.",
            rich_help_panel=_PREDICTIONS,
        ),
    ] = None,
    jobs: Annotated[
        int,
        typer.Option(
            min=1,
            help="Processes side by side.",
            show_default="the number of CPU cores",
            rich_help_panel=_PREDICTIONS,
        ),
    ] = _CORES,
    out: Annotated[
        Path,
        typer.Option(
            help="Folder to write to; the scores of each model go into a folder of its own in it.",
            rich_help_panel=_PREDICTIONS,
        ),
    ] = Path("comparison"),
    html: Annotated[
        bool,
        typer.Option(
            "--html",
            help="Write a page (index.html) with plots, and the cases on which models differ most.",
            rich_help_panel=_PREDICTIONS,
        ),
    ] = False,
    csv: Annotated[bool, typer.Option("--csv", help="Print all differences as CSV.")] = False,
    as_json: AsJson = False,
    fail_on_regression: Annotated[
        bool,
        typer.Option(
            "--fail-on-regression",
            help="End with exit status 1 if a score is worse in the second set (a regression), or "
            "a run failed there that ended well in the first.",
            rich_help_panel=_RECORDS,
        ),
    ] = False,
) -> None:
    """Compare the predictions of two or more models on the same cases, or two sets of records.

    Of predictions: for each pair of models, class and score the mean over the cases of the first
    model's value less the second's (where less is better, a negative one speaks for the first),
    with a 95 % interval (the wider of Student's and the bootstrap's); in how many cases the first
    model wins, ties and loses; and which of the two is better, if so many cases agree that chance
    does not explain it: they are then called separated. These tests (p-values that belong to the
    intervals, paired over the cases) are one family for the whole table, corrected by Holm.
    Training again may give other predictions; that is not tested here. Files that cannot be scored
    are named and left out; the exit status is then 1. For options of 'topoeval evaluate' that are
    not here, run it on each model, and compare the folders it wrote.

    Of two sets of records, for example before and after a change of code: which scores became
    better or worse, run by run, and which runs are in one set only.

    What the paths were taken for is printed first.

    Examples:
    topoeval compare PRED_A PRED_B GT --topology V

    topoeval compare TRAINER_A/fold_0 TRAINER_B/fold_0 --html
    """
    from topoeval.cli.finished import read_finished
    from topoeval.cli.models import notes_of
    from topoeval.cli.notes import shortened
    from topoeval.evaluate.comparison import check_measures, compare_predictions

    if csv and as_json:
        raise UserError("--csv or --json, not both")
    kind = _kind(paths)
    if kind == "records":
        _compare_records(paths, measure or (), csv, as_json, fail_on_regression)
        return
    evaluations: dict[str, Evaluation] | None
    if fail_on_regression:
        raise UserError("--fail-on-regression is for two sets of records")
    if kind in ("predictions", "folds") or html or not csv:
        check_folder(out)
        if _is_evaluation(out):
            # its page has the name of ours
            raise UserError(f"--out {out} is a finished 'topoeval evaluate'; name another folder")
    if kind == "evaluations":
        tables, notes, of_files, problems = read_finished([Path(path) for path in paths])
        evaluations = None
        if html:
            notes.append(_NO_PICTURES)
    else:
        check_measures(measure or ())
        options: dict[str, Any] = {"topology": topology, "classes": classes, "labels": labels}
        options["threshold"] = threshold
        evaluations, notes = _evaluated(paths, kind, {**options, "ignore": ignore}, jobs, out)
        tables = {name: found.cases for name, found in evaluations.items()}
        of_files, problems = notes_of(evaluations)
    found = compare_predictions(tables, measure)
    _show(found, notes, csv, html, out)
    if as_json:
        print_json(
            {
                "models": found.models,
                "table": rows(found.table),
                "verdict": found.verdict(),
                "notes": [*notes, *of_files, *found.notes],
                "problems": problems,
            }
        )
    if html:
        from topoeval.report.comparison_page import write_comparison_page

        write_comparison_page(
            found, out / "index.html", [*notes, *shortened(of_files)], evaluations, problems
        )
        say(out / "index.html", err=csv and not is_quiet())
    if problems:
        raise typer.Exit(1)


def _kind(paths: Sequence[str]) -> str:
    """Return what the paths are; a folder of scores is told from one of masks by its files."""
    from topoeval.cli.models import are_folds

    if len(paths) < 2:
        raise UserError(f"{_FORMS}; got one path")
    scored = [path for path in paths if _is_evaluation(Path(path))]
    if len(scored) == len(paths):
        return "evaluations"
    if are_folds(paths):
        return "folds"
    if scored:
        others = next(path for path in paths if path not in scored)
        raise UserError(f"{scored[0]} is a finished 'topoeval evaluate' and {others} is not")
    if len(paths) == 2:
        # what is not there may be a revision of git, which the comparison of records looks into
        masks = [path for path in paths if _is_there_without_records(Path(path))]
        if len(masks) == 2:
            raise UserError(f"{masks[0]} is no results folder; {_FORMS}")
        return "records"
    return "predictions"


def _is_evaluation(folder: Path) -> bool:
    return (folder / "cases.csv").is_file() and (folder / "record.json").is_file()


def _is_there_without_records(path: Path) -> bool:
    return path.exists() and not (path / "records").is_dir()


def _evaluated(
    paths: Sequence[str], kind: str, options: dict[str, Any], jobs: int, out: Path
) -> tuple[dict[str, Evaluation], list[str]]:
    from topoeval.cli.evaluation import check_threshold
    from topoeval.cli.models import scored_models
    from topoeval.evaluate import Options, parse_classes, read_label_names
    from topoeval.metrics import Settings
    from topoeval.topology import Topology

    named = [Path(path) for path in paths]
    for path in named:
        if not path.exists():
            raise UserError(f"no file or folder {path}; {_FORMS}")
    predictions, truth = (named, None) if kind == "folds" else (named[:-1], named[-1])
    check_threshold(options["threshold"])
    asked = Options(
        settings=Settings(topology=Topology.parse(options["topology"])),
        classes=None if options["classes"] is None else parse_classes(options["classes"]),
        threshold=options["threshold"],
        ignore=options["ignore"],
        labels=None if options["labels"] is None else read_label_names(options["labels"]),
    )
    found = scored_models(predictions, truth, asked, jobs, out)
    dims = next(iter(found.values())).spatial_dims
    return found, [asked.settings.topology.describe(ndim) for ndim in dims]


def _show(found: Comparison, notes: Sequence[str], csv: bool, html: bool, out: Path) -> None:
    from topoeval.cli.stale_page import remove_stale_page
    from topoeval.csv_tables import to_csv
    from topoeval.report.names import short_names
    from topoeval.whole_file import write_text

    if csv:
        typer.echo(to_csv(found.table), nl=False)
        return
    write_text(out / "comparison.csv", to_csv(found.table))
    write_text(out / "scores.csv", to_csv(found.scores))
    for line in notes:
        say(line)
    # the terminal cuts the ends of long names, in which trainers of nnU-Net differ
    print_frame(found.shown(short_names(found.models).__getitem__))
    if len(found.models) > 2:
        print_frame(found.standings)
    for line in (*found.verdict(), *found.notes):
        say(line)
    if not html and (told := remove_stale_page(out)):
        say(told)
    say(f"{out}: comparison.csv, scores.csv")


def _compare_records(
    paths: Sequence[str],
    measure: Sequence[str],
    csv: bool,
    as_json: bool,
    fail_on_regression: bool,
) -> None:
    from topoeval.csv_tables import to_csv
    from topoeval.results.comparison import compare as compared

    found = compared(paths[0], paths[1], measure)
    tell_damaged(found.damaged)
    if csv:
        typer.echo(to_csv(found.differences), nl=False)
    elif as_json:
        tables = {
            "differences": found.differences,
            "other_status": found.statuses,
            "only_in_a": found.only_a,
            "only_in_b": found.only_b,
        }
        print_json(
            {name: rows(table) for name, table in tables.items()} | {"worse": found.regressions}
        )
    else:
        _print_records(found)
    if fail_on_regression and found.regressions:
        raise typer.Exit(1)


def _print_records(found: Any) -> None:
    counts = found.differences["change"].value_counts()
    told = [
        f"{counts[name]} {name}" for name in ("better", "worse", "open", "same") if name in counts
    ]
    typer.echo(f"{len(found.differences)} comparisons of scores: {', '.join(told) or 'none'}")
    shown = found.differences[~found.differences["change"].isin(["same", "open"])]
    if len(shown):
        print_frame(shown)
    for name, table in (
        ("Other status", found.statuses), ("Only in A", found.only_a), ("Only in B", found.only_b),
    ):  # fmt: skip
        if len(table):
            typer.echo(f"{name}: {len(table)} runs")
            print_frame(table.head(20))
    for line in found.regressions:
        say(f"worse: {line}")
