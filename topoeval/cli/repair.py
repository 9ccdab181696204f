"""``topoeval repair``: masks and maps that have the wanted Betti numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from topoeval.cli.evaluate import Axes
from topoeval.cli.execution import (
    CaseExecutor,
    CaseJobs,
    DaskAddress,
    Slurm,
    execution_settings,
)
from topoeval.cli.habits import AsJson

EDITS, OUTPUT = "Edits", "Output"


def repair(
    files: Annotated[
        list[Path],
        typer.Argument(help="Masks, label maps, probability maps, softmaxes; or folders of them."),
    ],
    out: Annotated[
        Path, typer.Option(help="Folder to write to, under the same names.", rich_help_panel=OUTPUT)
    ],
    betti: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option(
            help="Wanted Betti numbers: components,holes in 2D, components,loops,cavities in 3D; "
            "1,1 for all classes, CLASS:1,1 for the one with this label; may be repeated. This, "
            "--limit, --min-size or --keep must be given.",
            rich_help_panel=EDITS,
        ),
    ] = None,
    threshold: Annotated[
        Optional[float],  # noqa: UP045  # typer reads the annotation at run time
        typer.Option(
            help="Take the files as probabilities (floats in [0, 1], or uint8 of which 255 is 1): "
            "values from this one on are foreground. The results are probabilities, too. Where it "
            "is not 0.5, costs, --limit and --evidence are those of the map stretched so that it "
            "is. A softmax (a channel per class) needs none: the largest channel decides."
        ),
    ] = None,
    ignore: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(
            help="Label of label maps that marks voxels to leave out: they stay as they are, and "
            "to every class they are background, as in scores."
        ),
    ] = None,
    topology: Annotated[
        str,
        typer.Option(
            help="Which voxels of the foreground touch: T, through corners, too (8 or 26 "
            "neighbours), or V, through faces alone (4 or 6); in full "
            "CONSTRUCTION-DIRECTION-BORDER, for example T-superlevel-framed."
        ),
    ] = "T",
    evidence: Annotated[
        float,
        typer.Option(
            help="Add a component or hole only where the barcode of the map has a bar of at least "
            "this length in probability, so that the map has a trace of it; 0 asks for none.",
            rich_help_panel=EDITS,
        ),
    ] = 0.0,
    limit: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option(
            help="For probability maps: flip no voxel whose |logit p| is larger, for example 1.5. "
            "Without --betti: remove every component and hole that can be removed so. By default "
            "there is no limit.",
            rich_help_panel=EDITS,
        ),
    ] = None,
    max_change: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(
            help="How many voxels one edit may flip at most; an edit that needs more is not made. "
            "By default any number. It cannot be combined with --settle.",
            rich_help_panel=EDITS,
        ),
    ] = None,
    only: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            help="Kinds of edits that are allowed, for example delete,fill; all by default. Of a "
            "component: delete, create, join (two by a path), split (in two). Of a hole: fill, "
            "pierce (make a hole), open (to the outside), close (make a hole by closing a gap). "
            "Of a cavity: fill, pierce, open, close, too. Of a loop in 3D: cut (through its ring), "
            "cover (the opening that it goes round, by a sheet), bridge (make a loop by a rod of "
            "foreground between two places), tunnel (make a loop by drilling through).",
            rich_help_panel=EDITS,
        ),
    ] = None,
    min_size: Annotated[
        int,
        typer.Option(
            help="Components and holes (in 3D cavities, not loops) of fewer voxels are deleted and "
            "filled before anything else.",
            rich_help_panel=EDITS,
        ),
    ] = 0,
    keep: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(
            help="Keep only so many components of each class, the largest ones; by default all.",
            rich_help_panel=EDITS,
        ),
    ] = None,
    settle: Annotated[
        bool,
        typer.Option(
            "--settle",
            help="Afterwards move borders, without a change of the Betti numbers, so that Dice is "
            "as large as the probabilities let expect; of maps that need no edit, too. For "
            "calibrated maps, with no other --threshold than 0.5.",
            rich_help_panel=EDITS,
        ),
    ] = False,
    axes: Axes = None,
    executor: CaseExecutor = "local",
    jobs: CaseJobs = None,
    dask_address: DaskAddress = None,
    slurm: Slurm = None,
    report: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(
            help="CSV file to list the edits in: kind, cost (|logit p| summed over the voxels that "
            "it flips), length of the bar, voxel and world coordinates.",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    html: Annotated[
        bool,
        typer.Option(
            "--html",
            help="Write a page (index.html) into --out: each file before and after, with its edits "
            "marked.",
            rich_help_panel=OUTPUT,
        ),
    ] = False,
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite",
            help="Replace files that are in --out; without it they end the command before it "
            "begins.",
            rich_help_panel=OUTPUT,
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Edit masks and probability maps so that they have the wanted Betti numbers.

    In a label map what is deleted becomes background, and no class takes voxels of another. Edits
    that cost less go first: those that flip few voxels, and voxels of which the map is not sure.
    Reads the formats that 'topoeval evaluate' reads, and writes the same format with the same size,
    place and spacing of voxels. A file that cannot be read or edited is named and not written; one
    that does not have the wanted numbers afterwards is written and named. Either way the exit
    status is 1. A command that was interrupted goes on where it stopped when it is given again,
    without --overwrite; that option is for files which another command wrote.

    Examples:
    topoeval repair PRED --betti 1,0 --out REPAIRED

    topoeval repair MAPS --threshold 0.5 --betti 1,1 --evidence 0.05 --out REPAIRED --html

    topoeval repair PRED --min-size 50 --out CLEANED
    """
    from topoeval.cli.repairing import repair_files
    from topoeval.repair import Options

    options = Options(
        evidence=evidence,
        limit=limit,
        max_change=max_change,
        only=None if only is None else [part.strip() for part in only.split(",")],
        min_size=min_size,
        keep=keep,
        settle=settle,
    )
    problems = repair_files(
        files,
        out=out,
        betti=tuple(betti or ()),
        threshold=threshold,
        ignore=ignore,
        topology=topology,
        options=options,
        axes=axes,
        executor=executor,
        settings=execution_settings(jobs, 1, None, dask_address, slurm),
        report=report,
        html=html,
        overwrite=overwrite,
        as_json=as_json,
    )
    raise typer.Exit(1 if problems else 0)
