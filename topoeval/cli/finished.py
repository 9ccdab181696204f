"""Models and finished evaluations as ``topoeval compare`` names and reads them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from topoeval.cli.habits import is_quiet
from topoeval.cli.notes import print_notes, print_problems
from topoeval.cli.terminal import Terminal
from topoeval.errors import UserError
from topoeval.evaluate import Problem
from topoeval.evaluate.comparison import same_question
from topoeval.evaluate.finished import read_evaluation


def names_of(paths: Sequence[Path]) -> list[str]:
    """Return a name per model: the last parts of its path that tell it from the others.

    What all end in, as ``fold_0/validation`` or the plans of nnU-Net, is no part of it.
    """
    resolved = [path.resolve() for path in paths]
    for length in range(1, max(len(path.parts) for path in resolved) + 1):
        ends = [path.parts[-length:] for path in resolved]
        if len(set(ends)) == len(ends):
            while len({end[-1] for end in ends}) == 1 and min(map(len, ends)) > 1:
                ends = [end[:-1] for end in ends]
            words = ["/".join(end).split("__") for end in ends]
            while len({one[-1] for one in words}) == 1 and min(map(len, words)) > 1:
                words = [one[:-1] for one in words]
            return ["__".join(one) for one in words]
    twice = next(path for path in resolved if resolved.count(path) > 1)
    raise UserError(f"{twice} is named twice")


def read_finished(
    folders: Sequence[Path],
) -> tuple[dict[str, pd.DataFrame], list[str], list[str], list[str]]:
    """Return the cases by model, how they were scored, and what was noted and left out then."""
    names = names_of(folders)
    found = {name: read_evaluation(folder) for name, folder in zip(names, folders, strict=True)}
    same_question({name: one.spec for name, one in found.items()})
    first = next(iter(found.values()))
    notes = [f"{len(names)} finished evaluations: {', '.join(names)}", str(first.spec["topology"])]
    thresholds = {name: one.spec.get("threshold") for name, one in found.items()}
    if len(set(thresholds.values())) > 1:
        notes.append(f"thresholds differ: {thresholds}")
    of_files = [f"{name}: {note}" for name, one in found.items() for note in one.notes]
    problems = [f"{name}: {told}" for name, one in found.items() for told in one.problems]
    console = Terminal(stderr=not is_quiet())
    print_notes(console, of_files)
    cases = sum(one.cases["case"].nunique() for one in found.values())
    print_problems(console, [Problem("", told) for told in problems], cases)
    return {name: one.cases for name, one in found.items()}, notes, of_files, problems
