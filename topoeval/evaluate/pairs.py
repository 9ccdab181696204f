"""Predictions and targets, matched by the names of their files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from topoeval.errors import UserError
from topoeval.evaluate.parallel import Problem
from topoeval.images import image_files, image_name, image_suffix


@dataclass(frozen=True, slots=True)
class FilePair:
    """The files of one case."""

    name: str
    prediction: Path
    target: Path


def match_files(predictions: Path, targets: Path) -> tuple[list[FilePair], list[Problem]]:
    """Match two files, or the files of two folders by name without ending.

    Returns
    -------
    The pairs in order of their names; and a problem for each file without partner and for each
    name that two files of one folder share.

    Raises
    ------
    UserError
        If there is no such file or folder, one is a file and the other a folder, or no name occurs
        in both.

    """
    for path in (predictions, targets):
        if not path.exists():
            raise UserError(f"{path}: no such file or folder")
    if predictions.is_dir() != targets.is_dir():
        raise UserError(f"{predictions} and {targets} must be two files or two folders")
    if not predictions.is_dir():
        for path in (predictions, targets):
            if image_suffix(path) is None:
                raise UserError(f"{path}: unknown image format")
        return [FilePair(image_name(targets), predictions, targets)], []
    sides = [image_files(folder) for folder in (predictions, targets)]
    problems = [problem for side in sides for problem in _ambiguous(side)]
    named = [
        {image_name(path): path for path in side if not _is_in(path, problems)} for side in sides
    ]
    pairs = []
    for name in sorted(named[0].keys() | named[1].keys()):
        prediction, target = (side.get(name) for side in named)
        if prediction and target:
            pairs.append(FilePair(name, prediction, target))
        elif prediction:
            problems.append(Problem(str(prediction), f"{prediction}: no {name} in {targets}"))
        else:
            problems.append(Problem(str(target), f"{target}: no {name} in {predictions}"))
    if not pairs:
        raise UserError(
            f"no name occurs in both {predictions} and {targets}, "
            f"for example {sides[0][0].name} and {sides[1][0].name}"
        )
    return pairs, problems


def _ambiguous(files: Iterable[Path]) -> list[Problem]:
    files = list(files)
    counts = Counter(image_name(path) for path in files)
    return [
        Problem(str(path), f"{path}: several files are called {image_name(path)}")
        for path in files
        if counts[image_name(path)] > 1
    ]


def _is_in(path: Path, problems: list[Problem]) -> bool:
    return any(problem.file == str(path) for problem in problems)
