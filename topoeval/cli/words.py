"""The words of this field and of this project, explained at the end of each page of help.

A page explains the words that are in it and no others, so that no text of an option has to.
"""

from __future__ import annotations

import re
from typing import Any

import typer
from typer.core import TyperCommand

# A pattern, and what a page says that has it. The order is that of the page.
_WORDS = {
    r"suites?": "suite: a TOML file that names datasets, methods, seeds and how to train "
    "(topoeval list suites).",
    r"methods?": "method: a folder with method.toml: losses with weights, and what corrects the "
    "network's output (topoeval list methods).",
    r"runs|every run|trials": "run: one method on one dataset with one seed; topoeval tune tries "
    "values of parameters in runs called trials.",
    r"records?": "record: the JSON file of a finished run: its settings, scores, times, versions.",
    r"results folders?": "results folder: where a suite keeps the records of its runs.",
    r"base|reference": "base, reference: the method that another one is compared with.",
    r"backends?|engines?": "backend, engine: a library that computes at which values of the "
    "threshold components "
    "and holes appear and disappear (topoeval list backends).",
    r"barcodes?|bars?": "barcode, bar: the components, holes and cavities of an image as the "
    "threshold moves; each bar "
    "reaches from the value at which one appears (birth) to the one at which it disappears "
    "(death).",
    r"diagram": "diagram: a point for each bar, its birth to the right and its death upwards.",
    r"logit p": "|logit p|: how sure a map with probability p is of a voxel: 0 at 0.5, 2.2 at "
    "0.1 and at 0.9; of a mask each voxel counts 1.",
    r"[Ff]lip(?:ped)?": "flip: make a voxel of the foreground background, or the other way round.",
    r"calibrated": "calibrated: of the voxels with probability 0.8, 80 % are foreground.",
    r"merged": "merged: all classes together as one mask.",
    r"per dimension|homology": "dimension: 0 components, 1 holes (loops in 3D), 2 cavities.",
    r"Betti": "Betti numbers: how many components, holes (loops in 3D) and, in 3D, cavities.",
    r"priors?": "prior: the Betti numbers that a structure is known to have.",
    r"CONSTRUCTION-DIRECTION-BORDER": "CONSTRUCTION-DIRECTION-BORDER: V (foreground touches "
    "through faces) or T (through corners too); superlevel (bright is foreground) or sublevel "
    "(dark is); plain or framed (background all round). What is left out: superlevel, plain.",
    r"NSD|hd95|nsd": "NSD: share of the two surfaces closer than a tolerance; HD95: 95 % of "
    "either surface lie closer than this to the other.",
    r"Holm": "Holm: a correction of p-values for the number of tests.",
    r"separated": "separated: told apart by these cases; the p-value after Holm is below 5 %.",
    r"REVISION:FOLDER": "FOLDER@COMMIT, REVISION:FOLDER: the records in a folder that this commit "
    "of topoeval made; the folder as a revision of git holds it.",
    r"specks|pinholes": "specks, pinholes: components and holes of a few voxels; edges: where "
    "structures are cut off by the border of the image.",
    r"plug-ins?|registers": "plug-in: your own file with a loss, a metric, ...",
    r"splits?": "split: the samples for training, validation or testing.",
    r"Parquet": "Parquet: a file format of tables.",
    r"bundles?": "bundle: a zip file with predictions or numbers of a method.",
    r"cases?": "case: one image with its truth.",
    r"seeds?": "seed: the number that draws first weights, order of images and drawn data.",
    r"label maps?|regions?": "label map: an image whose values name classes; region: several "
    "labels taken together.",
    r"voxels?": "voxel: an element of a volume; of an image a pixel.",
    r"spacing": "spacing: the size of a voxel along each axis, in millimetres where a file has a "
    "unit.",
    r"[Dd]ice": "Dice: the overlap of two masks: 1 where they are equal, 0 where they are apart.",
    r"cldice": "clDice: the share of each mask's centreline that lies in the other mask.",
    r"softmax(?:es)?": "softmax: a map per class; in each voxel they add up to 1.",
    r"nnU-Net|nnunet|fold_0|FOLD_A/validation": "nnU-Net: a program that trains and predicts "
    "segmentations; a fold is one division of its training cases.",
    r"validation images": "validation images: those on which parameters are chosen, never scored.",
    r"CUDA|cuda": "CUDA: GPUs of NVIDIA, as torch names them.",
    r"slurm|dask": "dask, slurm, sbatch: programs that spread work over machines.",
    r"tensorboard": "tensorboard, mlflow, wandb: programs that show how a training goes.",
    r"SQL": "SQL, SELECT: a language that asks tables for rows.",
    r"TOML": "TOML: a text file of settings, KEY = VALUE.",
    r"JSON": "JSON: a text format that programs read.",
    r"schema": "schema: what a file of a kind may hold, as a program checks it.",
    r"LaTeX": "LaTeX: a program that sets papers; the table can be pasted into one.",
    r"world coordinates": "world coordinates: the place in millimetres that the header gives a "
    "voxel.",
    r"[Pp]atch(?:es)?": "patch: a square or cube cut out of an image.",
}
_PATTERNS = {re.compile(rf"\b(?:{pattern})\b"): text for pattern, text in _WORDS.items()}


def explained(text: str) -> list[str]:
    """Return the explanations of the words in a text.

    >>> [line.partition(":")[0] for line in explained("Name of a suite; its Betti numbers.")]
    ['suite', 'Betti numbers']
    """
    return [explanation for pattern, explanation in _PATTERNS.items() if pattern.search(text)]


class _Explained(TyperCommand):
    """A command whose page of help ends with the explanations of its words."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        texts = [self.help or "", *(getattr(one, "help", None) or "" for one in self.params)]
        self.epilog = "\n\n".join(explained(" ".join(texts)))
        super().format_help(ctx, formatter)


def explain(app: typer.Typer) -> None:
    """Let the help of every command that is registered with an app explain its words."""
    for command in app.registered_commands:
        command.cls = _Explained
    for group in app.registered_groups:
        if group.typer_instance is not None:
            explain(group.typer_instance)
