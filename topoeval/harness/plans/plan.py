"""The planner turns a suite into runs, each after those it builds on."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from topoeval import datasets
from topoeval.errors import UserError, nearest
from topoeval.harness.plans.code import code_of
from topoeval.harness.plans.scoring import auxiliary_of, check_scoring
from topoeval.harness.suites.methods import beginning, methods_of
from topoeval.harness.suites.parameters import takes_backend, tells_prior
from topoeval.harness.suites.selection import Filters, datasets_of, has_dataset, select
from topoeval.harness.suites.suite import Exclude, Include, Suite
from topoeval.harness.suites.tuned import Tuned, vary
from topoeval.persistence.backends import BACKENDS, resolve
from topoeval.records.parts import TRAINED, DatasetSpec, Method, Network, Training
from topoeval.records.spec import RESTORE, RunSpec, Scoring
from topoeval.records.variant import Variant, variants
from topoeval.topology import Topology
from topoeval.training.device import resolve_device

_ELSEWHERE = {"root": "--data DIR or TOPOEVAL_DATA", "download": "--download"}


def plan(
    suite: Suite,
    *,
    absent: dict[str, str] | None = None,
    tuned: Tuned | None = None,
    score: Literal["test", "val"] = "test",
) -> list[RunSpec]:
    """Return the runs of `suite`, fully resolved, parents before children, each once.

    A method that takes no persistence backend is planned once, with the first backend.

    Parameters
    ----------
    absent
        If given, a dataset whose files are not here, or which `tuned` says nothing of, is planned
        all the same, and the reason is noted here by its label. The identities of its runs do not
        hold.
    tuned
        Values that a search chose, in place of the methods' own.
    score
        The split that networks are scored on.

    Raises
    ------
    UserError
        An unknown dataset, method, loss, parameter, backend or override; an ``exclude`` that leaves
        nothing out; a reference that is no method, or several; methods that start from each other.
    """
    named = [one for text in suite.methods for one in variants(text)]
    included = [one for part in suite.include for text in part.method for one in variants(text)]
    planner = _Planner(suite, methods_of(suite, named, included), absent, tuned, score)
    if tuned is not None and score == "test":
        for common in planner.commons:
            dataset = common["dataset"]
            partial = tuned.suite == suite.name and not tuned.knows(dataset)
            if absent is not None and tuned.choices and partial:
                absent.setdefault(dataset.label, tuned.unknown(dataset))
                continue
            # with `absent` runs are selected afterwards, and `selected` looks at their methods
            tuned.check(suite, dataset, map(str, (*named, *included)) if absent is None else ())
    cells = list(_product(planner, named))
    for number, exclusion in enumerate(suite.exclude):
        cells = _without_excluded(cells, exclusion, f"suite {suite.name!r}: exclude.{number}")
    for number, inclusion in enumerate(suite.include):
        cells += _included(planner, inclusion, named, f"suite {suite.name!r}: include.{number}")
    for cell in cells:
        planner.add(cell)
    return list(planner.runs.values())


def plan_selected(suite: Suite, filters: Filters, *, tuned: Tuned | None = None) -> list[RunSpec]:
    """Return those runs of `suite` that pass the filters, and what they build on.

    A dataset whose files are not here is no mistake as long as no run that passes is on it.

    Raises
    ------
    UserError
        As `plan` and `topoeval.harness.suites.selection.select`.
    """
    absent: dict[str, str] = {}
    runs = selected(suite, filters, absent, tuned)
    for run in runs:
        if run.dataset.label in absent:
            raise UserError(absent[run.dataset.label])
    return runs


def selected(
    suite: Suite, filters: Filters, absent: dict[str, str], tuned: Tuned | None
) -> list[RunSpec]:
    """Return the runs that pass; note in `absent` which datasets cannot run. Raises as `plan`."""
    runs = select(plan(suite, absent=absent, tuned=tuned), filters)
    if tuned is not None:
        for run in runs:
            if run.method.role == "method" and run.dataset.label not in absent:
                tuned.check(suite, run.dataset, [run.method.label])
    return runs


@dataclass(frozen=True, slots=True)
class Cell:
    """A combination that is to become a run.

    ``dataset_index`` is the position of the dataset in the list of the suite's datasets.
    """

    dataset_index: int
    dataset: DatasetSpec
    network: Network
    method: Method
    seed: int
    backend: str
    device: str


class _Planner:
    """Turns cells into runs, each with those that it builds on, none twice."""

    def __init__(
        self,
        suite: Suite,
        methods: Mapping[str, Method],
        absent: dict[str, str] | None,
        tuned: Tuned | None,
        score: Literal["test", "val"],
    ) -> None:
        self.suite = suite
        self.tuned = tuned
        self.score = score
        self.methods = methods
        self.runs: dict[str, RunSpec] = {}
        self.networks = [network.resolved() for network in suite.network]
        self.scoring = Scoring(metrics=suite.metrics, keep_answers=suite.keep_answers)
        self.commons = [_common(suite, dataset, absent) for dataset in datasets_of(suite)]
        self._done: dict[tuple[object, ...], RunSpec] = {}
        self._pictured: dict[tuple[object, ...], int] = {}
        self._codes: dict[tuple[object, ...], dict[str, str]] = {}
        # once for each method, and not for each of thousands of runs
        self._takes_backend = {name: self._depends(method) for name, method in methods.items()}

    def cells(
        self,
        indices: Sequence[int],
        named: Sequence[Variant],
        seeds: Sequence[int],
        backends: Sequence[str],
        devices: Sequence[str],
    ) -> Iterator[Cell]:
        """Yield a product; methods that take no backend only once, with the suite's first."""
        for index, network in itertools.product(indices, self.networks):
            dataset: DatasetSpec = self.commons[index]["dataset"]
            for device in dict.fromkeys(map(_device, devices)):
                default_backend = self._default_backend(device)
                for position, backend in enumerate(_backend(text, device) for text in backends):
                    for seed, name in itertools.product(seeds, map(str, named)):
                        takes_it, method = self._takes_backend[name], self.methods[name]
                        if takes_it or position == 0:
                            chosen = backend if takes_it else default_backend
                            yield Cell(index, dataset, network, method, seed, chosen, device)

    def add(self, cell: Cell) -> None:
        """Plan a cell and what it builds on."""
        common = {**self.commons[cell.dataset_index], "device": cell.device}
        default_backend = self._default_backend(cell.device)
        auxiliary = {}
        for name, split in auxiliary_of(self.suite, common["dataset"]).items():
            key = (name, cell.dataset_index, cell.device)
            if key not in self._done:
                # a classifier of images, the same whatever network it reads the predictions of
                own = {**common, "backend": default_backend, "network": self.networks[0]}
                self._keep(key, _auxiliary(name, split, self.suite.auxiliary[name], own))
            auxiliary[name] = self._done[key].id
        common |= {"network": cell.network, "seed": cell.seed}
        self._chain(cell, cell.method, common, default_backend, auxiliary)

    def _chain(
        self,
        cell: Cell,
        method: Method,
        common: Mapping[str, Any],
        default_backend: str,
        auxiliary: Mapping[str, str],
    ) -> RunSpec:
        """Return the run of a method, planned after the run that it starts from."""
        backend = cell.backend if self._takes_backend[method.label] else default_backend
        key = (
            method.label,
            cell.dataset_index,
            cell.network.label,
            cell.seed,
            backend,
            cell.device,
        )
        if key in self._done:
            return self._done[key]
        # pictures are large, and those of a second seed show the same
        pictured = self._pictured.setdefault((*key[:3], *key[4:]), cell.seed) == cell.seed
        parents = dict(auxiliary)
        if (before := beginning(method)) is not None:
            parents["start"] = self._chain(
                cell, self.methods[before], common, default_backend, auxiliary
            ).id
        run = RunSpec.model_validate(
            {
                **common,
                "backend": backend,
                "score": self.score,
                "task": RESTORE,
                "dataset": _without_auxiliary(common["dataset"]),
                "method": method,
                "training": (
                    self.suite.start.training if method.role == "start" else self.suite.training
                ),
                "augmentation": self.suite.augmentation if method.regime in TRAINED else None,
                "parents": parents,
                "scoring": self.scoring.model_copy(update={"examples": pictured}),
                "code": self._code(method, cell),
                **_asked(self.suite, method, common["dataset"]),
            }
        )
        if self.tuned is not None:
            run = vary(run, self.tuned.values(run.dataset, method.label))
        return self._keep(key, run)

    def _code(self, method: Method, cell: Cell) -> dict[str, str]:
        key = (method.label, cell.dataset_index, cell.network.label)
        if key not in self._codes:
            self._codes[key] = code_of(method, cell.dataset, cell.network)
        return self._codes[key]

    def _keep(self, key: tuple[object, ...], run: RunSpec) -> RunSpec:
        self._done[key] = self.runs.setdefault(run.id, run)
        return self._done[key]

    def _default_backend(self, device: str) -> str:
        """Return the backend of runs whose results depend on no backend."""
        return _backend(self.suite.backend[0], device)

    def _depends(self, method: Method) -> bool:
        """Whether the backend decides the result of a method, or of what it starts from."""
        before = beginning(method)
        return takes_backend(method) or (before is not None and self._depends(self.methods[before]))


def _product(planner: _Planner, named: Sequence[Variant]) -> Iterator[Cell]:
    """Yield the product that a suite asks for."""
    suite = planner.suite
    indices = range(len(planner.commons))
    return planner.cells(indices, named, suite.seeds, suite.backend, suite.device)


def _included(
    planner: _Planner, part: Include, named: Sequence[Variant], where: str
) -> Iterator[Cell]:
    """Yield what an ``[[include]]`` asks for; what it does not say is as in the suite."""
    suite = planner.suite
    known = [common["dataset"] for common in planner.commons]
    indices = [
        index
        for index, dataset in enumerate(known)
        if not part.dataset or any(has_dataset(dataset, text) for text in part.dataset)
    ]
    if not indices:
        asked = " or ".join(map(repr, part.dataset))
        hint = nearest(part.dataset[0], [dataset.label for dataset in known])
        raise UserError(f"{where}: the suite has no dataset {asked}{hint}")
    return planner.cells(
        indices,
        [one for text in part.method for one in variants(text)] or named,
        part.seed or suite.seeds,
        part.backend or suite.backend,
        part.device or suite.device,
    )


def _without_excluded(cells: list[Cell], part: Exclude, where: str) -> list[Cell]:
    """Return the cells but for those that have all that an ``[[exclude]]`` says."""
    filters = Filters(part.method, part.dataset, part.seed, part.backend, part.device)
    try:
        out = set(filters.passing(cells))
    except UserError as error:
        raise UserError(f"{where}: {error}") from None
    return [cell for index, cell in enumerate(cells) if index not in out]


def _asked(suite: Suite, method: Method, dataset: DatasetSpec) -> dict[str, Any]:
    """Return what a suite says of thresholds, priors and patches, where it concerns a method."""
    asked: dict[str, Any] = {"patch": suite.patch}
    if suite.threshold != "half" and method.regime in TRAINED:
        if "val" not in dataset.sizes:
            raise UserError(
                f"suite {suite.name!r}: threshold = {suite.threshold!r} is chosen on validation "
                f"images, and dataset {dataset.label!r} has no size of 'val'"
            )
        asked["threshold"] = suite.threshold
    if tells_prior(method):
        asked |= {"prior": suite.prior, "prior_error": suite.prior_error}
    return asked


def _common(suite: Suite, dataset: DatasetSpec, absent: dict[str, str] | None) -> dict[str, Any]:
    """Return what all runs of a suite on a dataset share, with nothing left to be chosen later."""
    for params in (dataset.params, *(test.params for test in dataset.tests.values())):
        for param, instead in _ELSEWHERE.items():
            if param in params:
                raise UserError(
                    f"dataset {dataset.name!r}: {param!r} depends on the machine and has no place "
                    f"in a suite; use {instead}"
                )
    info = datasets.info(dataset.name, **dataset.params)
    check_scoring(suite, dataset)
    for test in dataset.tests.values():
        datasets.info(dataset.name, **{**dataset.params, **test.params}).checked_split(test.split)
    try:
        info = datasets.resolve(dataset.name, **dataset.params)
    except UserError as error:
        if absent is None:
            raise
        absent[_located(dataset, info).label] = str(error)
    return {
        "dataset": _located(dataset, info),
        # of the dataset in this suite, of the suite, or else of the card
        "topology": str(Topology.parse(dataset.topology or suite.topology or str(info.topology))),
        "precision": suite.precision,
    }


@lru_cache(maxsize=64)
def _backend(name: str, device: str) -> str:
    """Return the name that stands for a backend in a specification."""
    if name == "auto":  # which one that is depends on the device alone
        return resolve("auto", 2, Topology(), device=device).info.name
    BACKENDS.status(name)  # must be known; whether it can be used here is for the preflight
    return name


def _device(name: str) -> str:
    """Return the type of a device; that there is one here is for the preflight to see."""
    return "cuda" if name == "cuda" else resolve_device(name).type


def _auxiliary(
    name: str, split: datasets.Split, training: Training, common: Mapping[str, Any]
) -> RunSpec:
    """Return the run that trains an auxiliary network: one per dataset, the same for all seeds."""
    dataset: DatasetSpec = common["dataset"]
    sizes = {split: dataset.sizes[split]} if split in dataset.sizes else {}
    method = {
        "name": name,
        "title": name.capitalize(),
        "role": "start",
        "regime": "supervised",
        "starts_from": None,
        "losses": [{"name": "cross_entropy"}],
    }
    return RunSpec.model_validate(
        {
            **common,
            "task": name,
            # what measures is the same whatever is measured
            "precision": "float32",
            "dataset": dataset.model_copy(update={"sizes": sizes, "tests": {}}),
            "method": method,
            "training": training,
            "seed": 0,
            "code": code_of(Method.model_validate(method), dataset, common["network"]),
        }
    )


def _located(dataset: DatasetSpec, info: datasets.DatasetInfo) -> DatasetSpec:
    """Return a dataset with its content named, and what names files apart from what decides it."""
    paths = {name: value for name, value in dataset.params.items() if name in info.paths}
    return dataset.model_copy(
        update={
            "revision": info.revision,
            "topology": "",
            "params": {k: value for k, value in dataset.params.items() if k not in paths},
            "paths": {k: str(Path(value).expanduser().resolve()) for k, value in paths.items()},
        }
    )


def _without_auxiliary(dataset: DatasetSpec) -> DatasetSpec:
    """Return a dataset without the sizes of the splits that only auxiliary networks see."""
    theirs = datasets.info(dataset.name, **dataset.params).auxiliary.values()
    sizes = {name: size for name, size in dataset.sizes.items() if name not in theirs}
    return dataset.model_copy(update={"sizes": sizes})
