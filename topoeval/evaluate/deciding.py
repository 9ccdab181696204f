"""What values mean and which classes there are, decided once for all files of an evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from topoeval.errors import UserError
from topoeval.evaluate.classes import choose_classes, notes_on_ignored, only_ignored
from topoeval.evaluate.pairs import FilePair
from topoeval.evaluate.scoring import Options, Task
from topoeval.images.reading import Reading, decide, none_reaches
from topoeval.images.survey import Survey


def decided(
    pairs: Sequence[FilePair], surveys: dict[Path, Survey], options: Options
) -> tuple[Task, list[str]]:
    """Decide what values mean and which classes there are.

    Parameters
    ----------
    pairs
        The files that are scored.
    surveys
        What each of them holds.
    options
        What was asked for.

    Returns
    -------
    What is the same for every case, and what was chosen or looks wrong, a line each.

    Raises
    ------
    UserError
        If the values of a side do not go together, or an option names a class that is not there.
    """
    ours, theirs = options.terms()
    ignored = options.ignored
    of_predictions = [surveys[pair.prediction] for pair in pairs if pair.prediction is not None]
    predictions = decide(of_predictions, ours)
    targets = decide(
        [surveys[pair.target] for pair in pairs],
        theirs,
        () if ignored is None else (ignored,),
    )
    notes = []
    if dark := none_reaches(of_predictions, predictions):
        notes.append(f"predictions: {dark}")
    if ours.relabelling is None and theirs.relabelling is None:
        notes += _without_background(of_predictions, [surveys[pair.target] for pair in pairs])
    labels = targets.labels - {ignored}
    if predictions.one is None and ignored in predictions.labels:
        notes.append(f"predictions hold the ignore label {ignored}; where they do is background")
        labels |= predictions.labels - {ignored}
    else:
        labels |= predictions.labels
    if pairs and targets.labels == {ignored}:
        notes.append(only_ignored(labels, ignored, predictions.one))
    try:
        classes = choose_classes(
            labels, options.classes, options.unions, options.priors or {}, options.labels
        )
    except UserError as error:
        white = [one.line for one in (predictions, targets) if one.one is not None]
        raise UserError(f"{error} ({white[0]})" if white else str(error)) from None
    for name in options.tolerances:
        if name not in classes.members:
            known = ", ".join(classes.members)
            raise UserError(f"tolerance for class {name!r}, but the classes are {known}")
    if pairs:
        there = ignored is not None and _held(ignored, predictions, targets)
        named = options.classes is not None or options.labels is not None
        notes += notes_on_ignored(labels, ignored, there, named, "truth", "scored")
    seen, true = predictions.labels - {ignored}, targets.labels - {ignored}
    if options.classes is None and seen and true and not seen & true:
        held = [", ".join(map(str, sorted(side)[:5])) for side in (seen, true)]
        notes.append(
            f"no label occurs on both sides: predictions hold {held[0]}, the truth {held[1]}; of "
            "predictions to be cut say --threshold, of masks written in other values "
            "--classes merged"
        )
    for name, members in classes.members.items():
        if pairs and members is not None and not set(members) & labels:
            notes.append(f"no file holds class {name}")
    return Task(options, classes, predictions, targets), notes


def _without_background(predictions: Sequence[Survey], targets: Sequence[Survey]) -> list[str]:
    """Return a line where one side has no voxel of background in any file and the other has."""
    sides = {"predictions": predictions, "truth": targets}
    maps = {name: [one for one in side if one.kind == "labels"] for name, side in sides.items()}
    without = [
        name for name, side in maps.items() if side and not any(one.background for one in side)
    ]
    if len(without) != 1 or not all(maps.values()):
        return []
    option = "--pred-map" if without[0] == "predictions" else "--gt-map"
    return [
        f"no voxel of the {without[0]} is 0, which is background: if its labels begin with 1, say "
        f"{option} 1:0,2:1"
    ]


def _held(ignored: int, predictions: Reading, targets: Reading) -> bool:
    """Whether a file of a side holds the ignore label; white that is read as 1 is not it."""
    return ignored in targets.labels or (predictions.one is None and ignored in predictions.labels)
