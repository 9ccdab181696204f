"""Results in the layout of nnU-Net v2: a fold, its summary, or a folder of predictions.

nnU-Net need not be installed; nothing pickled is read.
"""

from __future__ import annotations

import ast
import json
import math
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from topoeval.errors import UserError
from topoeval.evaluate.label_names import LabelNames, read_label_names
from topoeval.evaluate.pairs import FilePair, Matched, match_files
from topoeval.images import image_files, image_name

DATASET, _SUMMARY, POSTPROCESSED = "dataset.json", "summary.json", "postprocessed"
_TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True)
class NnUnetResults:
    """What a folder of results says.

    Parameters
    ----------
    matched
        The pairs of its summary, or of its predictions and the targets.
    labels
        Names, regions and the ignore label of ``dataset.json``.
    dataset
        That file.
    dice
        Case to labels of a class to the Dice that nnU-Net states; empty without a summary.
    """

    matched: Matched
    labels: LabelNames
    dataset: Path
    dice: Mapping[str, Mapping[tuple[int, ...], float]] = field(default_factory=dict)

    def disagreements(self, cases: pd.DataFrame) -> list[str]:
        """Return a line for each case and class whose Dice is not the one that nnU-Net states.

        Parameters
        ----------
        cases
            As of `topoeval.evaluate.Evaluation`, classes called as in ``dataset.json``.
        """
        if "dice" not in cases:
            return []
        lines = []
        for row in cases.to_dict("records"):
            members = self.labels.members.get(row["class"], ())
            stated = self.dice.get(row["case"], {}).get(tuple(sorted(members)))
            absent = row["prediction_empty"] and row["target_empty"]
            if stated is None or (absent and math.isnan(stated)):
                continue
            if not abs(row["dice"] - stated) <= _TOLERANCE:
                lines.append(
                    f"{row['case']}: class {row['class']}: Dice {row['dice']:.6f}, but "
                    f"{_SUMMARY} of nnU-Net says {stated:.6f}"
                )
        return lines


@dataclass(frozen=True, slots=True)
class Predictions:
    """What a folder of predictions holds.

    Parameters
    ----------
    names
        Classes as its ``dataset.json`` calls them.
    softmaxes
        Label map to the file of its softmax; None where ``--save_probabilities`` was not given.
    """

    names: LabelNames
    softmaxes: Mapping[Path, Path | None]

    @property
    def line(self) -> str:
        """What decides, for the user."""
        soft = sum(path is not None for path in self.softmaxes.values())
        what = f"{len(self.softmaxes)} predictions of nnU-Net ({DATASET})"
        if not soft:
            return f"{what}, label maps alone"
        without = len(self.softmaxes) - soft
        rest = f" ({without} have none, there voxels are counted)" if without else ""
        return f"{what}: the softmax says what an edit costs{rest}; label maps are written"

    def label(self, name: str) -> str:
        """Return the label of a class, as text; a label stays what it is."""
        members = self.names.members.get(name, ())
        return str(members[0]) if len(members) == 1 else name


def find_predictions(folder: Path) -> Predictions | None:
    """Return what a folder of predictions holds; None without a ``dataset.json`` in it.

    Raises
    ------
    UserError
        If there is no label map of the ending that ``dataset.json`` states, or classes are regions
        and softmaxes lie beside: their channels overlap.
    """
    dataset = folder / DATASET
    if not dataset.is_file():
        return None
    names = read_label_names(dataset)
    ending = str(json.loads(dataset.read_text(encoding="utf-8")).get("file_ending", ""))
    files = [path for path in image_files(folder) if path.name.endswith(ending)]
    if not ending or not files:
        raise UserError(f"{folder}: no label map that ends in {ending!r}, as {DATASET} says")
    beside = {path: _softmax_beside(path, ending) for path in files}
    regions = [name for name, labels in names.members.items() if len(labels) > 1]
    if regions and any(beside.values()):
        raise UserError(
            f"{folder}: {DATASET} has regions ({regions[0]}), whose channels overlap; name the "
            f"label maps to repair them, as {files[0]}"
        )
    return Predictions(names, beside)


def unread_softmaxes(files: Collection[Path]) -> int:
    """Return how many label maps were named by themselves and have a softmax of nnU-Net beside."""
    found = 0
    for path in files:
        dataset = path.parent / DATASET
        if dataset.is_file():
            ending = str(json.loads(dataset.read_text(encoding="utf-8")).get("file_ending", ""))
            found += path.name.endswith(ending) and _softmax_beside(path, ending) is not None
    return found


def _softmax_beside(path: Path, ending: str) -> Path | None:
    soft = path.with_name(path.name.removesuffix(ending) + ".npz")
    return soft if soft.is_file() else None


def read_nnunet(results: Path, targets: Path | None = None) -> NnUnetResults:
    """Read results of nnU-Net v2.

    Parameters
    ----------
    results
        ``fold_0``, its ``validation``, a ``crossval_results_folds_...``, the ``postprocessed`` in
        one of these, a ``summary.json``, or a folder of predictions.
    targets
        The truth; by default the files that the summary names or, if they have moved,
        ``$nnUNet_preprocessed/DATASET/gt_segmentations``.

    Raises
    ------
    UserError
        If there is no ``dataset.json``, no summary where targets are not named, or no truth.
    """
    if not results.exists():
        raise UserError(f"{results}: no such file or folder")
    summary, dataset = _summary_of(results), _dataset_of(results)
    if dataset is None:
        raise UserError(f"{results}: no {DATASET} in it or above it; nnU-Net writes one")
    labels = read_label_names(dataset)
    if summary is None:
        # of a fold whose summary was not copied along
        if (results / "validation").is_dir():
            results /= "validation"
        if targets is None:
            raise UserError(
                f"{results}: no {_SUMMARY} in it, which names the truth; name its folder after "
                f"it, as --nnunet {results} nnUNet_raw/DATASET/labelsTr"
            )
        ending = json.loads(dataset.read_text(encoding="utf-8")).get("file_ending", "")
        matched = _without_copies(match_files(results, targets), results)
        return NnUnetResults(_with_ending(matched, ending), labels, dataset)
    matched, dice = _of_summary(summary, targets)
    return NnUnetResults(matched, labels, dataset, dice)


def has_summary(results: Path) -> bool:
    """Return whether `read_nnunet` finds pairs and the truth of `results` without being told."""
    if results.is_file() and results.suffix != ".json":
        return False
    return _summary_of(results) is not None and _dataset_of(results) is not None


def _summary_of(results: Path) -> Path | None:
    if results.is_file():
        return results
    places = results / "validation" / _SUMMARY, results / _SUMMARY
    return next((place for place in places if place.is_file()), None)


def _dataset_of(results: Path) -> Path | None:
    start = results.parent if results.is_file() else results
    above = (folder / DATASET for folder in (start, *start.resolve().parents[:3]))
    return next((place for place in above if place.is_file()), None)


def _of_summary(
    summary: Path, targets: Path | None
) -> tuple[Matched, dict[str, dict[tuple[int, ...], float]]]:
    try:
        found = json.loads(summary.read_text(encoding="utf-8"))
        cases = [
            (Path(one["prediction_file"]), Path(one["reference_file"]), one["metrics"])
            for one in found["metric_per_case"]
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{summary}: not a summary of nnU-Net: {error}") from None
    matched = Matched([])
    dice = {}
    for prediction, reference, metrics in cases:
        # a copy of a fold still names the files of the original, which may have changed since
        beside = summary.parent / prediction.name
        here = beside if beside.is_file() or not prediction.is_file() else prediction
        truth = _truth(reference, targets, summary)
        name = image_name(here)
        if here.is_file():
            matched.pairs.append(FilePair(name, here, truth))
        else:
            matched.missing.append(FilePair(name, None, truth))
        dice[name] = {_members(key): float(value["Dice"]) for key, value in metrics.items()}
    if not matched.pairs:
        raise UserError(f"{summary}: none of its predictions is there, for example {here}")
    matched.pairs.sort(key=lambda pair: pair.name)
    _tell_others(matched, summary)
    return matched, dice


def _tell_others(matched: Matched, summary: Path) -> None:
    """Note the label maps beside a summary that it does not name: they may be newer than it."""
    first = matched.pairs[0].prediction
    assert first is not None
    named = {pair.prediction for pair in matched.pairs}
    others = sorted(
        path.name
        for path in image_files(first.parent)
        if path.parent == first.parent and path.suffix == first.suffix and path not in named
    )
    if others:
        matched.notes.append(
            f"{summary} does not name {len(others)} of the label maps beside it, {others[0]} "
            "first; they are left aside"
        )


def _truth(reference: Path, targets: Path | None, summary: Path) -> Path:
    """Return the truth of a case, where it has moved to."""
    if targets is not None:
        return targets / reference.name
    if reference.is_file():
        return reference
    root = os.environ.get("nnUNet_preprocessed")  # noqa: SIM112  # so nnU-Net calls it
    if root:
        moved = Path(root, *reference.parts[-3:])
        if moved.is_file():
            return moved
    raise UserError(
        f"{summary}: its truth {reference} is not there; name the folder after it, as "
        f"--nnunet {summary.parent} labelsTr"
    )


def _members(key: str) -> tuple[int, ...]:
    """Read ``"1"`` or ``"(1, 2)"``."""
    value: Any = ast.literal_eval(key)
    return tuple(sorted(value)) if isinstance(value, tuple | list) else (int(value),)


def _without_copies(matched: Matched, results: Path) -> Matched:
    """Pass over what nnU-Net has post-processed beside the predictions, and say so."""
    copies = results / POSTPROCESSED
    kept = [one for one in matched.problems if copies not in Path(one.file).parents]
    passed = len(matched.problems) - len(kept)
    if not passed:
        return matched
    note = f"{copies}: {passed} files are passed over; name that folder to score them"
    return replace(matched, problems=kept, notes=[*matched.notes, note])


def _with_ending(matched: Matched, ending: str) -> Matched:
    """Keep the pairs whose prediction has the ending of the dataset."""
    odd = [p for p in matched.pairs if ending and not str(p.prediction).endswith(ending)]
    if odd:
        raise UserError(f"{odd[0].prediction}: {DATASET} says that files end in {ending}")
    return matched
