"""Scores of predictions against targets, file by file."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from topoeval.errors import UserError
from topoeval.evaluate.classes import Classes, Priors, choose_classes, too_many
from topoeval.evaluate.label_map import LabelMap, read_labels
from topoeval.evaluate.pairs import FilePair, match_files
from topoeval.evaluate.parallel import Problem, over_cases
from topoeval.metrics import Settings, available_columns, score
from topoeval.metrics.catalogue import chosen

# What a pair of files may have beside two masks.
_GIVEN = ("prior",)
Listener = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Options:
    """How an evaluation is done.

    Parameters
    ----------
    settings
        What the scores depend on; its spacing, if given, replaces those of the files.
    classes
        Names of the classes; None finds them in the files.
    unions
        Add every union of two labels.
    priors
        Betti numbers by class; under None those of every class.
    threshold
        Read predictions of floats as probabilities, foreground from here on.
    columns
        Names of the wanted scores; None for all.
    """

    settings: Settings = Settings()  # noqa: RUF009  # frozen value, safe to share
    classes: tuple[str, ...] | None = None
    unions: bool = False
    priors: Priors | None = None
    threshold: float | None = None
    columns: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """What came out.

    Parameters
    ----------
    cases
        One row per case and class: ``case``, ``class``, the scores, ``prediction_empty`` and
        ``target_empty``.
    problems
        Files that could not be scored.
    pairs
        The files of each case in `cases`.
    hashes
        sha256 of prediction and target by case.
    classes, options
        What was asked for.
    spatial_dims
        2 or 3; both in turn if the files differ.
    """

    cases: pd.DataFrame
    problems: list[Problem]
    pairs: dict[str, FilePair]
    hashes: dict[str, dict[str, str]]
    classes: Classes
    options: Options
    spatial_dims: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Scored:
    rows: list[dict[str, Any]]
    hashes: dict[str, str]
    spatial_dims: int


def evaluate(
    predictions: Path | str,
    targets: Path | str,
    options: Options = Options(),  # frozen value, safe to share
    jobs: int = 1,
    listener: Listener | None = None,
) -> Evaluation:
    """Score two files, or two folders of files with equal names.

    Parameters
    ----------
    predictions, targets
        PNG, TIFF, NPY, NPZ or NIfTI; masks or label maps of 0 to 255.
    options
        Scores, classes and what they depend on.
    jobs
        Processes side by side.
    listener
        Told the stage and how many of how many cases it has done.

    Raises
    ------
    UserError
        If nothing can be matched, or an option is wrong. What is wrong with a single file becomes a
        problem of the result instead.
    """
    chosen(options.columns, {n: m for d in (2, 3) for n, m in available_columns(d, _GIVEN).items()})
    pairs, problems = match_files(Path(predictions), Path(targets))
    tell = listener or (lambda stage, done, total: None)
    if options.classes is None:
        found, broken = _scan(pairs, options, jobs, tell)
        problems += broken
        bad = {problem.file for problem in broken}
        pairs = [pair for pair in pairs if not bad & {str(pair.prediction), str(pair.target)}]
    else:
        found = []
    classes = choose_classes(found, options.classes, options.unions, options.priors or {})
    scored: dict[str, _Scored] = {}
    one = partial(_score, classes=classes, options=options)
    for done, (position, result) in enumerate(
        over_cases(one, pairs, lambda pair: str(pair.prediction), jobs), 1
    ):
        if isinstance(result, Problem):
            problems.append(result)
        else:
            scored[pairs[position].name] = result
        tell("score", done, len(pairs))
    kept = {pair.name: pair for pair in pairs if pair.name in scored}
    return Evaluation(
        cases=pd.DataFrame([row for name in kept for row in scored[name].rows]),
        problems=sorted(problems, key=lambda problem: problem.message),
        pairs=kept,
        hashes={name: scored[name].hashes for name in kept},
        classes=classes,
        options=options,
        spatial_dims=tuple(sorted({result.spatial_dims for result in scored.values()})),
    )


def _scan(
    pairs: Sequence[FilePair], options: Options, jobs: int, tell: Listener
) -> tuple[list[set[int]], list[Problem]]:
    """Find the labels of all files, and the files that hold none."""
    files = [(pair.prediction, options.threshold) for pair in pairs]
    files += [(pair.target, None) for pair in pairs]
    found: list[set[int]] = []
    problems = []
    for done, (_, result) in enumerate(
        over_cases(_labels, files, lambda file: str(file[0]), jobs), 1
    ):
        if isinstance(result, Problem):
            problems.append(result)
        else:
            found.append(result)
        tell("labels", done, len(files))
    return found, problems


def _labels(file: tuple[Path, float | None]) -> set[int]:
    labels = read_labels(*file).labels()
    if too_many(labels):
        raise UserError(
            f"{file[0]}: holds {len(labels)} different labels, a grey image and not a label map; "
            "if they are classes, name them by --classes"
        )
    return labels


def read_pair(pair: FilePair, options: Options) -> tuple[LabelMap, LabelMap]:
    """Read the files of a case; the spacing of both is the one to use.

    Raises
    ------
    UserError
        If a file holds no labels, or shapes or spacings differ.
    """
    p, g = read_labels(pair.prediction, options.threshold), read_labels(pair.target)
    if p.array.shape != g.array.shape:
        raise UserError(
            f"{pair.prediction}: shape {p.array.shape}, but {pair.target} has {g.array.shape}"
        )
    spacing = options.settings.spacing
    if spacing is None:
        if p.spacing and g.spacing and not np.allclose(p.spacing, g.spacing, rtol=1e-3):
            raise UserError(
                f"{pair.prediction}: spacing {p.spacing}, but {pair.target} has {g.spacing}; "
                "name the right one by --spacing"
            )
        spacing = g.spacing or p.spacing
    elif len(spacing) != p.array.ndim:
        raise UserError(
            f"{pair.prediction}: {p.array.ndim} axes, but --spacing names {len(spacing)} sizes"
        )
    return replace(p, spacing=spacing), replace(g, spacing=spacing)


def _score(pair: FilePair, classes: Classes, options: Options) -> _Scored:
    p, g = read_pair(pair, options)
    targets = classes.masks(g.array)
    rows = []
    for name, mask in classes.masks(p.array).items():
        prior = classes.prior(name)
        if prior is not None and len(prior) != p.array.ndim:
            raise UserError(
                f"{pair.prediction}: {p.array.ndim} axes, but the prior of class {name} has "
                f"{len(prior)} Betti numbers"
            )
        settings = replace(options.settings, spacing=p.spacing, prior=prior)
        known = available_columns(p.array.ndim, () if prior is None else _GIVEN)
        columns = None if options.columns is None else [n for n in options.columns if n in known]
        rows.append(
            {
                "case": pair.name,
                "class": name,
                **score(mask, targets[name], settings, columns),
                "prediction_empty": not mask.any(),
                "target_empty": not targets[name].any(),
            }
        )
    hashes = {
        kind: hashlib.sha256(path.read_bytes()).hexdigest()
        for kind, path in (("prediction", pair.prediction), ("target", pair.target))
    }
    return _Scored(rows, hashes, p.array.ndim)
