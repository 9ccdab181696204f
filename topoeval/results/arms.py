"""Which runs are repetitions of one another, and what to call them.

An arm is a method with everything that was chosen about it; its runs differ in nothing but the
seed. Two runs of `betti_prior_post`, one with gudhi and one with cripser, are two arms and must not
be averaged, so their labels say what sets them apart: ``Betti prior [backend=gudhi]``. Datasets
are told apart in the same way.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from topoeval.records.spec import RunSpec

# Parts of a spec that name a dataset; the seed pairs runs, and parents are looked up by identity.
_DATASET = {"dataset", "topology"}
_NEITHER = {*_DATASET, "seed", "parents", "schema_version", "scoring", "code"}
# How a method is described, not what it does.
_WORDS = ("method.title", "method.summary", "method.paper", "method.variant")
_LONGEST_VALUE = 24


@dataclass(frozen=True, slots=True)
class Labels:
    """What a run is called in tables: unique per dataset, and per arm inside a dataset."""

    dataset: str
    arm: str


def label_runs(specs: Mapping[str, RunSpec], tests: Mapping[str, str]) -> dict[str, Labels]:
    """Label every run, given the specifications by identity.

    Parameters
    ----------
    specs
        What was run.
    tests
        Which test each is of, where a run has several: to a table these are datasets.
    """
    settings = _Settings(specs)
    datasets = {
        identity: settings.of_dataset(spec, tests.get(identity)) for identity, spec in specs.items()
    }
    dataset_labels: dict[str, str] = {}
    # An auxiliary network takes other splits of a dataset than the runs; that is no second dataset.
    for task in {spec.task for spec in specs.values()}:
        names = {i: spec.dataset.name for i, spec in specs.items() if spec.task == task}
        dataset_labels |= _variants({identity: datasets[identity] for identity in names}, names)
    # Grouped by title, not by name: two methods that share a title need telling apart.
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for identity, spec in specs.items():
        groups[dataset_labels[identity], spec.method.title].append(identity)
    labels: dict[str, Labels] = {}
    for (dataset, title), identities in groups.items():
        inside = {identity: settings.of_arm(identity) for identity in identities}
        for identity, arm in _variants(inside, dict.fromkeys(inside, title)).items():
            labels[identity] = Labels(dataset, arm)
    return labels


def flatten(value: Any, prefix: str = "") -> dict[str, str]:
    """Flatten nested mappings to dotted keys with JSON values.

    >>> flatten({"training": {"epochs": 2}, "losses": ["bce"]})
    {'training.epochs': '2', 'losses': '["bce"]'}
    """
    if isinstance(value, Mapping):
        flat: dict[str, str] = {}
        for key, inner in value.items():
            flat.update(flatten(inner, f"{prefix}.{key}" if prefix else str(key)))
        return flat
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
    return {prefix: text}


def varying(settings: Sequence[Mapping[str, str]]) -> list[str]:
    """Return the keys on which flattened settings disagree, in order."""
    keys = sorted({key for setting in settings for key in setting})
    return [key for key in keys if len({setting.get(key) for setting in settings}) > 1]


class _Settings:
    """Flattened settings of many runs; those of repetitions are flattened once."""

    def __init__(self, specs: Mapping[str, RunSpec]) -> None:
        self.specs = specs
        self._flat: dict[bytes, dict[str, str]] = {}
        self._digests: dict[tuple[str, int], str] = {}

    def of_dataset(self, spec: RunSpec, test: str | None) -> dict[str, str]:
        """Return what a dataset is; each test of several is one of its own."""
        data = spec.model_dump(mode="json", by_alias=True, include=_DATASET)
        if spec.dataset.tests and test is not None:
            data["dataset"]["test"] = test
        return self._flattened(data)

    def of_arm(self, identity: str, depth: int = 2, of_child: bool = True) -> dict[str, str]:
        """Return what an arm is; a parent counts by its own settings, not by its seed."""
        spec = self.specs[identity]
        chosen = spec.model_dump(mode="json", by_alias=True, exclude=_NEITHER)
        flat = self._flattened({**chosen, "method": _losses_by_name(chosen["method"])})
        flat = {key: value for key, value in flat.items() if not key.startswith(_WORDS)}
        if not of_child:
            # a child has the network of its parent, and says so itself
            flat = {key: value for key, value in flat.items() if not key.startswith("network.")}
        for name, parent in spec.parents.items():
            # Parents of parents count too; the depth guards against records that name each other.
            if parent in self.specs and depth:
                flat[f"parents.{name}"] = self._digest(parent, depth - 1)
        return flat

    def _digest(self, identity: str, depth: int) -> str:
        key = (identity, depth)
        if key not in self._digests:
            text = json.dumps(self.of_arm(identity, depth, of_child=False), sort_keys=True)
            self._digests[key] = _digest(text)
        return self._digests[key]

    def _flattened(self, value: Mapping[str, Any]) -> dict[str, str]:
        key = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
        if key not in self._flat:
            self._flat[key] = flatten(value)
        return self._flat[key]


def _losses_by_name(method: Mapping[str, Any]) -> dict[str, Any]:
    """Return a method whose losses are told apart by their names, as a label can say them."""
    losses = method["losses"]
    named = {str(term["name"]): term for term in losses}
    # twice the same loss, say on labelled and on unlabelled images: the list as it is
    return {**method, "losses": named if len(named) == len(losses) else losses}


def _variants(
    settings: Mapping[str, Mapping[str, str]], names: Mapping[str, str]
) -> dict[str, str]:
    """Append to each name the settings in which its namesakes differ."""
    namesakes: dict[str, list[str]] = defaultdict(list)
    for identity, name in names.items():
        namesakes[name].append(identity)
    labels: dict[str, str] = {}
    for name, identities in namesakes.items():
        keys = _of_networks([settings[identity] for identity in identities])
        leaves = ["network" if key == "network.name" else key.rpartition(".")[2] for key in keys]
        shown = [
            leaf if leaves.count(leaf) == 1 else key for key, leaf in zip(keys, leaves, strict=True)
        ]
        for identity in identities:
            parts = [
                f"{label}={_short(settings[identity].get(key, 'none'))}"
                for key, label in zip(keys, shown, strict=True)
            ]
            labels[identity] = f"{name} [{', '.join(parts)}]" if parts else name
    return labels


def _of_networks(settings: Sequence[Mapping[str, str]]) -> list[str]:
    """Return the keys on which settings disagree, without those that a network's name says.

    Two networks have other parameters because they are other networks; a label names those alone in
    which networks of one name differ.
    """
    keys = varying(settings)
    if "network.name" not in keys:
        return keys
    by_name: dict[str, list[Mapping[str, str]]] = defaultdict(list)
    for setting in settings:
        by_name[setting.get("network.name", "")].append(setting)
    inside = {key for group in by_name.values() for key in varying(group)}
    return [
        key
        for key in keys
        if not key.startswith("network.") or key == "network.name" or key in inside
    ]


def _short(value: str) -> str:
    return value if len(value) <= _LONGEST_VALUE else _digest(value)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]
