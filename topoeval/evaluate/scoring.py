"""The scores of one case: its files read on one grid, each class scored, column by column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from topoeval.errors import UserError
from topoeval.evaluate.classes import Classes, Priors
from topoeval.evaluate.columns import column_groups
from topoeval.evaluate.label_names import LabelNames
from topoeval.evaluate.pairs import FilePair
from topoeval.evaluate.parallel import Problem
from topoeval.images.orientation import on_grid_of
from topoeval.images.reading import LabelMap, Reading, read_labels
from topoeval.images.relabelling import Relabelling
from topoeval.images.survey import Terms
from topoeval.metrics import Settings
from topoeval.metrics.scores import MaskPair


@dataclass(frozen=True, slots=True)
class Options:
    """How an evaluation is done.

    Parameters
    ----------
    settings
        What the scores depend on; its spacing, if given, replaces those of the files.
    classes
        Names of the classes, as `parse_classes` gives them; None finds them in the files.
    unions
        Add every union of two labels.
    priors
        Betti numbers by class; under None those of every class.
    threshold
        Read predictions as probabilities, foreground from here on: floats in [0, 1], bytes in
        255ths, 16-bit integers in 65535ths.
    tolerances
        By class, instead of that of `settings`.
    columns
        Names of the wanted scores; None for all.
    labels
        Names of labels, regions and the ignore label.
    ignore
        Voxels where the truth has this label count in neither mask; that of `labels` by default.
    missing
        Targets without a prediction are left out, or scored as if it were empty (``"worst"``).
    absent
        Classes that neither mask holds are left out of means, or scored by the rules for empty
        masks (``"score"``).
    lossy
        JPEG may hold masks; they are cut at half of their range.
    axes
        What the axes of arrays mean whose format does not say: letters of ``zyxc``.
    map_prediction, map_target
        Which labels of a side become which.
    of_prediction, of_target
        What names of files have beside that of the case; see `match_files`.
    """

    settings: Settings = Settings()  # noqa: RUF009  # frozen value, safe to share
    classes: tuple[str, ...] | None = None
    unions: bool = False
    priors: Priors | None = None
    threshold: float | None = None
    tolerances: Mapping[str, float] = field(default_factory=dict)
    columns: tuple[str, ...] | None = None
    labels: LabelNames | None = None
    ignore: int | None = None
    missing: Literal["leave-out", "worst"] = "leave-out"
    absent: Literal["leave-out", "score"] = "leave-out"
    lossy: bool = False
    axes: str | None = None
    map_prediction: Relabelling | None = None
    map_target: Relabelling | None = None
    of_prediction: str = ""
    of_target: str = ""

    def terms(self) -> tuple[Terms, Terms]:
        """Return how the files of predictions and those of the truth are read."""
        many = self.classes is not None
        of_both = Terms(lossy=self.lossy, axes=self.axes)
        ours, theirs = (
            replace(of_both, many=many or new is not None, relabelling=new)
            for new in (self.map_prediction, self.map_target)
        )
        return replace(ours, side="prediction", threshold=self.threshold), theirs

    @property
    def ignored(self) -> int | None:
        """The ignore label, named or of the file of names."""
        if self.ignore is not None or self.labels is None:
            return self.ignore
        return self.labels.ignore


@dataclass(frozen=True, slots=True)
class Task:
    """What is the same for every case.

    Parameters
    ----------
    options, classes
        As they were decided for all files.
    predictions, targets
        What the values of each side mean.
    """

    options: Options
    classes: Classes
    predictions: Reading
    targets: Reading


@dataclass(frozen=True, slots=True)
class Scored:
    """What came out of one case.

    Parameters
    ----------
    rows
        A row per class.
    problems
        Columns that are missing, and why.
    note
        How the headers of its files differ; empty where they agree.
    """

    rows: list[dict[str, Any]]
    problems: list[Problem] = field(default_factory=list)
    note: str = ""


def read_pair(pair: FilePair, task: Task) -> tuple[LabelMap, LabelMap, str]:
    """Read the files of a case on the grid of the target; the spacing of both is the one to use.

    Returns
    -------
    Prediction and target, both without ignored voxels, and how their headers differ.

    Raises
    ------
    UserError
        If a file holds no labels, or the two cannot lie on one grid.
    """
    target = read_labels(pair.target, task.targets).image
    note = ""
    if pair.prediction is None:
        image = replace(target, array=np.zeros_like(target.array), source=None)
    else:
        read = read_labels(pair.prediction, task.predictions).image
        image, note = on_grid_of(read, target)
    spacing = task.options.settings.spacing
    if spacing is not None and len(spacing) != len(target.shape):
        raise UserError(
            f"{pair.target}: {len(target.shape)} axes, but --spacing names {len(spacing)} sizes"
        )
    p, g = image.array, target.array
    ignored = task.options.ignored
    if ignored is not None:
        outside = g == ignored
        # A prediction may hold the ignore label too: where the truth does not, it is background.
        p = np.where(outside | ((p == ignored) & (task.predictions.one is None)), 0, p)
        g = np.where(outside, 0, g)
    sizes = spacing or image.spacing or target.spacing
    return (
        LabelMap(replace(image, array=p, spacing=sizes)),
        LabelMap(replace(target, array=g, spacing=sizes)),
        note,
    )


def score_pair(pair: FilePair, task: Task, columns: Sequence[str] | None = None) -> Scored:
    """Score one case.

    A group of columns that runs out of memory or cannot be computed is left out with its reason,
    and not the case.

    Parameters
    ----------
    pair
        Its files.
    task
        What is the same for every case.
    columns
        Only these, of those that the options name.

    Raises
    ------
    UserError
        If its files cannot be read, do not belong together, or do not fit a prior.
    """
    p, g, note = read_pair(pair, task)
    wanted = task.options.columns if columns is None else tuple(columns)
    ndim = p.array.ndim
    found = Scored([], note=note)
    for name in task.classes.names:
        prior = task.classes.prior(name)
        if prior is not None and len(prior) != ndim:
            raise UserError(
                f"{pair.target}: {ndim} axes, but the prior of class {name} has "
                f"{len(prior)} Betti numbers"
            )
        general = task.options.settings
        settings = replace(
            general,
            spacing=p.spacing,
            prior=prior,
            tolerance=task.options.tolerances.get(name, general.tolerance),
            maps=(p.array, g.array),
        )
        mask, truth = (task.classes.mask(read.array, name) for read in (p, g))
        masks = MaskPair(mask, truth)
        row: dict[str, Any] = {"case": pair.name, "class": name}
        for group in column_groups(ndim, prior is not None, wanted):
            try:
                row |= masks.score(settings, group)
            except MemoryError:
                found.problems.append(column_problem(pair, name, group, "out of memory"))
            except Exception as error:  # one score that fails must not cost the others
                reason = " ".join(str(error).split()) or type(error).__name__
                found.problems.append(column_problem(pair, name, group, reason))
        row |= {"prediction_empty": not mask.any(), "target_empty": not truth.any()}
        found.rows.append(row)
    return found


def column_problem(pair: FilePair, name: str, columns: Sequence[str], reason: str) -> Problem:
    """Return the line that says which columns of a case are missing, and why."""
    file = str(pair.prediction or pair.target)
    return Problem(file, f"{file}: class {name}: without {', '.join(columns)}: {reason}")
