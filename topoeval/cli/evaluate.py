"""``topoeval evaluate``: scores of anyone's predictions."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from topoeval.errors import UnavailableError, UserError
from topoeval.evaluate import (
    Evaluation,
    Options,
    Problem,
    evaluate,
    parse_classes,
    parse_priors,
    record,
    summarise,
)
from topoeval.metrics import Settings
from topoeval.topology import Topology

# What the terminal shows; the files have all.
_SHOWN = (
    "dice", "cldice", "betti_error", "matches_truth", "matches_prior", "truth_matches_prior",
    "betti_matching_union", "hd95", "prediction_empty", "target_empty",
)  # fmt: skip


def evaluate_files(
    predictions: Path,
    targets: Path,
    *,
    topology: str,
    betti: Sequence[str],
    spacing: str | None,
    classes: str | None,
    unions: bool,
    threshold: float | None,
    tolerance: float | None,
    patch: int,
    metrics: str | None,
    jobs: int,
    out: Path,
    parquet: bool,
    html: bool,
) -> int:
    """Score files, write what came out, print a summary; return the number of problems."""
    if parquet and importlib.util.find_spec("pyarrow") is None:
        raise UnavailableError('Parquet needs pyarrow; pip install "topoeval[parquet]"')
    if patch < 1 or (tolerance is not None and not tolerance >= 0):
        raise UserError("--patch is a side of at least 1, --tolerance a distance of at least 0")
    settings = Settings(
        topology=Topology.parse(topology),
        spacing=parse_spacing(spacing),
        tolerance=tolerance,
        patch=patch,
    )
    options = Options(
        settings=settings,
        classes=parse_classes(classes) if classes else None,
        unions=unions,
        priors=parse_priors(betti),
        threshold=threshold,
        columns=tuple(part.strip() for part in metrics.split(",")) if metrics else None,
    )
    console = Console()
    began = time.monotonic()
    with progress(console) as listener:
        found = evaluate(predictions, targets, options, jobs, listener)
    if len(found.pairs):
        _write(found, out, parquet, time.monotonic() - began)
        if html:
            from topoeval.report.files_page import write_evaluation_page

            write_evaluation_page(found, out / "index.html", _conventions(found))
        console.print(_table(found))
        for line in _conventions(found):
            console.print(line, highlight=False, soft_wrap=True)
        names = ["cases.csv", "summary.csv", "record.json"]
        names += ["cases.parquet"] * parquet + ["index.html"] * html
        console.print(f"{out}: {', '.join(names)}", soft_wrap=True)
    print_problems(console, found.problems, len(found.pairs))
    return len(found.problems)


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


@contextmanager
def progress(console: Console) -> Iterator[Callable[[str, int, int], None]]:
    """Show how many cases each stage has done, on a terminal."""
    display = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
    )
    tasks: dict[str, int] = {}
    with display:

        def listen(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = display.add_task(stage, total=total)
            display.update(tasks[stage], completed=done)  # type: ignore[arg-type]

        yield listen


def print_problems(console: Console, problems: Sequence[Problem], scored: int) -> None:
    """Print a line per problem, and how many cases are without one."""
    for problem in problems:
        console.print(f"[red]left out[/] {_escaped(problem.message)}", soft_wrap=True)
    if problems:
        console.print(f"{scored} cases done, {len(problems)} problems")


def _escaped(text: str) -> str:
    from rich.markup import escape

    return escape(text)


def _write(found: Evaluation, out: Path, parquet: bool, wall_s: float) -> None:
    from topoeval.harness.runs.environment import describe
    from topoeval.records.files import write_record

    out.mkdir(parents=True, exist_ok=True)
    found.cases.to_csv(out / "cases.csv", index=False)
    summarise(found.cases).to_csv(out / "summary.csv", index=False)
    if parquet:
        found.cases.to_parquet(out / "cases.parquet", index=False)
    write_record(out / "record.json", record(found, describe("cpu", 1, "native"), wall_s))


def _table(found: Evaluation) -> Table:
    summary = summarise(found.cases).set_index(["class", "metric"])
    shown = [name for name in _SHOWN if name in found.cases.columns]
    shown = shown or [n for n in found.cases.columns if n not in ("case", "class")]
    table = Table("class", "score", "mean", "sd", "median", "min to max", box=None)
    for name in found.classes.names:
        for column in shown:
            row = summary.loc[(name, column)]
            numbers = (f"{row[key]:.4g}" for key in ("mean", "sd", "median"))
            span = f"{row['min']:.4g} to {row['max']:.4g}"
            table.add_row(name, column.replace("_", " "), *numbers, span)
    return table


def _conventions(found: Evaluation) -> list[str]:
    settings = found.options.settings
    lines = [settings.topology.describe(ndim) for ndim in found.spatial_dims]
    lines.append(f"{len(found.pairs)} cases; classes {', '.join(found.classes.names)}")
    sizes = settings.spacing
    of_files = "of the files, 1 where they state none"
    lines.append(
        f"spacing {', '.join(map(str, sizes)) if sizes else of_files}; NSD within "
        f"{settings.tolerance if settings.tolerance is not None else 'the largest side of a voxel'}"
        f"; patches of {settings.patch} voxels"
    )
    for name, prior in found.classes.priors.items():
        lines.append(f"prior of {name or 'every class'}: {', '.join(map(str, prior))}")
    lines.append("rules for empty masks and directions of scores: docs/metrics.md")
    return lines
