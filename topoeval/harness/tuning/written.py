"""What a search leaves: a record per method, and ``tuned.toml`` for the final runs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from topoeval.checksums import opened, sealed
from topoeval.errors import UserError
from topoeval.harness.runs.store import Store
from topoeval.harness.suites.space import Range
from topoeval.harness.suites.suite import Suite
from topoeval.harness.suites.tuned import Choice, Tuned, read_tuned
from topoeval.harness.tuning.search import Search
from topoeval.records.parts import DatasetSpec
from topoeval.whole_file import read_bytes, write_text

SCHEMA = 2
_SEALED_FROM = 2


def earlier_choices(suite: Suite, datasets: Sequence[DatasetSpec], store: Store) -> list[Choice]:
    """Return what earlier searches of a suite chose on other datasets than these.

    Raises
    ------
    UserError
        They were made with other seeds or for another suite: one file cannot hold both.
    """
    path = _chosen(store)
    if not path.exists():
        return []
    before = read_tuned(path)
    kept = [one for one in before.choices if not any(one.is_for(dataset) for dataset in datasets)]
    if kept and (before.suite, before.seeds) != (suite.name, suite.tuning.seeds):
        raise UserError(
            f"{path} holds choices for dataset {kept[0].dataset!r} by suite {before.suite!r} with "
            f"seeds {list(before.seeds)}, and this is suite {suite.name!r} with seeds "
            f"{list(suite.tuning.seeds)}; give another folder by --results"
        )
    return kept


def write(
    suite: Suite, searches: Sequence[Search], store: Store, earlier: Sequence[Choice]
) -> None:
    """Write a record per method, and what was chosen as the file that final runs read.

    `earlier` are the choices on other datasets; their records stay beside the new ones.
    """
    store.root.mkdir(parents=True, exist_ok=True)
    for label in dict.fromkeys(search.method.label for search in searches):
        mine = [search for search in searches if search.method.label == label]
        name = label.replace("/", "_")  # a value of a parameter may be anything
        path = store.root / f"{name}.json"
        record = _record(suite, label, mine)
        if earlier and path.exists():
            record["datasets"] = _elsewhere(path, mine) + record["datasets"]
        write_text(path, json.dumps(sealed(record), indent=1, sort_keys=True) + "\n")
    tuned = Tuned(
        suite=suite.name,
        seeds=suite.tuning.seeds,
        choices=(*earlier, *(search.choice for search in searches)),
    )
    tuned.write(
        _chosen(store),
        f"Written by 'topoeval tune {suite.name}'; read by 'topoeval run {suite.name} --tuned'.\n"
        f"Why these values: {store.root.name}/METHOD.json.",
    )


def _chosen(store: Store) -> Path:
    return store.root.parent / "tuned.toml"


def _elsewhere(path: Path, searches: Sequence[Search]) -> list[dict[str, Any]]:
    """Return what the record of a method says of other datasets than those of `searches`."""
    now = [(search.runs[0].dataset.name, search.runs[0].dataset.params) for search in searches]
    try:
        before = opened(json.loads(read_bytes(path)), _SEALED_FROM, SCHEMA)
        found: list[dict[str, Any]] = before["datasets"]
    except (ValueError, KeyError) as error:
        raise UserError(
            f"{path} is damaged ({error}); give another folder by --results, or search again on "
            "all datasets"
        ) from None
    return [one for one in found if (one["name"], one["params"]) not in now]


def _record(suite: Suite, label: str, searches: Sequence[Search]) -> dict[str, Any]:
    tuning = suite.tuning
    return {
        "schema": SCHEMA,
        "suite": suite.name,
        "method": label,
        "reference": suite.reference,
        "rule": "lowest Betti error of the trials whose Dice is at most "
        f"{tuning.margin:g} below the best of the reference; if there is none, the highest Dice",
        "sampler": tuning.sampler,
        "trials": tuning.trials,
        "seeds": list(tuning.seeds),
        "space": {
            key: axis.model_dump() if isinstance(axis, Range) else list(axis)
            for key, axis in searches[0].space.items()
        },
        "datasets": [
            {
                "name": search.runs[0].dataset.name,
                "params": search.runs[0].dataset.params,
                "enough_dice": search.enough,
                "trials": [asdict(trial) for trial in search.trials],
                "chosen": search.chosen,
                "within": search.within,
                "why": search.why,
            }
            for search in searches
        ],
    }
