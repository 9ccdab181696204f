"""From a suite to the runs it asks for, each after those it builds on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from topoeval import datasets
from topoeval.errors import UserError, nearest
from topoeval.harness.catalogue import load_method
from topoeval.harness.model import TRAINED, DatasetSpec, Method, Training
from topoeval.harness.spec import RunSpec
from topoeval.harness.suite import Suite
from topoeval.harness.tuned import Tuned, vary
from topoeval.losses import LOSSES
from topoeval.persistence.backends import resolve
from topoeval.topology import Topology
from topoeval.training.networks import resolve_device
from topoeval.training.remedies import REMEDIES

_ELSEWHERE = {"root": "--data DIR or TOPOEVAL_DATA", "download": "--download"}


def plan(
    suite: Suite, *, tuned: Tuned | None = None, score: Literal["test", "val"] = "test"
) -> list[RunSpec]:
    """Return the runs of `suite`, fully resolved, parents before children, each once.

    Parameters
    ----------
    tuned
        Values that a search chose, in place of the methods' own.
    score
        The split that networks are scored on.

    Raises
    ------
    UserError
        An unknown dataset, method, loss, backend or override; a reference that is not among the
        methods; methods that start from each other.
    """
    methods = _methods(suite)
    runs: dict[str, RunSpec] = {}
    for dataset in suite.datasets:
        common = {**_common(suite, dataset, methods), "score": score}
        if tuned is not None and score == "test":
            tuned.check(suite, common["dataset"])
        judge = {}
        if suite.judge is not None:
            run = _judge(suite.judge, common)
            judge["judge"] = run.id
            runs.setdefault(run.id, run)
        for seed in suite.seeds:
            for name in suite.methods:
                for run in _chain(name, methods, suite, {**common, "seed": seed}, judge, tuned):
                    runs.setdefault(run.id, run)
    return list(runs.values())


def _common(suite: Suite, dataset: DatasetSpec, methods: Mapping[str, Method]) -> dict[str, Any]:
    """Return what all runs of a suite on a dataset share, with nothing left to be chosen later."""
    for params in (dataset.params, *(test.params for test in dataset.tests.values())):
        for param, instead in _ELSEWHERE.items():
            if param in params:
                raise UserError(
                    f"dataset {dataset.name!r}: {param!r} depends on the machine and has no place "
                    f"in a suite; use {instead}"
                )
    info = datasets.resolve(dataset.name, **dataset.params)
    for test in dataset.tests.values():
        datasets.info(dataset.name, **{**dataset.params, **test.params}).checked_split(test.split)
    topology = Topology.parse(suite.topology)
    device = resolve_device(suite.device).type
    return {
        "dataset": _located(dataset, info),
        "topology": str(topology),
        "backend": resolve(
            suite.backend, info.ndim, topology, device=device, locations=_needs_voxels(methods)
        ).info.name,
        "device": device,
        "precision": suite.precision,
        "network": suite.network,
    }


def _chain(
    name: str,
    methods: Mapping[str, Method],
    suite: Suite,
    common: Mapping[str, Any],
    judge: Mapping[str, str],
    tuned: Tuned | None,
) -> list[RunSpec]:
    """Return the run of a method after the runs that it starts from."""
    method = methods[name]
    before = []
    parents = dict(judge)
    if method.starts_from is not None:
        before = _chain(method.starts_from, methods, suite, common, judge, tuned)
        parents["start"] = before[-1].id
    run = RunSpec.model_validate(
        {
            **common,
            "task": "restore",
            "dataset": _without(common["dataset"], "judge"),
            # what may be searched for is no part of a run
            "method": method.model_copy(update={"search": {}}),
            "training": suite.start.training if method.role == "start" else suite.training,
            "augmentation": suite.augmentation if method.regime in TRAINED else None,
            "parents": parents,
        }
    )
    return [*before, run if tuned is None else vary(run, tuned.values(run.dataset, name))]


def _needs_voxels(methods: Mapping[str, Method]) -> bool:
    """Whether any loss asks the backend for gradients, and so for voxels."""
    return any(
        LOSSES.load(term.name).info.takes_backend
        for method in methods.values()
        for term in method.losses
    )


def _methods(suite: Suite) -> dict[str, Method]:
    """Return the suite's methods and all that they start from, checked as far as names go."""
    for name in suite.override:
        if name not in suite.methods:
            raise UserError(
                f"suite {suite.name!r}: override of {name!r}, which is not among its methods"
                f"{nearest(name, suite.methods)}"
            )
    methods = {
        "start": Method(
            name="start",
            title="Common start",
            role="start",
            regime="supervised",
            starts_from=None,
            losses=suite.start.losses,
        )
    }
    wanted = list(suite.methods)
    while wanted:
        name = wanted.pop()
        if name not in methods:
            methods[name] = load_method(name, suite.override.get(name))
            if methods[name].starts_from is not None:
                wanted.append(str(methods[name].starts_from))
    if suite.reference not in suite.methods:
        raise UserError(
            f"suite {suite.name!r}: reference {suite.reference!r} is not among its methods"
            f"{nearest(suite.reference, suite.methods)}"
        )
    for method in methods.values():
        _check_beginning(method, methods)
        for term in method.losses:
            if term.name not in LOSSES:
                raise UserError(
                    f"method {method.name!r}: unknown loss {term.name!r}"
                    f"{nearest(term.name, LOSSES)}"
                )
        if method.remedy is not None and method.remedy.name not in REMEDIES:
            raise UserError(
                f"method {method.name!r}: unknown remedy {method.remedy.name!r}"
                f"{nearest(method.remedy.name, REMEDIES)}"
            )
    return methods


def _check_beginning(method: Method, methods: Mapping[str, Method]) -> None:
    """Refuse a method that begins with what leaves no network, or in the end with itself."""
    chain = [method.name]
    while (before := methods[chain[-1]].starts_from) is not None:
        if methods[before].regime not in TRAINED:
            raise UserError(
                f"method {chain[-1]!r} starts from {before!r}, which corrects answers "
                "and leaves no network to start from"
            )
        if before in chain:
            raise UserError(f"methods start from each other: {' -> '.join((*chain, before))}")
        chain.append(before)


def _judge(training: Training, common: Mapping[str, Any]) -> RunSpec:
    """Return the run that trains the judge: one per dataset, the same for all seeds."""
    dataset: DatasetSpec = common["dataset"]
    sizes = {"judge": dataset.sizes["judge"]} if "judge" in dataset.sizes else {}
    method = {
        "name": "judge",
        "title": "Judge",
        "role": "start",
        "regime": "supervised",
        "starts_from": None,
        "losses": [{"name": "cross_entropy"}],
    }
    return RunSpec.model_validate(
        {
            **common,
            "task": "judge",
            # it measures, whatever is measured
            "precision": "float32",
            "score": "test",
            "dataset": dataset.model_copy(update={"sizes": sizes, "tests": {}}),
            "method": method,
            "training": training,
            "seed": 0,
        }
    )


def _located(dataset: DatasetSpec, info: datasets.DatasetInfo) -> DatasetSpec:
    """Return a dataset with its content named, and what names files apart from what decides it."""
    paths = {name: value for name, value in dataset.params.items() if name in info.paths}
    return dataset.model_copy(
        update={
            "revision": info.revision,
            "params": {k: value for k, value in dataset.params.items() if k not in paths},
            "paths": {k: str(Path(value).expanduser().resolve()) for k, value in paths.items()},
        }
    )


def _without(dataset: DatasetSpec, split: str) -> DatasetSpec:
    sizes = {name: size for name, size in dataset.sizes.items() if name != split}
    return dataset.model_copy(update={"sizes": sizes})
