"""Predictions of several models, found and scored for ``topoeval compare``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from topoeval.cli.finished import names_of
from topoeval.cli.habits import is_quiet
from topoeval.cli.notes import print_notes, print_problems
from topoeval.cli.progress import progress
from topoeval.cli.terminal import Terminal
from topoeval.errors import UserError
from topoeval.evaluate import (
    Evaluation,
    NnUnetResults,
    Options,
    Problem,
    evaluate_pairs,
    read_label_names,
    read_nnunet,
)
from topoeval.evaluate.label_names import LabelNames, check_ignored
from topoeval.evaluate.nnunet import DATASET, has_summary
from topoeval.evaluate.pairs import Matched, match_files


@dataclass(frozen=True, slots=True)
class Model:
    """The files of a model.

    Parameters
    ----------
    matched
        Its predictions and the truth.
    names
        What its labels are called, where a file beside its predictions says so.
    file
        That file.
    stated
        What nnU-Net states of it, of results of nnU-Net.
    """

    matched: Matched
    names: LabelNames | None
    file: Path | None
    stated: NnUnetResults | None = None


def are_folds(paths: Sequence[str]) -> bool:
    """Return whether all are results of nnU-Net, whose summaries name the truth."""
    return all(has_summary(Path(path)) for path in paths)


def scored_models(
    predictions: Sequence[Path],
    truth: Path | None,
    options: Options,
    jobs: int,
    out: Path,
) -> dict[str, Evaluation]:
    """Score the predictions of each model into a folder of its own, and print what was read.

    Parameters
    ----------
    predictions
        A file or folder for each model, or results of nnU-Net.
    truth
        The truth of all; None where the summaries of nnU-Net name it.
    options
        What is scored. Classes are called as its `labels` say or, where it has none, as the
        ``dataset.json`` beside the predictions does.
    jobs
        Processes side by side.
    out
        Folder in which each model gets one.

    Raises
    ------
    UserError
        If files do not match, or two models name other labels; before anything is scored.
    """
    names = names_of(predictions)
    found = [_model(path, truth) for path in predictions]
    stated, told = _label_names(found) if options.labels is None else (options.labels, None)
    check_ignored(options.ignore, stated)
    asked = replace(options, labels=stated)
    # with --quiet standard output goes nowhere
    console = Terminal(stderr=not is_quiet())
    whose = "as their summary.json names it" if truth is None else str(truth)
    line = f"predictions of {len(names)} models, {', '.join(names)}; truth {whose}"
    console.print(line, markup=False, soft_wrap=True)
    if told and asked.ignored is not None:
        told += f"; label {asked.ignored} of the truth is left out"
    if told:
        console.print(told, markup=False, soft_wrap=True)
    evaluations = {}
    for name, model in zip(names, found, strict=True):
        folder = out / name.replace("/", "-")
        with progress(console) as listener:
            scored = evaluate_pairs(model.matched, asked, jobs, listener, folder)
        scored = _held_against(model.stated, scored)
        _write(scored, folder)
        print_notes(console, [f"{name}: {note}" for note in scored.notes])
        print_problems(console, scored.problems, len(scored.pairs))
        evaluations[name] = scored
    return evaluations


def _model(path: Path, truth: Path | None) -> Model:
    if has_summary(path):
        stated = read_nnunet(path, truth)
        return Model(stated.matched, stated.labels, stated.dataset, stated)
    assert truth is not None
    matched = match_files(path, truth)
    file = path / DATASET
    if not file.is_file():
        return Model(matched, None, None)
    return Model(matched, _names_in(file), file)


def _names_in(file: Path) -> LabelNames:
    try:
        return read_label_names(file)
    except UserError as error:
        raise UserError(f"{error}; --labels FILE names another file") from None


def _label_names(models: Sequence[Model]) -> tuple[LabelNames | None, str | None]:
    """Return the names of labels, and a line where a file beside predictions states them."""
    stating = [model for model in models if model.names is not None]
    if not stating:
        return None, None
    first = stating[0]
    for other in stating[1:]:
        if other.names != first.names:
            raise UserError(
                f"{first.file} and {other.file} name other labels; name one of them, as "
                f"--labels {first.file}"
            )
    assert first.names is not None
    return first.names, f"classes as {first.file} names them: {', '.join(first.names.members)}"


def _held_against(stated: NnUnetResults | None, found: Evaluation) -> Evaluation:
    """Add a problem for each Dice that is not the one of nnU-Net's summary."""
    if stated is None:
        return found
    differing = [Problem("", line) for line in stated.disagreements(found.cases)]
    return replace(found, problems=[*found.problems, *differing])


def _write(found: Evaluation, folder: Path) -> None:
    from topoeval.cli.evaluation import write_evaluation

    write_evaluation(found, folder)


def notes_of(evaluations: Mapping[str, Evaluation]) -> tuple[list[str], list[str]]:
    """Return the notes and the problems of all models, each with its model."""
    notes = [f"{name}: {note}" for name, one in evaluations.items() for note in one.notes]
    problems = [
        f"{name}: {problem.message}"
        for name, one in evaluations.items()
        for problem in one.problems
    ]
    return notes, problems
