"""Filters select runs of a plan, for the command line and a suite's ``[[exclude]]``."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any, Protocol

from topoeval import datasets
from topoeval.errors import UserError, nearest
from topoeval.harness.suites.parameters import value_of
from topoeval.harness.suites.suite import Suite
from topoeval.records.parts import DatasetSpec, Method
from topoeval.records.spec import RunSpec
from topoeval.records.variant import Variant, variants


class Candidate(Protocol):
    """What can be selected: a run, or the cell of a product that is to become one."""

    @property
    def method(self) -> Method:
        """The method with its parameters."""
        ...

    @property
    def dataset(self) -> DatasetSpec:
        """The dataset with its parameters."""
        ...

    @property
    def seed(self) -> int:
        """The seed."""
        ...

    @property
    def backend(self) -> str:
        """Name of the backend, not "auto"."""
        ...

    @property
    def device(self) -> str:
        """Type of the device, not "auto"."""
        ...


@dataclass(frozen=True)
class Filters:
    """What runs must have; where nothing is said, all pass.

    Names may be patterns, as ``betti_*``, and may have parameters, as ``betti_prior[weight=0.1]``,
    which hold for what a method has by default, too. Several values of one kind: any of them.
    """

    methods: Sequence[str] = ()
    datasets: Sequence[str] = ()
    seeds: Sequence[int] = ()
    backends: Sequence[str] = ()
    devices: Sequence[str] = ()

    def passing(self, candidates: Sequence[Candidate]) -> list[int]:
        """Return the places of the candidates that pass, in order.

        Raises
        ------
        UserError
            A value lets none of them pass; the message offers the nearest one that would.
        """
        kept = list(range(len(candidates)))
        said = []
        for axis in _AXES:
            values = getattr(self, axis.filter)
            if values:
                said.append(f"{axis.noun} {' or '.join(str(value) for value in values)}")
                wanted = axis.wanted([axis.of(candidate) for candidate in candidates], values)
                kept = [place for place in kept if axis.label(axis.of(candidates[place])) in wanted]
        if not kept:
            raise UserError(f"no run has all of: {', '.join(said)}")
        return kept


def select(runs: Sequence[RunSpec], filters: Filters) -> list[RunSpec]:
    """Return the runs that pass, and those that they build on, in the order of `runs`.

    A common start or an auxiliary network is there for the runs that build on it, or if its name is
    asked for.

    Raises
    ------
    UserError
        A filter lets no run pass; the message offers the nearest value that would.
    """
    wanted = matched(runs, filters)
    by_id = {run.id: run for run in runs}
    kept: set[str] = set()
    while wanted:
        identity = wanted.pop()
        if identity not in kept:
            kept.add(identity)
            wanted.extend(by_id[identity].parents.values())
    return [run for run in runs if run.id in kept]


def matched(runs: Sequence[RunSpec], filters: Filters) -> list[str]:
    """Return the identities of the runs that pass by themselves, not because others need them.

    Raises
    ------
    UserError
        As `select`.
    """
    asked = [
        run for run in runs if run.method.role == "method" or run.method.name in filters.methods
    ]
    return [asked[place].id for place in filters.passing(asked)]


def has_method(method: Method, wanted: str) -> bool:
    """Whether `wanted`, a name or pattern with or without parameters, means `method`."""

    def value(name: str) -> Any:
        return value_of(method, name)

    return any(_means(one, method.name, value) for one in _read(wanted))


def has_dataset(dataset: DatasetSpec, wanted: str) -> bool:
    """Whether `wanted`, a name or pattern with or without parameters, means `dataset`."""

    def value(name: str) -> Any:
        return _dataset_value(dataset, name)

    return any(_means(one, dataset.name, value) for one in _read(wanted))


def datasets_of(suite: Suite) -> list[DatasetSpec]:
    """Return the datasets of a suite, those with lists of parameters once for each value."""
    found = []
    for dataset in suite.datasets:
        for one in variants(dataset.name):
            for param in one.params:
                if param in dataset.params:
                    raise UserError(f"dataset {dataset.name!r}: {param!r} is in its params, too")
            params = {**dataset.params, **one.params}
            found.append(dataset.model_copy(update={"name": one.name, "params": params}))
    return found


def on_datasets(suite: Suite, wanted: Sequence[str]) -> Suite:
    """Return `suite` with those of its datasets alone that `wanted` names; none means all.

    Raises
    ------
    UserError
        A name or pattern that means none of them; the message offers the nearest.
    """
    if not wanted:
        return suite
    known = datasets_of(suite)
    for text in wanted:
        if not any(has_dataset(dataset, text) for dataset in known):
            hint = nearest(text, [dataset.label for dataset in known])
            raise UserError(f"suite {suite.name!r} has no dataset {text!r}{hint}")
    kept = [one for one in known if any(has_dataset(one, text) for text in wanted)]
    return suite.model_copy(update={"datasets": tuple(kept)})


def _means(wanted: Variant, name: str, value: Callable[[str], Any]) -> bool:
    if not fnmatchcase(name, wanted.name):
        return False
    try:
        return all(_same(value(key), asked) for key, asked in wanted.params.items())
    except UserError:
        # named outright it must have the parameter; found by a pattern it need not
        if name == wanted.name:
            raise
        return False


def _same(value: Any, asked: Any) -> bool:
    if isinstance(value, tuple):
        value = list(value)
    return isinstance(value, bool) == isinstance(asked, bool) and bool(value == asked)


def _dataset_value(dataset: DatasetSpec, name: str) -> Any:
    cls = datasets.DATASETS.load(dataset.name)
    known: Mapping[str, Any] = {
        **{p.name: p.default for p in inspect.signature(cls).parameters.values()},
        **getattr(cls, "options", {}),
        **dataset.params,
    }
    if name not in known:
        raise UserError(f"dataset {dataset.name!r} has no parameter {name!r}{nearest(name, known)}")
    return known[name]


@lru_cache(maxsize=256)
def _read(text: str) -> tuple[Variant, ...]:
    return tuple(variants(text))


def _method_like(method: Method, wanted: str) -> str:
    """Return the name of `method` with those parameters that `wanted` speaks of."""
    asked = _read(wanted)[0]
    if asked.name != method.name or not asked.params:
        return method.label
    return str(Variant(method.name, {name: value_of(method, name) for name in asked.params}))


def _dataset_like(dataset: DatasetSpec, wanted: str) -> str:
    asked = _read(wanted)[0]
    if asked.name != dataset.name or not asked.params:
        return dataset.label
    params = {name: _dataset_value(dataset, name) for name in asked.params}
    return str(Variant(dataset.name, params))


@dataclass(frozen=True)
class _Axis:
    """One kind of filter.

    `of` takes from a candidate what is looked at, `label` names it, `has` says whether it is what
    was asked for, `like` names it in the words of one who asked for something else.
    """

    noun: str
    filter: str
    of: Callable[[Candidate], Any]
    has: Callable[[Any, Any], bool]
    label: Callable[[Any], str] = str
    like: Callable[[Any, Any], str] = lambda thing, wanted: str(thing)

    def wanted(self, things: Sequence[Any], values: Sequence[Any]) -> set[str]:
        """Return the labels of the things that one of `values` means, each value at least one."""
        distinct = {self.label(thing): thing for thing in things}
        wanted: set[str] = set()
        for value in values:
            found = {label for label, thing in distinct.items() if self.has(thing, value)}
            if not found:
                known = {self.like(thing, value) for thing in distinct.values()}
                raise UserError(f"no run has the {self.noun} {value!r}{nearest(str(value), known)}")
            wanted |= found
        return wanted


_AXES = (
    _Axis(
        "method",
        "methods",
        lambda candidate: candidate.method,
        has_method,
        lambda method: method.label,
        _method_like,
    ),
    _Axis(
        "dataset",
        "datasets",
        lambda candidate: candidate.dataset,
        has_dataset,
        lambda dataset: dataset.label,
        _dataset_like,
    ),
    _Axis("seed", "seeds", lambda candidate: candidate.seed, lambda seed, asked: seed == asked),
    _Axis("backend", "backends", lambda candidate: candidate.backend, fnmatchcase),
    _Axis("device", "devices", lambda candidate: candidate.device, fnmatchcase),
)
