"""``topoeval evaluate``: its options."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Optional

import typer

from topoeval.cli.execution import (
    CaseExecutor,
    CaseJobs,
    DaskAddress,
    Slurm,
    execution_settings,
)
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
        help="Classes to look at: 1,2 (each by itself), 1-40 (each of forty), 1+2 (both as one "
        "mask), merged, or names of --labels. By default each of those in the files, and all of "
        "them merged.",
        rich_help_panel=VALUES,
    ),
]
Labels = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(
        help="File with the names of labels and regions: JSON like "
        '{"vessel": 1, "all": [1, 2], "ignore": 255}, or nnU-Net\'s dataset.json.',
        rich_help_panel=VALUES,
    ),
]
Ignore = Annotated[
    Optional[int],  # noqa: UP045
    typer.Option(
        help="Label that marks voxels to leave out, because nobody has labelled them: they become "
        "background, in a prediction, too, where its truth has this label.",
        rich_help_panel=VALUES,
    ),
]
Lossy = Annotated[
    bool,
    typer.Option(
        "--lossy",
        help="Accept JPEG files, whose values are blurred: from half of the range on they are "
        "foreground.",
        rich_help_panel=VALUES,
    ),
]
Axes = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        help="What the axes of an NPY, NPZ, HDF5 or Zarr array are, where it is not clear: zyx (a "
        "volume), cyx or yxc (an image with channels).",
        rich_help_panel=VALUES,
    ),
]
Betti = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option(
        help="Betti numbers that each mask should have: components,holes in 2D, "
        "components,loops,cavities in 3D; 1,1 for all classes, CLASS:1,1 for one; may be repeated. "
        "Columns with matches_prior in their name say which masks have them; no other column "
        "depends on it.",
        rich_help_panel=SCORES,
    ),
]
Jobs = Annotated[
    int,
    typer.Option(
        min=1,
        help="Processes side by side.",
        show_default="the number of CPU cores",
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
        typer.Argument(help="The truth: a file, or a folder of files with the same names."),
    ] = None,
    nnunet: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(
            help="Results of nnU-Net. A folder fold_0 or its folder validation is enough where "
            "nnU-Net's summary.json lies in it, which names the truth; without one, or for a "
            "folder of predictions, name the truth after it: --nnunet FOLDER labelsTr. The classes "
            "that are scored, regions and the ignore label are those of nnU-Net's dataset.json.",
            rich_help_panel=FILES,
        ),
    ] = None,
    pred_suffix: Annotated[
        str,
        typer.Option(
            help="What file names of predictions have beside the name of the case, before the "
            "ending: _pred, or a pattern like seg_*_v2, where * is the name.",
            rich_help_panel=FILES,
        ),
    ] = "",
    gt_suffix: Annotated[
        str,
        typer.Option(help="The same for the truth, for example _manual1.", rich_help_panel=FILES),
    ] = "",
    missing: Annotated[
        Missing,
        typer.Option(
            help="What is done with a target without a prediction: it is named and left out, or "
            "scored as if the prediction were empty (topoeval info SCORE says what that gives).",
            rich_help_panel=FILES,
        ),
    ] = Missing.leave_out,
    classes: Classes = None,
    labels: Labels = None,
    unions: Annotated[
        bool,
        typer.Option(
            "--unions", help="Score the union of every two classes, too.", rich_help_panel=VALUES
        ),
    ] = False,
    ignore: Ignore = None,
    threshold: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option(
            help="Take predictions as probabilities (floats from 0 to 1, or uint8 of which 255 "
            "is 1): values from this one on are foreground, for example 0.5, of uint8, too. "
            "Without it such floats are refused, and a uint8 is a mask or a label map.",
            rich_help_panel=VALUES,
        ),
    ] = None,
    lossy: Lossy = False,
    axes: Axes = None,
    pred_map: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            help="Which label of the truth a label of the predictions is, where the two are "
            "numbered otherwise: 51:1,60-69:2,*:0 (51 becomes 1, 60 to 69 become 2, all others 0), "
            'or a JSON file like {"51": 1}.',
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
            help="Each label is an object of its own, as in instance segmentation: scores of "
            "objects (rq: F1 of objects whose IoU is above 0.5; pq: that times their mean IoU; "
            "instance_f1: F1 of objects that have a voxel in common) take each label as one "
            "object, also where two touch. All labels are then one class, merged.",
            rich_help_panel=VALUES,
        ),
    ] = False,
    topology: Annotated[
        str,
        typer.Option(
            help="Which voxels of the foreground touch: T, through corners, too (8 or 26 "
            "neighbours), or V, through faces alone (4 or 6); in full "
            "CONSTRUCTION-DIRECTION-BORDER, for example T-superlevel-framed.",
            rich_help_panel=SCORES,
        ),
    ] = "T",
    betti: Betti = None,
    spacing: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            help="Size of a voxel along each axis, for example 2,0.5,0.5: z,y,x of a volume and "
            "y,x of an image, but x,y,z of NIfTI and MGZ; of arrays the order that they are stored "
            "in. By default as the files of the truth say.",
            rich_help_panel=SCORES,
        ),
    ] = None,
    tolerance: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option(
            help="How far apart two surfaces or lines may lie and still count as equal, in the "
            "unit of --spacing (mm where the files have mm): 2 for all classes, CLASS:2 for one; "
            "may be repeated. By default the length of a voxel's longest side. For nsd, "
            "surface_dice and others whose page, topoeval info NAME, speaks of a tolerance.",
            rich_help_panel=SCORES,
        ),
    ] = None,
    neighbours: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(
            help='File with the labels that may touch, JSON like {"1": [2, 3]}, for the score '
            "invalid_neighbours, which counts others that do; by default those that touch in the "
            "truth of the case.",
            rich_help_panel=SCORES,
        ),
    ] = None,
    patch: Annotated[
        int,
        typer.Option(
            help="Side of the squares or cubes, in voxels, that the score patch_betti_error looks "
            "at one by one.",
            rich_help_panel=SCORES,
        ),
    ] = 64,
    metrics: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            help="Scores to compute, for example dice,cldice,betti_error,hd95. By default these "
            "and some twenty more; topoeval list metrics names all there are, and topoeval info "
            "NAME explains one and says whether it is among the default ones.",
            rich_help_panel=SCORES,
        ),
    ] = None,
    preset: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            help="Score as one of these challenges or programs does, with its scores, topology, "
            "classes and means: vesuvius, topcow24, topbrain, atm22, selma3d, cremi, roads (as "
            "papers on roads in aerial images do), nnunet. What it chose is printed.",
            rich_help_panel=SCORES,
        ),
    ] = None,
    absent: Annotated[
        Absent,
        typer.Option(
            help="What is done with a class that neither mask of a case holds: it is left out of "
            "means, or scored (Dice 1, HD95 0; topoeval info METRIC has each rule).",
            rich_help_panel=SCORES,
        ),
    ] = Absent.leave_out,
    executor: CaseExecutor = "local",
    jobs: CaseJobs = None,
    dask_address: DaskAddress = None,
    slurm: Slurm = None,
    memory: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            help="Memory of all processes of this machine together, for example 8G (dask, slurm: "
            "of each process): scores that need more are left out and named. No limit by default.",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    out: Annotated[
        Path,
        typer.Option(
            help="Folder to write to: cases.csv has a row per case and class, summary.csv means.",
            rich_help_panel=OUTPUT,
        ),
    ] = Path("evaluation"),
    parquet: Annotated[
        bool,
        typer.Option("--parquet", help="Write cases.csv as Parquet, too.", rich_help_panel=OUTPUT),
    ] = False,
    html: Annotated[
        bool,
        typer.Option(
            "--html",
            help="Write a page (index.html) with all scores and, of each, pictures of the worst "
            "cases.",
            rich_help_panel=OUTPUT,
        ),
    ] = False,
    as_json: AsJson = False,
    plugin: Plugins = None,
) -> None:
    """Score predicted masks against true ones, file by file, whatever program made them.

    Reads PNG, GIF, BMP, TIFF, NPY, NPZ, NIfTI, MGZ, MHA, NRRD, HDF5 (FILE.h5:/path), Zarr and
    DICOM SEG. A prediction and its truth have the same file name, but for the ending. How the
    values were read is printed: as labels, as masks of 0 and 255, or as channels, one per class. A
    file that cannot be scored is named and left out; the exit status is then 1. The same command
    again goes on where it stopped; files that have changed since are scored once more, and with
    another --threshold and the like all are. With --executor dask or slurm cases are scored on
    other machines, and the scores are the same.

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
        executor=executor,
        settings=execution_settings(jobs, 1, None, dask_address, slurm),
        memory=memory,
        out=out,
        parquet=parquet,
        html=html,
        as_json=as_json,
    )
    raise typer.Exit(1 if problems else 0)
