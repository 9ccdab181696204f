"""The code that decides a run, as its specification names it."""

from __future__ import annotations

from typing import Any

from topoeval.datasets import DATASETS
from topoeval.losses import LOSSES
from topoeval.networks import NETWORKS
from topoeval.records.parts import DatasetSpec, Method, Network
from topoeval.registry import Registry, State


def code_of(method: Method, dataset: DatasetSpec, network: Network) -> dict[str, str]:
    """Return the code of the losses, dataset, network and remedy of a run.

    Returns
    -------
    dict
        By ``loss my_loss`` and the like: the version of the package or the hash of the file that a
        part from outside topoeval comes from, and its revision from 2 on. Topoeval's own parts in
        their first revision are left out, so that runs which were recorded before there were
        revisions keep their identities.
    """
    parts: list[tuple[Registry[Any], str]] = [(LOSSES, term.name) for term in method.losses]
    if method.remedy is not None:
        # brings torch, which a plan without remedies need not wait for
        from topoeval.training.remedies import REMEDIES

        parts.append((REMEDIES, method.remedy.name))
    parts += [(DATASETS, dataset.name), (NETWORKS, network.name)]
    named = ((f"{registry.kind} {name}", _version(registry, name)) for registry, name in parts)
    return {part: version for part, version in named if version}


def _version(registry: Registry[Any], name: str) -> str:
    if name not in registry:
        return ""
    source = registry.source(name)
    said = [] if source is None else [source.fingerprint]
    if registry.status(name).state is State.AVAILABLE:
        plugin = registry.load(name)
        revision = getattr(getattr(plugin, "info", plugin), "revision", 1)
        # a dataset's revision names its content, and is in the specification by itself
        if registry is not DATASETS and str(revision) != "1":
            said.append(f"revision {revision}")
    return ", ".join(said)
