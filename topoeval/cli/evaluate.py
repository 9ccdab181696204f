"""``topoeval evaluate``: its options."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Optional

import typer

from topoeval.cli.habits import AsJson
from topoeval.cli.plugins import Plugins
from topoeval.limits import usable_cores

CORES = usable_cores()
FILES, VALUES, SCORES, OUTPUT = "Files", "What the values mean", "Scores", "Output"


class Missing(StrEnum):
    """What is done with a target without a prediction."""

    leave_out = "leave-out"
    worst = "worst"


class Absent(StrEnum):
    """What is done with a class that neither mask holds."""

    leave_out = "leave-out"
    score = "score"


# Shared with ``topoeval audit``.
Classes = Annotated[
    Optional[str],  # noqa: UP045  # typer reads the annotation at run time
    typer.Option(
        help="For example 1,2 (each by itself), 1-40 (each of forty), 1+2 (both as one mask), "
        "merged, or names of --labels; those in the files by default.",
        rich_help_panel=VALUES,
    ),
]
Labels = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(
        help='Names of labels and regions: JSON like {"vessel": 1, "all": [1, 2], "ignore": 255}, '
        "or nnU-Net's dataset.json.",
        rich_help_panel=VALUES,
    ),
]
Ignore = Annotated[
    Optional[int],  # noqa: UP045
    typer.Option(
        help="Label that marks voxels to leave out: nobody labelled them, and no score counts "
        "them.",
        rich_help_panel=VALUES,
    ),
]
Lossy = Annotated[
    bool,
    typer.Option(
        "--lossy", help="Take JPEG as masks, cut at half of its range.", rich_help_panel=VALUES
    ),
]
Axes = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        help="Axes of NPY, NPZ, HDF5 and Zarr arrays where that is not clear: zyx a volume, cyx or "
        "yxc an image with channels.",
        rich_help_panel=VALUES,
    ),
]
Betti = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option(
        help="Betti numbers that the structure should have: components,holes in 2D, "
        "components,loops,cavities in 3D; 1,1 for every class or CLASS:1,1; may be repeated.",
        rich_help_panel=SCORES,
    ),
]
Jobs = Annotated[
    int,
    typer.Option(
        min=1,
        help="Processes; by default as many as there are cores to be used here.",
        rich_help_panel=OUTPUT,
    ),
]


def evaluate(
    predictions: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Argument(help="A mask or label map, or a folder of them; left out with --nnunet."),
    ] = None,
    targets: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Argument(help="The truth: a file, or a folder of files of equal names."),
    ] = None,
    nnunet: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(
            help="Results of nnU-Net: fold_0, its validation, a summary.json; or a folder of "
            "predictions, with the truth after it. Names, regions and the ignore label are those "
            "of its dataset.json.",
            rich_help_panel=FILES,
        ),
    ] = None,
    pred_suffix: Annotated[
        str,
        typer.Option(
            help="What names of predictions have beside the case: _pred, or seg_*_v2 with * for "
            "the case.",
            rich_help_panel=FILES,
        ),
    ] = "",
    gt_suffix: Annotated[
        str, typer.Option(help="The same of the truth: _manual1.", rich_help_panel=FILES)
    ] = "",
    missing: Annotated[
        Missing,
        typer.Option(
            help="Targets without a prediction: named and left out, or scored as an empty mask.",
            rich_help_panel=FILES,
        ),
    ] = Missing.leave_out,
    classes: Classes = None,
    labels: Labels = None,
    unions: Annotated[
        bool,
        typer.Option("--unions", help="Every union of two classes too.", rich_help_panel=VALUES),
    ] = False,
    ignore: Ignore = None,
    threshold: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option(
            help="Predictions are probabilities (floats in [0, 1], or uint8 of which 255 is 1); "
            "foreground from here on.",
            rich_help_panel=VALUES,
        ),
    ] = None,
    lossy: Lossy = False,
    axes: Axes = None,
    pred_map: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            help="Labels of predictions that are others in the truth: 51:1,60-69:2,*:0 (*: all "
            "others), or a JSON file of them.",
            rich_help_panel=VALUES,
        ),
    ] = None,
    gt_map: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="The same for labels of the truth.", rich_help_panel=VALUES),
    ] = None,
    instances: Annotated[
        bool,
        typer.Option(
            "--instances",
            help="Every label is an object of its own: scores of objects (pq, instance_f1, ...) "
            "compare them as they are labelled, touching ones too, and not the components.",
            rich_help_panel=VALUES,
        ),
    ] = False,
    topology: Annotated[
        str,
        typer.Option(
            help="Which voxels touch: T, also through corners (8 or 26 neighbours), or V, through "
            "faces alone (4 or 6); in full CONSTRUCTION-DIRECTION-BORDER, as T-superlevel-framed.",
            rich_help_panel=SCORES,
        ),
    ] = "T",
    betti: Betti = None,
    spacing: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            help="Size of a voxel along each axis of the array, for example 2,0.5,0.5; the "
            "truth's by "
            "default.",
            rich_help_panel=SCORES,
        ),
    ] = None,
    tolerance: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option(
            help="Of nsd, surface_dice and scores of road and vessel networks, in units of the "
            "spacing: 2 for every class or CLASS:2; may be repeated. By default the largest side "
            "of a voxel.",
            rich_help_panel=SCORES,
        ),
    ] = None,
    neighbours: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(
            help='Labels that may touch, JSON like {"1": [2, 3]}, of invalid_neighbours; by '
            "default those that touch in the truth of the case.",
            rich_help_panel=SCORES,
        ),
    ] = None,
    patch: Annotated[
        int,
        typer.Option(
            help="Side of the patches of patch_betti_error, in voxels.", rich_help_panel=SCORES
        ),
    ] = 64,
    metrics: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            help="For example dice,cldice,betti_error,hd95; all by default (topoeval list "
            "metrics).",
            rich_help_panel=SCORES,
        ),
    ] = None,
    preset: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            help="Scores and conventions of a challenge or program: vesuvius, topcow24, "
            "topbrain, atm22, "
            "selma3d, cremi, roads, nnunet.",
            rich_help_panel=SCORES,
        ),
    ] = None,
    absent: Annotated[
        Absent,
        typer.Option(
            help="Classes that neither mask of a case holds: left out of means, or scored (Dice "
            "1, HD95 0; "
            "topoeval info METRIC has each rule).",
            rich_help_panel=SCORES,
        ),
    ] = Absent.leave_out,
    jobs: Jobs = CORES,
    memory: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            help="For all processes together, for example 8G: scores that need more are left out "
            "and named.",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    out: Annotated[
        Path,
        typer.Option(
            help="Folder to write cases.csv, summary.csv and more to.", rich_help_panel=OUTPUT
        ),
    ] = Path("evaluation"),
    parquet: Annotated[
        bool, typer.Option("--parquet", help="Cases as Parquet, too.", rich_help_panel=OUTPUT)
    ] = False,
    html: Annotated[
        bool, typer.Option("--html", help="A page with the worst cases.", rich_help_panel=OUTPUT)
    ] = False,
    as_json: AsJson = False,
    plugin: Plugins = None,
) -> None:
    """Score predictions of any origin, file by file.

    Reads PNG, GIF, BMP, TIFF, NPY, NPZ, NIfTI, MGZ, MHA, NRRD, HDF5 (FILE.h5:/path), Zarr and
    DICOM SEG; files match by name without ending. What the values were read as is printed: labels,
    masks of 0 and 255, channels. A file that cannot be scored is named and left out, with exit
    status 1. The same command again goes on where it stopped.

    Examples:
    topoeval evaluate PRED GT --html

    topoeval evaluate PRED GT --threshold 0.5 --ignore 255

    topoeval evaluate --nnunet RUN/fold_0
    """
    from topoeval.cli.evaluation import Request, evaluate_files

    request = Request(
        predictions=predictions,
        targets=targets,
        nnunet=nnunet,
        pred_suffix=pred_suffix,
        gt_suffix=gt_suffix,
        missing=missing.value,
        classes=classes,
        labels=labels,
        unions=unions,
        ignore=ignore,
        threshold=threshold,
        lossy=lossy,
        axes=axes,
        pred_map=pred_map,
        gt_map=gt_map,
        instances=instances,
        topology=topology,
        betti=tuple(betti or ()),
        spacing=spacing,
        tolerance=tuple(tolerance or ()),
        neighbours=neighbours,
        patch=patch,
        metrics=metrics,
        preset=preset,
        absent=absent.value,
    )
    problems = evaluate_files(
        request,
        jobs=jobs,
        memory=memory,
        out=out,
        parquet=parquet,
        html=html,
        as_json=as_json,
    )
    raise typer.Exit(1 if problems else 0)
