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

# Parts of a spec that name a dataset; the seed pairs runs, and parents are looked up by identity.
_DATASET = ("dataset", "topology")
_NEITHER = (*_DATASET, "seed", "parents", "schema")
# How a method is described, not what it does.
_WORDS = ("method.title", "method.summary", "method.paper", "method.variant")
_LONGEST_VALUE = 24


@dataclass(frozen=True, slots=True)
class Labels:
    """What a run is called in tables: unique per dataset, and per arm inside a dataset."""

    dataset: str
    arm: str


def label_runs(specs: Mapping[str, Mapping[str, Any]]) -> dict[str, Labels]:
    """Label every run, given the specs by identity."""
    datasets = {
        identity: flatten({k: spec[k] for k in _DATASET}) for identity, spec in specs.items()
    }
    dataset_labels: dict[str, str] = {}
    # A judge takes other splits of a dataset than the runs it judges; that is no second dataset.
    for task in {str(spec["task"]) for spec in specs.values()}:
        names = {
            i: str(spec["dataset"]["name"]) for i, spec in specs.items() if spec["task"] == task
        }
        dataset_labels |= _variants({identity: datasets[identity] for identity in names}, names)
    settings = {identity: _settings(spec, specs) for identity, spec in specs.items()}
    # Grouped by title, not by name: two methods that share a title need telling apart.
    groups = {
        identity: (dataset_labels[identity], method_title(spec)) for identity, spec in specs.items()
    }
    labels: dict[str, Labels] = {}
    for group in sorted(set(groups.values())):
        inside = {identity: settings[identity] for identity in specs if groups[identity] == group}
        for identity, arm in _variants(inside, dict.fromkeys(inside, group[1])).items():
            labels[identity] = Labels(group[0], arm)
    return labels


def method_title(spec: Mapping[str, Any]) -> str:
    """Return the title of a run's method; a judge has none and is named by its task."""
    method = spec.get("method") or {}
    return str(method.get("title") or method.get("name") or spec["task"])


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


def _settings(
    spec: Mapping[str, Any], specs: Mapping[str, Mapping[str, Any]], depth: int = 2
) -> dict[str, str]:
    """Flatten what an arm is; a parent counts by its own settings, not by its seed."""
    chosen = {key: value for key, value in spec.items() if key not in _NEITHER}
    flat = flatten({**chosen, "method": _losses_by_name(spec.get("method") or {})})
    flat = {key: value for key, value in flat.items() if not key.startswith(_WORDS)}
    for name, identity in (spec.get("parents") or {}).items():
        # Parents of parents count too; the depth guards against records that name each other.
        if identity in specs and depth:
            parent = _settings(specs[identity], specs, depth - 1)
            flat[f"parents.{name}"] = _digest(json.dumps(parent, sort_keys=True))
    return flat


def _losses_by_name(method: Mapping[str, Any]) -> dict[str, Any]:
    """Return a method whose losses are told apart by their names, as a label can say them."""
    losses = method.get("losses") or []
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
        keys = varying([settings[identity] for identity in identities])
        leaves = [key.rsplit(".", 1)[-1] for key in keys]
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


def _short(value: str) -> str:
    return value if len(value) <= _LONGEST_VALUE else _digest(value)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]
