"""Further metrics for finished runs, from the predictions that they kept; nothing is trained."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from pydantic import ValidationError

from topoeval import datasets
from topoeval.errors import UserError
from topoeval.evaluate.parallel import Problem, Workers
from topoeval.harness.runs import answers
from topoeval.harness.runs.scoring import (
    needs_probabilities,
    readers_of,
    revisions,
    scorable,
    score_test,
)
from topoeval.harness.runs.store import Store
from topoeval.harness.runs.tasks import tests_of
from topoeval.metrics.catalogue import chosen, every_column
from topoeval.records.cases import Cases
from topoeval.records.files import DamagedRecordError, read_record
from topoeval.records.parts import MAIN_TEST
from topoeval.records.record import FurtherTest, rounded
from topoeval.records.spec import RunSpec
from topoeval.training import TensorSet

Listener = Callable[[int, int], None]


@dataclass
class Rescored:
    """What a rescoring has done.

    Parameters
    ----------
    changed
        Labels of the runs whose records have new columns.
    complete
        Labels of those that had them all, by the same revisions.
    problems
        By label why a run could not be scored, and what to do.
    """

    changed: list[str] = field(default_factory=list)
    complete: list[str] = field(default_factory=list)
    problems: dict[str, str] = field(default_factory=dict)


def rescore(
    folder: Path, metrics: Sequence[str], jobs: int = 1, listener: Listener | None = None
) -> Rescored:
    """Score the finished runs of a results folder by further metrics.

    The new columns are those of a run that is scored by these metrics from the start, bit for bit;
    other columns stay as they are. A record is replaced as a whole or not at all.

    Parameters
    ----------
    folder
        The results folder of a suite.
    metrics
        Columns, or names of metrics with ``{k}``.
    jobs
        Processes side by side.
    listener
        Told how many of how many runs are done.

    Raises
    ------
    UserError
        No such folder, another process is at work in it, or an unknown metric.
    """
    if not (folder / "records").is_dir():
        raise UserError(f"no records in {folder}; topoeval run SUITE makes them")
    chosen(metrics, every_column())
    store = Store(folder, "")
    done = Rescored()
    with store.exclusive(), Workers(jobs) as workers:
        labels: dict[str, str] = {}
        for path in _files(store):
            try:
                record = read_record(path)
            except DamagedRecordError as error:
                done.problems[path.name] = str(error)
                continue
            if record.ok and record.spec.is_scored:
                labels[record.id] = record.spec.label
        one = partial(_rescore, folder, tuple(metrics))
        identities = list(labels)
        for number, (position, result) in enumerate(
            workers.over(one, identities, lambda identity: labels[identity]), 1
        ):
            label = labels[identities[position]]
            if isinstance(result, Problem):
                done.problems[label] = result.message
            else:
                (done.changed if result else done.complete).append(label)
            if listener is not None:
                listener(number, len(identities))
    return done


def _files(store: Store) -> list[Path]:
    return sorted(path for path in store.records.glob("*.json") if not path.name.startswith("."))


def _rescore(folder: Path, metrics: tuple[str, ...], identity: str) -> bool:
    """Score one run; return whether its record has changed."""
    store = Store(folder, "")
    record = store.read(identity)
    assert record is not None  # it was listed, and nobody else is at work here
    spec = located(record.spec, store, identity)
    had = record.metrics
    wanted = [
        column
        for column, revision in revisions(chosen(metrics, every_column())).items()
        if had.get(column) != revision
    ]
    if not wanted:
        return False
    kept = answers.read(store.answers(identity))
    check_revision(spec)
    added: set[str] = set()
    scored: dict[str, Cases] = {}
    for name, test in tests_of(spec).items():
        columns = _scored_columns(spec, test, metrics, wanted)
        cases = record.cases if name == MAIN_TEST else record.tests[name].cases
        scored[name] = cases | _new_columns(
            spec, store, test, kept.get(name), columns, [str(case) for case in cases["case"]]
        )
        added |= set(columns)
    if not added:
        return False
    update = {
        "cases": scored.pop(MAIN_TEST),
        "tests": {name: FurtherTest(cases=cases) for name, cases in scored.items()},
        "metrics": {**had, **revisions(sorted(added))},
    }
    store.write(record.model_copy(update=update))
    return True


def _scored_columns(
    spec: RunSpec, test: TensorSet, metrics: Sequence[str], wanted: Sequence[str]
) -> list[str]:
    """Return those wanted columns that a test can have.

    Raises
    ------
    UserError
        It can have nothing of a metric that was named.
    """
    known = scorable(spec, test)
    for name in metrics:
        if not set(chosen([name], every_column())) & set(known):
            raise UserError(
                f"dataset {spec.dataset.label!r} cannot have the metric {name!r}: its dimension, "
                "prior, labels or auxiliary network are missing"
            )
    return [name for name in known if name in wanted]


def _new_columns(
    spec: RunSpec,
    store: Store,
    test: TensorSet,
    kept: answers.Answer | None,
    columns: Sequence[str],
    cases: Sequence[str],
) -> Cases:
    if kept is None or list(kept.cases) != list(cases) or list(test.cases) != list(cases):
        raise UserError("its kept answers are of other cases than its record; run it again")
    if kept.masks_only and needs_probabilities(columns):
        raise UserError(
            f"it kept masks alone, and {', '.join(c for c in columns if needs_probabilities([c]))} "
            "needs probabilities; name the metric in the suite and run it again"
        )
    readers = readers_of(spec, test, store)
    # as records are written
    found: Cases = rounded(score_test(spec, test, kept.probabilities, columns, readers))
    return found


def check_revision(spec: RunSpec) -> None:
    """Refuse a dataset that is another one here than the run saw.

    Raises
    ------
    UserError
        Its revision, which names the content of files too, is another one.
    """
    revision = datasets.resolve(
        spec.dataset.name, **{**spec.dataset.params, **spec.dataset.paths}
    ).revision
    if revision != spec.dataset.revision:
        raise UserError(
            f"dataset {spec.dataset.label!r} is of revision {revision} here, and the run saw "
            f"{spec.dataset.revision}; run it again"
        )


def located(spec: RunSpec, store: Store, identity: str) -> RunSpec:
    """Return a recorded specification with the paths that its run had, on a device that is here.

    Raises
    ------
    UserError
        The order that the run was given is damaged.
    """
    path = store.work(identity) / "spec.json"
    if path.exists():
        try:
            spec = RunSpec.model_validate_json(path.read_bytes())
        except ValidationError:
            raise UserError(f"{path} is damaged; delete it") from None
        if spec.id != identity:
            raise UserError(f"{path} is damaged: it is the order of run {spec.id}; delete it")
    return spec.model_copy(update={"device": "cpu"})
