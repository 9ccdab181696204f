"""Predictions and targets, matched by the names of their files."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from topoeval.errors import UserError
from topoeval.evaluate.parallel import Problem
from topoeval.images import image_files, image_name, image_suffix, split_inside
from topoeval.images.formats import (
    hidden_files,
    hidden_passed_over,
    is_image,
    other_files,
    passed_over,
)


@dataclass(frozen=True, slots=True)
class FilePair:
    """The files of one case; the prediction may be missing."""

    name: str
    prediction: Path | None
    target: Path


@dataclass(frozen=True, slots=True)
class Matched:
    """What belongs together.

    Parameters
    ----------
    pairs
        In the order of their names.
    missing
        Targets without a prediction.
    problems
        A line for each prediction without a target and for each name that is not unique.
    notes
        What was chosen where several files have one name, and what a pattern passed over.
    """

    pairs: list[FilePair]
    missing: list[FilePair] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def match_files(
    predictions: Path, targets: Path, of_prediction: str = "", of_target: str = ""
) -> Matched:
    """Match two files, or the files of two folders by their names without ending.

    Files in folders inside the two match by their relative path. Names that differ only in the
    form of their Unicode are one name. Of several predictions of one name (``case.nii.gz`` and
    ``case.npz``) the one with the ending of the target is taken.

    Parameters
    ----------
    predictions, targets
        Two files or two folders; ``FOLDER:/path`` names an array inside each file.
    of_prediction, of_target
        What the names of a side have beside that of the case: a suffix (``_pred``), or a pattern
        in which ``*`` stands for the case (``seg_*_v2``). Files without it are passed over.

    Raises
    ------
    UserError
        If there is no such file or folder, one is a file and the other a folder, or no name occurs
        in both.
    """
    kinds = []
    for path in (predictions, targets):
        place = split_inside(path)[0]
        if not place.exists():
            raise UserError(f"{path}: no such file or folder")
        kinds.append(place.is_dir() and not is_image(path))
    if kinds[0] != kinds[1]:
        raise UserError(f"{predictions} and {targets} must be two files or two folders")
    notes: list[str] = []
    if predictions.resolve() == targets.resolve() and of_prediction == of_target:
        notes.append(f"predictions and truth are the same, {targets}: no score can be bad")
    if not kinds[0]:
        for path in (predictions, targets):
            if image_suffix(path) is None:
                raise UserError(f"{path}: unknown image format")
        return Matched([FilePair(image_name(targets), predictions, targets)], notes=notes)
    named = _named(predictions, of_prediction, notes), _named(targets, of_target, notes)
    found = Matched([], notes=notes)
    for name in sorted(named[0].keys() | named[1].keys()):
        _match(name, named[0].get(name, []), named[1].get(name, []), targets, found)
    if not found.pairs and (named[0].keys() & named[1].keys()):
        raise UserError(found.problems[0].message)
    if not found.pairs:
        files = [next(iter(side.values()))[0] for side in named]
        examples = [
            split_inside(file)[0].relative_to(split_inside(folder)[0]).as_posix()
            for file, folder in zip(files, (predictions, targets), strict=True)
        ]
        apart = {Path(one).parent for one in examples}
        remedy = (
            "name the folder in which the files lie, on both sides"
            if len(apart) > 1
            else "name what they have beside the case by --pred-suffix and --gt-suffix"
        )
        raise UserError(
            f"no name occurs in both {predictions} and {targets}, for example {examples[0]} and "
            f"{examples[1]}; {remedy}"
        )
    return found


def _match(
    name: str,
    ours: list[Path],
    theirs: list[Path],
    targets: Path,
    found: Matched,
) -> None:
    if len(theirs) > 1:
        same = {image_suffix(path) for path in ours}
        fitting = [path for path in theirs if len(same) == 1 and image_suffix(path) in same]
        if len(fitting) != 1:
            found.problems.extend(_ambiguous(theirs, name))
            return
        found.notes.append(f"{fitting[0]} is taken of {_names(theirs)}: its prediction's ending")
        theirs = fitting
    if len(ours) > 1 and theirs:
        fitting = [path for path in ours if image_suffix(path) == image_suffix(theirs[0])]
        if len(fitting) != 1:
            found.problems.extend(_ambiguous(ours, name))
            return
        found.notes.append(f"{fitting[0]} is taken of {_names(ours)}: its target's ending")
        ours = fitting
    if ours and theirs:
        found.pairs.append(FilePair(name, ours[0], theirs[0]))
    elif theirs:
        found.missing.append(FilePair(name, None, theirs[0]))
    else:
        found.problems.extend(
            Problem(str(path), f"{path}: no {name} in {targets}") for path in ours
        )


def missing_problem(pair: FilePair) -> Problem:
    """Return the line that names a target without a prediction."""
    return Problem(str(pair.target), f"{pair.target}: no prediction called {pair.name}")


def _named(folder: Path, pattern: str, notes: list[str]) -> dict[str, list[Path]]:
    """Return the files of a folder by the name of their case."""
    place, _ = split_inside(folder)
    before, _, after = pattern.rpartition("*") if "*" in pattern else ("", "", pattern)
    before = _composed(before)
    after = _composed(after)
    found: defaultdict[str, list[Path]] = defaultdict(list)
    others = []
    for path in image_files(folder, deep=True):
        inner = split_inside(path)[0].relative_to(place)
        stem = _composed(image_name(path))
        if len(stem) <= len(before + after) or not (
            stem.startswith(before) and stem.endswith(after)
        ):
            others.append(path)
            continue
        stem = stem[len(before) : len(stem) - len(after)]
        found[_composed((inner.parent / stem).as_posix())].append(path)
    strange = other_files(folder, deep=True)
    if strange:
        notes.append(passed_over(folder, strange))
    if hidden := hidden_files(folder, deep=True):
        notes.append(hidden_passed_over(folder, hidden))
    if others and not found:
        raise UserError(f"{folder}: no file is called {pattern!r}, for example {others[0].name}")
    if others:
        notes.append(
            f"{folder}: {len(others)} files are not called {pattern!r} and are passed over, "
            f"for example {others[0].name}"
        )
    return found


def _ambiguous(files: Iterable[Path], name: str) -> list[Problem]:
    return [Problem(str(path), f"{path}: several files are called {name}") for path in files]


def _names(files: Iterable[Path]) -> str:
    return ", ".join(path.name for path in files)


def _composed(text: str) -> str:
    """Return one form of a name that file systems write in two."""
    return unicodedata.normalize("NFC", text)
