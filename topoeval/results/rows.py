"""A record as a row of runs and as columns of cases."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pandas as pd

from topoeval.errors import UserError
from topoeval.records.parts import MAIN_TEST
from topoeval.records.spec import RESTORE
from topoeval.records.variant import Variant
from topoeval.results.arms import Labels, method_title
from topoeval.results.document import OK, Document, last_line

PARTS = ("network", "persistence", "loss", "backward", "other")
# Columns of cases that say which run a row is of; few values, many rows.
KEYS = ("suite", "id", "dataset", "arm", "method")


@dataclass(frozen=True, slots=True)
class Entry:
    """A record with its file and what its run is called."""

    document: Document
    path: Path
    labels: Labels


def run_row(entry: Entry) -> dict[str, Any]:
    """Return the row of a run; docs/results.md explains the columns."""
    document, labels = entry.document, entry.labels
    spec = document["spec"]
    method: Mapping[str, Any] = spec.get("method") or {}
    timing: Mapping[str, Any] = document.get("timing") or {}
    memory: Mapping[str, Any] = document.get("memory") or {}
    per_step: Mapping[str, float] = timing.get("per_step_s") or {}
    cases: Mapping[str, Sequence[Any]] = document.get("cases") or {}
    environment: Mapping[str, Any] = document.get("environment") or {}
    ours = _ours(document)
    return {
        "suite": str(document["suite"]),
        "id": str(document["id"]),
        "file": entry.path.name,
        "task": str(spec["task"]),
        "dataset": labels.dataset,
        # What by_test splits a record by; with one test nobody names it.
        "test": str(spec["dataset"].get("test") or MAIN_TEST),
        "arm": labels.arm,
        "title": method_title(spec),
        "method": str(method.get("name", spec["task"])),
        # its label in suites
        "variant": str(Variant(str(method.get("name", spec["task"])), method.get("variant") or {})),
        "role": str(method.get("role", "method")),
        "tuned": bool(document.get("tuned") or method.get("tuned")),
        "regime": str(method.get("regime", "")),
        "seed": int(spec["seed"]),
        "status": str(document["status"]),
        # Text is never None: pandas would make it NaN, which is true.
        "fault": document.get("fault") or "",
        "reason": last_line(document.get("error")),
        "topology": str(spec["topology"]),
        "backend": str(spec.get("backend") or ""),
        "precision": str(spec.get("precision") or ""),
        "device": str(spec.get("device") or ""),
        "ndim": _ndim(document),
        "n_cases": len(cases.get("case", ())),
        "wall_s": timing.get("wall_s"),
        "steps": timing.get("steps"),
        **_parts(per_step),
        "step_s": sum(per_step.values()) if per_step else None,
        "peak_rss_bytes": memory.get("peak_rss_bytes"),
        "peak_cuda_bytes": memory.get("peak_cuda_bytes"),
        "auxiliary_accuracy": _accuracy(document.get("summary") or {}),
        "machine": _machine(document),
        "python": environment.get("python") or "",
        "started": document.get("started") or "",
        "finished": document.get("finished") or "",
        "version": ours.get("version") or "",
        "commit": commit(document),
        "dirty": ours.get("dirty"),
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
            row["spec"] = orjson.dumps(entry.document["spec"], option=orjson.OPT_SORT_KEYS).decode()
        rows.append(row)
    frame = pd.DataFrame(rows)
    for name in _NUMBERS:
        frame[name] = frame[name].astype(float)
    frame["dirty"] = frame["dirty"].astype("boolean")
    return frame


_NUMBERS = (
    "ndim", "wall_s", "steps", *(f"{part}_s" for part in PARTS), "step_s", "peak_rss_bytes",
    "peak_cuda_bytes", "auxiliary_accuracy",
)  # fmt: skip


def case_frame(entries: Iterable[Entry]) -> pd.DataFrame:
    """Return a row per case of every run that is ok, in the order of records and cases.

    Scores are float64, truth values 0 and 1 among them, so that a mean is a mean in any language.

    Raises
    ------
    UserError
        If the columns of a record's cases differ in length, or it has none. The message names it.
    """
    chosen = [
        entry
        for entry in entries
        # An auxiliary network is scored on no case of a test.
        if entry.document["status"] == OK and entry.document["spec"]["task"] == RESTORE
    ]
    lengths: list[int] = []
    columns: dict[str, list[Any]] = {}
    total = 0
    for entry in chosen:
        cases = entry.document.get("cases") or {}
        length = _length(cases, entry.path)
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
        "suite": [str(entry.document["suite"]) for entry in chosen],
        "id": [str(entry.document["id"]) for entry in chosen],
        "dataset": [entry.labels.dataset for entry in chosen],
        "arm": [entry.labels.arm for entry in chosen],
        "method": [_method(entry.document["spec"]) for entry in chosen],
    }
    frame: dict[str, Any] = {}
    for name, texts in keys.items():
        codes, categories = pd.factorize(np.array(texts, dtype=object), sort=True)
        frame[name] = pd.Categorical.from_codes(codes[repeat], categories)
    seeds = np.array([int(entry.document["spec"]["seed"]) for entry in chosen], dtype=np.int64)
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


def _length(cases: Mapping[str, Sequence[Any]], path: Path) -> int:
    lengths = {len(values) for values in cases.values()}
    if "case" not in cases or len(lengths) != 1:
        what = (
            "no column 'case'" if "case" not in cases else f"columns of lengths {sorted(lengths)}"
        )
        raise UserError(
            f"record {path} is ok but its cases are not ({what}); delete it and run it again"
        )
    return lengths.pop()


def _method(spec: Mapping[str, Any]) -> str:
    return str((spec.get("method") or {}).get("name", spec["task"]))


def _parts(per_step: Mapping[str, float]) -> dict[str, float | None]:
    """Split the time of a step; what has no column of its own is in the last one."""
    if not per_step:
        return {f"{part}_s": None for part in PARTS}
    *named, other = PARTS
    parts: dict[str, float | None] = {f"{part}_s": per_step.get(part, 0.0) for part in named}
    rest = sum(seconds for part, seconds in per_step.items() if part not in named)
    return {**parts, f"{other}_s": rest}


def _ndim(document: Document) -> int | None:
    cases = document.get("cases") or {}
    if "b0" in cases:
        return 3 if "b2" in cases else 2
    # examples tell less: of a volume they show a slice
    return next((len(example["shape"]) for example in document.get("examples") or ()), None)


def _machine(document: Document) -> str | None:
    """Describe what times depend on; times of different machines never share a column."""
    environment: Mapping[str, Any] = document.get("environment") or {}
    if not environment:
        return None
    device = document["spec"].get("device", "cpu")
    pieces = [
        str(environment.get("gpu") or environment.get("cpu") or "unknown processor"),
        f"cores: {environment.get('cores', '?')}",
        f"torch threads: {environment.get('threads', '?')}",
        f"device: {device}",
    ]
    return ", ".join(pieces)


def commit(document: Document) -> str:
    """Return the commit as people read it, with ``-dirty`` where the sources had been changed."""
    ours = _ours(document)
    return f"{ours.get('commit') or ''}{'-dirty' if ours.get('dirty') else ''}"


def code_version(document: Document) -> str:
    """Return which code made a record: version and commit, as far as they are known."""
    version = _ours(document).get("version") or ""
    return " ".join(part for part in (version, commit(document)) if part)


def _ours(document: Document) -> Mapping[str, Any]:
    return (document.get("environment") or {}).get("topoeval") or {}
