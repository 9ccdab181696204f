"""The same search for every method, on validation images: the test is touched once, later.

Each trial is a run like any other, with seeds that no final run has, scored on ``val``. The rule
by which one is chosen is in `topoeval.harness.tuning.search` (docs/tuning.md).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import fmean

from topoeval import datasets
from topoeval.errors import UserError
from topoeval.harness.plans.plan import plan
from topoeval.harness.runs.store import Store
from topoeval.harness.suites.catalogue import load_method
from topoeval.harness.suites.space import Range, Space, significant
from topoeval.harness.suites.suite import Suite
from topoeval.harness.suites.tuned import Tuned, value_of, vary
from topoeval.harness.tuning.samplers import Trial, make_sampler
from topoeval.harness.tuning.search import Search
from topoeval.harness.tuning.written import earlier_choices, write
from topoeval.records.canonical import digest
from topoeval.records.parts import TRAINED, Method
from topoeval.records.spec import RunSpec
from topoeval.records.variant import variants

_SPLITS = ("train", "unlabelled", "val")
_DIGITS = 6

Execute = Callable[[Sequence[RunSpec]], object]


def tune(suite: Suite, store: Store, execute: Execute) -> list[Search]:
    """Search for every method of `suite` on every dataset; write the records and ``tuned.toml``.

    Parameters
    ----------
    suite
        Its ``[tuning]`` says how many trials, with which seeds and sampler.
    store
        Where the trials leave their records: `tuning_store`.
    execute
        Runs what it is given, parents first, and leaves their records in `store`; what has one is
        not run again.

    Raises
    ------
    UserError
        A dataset without validation images, a search over what a method does not have, a reference
        that begins with another method, earlier choices that cannot stand in the same file.
    """
    methods = check(suite)
    planned = plan(for_trials(suite), score="val")
    earlier = earlier_choices(suite, [run.dataset for run in planned], store)
    searches: list[Search] = []
    bars: dict[str, float | None] = {}
    for labels in _levels(suite, methods):
        found = _search(suite, labels, searches, store, execute, bars)
        for search in found:
            place = _place(search.runs[0])
            if search.method.name == suite.reference:
                bars[place] = _bar(search, suite.tuning.margin)
            search.choose(bars.get(place))
        searches += found
    order = {label: position for position, label in enumerate(methods)}
    searches.sort(key=lambda search: order[search.method.label])
    write(suite, searches, store, earlier)
    return searches


def tuning_store(results: Path, suite: Suite) -> Store:
    """Return where the trials of a suite go: beside its final runs, never among them."""
    return Store(results / "tuning", suite.name)


def check(suite: Suite) -> dict[str, Method]:
    """Return the methods to tune by label; refuse what cannot be tuned, as `tune` does."""
    trials = for_trials(suite)
    methods: dict[str, Method] = {}
    for run in plan(trials, score="val"):
        params = {**run.dataset.params, **run.dataset.paths}
        datasets.info(run.dataset.name, **params).checked_split("val")
        if run.method.label in trials.methods:
            methods[run.method.label] = run.method
            for name in space_of(suite, run.method):
                value_of(run, name)
            if run.method.name == suite.reference and run.method.starts_from not in ("start", None):
                raise UserError(
                    f"suite {suite.name!r}: its reference {run.method.name!r} begins with "
                    f"{run.method.starts_from!r}; tuning measures against a method of its own"
                )
    return {label: methods[label] for label in trials.methods}


def for_trials(suite: Suite) -> Suite:
    """Return `suite` as its trials see it.

    The tuning's seeds, no test, no auxiliary network, and of several backends and devices the
    first: what is chosen there holds for all.
    """
    texts = [*suite.methods, *(text for part in suite.include for text in part.method)]
    small = [
        dataset.model_copy(
            update={
                "sizes": {k: n for k, n in dataset.sizes.items() if k in _SPLITS},
                "tests": {},
            }
        )
        for dataset in suite.datasets
    ]
    update = {
        "methods": tuple(dict.fromkeys(str(one) for text in texts for one in variants(text))),
        "datasets": tuple(small),
        "seeds": suite.tuning.seeds,
        "auxiliary": {},
        "keep_answers": False,
        "network": suite.network[:1],
        "backend": suite.backend[:1],
        "device": suite.device[:1],
        "include": (),
        "exclude": (),
    }
    return suite.model_copy(update=update)


def space_of(suite: Suite, method: Method) -> Space:
    """Return what is searched for a method: its own space, or the learning rate of its training.

    What the suite sets is not searched. A correction without a space has nothing to tune.
    """
    search = load_method(method.name, suite.override.get(method.name), suite.folders).search
    if search or method.regime not in TRAINED:
        fixed = {name.rpartition(".")[2] for name in method.variant}
        return {k: axis for k, axis in search.items() if k.rpartition(".")[2] not in fixed}
    rate = suite.training.learning_rate
    low, high = significant(rate / 10), significant(rate * 10)
    return {"training.learning_rate": Range(low=low, high=high, log=True)}


def _levels(suite: Suite, methods: Mapping[str, Method]) -> list[list[str]]:
    """Return the methods as they are searched for: those that a later one needs come first.

    That is the reference, whose Dice the others are held to, and what a correction begins with.
    """
    levels: dict[str, int] = {}

    def level(label: str) -> int:
        if label not in levels:
            method = methods[label]
            before = str(method.starts_from)
            below = level(before) if before in methods else 0
            levels[label] = 0 if method.name == suite.reference else below + 1
        return levels[label]

    for label in methods:
        level(label)
    return [[n for n in methods if levels[n] == k] for k in sorted(set(levels.values()))]


def _search(
    suite: Suite,
    labels: Sequence[str],
    done: Sequence[Search],
    store: Store,
    execute: Execute,
    bars: Mapping[str, float | None],
) -> list[Search]:
    """Search for the methods called `labels`, side by side, on all datasets."""
    tuned = Tuned(
        suite=suite.name,
        seeds=suite.tuning.seeds,
        choices=tuple(search.choice for search in done),
    )
    runs = {run.id: run for run in plan(for_trials(suite), tuned=tuned, score="val")}
    searches = []
    for label in labels:
        of_method = [run for run in runs.values() if run.method.label == label]
        places = dict.fromkeys(_place(run) for run in of_method)
        searches += [_begin(suite, [r for r in of_method if _place(r) == p]) for p in places]
    open_ = list(searches)
    while open_:
        batch = [(search, Trial(values)) for search in open_ for values in search.sampler.ask()]
        todo: dict[str, RunSpec] = {}
        for search, trial in batch:
            for run in search.runs:
                varied = vary(run, trial.values)
                for needed in (*_ancestors(run, runs), varied):
                    todo.setdefault(needed.id, needed)
                trial.runs.append(varied.id)
        if todo:
            execute(list(todo.values()))
        for search in open_:
            told = [trial for owner, trial in batch if owner is search]
            for trial in told:
                _score(trial, store)
            search.trials += told
            search.sampler.tell(told, bars.get(_place(search.runs[0])))
        open_ = [search for search in open_ if any(owner is search for owner, _ in batch)]
    return searches


def _begin(suite: Suite, runs: Sequence[RunSpec]) -> Search:
    method = runs[0].method
    space = space_of(suite, method)
    first = {key: value_of(runs[0], key) for key in space}
    # a search without a space tries nothing
    count = suite.tuning.trials if space else 0
    seed = int(digest(f"{suite.tuning.seeds}|{method.label}|{_place(runs[0])}")[:7], 16)
    sampler = make_sampler(suite.tuning.sampler, space, count, first, seed)
    return Search(method, runs, space, sampler)


def _ancestors(run: RunSpec, runs: Mapping[str, RunSpec]) -> list[RunSpec]:
    """Return what a run builds on, the beginning first."""
    parents = [runs[identity] for identity in run.parents.values()]
    return [needed for parent in parents for needed in (*_ancestors(parent, runs), parent)]


def _score(trial: Trial, store: Store) -> None:
    """Read the records of a trial: the mean over its seeds, or how one of them failed."""
    means: dict[str, list[float]] = {"dice": [], "betti_error": []}
    for identity in trial.runs:
        record = store.read(identity)
        if record is None or not record.ok:
            trial.error = "no record" if record is None else record.status
            return
        for name, values in means.items():
            values.append(fmean(record.cases[name]))
    trial.dice = round(fmean(means["dice"]), _DIGITS)
    trial.betti_error = round(fmean(means["betti_error"]), _DIGITS)


def _bar(reference: Search, margin: float) -> float | None:
    """Return the Dice that is enough: that of the reference's best trial, less the margin."""
    scored = [trial.dice for trial in reference.trials if trial.dice is not None]
    return round(max(scored) - margin, _DIGITS) if scored else None


def _place(run: RunSpec) -> str:
    return json.dumps([run.dataset.name, run.dataset.params], sort_keys=True)
