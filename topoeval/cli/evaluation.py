"""What ``topoeval evaluate`` does and prints."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rich.console import Console
from rich.table import Table

from topoeval.cli.execution import lanes_of
from topoeval.cli.habits import print_json, rows
from topoeval.cli.notes import print_notes, print_problems
from topoeval.cli.output import escape
from topoeval.cli.places import check_folder
from topoeval.cli.progress import progress
from topoeval.cli.stale_page import remove_stale_page
from topoeval.cli.terminal import Terminal
from topoeval.errors import UnavailableError, UserError
from topoeval.evaluate import (
    Evaluation,
    NnUnetResults,
    Options,
    Problem,
    evaluate,
    evaluate_pairs,
    parse_classes,
    parse_priors,
    parse_tolerances,
    read_label_names,
    read_nnunet,
    record,
    summarise,
)
from topoeval.evaluate.presets import preset, with_preset
from topoeval.evaluate.summary import MEAN, shown_class
from topoeval.images.relabelling import Relabelling, parse_relabelling
from topoeval.limits import parse_memory, usable_cores
from topoeval.metrics import Settings
from topoeval.metrics.classes import MERGED
from topoeval.metrics.neighbours import read_neighbours
from topoeval.topology import Topology

if TYPE_CHECKING:
    from topoeval.harness.runs.executors import Settings as Execution

# The scores that the terminal shows; the files hold all of them.
_SHOWN = (
    "dice", "cldice", "betti_error", "matches_truth", "matches_prior", "truth_matches_prior",
    "betti_matching_union", "hd95", "prediction_empty", "target_empty",
)  # fmt: skip
# What is scored of objects where nobody names scores: the others see one mask of all of them.
_OF_OBJECTS = ("dice", "iou", "pq", "sq", "rq", "instance_f1", "instance_dice")


@dataclass(frozen=True, slots=True)
class Request:
    """The arguments of the command line, as text."""

    predictions: Path | None
    targets: Path | None
    nnunet: Path | None
    pred_suffix: str
    gt_suffix: str
    missing: Literal["leave-out", "worst"]
    classes: str | None
    labels: Path | None
    unions: bool
    ignore: int | None
    threshold: float | None
    lossy: bool
    axes: str | None
    pred_map: str | None
    gt_map: str | None
    instances: bool
    topology: str
    betti: tuple[str, ...]
    spacing: str | None
    tolerance: tuple[str, ...]
    neighbours: Path | None
    patch: int
    metrics: str | None
    preset: str | None
    absent: Literal["leave-out", "score"]

    def options(self) -> Options:
        """Return the options of the evaluation.

        Raises
        ------
        UserError
            If one of them is wrong.
        """
        if self.patch < 1:
            raise UserError(f"--patch is a side of at least 1, got {self.patch}")
        check_threshold(self.threshold)
        tolerance, of_classes = parse_tolerances(self.tolerance)
        if self.instances:
            self._check_instances()
        options = Options(
            tolerances=of_classes,
            settings=Settings(
                topology=Topology.parse(self.topology),
                spacing=parse_spacing(self.spacing),
                tolerance=tolerance,
                neighbours=None if self.neighbours is None else read_neighbours(self.neighbours),
                patch=self.patch,
                instances=self.instances,
            ),
            classes=self._classes(),
            unions=self.unions,
            priors=parse_priors(self.betti),
            threshold=self.threshold,
            columns=self._columns(),
            labels=read_label_names(self.labels) if self.labels else None,
            ignore=self.ignore,
            missing=self.missing,
            absent=self.absent,
            lossy=self.lossy,
            axes=check_axes(self.axes),
            map_prediction=_relabelling(self.pred_map),
            map_target=_relabelling(self.gt_map),
            of_prediction=self.pred_suffix,
            of_target=self.gt_suffix,
        )
        return options if self.preset is None else with_preset(options, self.preset)

    def _classes(self) -> tuple[str, ...] | None:
        if self.instances:
            return (MERGED,)
        return None if self.classes is None else parse_classes(self.classes)

    def _columns(self) -> tuple[str, ...] | None:
        if self.metrics is not None:
            named = tuple(part.strip() for part in self.metrics.split(",") if part.strip())
            if not named:
                raise UserError(f"no score named in --metrics {self.metrics!r}; for example dice")
            return named
        return _OF_OBJECTS if self.instances else None

    def _check_instances(self) -> None:
        for name in ("classes", "labels", "unions", "preset", "threshold"):
            if getattr(self, name):
                raise UserError(f"with --instances every label is an object; leave --{name} out")
        if not Topology.parse(self.topology).superlevel:
            raise UserError("with --instances labels are foreground; say T or V, not sublevel")


def evaluate_files(
    request: Request,
    *,
    executor: str,
    settings: Execution,
    memory: str | None,
    out: Path,
    parquet: bool,
    html: bool,
    as_json: bool = False,
) -> int:
    """Score files, write what came out, print a summary; return the number of problems."""
    if parquet and importlib.util.find_spec("pyarrow") is None:
        raise UnavailableError('Parquet needs pyarrow; pip install "topoeval[parquet]"')
    options = request.options()
    check_folder(out)
    jobs = settings.jobs or usable_cores()
    bound = None if memory is None else parse_memory(memory)
    console = Terminal()
    began = time.monotonic()
    with lanes_of(executor, settings, out, bound) as lanes, progress(console) as listener:
        share = None if bound is None else bound // jobs
        where = {"jobs": jobs, "listener": listener, "out": out, "memory": share, "lanes": lanes}
        found, stated = _evaluated(request, options, console, where)
    names, lines = [], []
    if len(found.pairs):
        write_evaluation(found, out, parquet, time.monotonic() - began)
        lines = _conventions(found)
        if request.preset is not None:
            lines = [*preset(request.preset).lines(), *lines]
        if html:
            from topoeval.report.files_page import write_evaluation_page

            write_evaluation_page(found, out / "index.html", lines)
        elif told := remove_stale_page(out):
            lines.append(told)
        for line in lines:
            console.print(escape(line), highlight=False, soft_wrap=True)
        console.print(_table(found))
        names = ["cases.csv", "summary.csv", "inputs.csv", "record.json"]
        names += ["cases.parquet"] * parquet + ["index.html"] * html
        console.print(f"{escape(str(out))}: {', '.join(names)}", soft_wrap=True)
    print_notes(console, found.notes)
    problems = list(found.problems)
    if stated is not None and stated.dice:
        differing = stated.disagreements(found.cases)
        problems += [Problem("", line) for line in differing]
        if not differing and "dice" in found.cases:
            console.print("Dice of every case and class is that of summary.json of nnU-Net")
    print_problems(console, problems, len(found.pairs))
    if as_json:
        print_json(_document(found, lines, problems, [out / name for name in names]))
    return len(problems)


def _document(
    found: Evaluation, lines: Sequence[str], problems: Sequence[Problem], files: Sequence[Path]
) -> dict[str, Any]:
    summary = summarise(found.cases, found.options.absent, found.classes.averaged)
    return {
        "cases": len(found.pairs),
        "conventions": lines,
        "summary": rows(summary),
        "missing": found.missing,
        "notes": found.notes,
        "problems": [problem.message for problem in problems],
        "files": files,
    }


def _evaluated(
    request: Request,
    options: Options,
    console: Console,
    where: dict[str, Any],
) -> tuple[Evaluation, NnUnetResults | None]:
    if request.nnunet is None:
        if request.predictions is None or request.targets is None:
            raise UserError("name the predictions and the truth, or --nnunet RUN/fold_0")
        folders = request.predictions, request.targets
        _print_sides(console, *folders)
        return evaluate(*folders, options, **where), None
    if request.targets is not None:
        raise UserError("with --nnunet only the truth is named beside it, and not the predictions")
    stated = read_nnunet(request.nnunet, request.predictions)
    if options.labels is None:
        options = replace(options, labels=stated.labels)
    for pair in stated.matched.pairs[:1]:
        _print_sides(console, request.nnunet, pair.target.parent)
    return evaluate_pairs(stated.matched, options, **where), stated


def _print_sides(console: Console, predictions: Path, truth: Path) -> None:
    """Print what is read as what, so that swapped folders are seen."""
    line = f"predictions {predictions}; truth {truth}"
    console.print(escape(line), highlight=False, soft_wrap=True)


def _relabelling(text: str | None) -> Relabelling | None:
    return None if text is None else parse_relabelling(text)


def parse_spacing(text: str | None) -> tuple[float, ...] | None:
    """Read ``"1,0.5,0.5"``.

    Raises
    ------
    UserError
        If it is not two or three positive numbers.
    """
    if text is None:
        return None
    try:
        sizes = tuple(float(part) for part in text.split(","))
    except ValueError:
        sizes = ()
    if len(sizes) not in (2, 3) or not all(0 < size < float("inf") for size in sizes):
        raise UserError(f"--spacing is two or three positive numbers like 1,0.5,0.5, got {text!r}")
    return sizes


def check_threshold(threshold: float | None) -> None:
    """Refuse a threshold that is no probability above 0."""
    if threshold is not None and not 0 < threshold <= 1:
        raise UserError(f"--threshold lies in (0, 1], got {threshold:g}")


def check_axes(text: str | None) -> str | None:
    """Return the letters of axes.

    Raises
    ------
    UserError
        If they are not two or three of ``zyx`` and perhaps one ``c``.
    """
    if text is None:
        return None
    letters = text.lower()
    spatial = [letter for letter in letters if letter != "c"]
    if spatial not in (["y", "x"], ["z", "y", "x"], ["x", "y", "z"], ["x", "y"]) or (
        letters.count("c") > 1
    ):
        raise UserError(f"--axes is zyx, yx, czyx, zyxc, cyx or yxc, got {text!r}")
    return letters


def write_evaluation(
    found: Evaluation, out: Path, parquet: bool = False, wall_s: float = 0.0
) -> None:
    """Write summary, record and, if asked for, Parquet beside the cases that are there."""
    from topoeval.checksums import checksum
    from topoeval.csv_tables import to_csv
    from topoeval.harness.runs.environment import describe
    from topoeval.records.files import write_record
    from topoeval.whole_file import whole_file, write_text

    summary = summarise(found.cases, found.options.absent, found.classes.averaged)
    write_text(out / "summary.csv", to_csv(summary))
    if parquet:
        with whole_file(out / "cases.parquet") as beside:
            found.cases.to_parquet(beside, index=False)
    document = record(found, describe("cpu", 1, "native"), wall_s)
    if (out / "cases.csv").is_file():  # there is none where no file could be read
        content = checksum((out / "cases.csv").read_bytes())
        document = document.model_copy(update={"cases_csv": content})
    write_record(out / "record.json", document)


def _table(found: Evaluation) -> Table:
    averaged = found.classes.averaged
    summary = summarise(found.cases, found.options.absent, averaged)
    wanted = found.options.columns or _SHOWN
    shown = [name for name in wanted if name in found.cases.columns]
    shown = shown or [n for n in found.cases.columns if n not in ("case", "class")]
    table = Table("class", "score", "n", "mean", "sd", "median", "min to max", box=None)
    for row in summary[summary["metric"].isin(shown)].to_dict("records"):
        numbers = (f"{row[key]:.4g}" for key in ("mean", "sd", "median"))
        span = f"{row['min']:.4g} to {row['max']:.4g}"
        name = escape(shown_class(str(row["class"]), found.options.settings.topology))
        table.add_row(name, row["metric"].replace("_", " "), str(row["n"]), *numbers, span)
    return table


def _conventions(found: Evaluation) -> list[str]:
    options, classes = found.options, found.classes
    settings = options.settings
    lines = []
    if found.missing:
        scored = "scored as empty masks" if options.missing == "worst" else "not in any mean"
        total = len(found.pairs) + (len(found.missing) if options.missing != "worst" else 0)
        lines.append(f"{len(found.missing)} of {total} predictions are missing: {scored}")
    lines += [f"{side}: {line}" for side, line in found.readings.items() if line]
    if options.ignored is not None:
        lines.append(f"voxels of label {options.ignored} in the truth count in neither mask")
    lines += [settings.topology.describe(ndim) for ndim in found.spatial_dims]
    if not settings.topology.superlevel:
        lines.append(
            "sublevel: dark is foreground, so Betti numbers and all that depends on a topology are "
            "those of the voxels outside of a class; Dice, clDice and distances are of the class"
        )
    if settings.instances:
        lines.append("every label is an object; scores that are not of objects see them all as one")
    count = len(found.pairs)
    cases = "1 case" if count == 1 else f"{count} cases"
    lines.append(f"{cases}; classes {', '.join(classes.names)}")
    if found.resumed:
        lines.append(f"{found.resumed} of them were scored by an earlier run of this command")
    absent = int((found.cases["prediction_empty"] & found.cases["target_empty"]).sum())
    if absent and options.absent == "leave-out":
        lines.append(
            f"{absent} times neither mask holds the class: left out of means "
            "(--absent score counts them)"
        )
    if len(classes.averaged) > 1:
        lines.append(
            f"{MEAN}: over {', '.join(classes.averaged)}, in each case over those that "
            "one of its masks holds"
        )
    sizes = settings.spacing
    of_files = "of the files, 1 where they state none"
    lines.append(
        f"spacing {', '.join(map(str, sizes)) if sizes else of_files}; NSD within "
        f"{settings.tolerance if settings.tolerance is not None else 'the largest side of a voxel'}"
        f"; patches of {settings.patch} voxels"
    )
    for one, tolerance in options.tolerances.items():
        lines.append(f"tolerance of {one}: {tolerance:g}")
    for name, prior in classes.priors.items():
        lines.append(f"prior of {name or 'every class'}: {', '.join(map(str, prior))}")
    lines.append("topoeval info SCORE: what it is, which way is better, its rules for empty masks")
    return lines
