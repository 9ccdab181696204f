"""From a suite to the runs it asks for, each after those it builds on."""

from __future__ import annotations

from collections.abc import Mapping

from topoeval import datasets
from topoeval.errors import UserError, nearest
from topoeval.harness.catalogue import load_method
from topoeval.harness.model import DatasetSpec, Method, Training
from topoeval.harness.spec import RunSpec
from topoeval.harness.suite import Suite
from topoeval.losses import LOSSES
from topoeval.persistence.backends import resolve
from topoeval.topology import Topology
from topoeval.training.networks import resolve_device
from topoeval.training.remedies import REMEDIES


def plan(suite: Suite) -> list[RunSpec]:
    """Return the runs of `suite`, fully resolved, parents before children, each once.

    Raises
    ------
    UserError
        An unknown dataset, method, loss, backend or override; a reference that is not among the
        methods; methods that start from each other.
    """
    methods = _methods(suite)
    runs: dict[str, RunSpec] = {}

    def add(run: RunSpec) -> str:
        runs.setdefault(run.id, run)
        return run.id

    for dataset in suite.datasets:
        info = datasets.info(dataset.name)
        dataset = dataset.model_copy(update={"revision": info.revision})
        topology = Topology.parse(suite.topology)
        backend = resolve(suite.backend, info.ndim, topology).info.name
        common = {
            "topology": str(topology),
            "backend": backend,
            "device": resolve_device(suite.device).type,  # type: ignore[arg-type]
            "network": suite.network,
        }
        judge = {}
        if suite.judge is not None:
            judge["judge"] = add(_judge(dataset, suite.judge, common))
        dataset = _without(dataset, "judge")
        for seed in suite.seeds:

            def run_of(name: str) -> str:
                method = methods[name]
                parents = dict(judge)
                if method.starts_from is not None:
                    parents["start"] = run_of(method.starts_from)
                return add(
                    RunSpec(
                        task="restore",
                        dataset=dataset,  # noqa: B023  # called within this iteration
                        method=method,
                        training=suite.start.training if name == "start" else suite.training,
                        seed=seed,  # noqa: B023
                        parents=parents,
                        **common,  # noqa: B023
                    )
                )

            for name in suite.methods:
                run_of(name)
    return list(runs.values())


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
                    f"method {method.name!r}: unknown loss {term.name!r}{nearest(term.name, LOSSES)}"
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
        if methods[before].regime not in ("supervised", "semi_supervised"):
            raise UserError(
                f"method {chain[-1]!r} starts from {before!r}, which corrects answers "
                "and leaves no network to start from"
            )
        if before in chain:
            raise UserError(f"methods start from each other: {' -> '.join((*chain, before))}")
        chain.append(before)


def _judge(dataset: DatasetSpec, training: Training, common: dict[str, object]) -> RunSpec:
    """Return the run that trains the judge: one per dataset, the same for all seeds."""
    sizes = {"judge": dataset.sizes["judge"]} if "judge" in dataset.sizes else {}
    return RunSpec(
        task="judge",
        dataset=dataset.model_copy(update={"sizes": sizes}),
        method=Method(
            name="judge",
            title="Judge",
            regime="supervised",
            role="start",
            starts_from=None,
            losses=({"name": "cross_entropy"},),  # type: ignore[arg-type]  # pydantic parses it
        ),
        training=training,
        seed=0,
        **common,  # type: ignore[arg-type]
    )


def _without(dataset: DatasetSpec, split: str) -> DatasetSpec:
    sizes = {name: size for name, size in dataset.sizes.items() if name != split}
    return dataset.model_copy(update={"sizes": sizes})
