"""The words of this field and of this project, explained at the end of each page of help.

A page explains the words that are in it and no others, so that no text of an option has to.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

# A pattern, and what a page says that has it. The order is that of the page.
_WORDS = {
    r"[Ss]uites?": "suite: a TOML file that describes a comparison: datasets, methods, seeds and "
    "how to train (topoeval list suites).",
    r"[Mm]ethods?": "method: what a suite compares: losses with weights, and what corrects the "
    "network's output; a folder with a file method.toml (topoeval list methods).",
    r"runs|every run|one run|trials?": "run: one method trained and tested on one dataset with one "
    "seed.",
    r"trials?": "trial: a run that tries values of parameters and is scored on validation images.",
    r"[Rr]ecords?(?!\.json)": "record: the JSON file that a finished run leaves: its settings, "
    "scores, times, versions.",
    r"[Rr]esults folders?": "results folder: where the records of a suite's runs are.",
    r"[Bb]ase|[Rr]eference": "base, reference: the method that another one is compared with; a "
    "method may name its base, and the reference is the base of all others.",
    r"[Bb]ackends?": "backend: a library that computes barcodes, for losses and scores (topoeval "
    "list backends); native is topoeval's own.",
    r"[Bb]arcodes?|bars?|[Bb]ackends?": "barcode, bar: all components, holes (loops in 3D) and "
    "cavities that an image has while a threshold moves through its values; the bar of one of "
    "them reaches from the value at which it appears (birth) to the one at which it is filled or "
    "merges (death): "
    "where bright is foreground the threshold falls, so birth is the larger value. What is there "
    "at every threshold has the death inf or -inf.",
    r"diagram": "diagram: a point for each bar, its birth to the right and its death upwards.",
    r"logit p": "|logit p|: how sure a map with probability p is of a voxel: 0 at 0.5, 2.2 at "
    "0.1 and at 0.9; of a mask each voxel counts 1.",
    r"[Ff]lip(?:ped|s)?": "flip: make a voxel of the foreground background, or the other way "
    "round.",
    r"calibrated": "calibrated: of the voxels with probability 0.8, 80 % are foreground.",
    r"per dimension|homology": "dimension: 0 components, 1 holes (loops in 3D), 2 cavities.",
    r"Betti": "Betti numbers: how many components, holes (loops in 3D) and, in 3D, cavities.",
    r"priors?|matches_prior": "prior: the Betti numbers that a structure is known to have.",
    r"CONSTRUCTION-DIRECTION-BORDER": "CONSTRUCTION-DIRECTION-BORDER: T (voxels are cells of a "
    "grid: those of the foreground touch through faces, edges and corners) or V (voxels are its "
    "vertices: they touch through faces alone); superlevel (bright is foreground) or sublevel "
    "(dark is: of a mask all outside of it); plain (nothing lies beyond the image: what its edge "
    "cuts open is no hole) or framed (foreground is put all round, as for membranes: each part "
    "of the background is a hole, and all components that touch the edge count as one). "
    "Background touches through faces where foreground does through corners, and the other way "
    "round. Parts that are left out are superlevel and plain.",
    r"betti_error": "betti_error: how far the Betti numbers of prediction and truth lie apart, "
    "summed.",
    r"betti_matching_union": "betti_matching_union: how many components, holes and cavities of "
    "either mask have no counterpart in the other that overlaps them.",
    r"NSD|hd95|nsd|HD95": "NSD: share of the two surfaces closer than a tolerance; HD95: of 100 "
    "points of a surface 95 lie closer than this to the other surface, the larger of both ways.",
    r"F1": "F1: the share of things found and of things right, as one number; 1 is best.",
    r"IoU": "IoU: the voxels that both masks hold, divided by those that at least one of them "
    "holds.",
    r"merged": "merged: all classes together as one mask.",
    r"regression": "regression: a change for the worse.",
    r"bootstrap": "bootstrap: as many cases are picked by chance, some of them twice, again and "
    "again; 95 % of the means that come of it lie in the interval.",
    r"p-values?": "p-value: how often two models that are equally good would differ at least as "
    "much as these do.",
    r"Holm": "Holm: a correction of p-values for the number of tests.",
    r"separated": "separated: told apart by these cases; the p-value after Holm is below 5 %.",
    r"REVISION:FOLDER": "FOLDER@COMMIT: the records in a folder that this commit of topoeval made; "
    "REVISION:FOLDER: the folder as a revision of git (HEAD^, a tag) holds it.",
    r"specks|pinholes": "specks, pinholes: components and holes of at most 1, 4, 16 and 64 voxels; "
    "cut edges: where the border of the image cuts structures off.",
    r"plug-ins?": "plug-in: your own file with a loss, a metric, ...",
    r"remedies": "remedy: a correction of a finished mask, without training.",
    r"surface_dice": "surface_dice: NSD by area in millimetres, as the package surface-distance "
    "computes it.",
    r"[Dd]rawn": "drawn: generated by a program from a seed, not photographed.",
    r"splits|Split to show|this split": "split: the images for training (train), validation (val) "
    "or testing (test).",
    r"[Pp]arquet": "Parquet: a file format of tables, which pandas and DuckDB read.",
    r"bundles?": "bundle: a zip file with predictions or scores of a method, and a checksum of "
    "each file in it.",
    r"cases?": "case: one image with its true mask.",
    r"seeds?": "seed: a number that decides what is random: first weights of a network, order of "
    "images, drawn images.",
    r"label maps?|regions?": "label map: an image whose values name classes; region: several "
    "labels taken together.",
    r"voxels?": "voxel: an element of a volume; of an image a pixel.",
    r"spacing": "spacing: the size of a voxel along each axis, in millimetres where a file has a "
    "unit.",
    r"[Dd]ice": "Dice: the overlap of two masks: 1 where they are equal, 0 where they are apart.",
    r"cldice": "clDice: the share of each mask's centreline that lies in the other mask.",
    r"softmax(?:es)?": "softmax: a map per class; in each voxel they add up to 1.",
    r"nnU-Net|nnunet|fold_0": "nnU-Net: a program that trains and predicts "
    "segmentations; a fold is one division of its training cases.",
    r"validation images": "validation images: those on which parameters are chosen; results are "
    "never reported of them.",
    r"loss(?:es)?": "loss: what a network is trained to make small.",
    r"metrics?": "metric: a score of a mask, such as Dice.",
    r"zyx|cyx|yxc": "zyx, cyx, yxc: the order of axes; x columns, y rows, z slices, c channels.",
    r"checksums?": "checksum: a number made of a file's bytes, which shows whether they changed.",
    r"CUDA|cuda": "CUDA: GPUs of NVIDIA, as torch names them.",
    r"slurm|dask": "dask, slurm, sbatch: programs that spread work over machines; a scheduler "
    "hands it out, workers do it.",
    r"module": "module: Python code under the name by which it is imported.",
    r"tensorboard": "tensorboard, mlflow, wandb: programs that show how a training goes.",
    r"SQL": "SQL, SELECT: a language that asks tables for rows.",
    r"TOML": "TOML: a text file of settings, KEY = VALUE.",
    r"schema": "schema: which keys and values a kind of file may have, written for programs.",
    r"LaTeX": "LaTeX: a program that sets papers; the table can be pasted into one.",
    r"world coordinates": "world coordinates: the place in millimetres that the header gives a "
    "voxel.",
}


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple((re.compile(rf"\b(?:{one})\b"), text) for one, text in _WORDS.items())


def explained(text: str) -> list[str]:
    """Return the explanations of the words in a text, and of the words in these explanations.

    >>> [line.partition(":")[0] for line in explained("Points of a diagram.")]
    ['barcode, bar', 'diagram']
    """
    found: list[str] = []
    while text:
        new = [told for one, told in _patterns() if told not in found and one.search(text)]
        found, text = found + new, " ".join(new)
    return [told for _, told in _patterns() if told in found]


def _epilog(own: str, texts: Sequence[str]) -> str:
    """Return what a page ends with: its own last words, and the explanations."""
    lines = [f"- {line}" for line in explained(" ".join(texts))]
    listed = ["\n".join(["Words on this page:", *lines])] if lines else []
    return "\n\n".join([own] * bool(own) + listed)


def _flowing(text: str) -> str:
    """Return a text whose paragraphs have no line ends but before a list's items and examples.

    A docstring's lines are as long as a line of code, which is longer than a terminal is wide.
    """
    return re.sub(r"(?<=\S)\n(?=\S)(?!- |topoeval )", " ", text)


def _without_types(params: Sequence[Any]) -> None:
    """Let switches have no type on the page, as if a value were to follow them."""
    for one in params:
        if getattr(one, "is_flag", False):
            one.metavar = ""


class _Explained(TyperCommand):
    """A command whose page of help ends with the explanations of its words."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        _without_types(self.get_params(ctx))
        self.help = _flowing(self.help or "")
        texts = [self.help, *(getattr(one, "help", None) or "" for one in self.params)]
        self.epilog = _epilog("", texts)
        super().format_help(ctx, formatter)


class ExplainedGroup(TyperGroup):
    """The same of a page that lists commands, by a paragraph each."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the page."""
        _without_types(self.get_params(ctx))
        self.help = _flowing(self.help or "")
        listed = [(one.help or "").partition("\n\n")[0] for one in self.commands.values()]
        own, self.epilog = self.epilog, _epilog(self.epilog or "", [self.help, *listed])
        super().format_help(ctx, formatter)
        self.epilog = own


def explain(app: typer.Typer) -> None:
    """Let the help of every command that is registered with an app explain its words."""
    for command in app.registered_commands:
        command.cls = _Explained
    for group in app.registered_groups:
        if group.typer_instance is not None:
            group.cls = ExplainedGroup
            explain(group.typer_instance)
