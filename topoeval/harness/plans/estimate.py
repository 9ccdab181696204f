"""How long runs will take, from the records of those that were done on the same kind of machine."""

from __future__ import annotations

import json
import math
import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from topoeval import datasets
from topoeval.errors import UserError
from topoeval.harness.runs.environment import machine_kind
from topoeval.records.spec import RunSpec

# what tells runs of one arm apart, and what decides no time
_NEITHER = ("seed", "parents", "schema")
_WORDS = ("title", "summary", "paper", "variant")


@dataclass(frozen=True, slots=True)
class Estimate:
    """Seconds of wall time that a run will take.

    ``basis`` is ``"same"`` where the records are of the same run with other seeds, and ``"like"``
    where they are of the method on the dataset in another length, which was accounted for.
    """

    seconds: float
    records: int
    basis: Literal["same", "like"]


class Experience:
    """What records tell about the time of runs on machines of this kind.

    Parameters
    ----------
    folders
        Folders of records; those that are not there are left out.
    """

    def __init__(self, folders: Iterable[Path]) -> None:
        self._same: dict[str, list[float]] = defaultdict(list)
        self._like: dict[str, list[tuple[float, float, float]]] = defaultdict(list)
        # a checkout's own results are found twice where one stands in it
        paths = {path for folder in folders for path in folder.resolve().glob("[!.]*.json")}
        for path in sorted(paths):
            self._learn(path)

    def estimate(self, spec: RunSpec) -> Estimate | None:
        """Return what `spec` will take, or None if there is no record to tell."""
        data = spec.recorded()
        if walls := self._same.get(_same_key(data)):
            return Estimate(statistics.median(walls), len(walls), "same")
        if (known := self._like.get(_like_key(data))) and (steps := _steps(spec)) is not None:
            batch = _batch(data)
            seconds = [rest + steps * step * batch / size for rest, step, size in known]
            return Estimate(statistics.median(seconds), len(seconds), "like")
        return None

    def _learn(self, path: Path) -> None:
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            spec, there, timing = record["spec"], record["environment"], record["timing"]
            if record["status"] != "ok":
                return
            kind = (there["cpu"], there["cores"], there["gpu"])
            wall, steps = timing["wall_s"], timing["steps"]
            step = sum(timing["per_step_s"].values())
        except (json.JSONDecodeError, KeyError, TypeError) as error:
            raise UserError(f"{path} is no record of a run ({error!r})") from error
        if kind == machine_kind(spec["device"]):
            self._same[_same_key(spec)].append(wall)
            self._like[_like_key(spec)].append((wall - steps * step, step, _batch(spec)))


def _same_key(spec: Mapping[str, Any]) -> str:
    data = {key: value for key, value in spec.items() if key not in _NEITHER}
    data["method"] = {k: v for k, v in spec["method"].items() if k not in _WORDS}
    data["dataset"] = {k: v for k, v in spec["dataset"].items() if k not in ("revision", "paths")}
    return json.dumps(data, sort_keys=True)


def _like_key(spec: Mapping[str, Any]) -> str:
    parts = (spec["task"], spec["method"]["name"], spec["dataset"]["name"], spec["backend"])
    params = spec["dataset"]["params"]
    return json.dumps([*parts, params, spec["device"], spec["network"]], sort_keys=True)


def _batch(spec: Mapping[str, Any]) -> float:
    """Return how many images a step looks at."""
    if spec["method"].get("adaptation"):
        return float(spec["method"]["adaptation"]["copies"])
    return float(spec["training"]["batch_size"])


def _steps(spec: RunSpec) -> int | None:
    """Return how many steps of an optimiser a run takes; None if that is unknown."""

    def images(split: datasets.Split) -> int:
        return spec.dataset.sizes.get(split) or datasets.info(spec.dataset.name).sizes.get(split, 0)

    if spec.method.adaptation is not None:
        pieces = math.ceil(images("test") / spec.method.adaptation.copies)
        return spec.method.adaptation.steps * pieces or None
    if spec.method.remedy is not None:
        return 0
    split: datasets.Split = "train"
    if not spec.is_scored:
        split = datasets.info(spec.dataset.name).auxiliary[spec.task]
    pool = images(split)
    return spec.training.epochs * math.ceil(pool / spec.training.batch_size) if pool else None
