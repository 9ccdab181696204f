"""A record as a row of runs and as columns of cases."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from topoeval.records.canonical import canonical_json
from topoeval.records.record import Record
from topoeval.records.spec import RESTORE
from topoeval.results.arms import Labels

PARTS = ("network", "persistence", "loss", "backward", "other")
# Columns of cases that say which run a row is of; few values, many rows.
KEYS = ("suite", "id", "dataset", "arm", "method")


@dataclass(frozen=True, slots=True)
class Entry:
    """A record with its file and what its run is called.

    ``old_code`` names the code that made it, if newer code has made the run again.
    """

    record: Record
    path: Path
    labels: Labels
    old_code: str = ""


def run_row(entry: Entry) -> dict[str, Any]:
    """Return the row of a run; docs/results.md explains the columns."""
    record, labels = entry.record, entry.labels
    spec, method, environment = record.spec, record.spec.method, record.environment
    return {
        "suite": record.suite,
        "id": record.id,
        "file": entry.path.name,
        "task": spec.task,
        "dataset": labels.dataset,
        # What by_test splits a record by; with one test nobody names it.
        "test": record.test,
        "arm": labels.arm,
        "title": method.title,
        "method": method.name,
        "label": method.label,
        "role": method.role,
        "regime": method.regime,
        "remedy": "" if method.remedy is None else method.remedy.name,
        "seed": spec.seed,
        "status": record.status,
        # Text is never None: pandas would make it NaN, which is true.
        "fault": record.fault or "",
        "reason": record.reason,
        "topology": spec.topology,
        "backend": spec.backend,
        "precision": spec.precision,
        "device": spec.device,
        "ndim": _ndim(record),
        "n_cases": len(record.cases.get("case", ())),
        "wall_s": record.timing.wall_s,
        "steps": record.timing.steps,
        **_parts(record.timing.per_step_s),
        "step_s": record.timing.step_s,
        "peak_rss_bytes": record.memory.peak_rss_bytes,
        "peak_cuda_bytes": record.memory.peak_cuda_bytes,
        "auxiliary_accuracy": record.summary.get("accuracy"),
        "machine": _machine(record),
        "threads": environment.threads,
        "python": environment.python,
        "started": record.started,
        "finished": record.finished,
        "version": environment.topoeval.version,
        "commit": environment.topoeval.label,
        "dirty": environment.topoeval.dirty,
        "old_code": entry.old_code,
    }


def _accuracy(summary: Mapping[str, Any]) -> float | None:
    """Return how often an auxiliary network is right; older records have another name for it."""
    found: float | None = summary.get("accuracy", summary.get("judge_accuracy"))
    return found


def run_frame(entries: Iterable[Entry], *, with_spec: bool = False) -> pd.DataFrame:
    """Return a row per record, in their order.

    Parameters
    ----------
    entries
        The records.
    with_spec
        Add ``spec``, the whole specification as JSON.
    """
    rows = []
    for entry in entries:
        row = run_row(entry)
        if with_spec:
            row["spec"] = canonical_json(entry.record.spec)
        rows.append(row)
    frame = pd.DataFrame(rows)
    for name in _NUMBERS:
        frame[name] = frame[name].astype(float)
    frame["dirty"] = frame["dirty"].astype("boolean")
    return frame


_NUMBERS = (
    "ndim", "threads", "wall_s", "steps", *(f"{part}_s" for part in PARTS), "step_s",
    "peak_rss_bytes", "peak_cuda_bytes", "auxiliary_accuracy",
)  # fmt: skip


def case_frame(entries: Iterable[Entry]) -> pd.DataFrame:
    """Return a row per case of every run that is ok, in the order of records and cases.

    Scores are float64, truth values 0 and 1 among them, so that a mean is a mean in any language.
    """
    chosen = [
        entry
        for entry in entries
        # An auxiliary network is scored on no case of a test.
        if entry.record.ok and entry.record.spec.task == RESTORE
    ]
    lengths: list[int] = []
    columns: dict[str, list[Any]] = {}
    total = 0
    for entry in chosen:
        cases = entry.record.cases
        length = len(cases.get("case", ()))
        for name, values in cases.items():
            if name not in columns:
                columns[name] = [None] * total
            columns[name].extend(values)
        total += length
        if len(cases) < len(columns):
            for values in columns.values():
                values.extend([None] * (total - len(values)))
        lengths.append(length)
    repeat = np.repeat(np.arange(len(chosen)), lengths)
    keys = {
        "suite": [entry.record.suite for entry in chosen],
        "id": [entry.record.id for entry in chosen],
        "dataset": [entry.labels.dataset for entry in chosen],
        "arm": [entry.labels.arm for entry in chosen],
        "method": [entry.record.spec.method.name for entry in chosen],
    }
    frame: dict[str, Any] = {}
    for name, texts in keys.items():
        codes, categories = pd.factorize(np.array(texts, dtype=object), sort=True)
        frame[name] = pd.Categorical.from_codes(codes[repeat], categories)
    seeds = np.array([entry.record.spec.seed for entry in chosen], dtype=np.int64)
    frame["seed"] = seeds[repeat]
    frame["case"] = pd.Series([str(case) for case in columns.pop("case", ())], dtype="str")
    for name in sorted(columns):
        frame[name] = _column(columns.pop(name))
    return pd.DataFrame(frame)


def _column(values: list[Any]) -> Any:
    """Return numbers as float64, None as NaN; anything else as it is."""
    try:
        numbers = np.array(values, dtype=float)
    except (TypeError, ValueError):
        return pd.Series(values, dtype=object)
    # numpy reads "7" as a number; a name of digits is a name all the same.
    named = any(isinstance(value, str) for value in values[:: max(len(values) // 100, 1)])
    return pd.Series(values, dtype=object) if named else numbers


def _parts(per_step: Mapping[str, float]) -> dict[str, float | None]:
    """Split the time of a step; what has no column of its own is in the last one."""
    if not per_step:
        return {f"{part}_s": None for part in PARTS}
    *named, other = PARTS
    parts: dict[str, float | None] = {f"{part}_s": per_step.get(part, 0.0) for part in named}
    rest = sum(seconds for part, seconds in per_step.items() if part not in named)
    return {**parts, f"{other}_s": rest}


# Columns that exist once for each homology dimension: of volumes there are three.
_PER_DIMENSION = re.compile(r"b(\d)(?:_true)?|betti_\w+_(\d)")


def _ndim(record: Record) -> int | None:
    matches = (_PER_DIMENSION.fullmatch(column) for column in record.cases)
    dims = {int(match[1] or match[2]) for match in matches if match}
    if dims:
        return 3 if 2 in dims else 2
    # examples tell less: of a volume they show a slice
    return len(record.examples[0].shape) if record.examples else None


def _machine(record: Record) -> str | None:
    """Describe what times depend on; times of different machines never share a column."""
    environment = record.environment
    if not environment:
        return None
    pieces = [
        environment.gpu or environment.cpu or "unknown processor",
        f"cores: {_known(environment.cores)}",
        f"torch threads: {_known(environment.threads)}",
        f"device: {record.spec.device}",
    ]
    return ", ".join(pieces)


def _known(number: int | None) -> str:
    return "?" if number is None else str(number)


def code_version(record: Record) -> str:
    """Return which code made a record: version and commit, as far as they are known."""
    ours = record.environment.topoeval
    return " ".join(part for part in (ours.version, ours.label) if part)
