"""Estimates of the time that runs will take, from records of the same kind of machine."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from topoeval import datasets
from topoeval.checksums import canonical_text
from topoeval.harness.runs.environment import machine_kind
from topoeval.records.canonical import canonical_json
from topoeval.records.files import read_records
from topoeval.records.record import Record
from topoeval.records.spec import RunSpec
from topoeval.training.views import Views

# what tells runs of one arm apart, and what decides no time
_NEITHER = ("seed", "parents", "schema_version", "scoring", "code")
_WORDS = {"title", "summary", "paper", "variant"}


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
        # of how long runs take, a damaged record tells nothing; the survey names it
        for record, _ in read_records(sorted(paths))[0]:
            if record.ok and record.timing.wall_s is not None:
                self._learn(record, record.timing.wall_s)

    def estimate(self, spec: RunSpec) -> Estimate | None:
        """Return what `spec` will take, or None if there is no record to tell."""
        if walls := self._same.get(_same_key(spec)):
            return Estimate(statistics.median(walls), len(walls), "same")
        if (known := self._like.get(_like_key(spec))) and (steps := _steps(spec)) is not None:
            batch = _batch(spec)
            seconds = [rest + steps * step * batch / size for rest, step, size in known]
            return Estimate(statistics.median(seconds), len(seconds), "like")
        return None

    def _learn(self, record: Record, wall_s: float) -> None:
        spec, there, timing = record.spec, record.environment, record.timing
        if (there.cpu, there.cores, there.gpu) == machine_kind(spec.device):
            self._same[_same_key(spec)].append(wall_s)
            rest = wall_s - (timing.steps or 0) * (timing.step_s or 0.0)
            self._like[_like_key(spec)].append((rest, timing.step_s or 0.0, _batch(spec)))


def _same_key(spec: RunSpec) -> str:
    exclude = {**dict.fromkeys(_NEITHER, True), "method": _WORDS, "dataset": {"revision", "paths"}}
    return canonical_json(spec, exclude=exclude)


def _like_key(spec: RunSpec) -> str:
    parts = [spec.task, spec.method.name, spec.dataset.name, spec.backend, spec.device]
    return canonical_text([*parts, spec.dataset.params, spec.network.model_dump(mode="json")])


def _batch(spec: RunSpec) -> float:
    """Return how many images a step looks at."""
    if spec.method.adaptation is not None:
        return float(spec.method.adaptation.copies)
    return float(spec.training.batch_size)


def _steps(spec: RunSpec) -> int | None:
    """Return how many steps of an optimiser a run takes; None if that is unknown."""

    def images(split: datasets.Split) -> int:
        return spec.dataset.sizes.get(split) or datasets.info(spec.dataset.name).sizes.get(split, 0)

    if spec.method.adaptation is not None:
        ndim = datasets.info(spec.dataset.name).ndim
        views = Views(spec.method.flips, spec.method.shifts).count(ndim)
        pieces = math.ceil(views * images("test") / spec.method.adaptation.copies)
        return spec.method.adaptation.steps * pieces or None
    if spec.method.regime == "remedy":
        return 0
    split: datasets.Split = "train"
    if not spec.is_scored:
        split = datasets.info(spec.dataset.name).auxiliary[spec.task]
    pool = images(split)
    return spec.training.epochs * math.ceil(pool / spec.training.batch_size) if pool else None
