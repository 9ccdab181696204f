"""Scores of predictions against targets, file by file."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from topoeval.evaluate.classes import Classes
from topoeval.evaluate.columns import all_columns, check_columns, column_groups, revisions
from topoeval.evaluate.deciding import decided
from topoeval.evaluate.journal import FLAGS, KEYS, Journal, Row
from topoeval.evaluate.label_names import check_ignored
from topoeval.evaluate.pairs import FilePair, Matched, match_files, missing_problem
from topoeval.evaluate.parallel import Died, Lanes, Problem, Workers
from topoeval.evaluate.rows import Rows
from topoeval.evaluate.scoring import (
    Options,
    Scored,
    Task,
    column_problem,
    read_pair,
    score_pair,
)
from topoeval.evaluate.summary import summarise
from topoeval.images.survey import Survey, Terms, survey

Listener = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """What came out.

    Parameters
    ----------
    cases
        One row per case and class: ``case``, ``class``, the scores, ``prediction_empty`` and
        ``target_empty``.
    problems
        Files that could not be scored, and columns that are missing.
    pairs
        The files of each case in `cases`.
    hashes
        sha256 of prediction and target by case.
    task
        Options, classes and readings.
    spatial_dims
        2 or 3; both in turn if the files differ.
    missing
        Names of targets without a prediction.
    notes
        What was chosen, and headers that differ, a line each.
    resumed
        How many of the cases an earlier run of the same command had scored.
    """

    cases: pd.DataFrame
    problems: list[Problem]
    pairs: dict[str, FilePair]
    hashes: dict[str, dict[str, str]]
    task: Task
    spatial_dims: tuple[int, ...]
    missing: tuple[str, ...] = ()
    notes: list[str] = field(default_factory=list)
    resumed: int = 0

    @property
    def options(self) -> Options:
        """What was asked for."""
        return self.task.options

    @property
    def classes(self) -> Classes:
        """The classes that were scored."""
        return self.task.classes

    @property
    def readings(self) -> dict[str, str]:
        """What the values of each side were read as."""
        return {"predictions": self.task.predictions.line, "truth": self.task.targets.line}

    def _repr_html_(self) -> str:
        """Return the summary as a table, for notebooks."""
        summary = summarise(self.cases, self.options.absent, self.classes.averaged)
        return str(summary.to_html(index=False))

    def masks(self, case: str, name: str) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Return the masks of a class of a case, read again."""
        p, g, _ = read_pair(self.pairs[case], self.task)
        return self.classes.mask(p.array, name), self.classes.mask(g.array, name)


def evaluate(
    predictions: Path | str,
    targets: Path | str,
    options: Options = Options(),  # noqa: B008  # frozen value, safe to share
    jobs: int = 1,
    listener: Listener | None = None,
    out: Path | None = None,
    memory: int | None = None,
    lanes: Lanes | None = None,
) -> Evaluation:
    """Score two files, or two folders of files with equal names.

    Parameters
    ----------
    predictions, targets
        Files of the formats of `topoeval.images`, or folders of them.
    options
        Scores, classes and what they depend on.
    jobs
        Processes side by side.
    listener
        Told the stage and how many of how many cases it has done.
    out
        Folder in which ``cases.csv`` grows as cases are scored; what an earlier run of the same
        command has scored there is not scored again.
    memory
        Bytes that each process may use. Columns that need more are left out, and a problem says
        which.
    lanes
        Where cases are worked on; `jobs` processes of this machine if None.

    Raises
    ------
    UserError
        If nothing can be matched, or an option is wrong. What is wrong with a single file becomes a
        problem of the result instead.
    """
    matched = match_files(
        Path(predictions), Path(targets), options.of_prediction, options.of_target
    )
    return evaluate_pairs(matched, options, jobs, listener, out, memory, lanes)


def evaluate_pairs(
    matched: Matched,
    options: Options = Options(),  # noqa: B008  # frozen value, safe to share
    jobs: int = 1,
    listener: Listener | None = None,
    out: Path | None = None,
    memory: int | None = None,
    lanes: Lanes | None = None,
) -> Evaluation:
    """Score files that are matched already; see `evaluate`."""
    check_columns(options.columns)
    check_ignored(options.ignore, options.labels)
    tell = listener or (lambda stage, done, total: None)
    problems = list(matched.problems)
    wanted = list(matched.pairs)
    if options.missing == "worst":
        wanted = sorted([*wanted, *matched.missing], key=lambda pair: pair.name)
    else:
        problems += [missing_problem(pair) for pair in matched.missing]
    with Workers(min(jobs, max(len(wanted), 1)), memory) as own:
        workers: Lanes = lanes or own
        surveys, broken = _surveyed(wanted, options, workers, tell)
        problems += broken
        pairs = [pair for pair in wanted if _sides(pair) <= surveys.keys()]
        task, notes = decided(pairs, surveys, options)
        dims = tuple(sorted({len(surveys[pair.target].shape) for pair in pairs}))
        hashes = {pair.name: _hashes(pair, surveys) for pair in pairs}
        del surveys  # more than half of what a case takes here
        columns = all_columns(dims, bool(options.priors), options.columns)
        done, rows, found, more = _all_scored(pairs, task, hashes, columns, workers, tell, out)
    problems += more
    kept = {pair.name: pair for pair in pairs if pair.name in found}
    return Evaluation(
        cases=rows.frame(kept),
        problems=sorted(problems, key=lambda problem: problem.message),
        pairs=kept,
        hashes={name: hashes[name] for name in kept},
        task=task,
        spatial_dims=dims,
        missing=tuple(pair.name for pair in matched.missing),
        notes=[*matched.notes, *notes, *(note for note in found.values() if note)],
        resumed=done,
    )


def _surveyed(
    pairs: Sequence[FilePair], options: Options, workers: Lanes, tell: Listener
) -> tuple[dict[Path, Survey], list[Problem]]:
    """Find out what every file holds, and which hold no mask."""
    ours, theirs = options.terms()
    files = [(pair.prediction, ours) for pair in pairs if pair.prediction is not None]
    files += [(pair.target, theirs) for pair in pairs]
    found: dict[Path, Survey] = {}
    problems = []
    results = workers.over(_survey, files, lambda file: str(file[0]))
    for done, (position, result) in enumerate(results, 1):
        if isinstance(result, Problem):
            problems.append(result)
        else:
            found[files[position][0]] = result
        tell("files", done, len(files))
    return found, problems


def _survey(file: tuple[Path, Terms]) -> Survey:
    return survey(*file)


def _all_scored(
    pairs: Sequence[FilePair],
    task: Task,
    hashes: dict[str, dict[str, str]],
    columns: Sequence[str],
    workers: Lanes,
    tell: Listener,
    out: Path | None,
) -> tuple[int, Rows, dict[str, str], list[Problem]]:
    """Score the pairs, those of an earlier run aside.

    Returns
    -------
    How many those of an earlier run are, all rows, the notes by case, and what went wrong.
    """
    of_metrics = revisions(columns)
    keys = {name: _key(task, of_metrics, files) for name, files in hashes.items()}
    journal = Journal(out, columns, keys) if out is not None and pairs else None
    gathered = Rows(KEYS, (*columns, *FLAGS))
    found: dict[str, str] = {}
    for name, (_, rows, note) in _known(journal, task).items():
        gathered.add(name, rows)
        found[name] = note
    if journal is not None:
        journal.known.clear()
    done = len(found)
    rest = [pair for pair in pairs if pair.name not in found]
    problems: list[Problem] = []
    scored = _scored(rest, task, workers)
    for count, (pair, result) in enumerate(scored, done + 1):
        if isinstance(result, Problem):
            problems.append(result)
        else:
            gathered.add(pair.name, result.rows)
            found[pair.name] = result.note
            problems += result.problems
            if journal is not None:
                journal.add(pair, result.rows, result.note, not result.problems)
        tell("cases", count, len(pairs))
    if journal is not None:
        journal.close([pair.name for pair in pairs])
    return done, gathered, found, problems


def _known(journal: Journal | None, task: Task) -> dict[str, tuple[FilePair, list[Row], str]]:
    """Return the cases of an earlier run that have a row for every class."""
    if journal is None:
        return {}
    return {
        name: case
        for name, case in journal.known.items()
        if [row["class"] for row in case[1]] == list(task.classes.names)
    }


def _scored(
    pairs: Sequence[FilePair], task: Task, workers: Lanes
) -> Iterator[tuple[FilePair, Scored | Problem]]:
    """Yield what came out of each case; of one whose process died what does not need so much."""
    died = []
    one = partial(score_pair, task=task)
    for position, result in workers.over(one, pairs, _file):
        if isinstance(result, Died):
            died.append(pairs[position])
        else:
            yield pairs[position], result
    for pair in died:
        yield pair, _in_parts(pair, task, workers)


def _in_parts(pair: FilePair, task: Task, workers: Lanes) -> Scored | Problem:
    """Score a case one group of columns after another, each in a process that may die."""
    priors = any(task.classes.prior(name) is not None for name in task.classes.names)
    groups: list[list[str]] = []
    for dims in (2, 3):
        for group in column_groups(dims, priors, task.options.columns):
            if group not in groups:
                groups.append(group)
    parts = [(pair, task, tuple(group)) for group in groups]
    rows: dict[str, Row] = {}
    problems: list[Problem] = []
    note = ""
    for position, result in workers.over(_part, parts, lambda part: _file(part[0])):
        if isinstance(result, Died):
            reason = "the process died, perhaps out of memory"
            problems.append(column_problem(pair, "any", groups[position], reason))
        elif isinstance(result, Problem):
            return result
        else:
            note = result.note
            problems += result.problems
            for row in result.rows:
                rows.setdefault(row["class"], {}).update(row)
    if not rows:
        return Died(_file(pair), f"{_file(pair)}: the process died, perhaps out of memory")
    return Scored([rows[name] for name in task.classes.names], problems, note)


def _part(part: tuple[FilePair, Task, tuple[str, ...]]) -> Scored:
    return score_pair(*part)


def _file(pair: FilePair) -> str:
    return str(pair.prediction or pair.target)


def _sides(pair: FilePair) -> set[Path]:
    return {pair.target} if pair.prediction is None else {pair.prediction, pair.target}


def _hashes(pair: FilePair, surveys: dict[Path, Survey]) -> dict[str, str]:
    sides = {"prediction": pair.prediction, "target": pair.target}
    return {side: surveys[path].sha256 for side, path in sides.items() if path is not None}


def _key(task: Task, of_metrics: dict[str, str], hashes: dict[str, str]) -> str:
    """Return what decides the scores of a case, as a hash."""
    from topoeval import __version__

    options = task.options
    facts: dict[str, Any] = {
        "topoeval": __version__,
        "settings": {**asdict(options.settings), "topology": str(options.settings.topology)},
        "classes": {name: task.classes.members[name] for name in task.classes.names},
        "priors": {name: task.classes.prior(name) for name in task.classes.names},
        "tolerances": dict(options.tolerances),
        "columns": of_metrics,
        "ignored": options.ignored,
        "values": [
            (r.one, r.fractions, sorted(r.parts), r.background, r.terms.threshold, r.terms.axes)
            for r in (task.predictions, task.targets)
        ],
        "files": hashes,
    }
    maps = {"predictions": options.map_prediction, "truth": options.map_target}
    facts |= {f"map of {side}": str(new) for side, new in maps.items() if new is not None}
    return sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()[:16]
