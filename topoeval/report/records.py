"""The records of a suite as tables: one row per run, one row per run and case.

A record is one JSON file, written by the harness and complete in itself. Nothing but records is
read here, so a report can be made long after, and far from, the machine that ran the suite.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from topoeval.errors import UserError
from topoeval.report.arms import Labels, label_runs

SCHEMA = 1
PARTS = ("network", "persistence", "loss", "backward", "other")
OK = "ok"

# of a run with several tests: told of the main one alone
_ONCE = ("cases", "examples", "history", "timing", "memory")

Document = Mapping[str, Any]


@dataclass(frozen=True)
class Records:
    """What a folder of records holds.

    Parameters
    ----------
    folder
        Where the records lie.
    documents
        The records themselves by identity, sorted by identity.
    runs
        One row per run that restores images: identity, dataset, method, seed, status, timings.
        ``dataset`` and ``arm`` are unique labels (see `topoeval.report.arms`). A run that was
        scored on further tests has one more row, and one more document, for each: ``ID/NAME``,
        without timings.
    cases
        One row per such run and case, with the run's ``id``, ``dataset``, ``arm`` and ``seed``.
    judges
        One row per run that trained the classifier which reads the digits.
    """

    folder: Path
    documents: Mapping[str, Document]
    runs: pd.DataFrame
    cases: pd.DataFrame
    judges: pd.DataFrame

    @property
    def suites(self) -> list[str]:
        """Names of the suites the records come from."""
        return sorted({str(document["suite"]) for document in self.documents.values()})


def read(folder: Path | str) -> Records:
    """Read every ``*.json`` of a folder.

    Parameters
    ----------
    folder
        Folder of records, not searched recursively; hidden files are not records.

    Raises
    ------
    UserError
        If the folder is missing or empty, or a file is broken, of an unknown schema, incomplete, or
        a second record of the same run. The message names the file: a record that silently does
        not count would change the table.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise UserError(f"no folder of records at {folder}; topoeval run SUITE makes one")
    paths = sorted(path for path in folder.glob("*.json") if not path.name.startswith("."))
    if not paths:
        raise UserError(f"no records (*.json) in {folder}; topoeval run SUITE makes them")
    documents: dict[str, Document] = {}
    files: dict[str, Path] = {}
    for path in paths:
        document = _load(path)
        identity = str(document["id"])
        if identity in files:
            raise UserError(f"records {files[identity]} and {path} have the same id {identity}")
        documents[identity], files[identity] = document, path
    documents = dict(sorted(documents.items()))
    for identity, document in list(documents.items()):
        for part in _by_test(document):
            documents[str(part["id"])] = part
            files[str(part["id"])] = files[identity]

    labels = label_runs({identity: document["spec"] for identity, document in documents.items()})
    rows = {
        identity: _run_row(document, labels[identity], files[identity])
        for identity, document in documents.items()
    }
    _refuse_twins(rows, files)
    is_judge = {i: documents[i]["spec"]["task"] == "judge" for i in documents}
    runs = pd.DataFrame([rows[i] for i in documents if not is_judge[i]])
    if runs.empty:
        raise UserError(f"the records in {folder} hold no run that restores images")
    judges = pd.DataFrame([rows[i] for i in documents if is_judge[i]], columns=runs.columns)
    cases = [
        _case_rows(documents[i], rows[i], files[i])
        for i in runs["id"]
        if documents[i]["status"] == OK
    ]
    empty = pd.DataFrame({"id": pd.Series(dtype=str), "case": pd.Series(dtype=str)})
    return Records(
        folder=folder,
        documents=documents,
        runs=runs,
        cases=pd.concat(cases, ignore_index=True) if cases else empty,
        judges=judges,
    )


def last_line(error: str | None) -> str:
    """Return the line of a traceback that names the error, or an empty string."""
    lines = [line.strip() for line in (error or "").splitlines() if line.strip()]
    return lines[-1] if lines else ""


def _load(path: Path) -> Document:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise UserError(
            f"record {path} is broken ({error}); delete it and run the suite again"
        ) from None
    if not isinstance(document, dict):
        raise UserError(f"record {path} is not a JSON object; delete it")
    for what, holder in (("schema", document), ("spec.schema", document.get("spec", {}))):
        if holder.get("schema") != SCHEMA:
            raise UserError(
                f"record {path} has {what} {holder.get('schema')!r}, this topoeval reads {SCHEMA}; "
                "make the report with the topoeval that wrote the record"
            )
    missing = [key for key in ("id", "suite", "status") if key not in document]
    missing += [
        f"spec.{key}"
        for key in ("task", "dataset", "topology", "method", "seed")
        if key not in document["spec"]
        and (key, document["spec"].get("task")) != ("method", "judge")
    ]
    if missing:
        raise UserError(f"record {path} lacks {', '.join(missing)}; delete it and run it again")
    return document


def _by_test(document: Document) -> list[Document]:
    """Return a record for each test of a run that has several: to a table, datasets of their own.

    What was spent on the run stands in the first, the main test's, and not a second time.
    """
    spec = document["spec"]
    tests = spec["dataset"].get("tests") or {}
    if not tests:
        return []
    scored = document.get("tests") or {}
    once = {key: document[key] for key in _ONCE if key in document}
    shared = {key: value for key, value in document.items() if key not in (*once, "tests")}

    def part(name: str, identity: str, own: Document) -> Document:
        dataset = {**spec["dataset"], "test": name}
        return {**shared, **own, "id": identity, "spec": {**spec, "dataset": dataset}}

    return [
        part("test", document["id"], once),
        *(part(name, f"{document['id']}/{name}", scored.get(name) or {}) for name in tests),
    ]


def _run_row(document: Document, labels: Labels, path: Path) -> dict[str, Any]:
    spec = document["spec"]
    method: Mapping[str, Any] = spec.get("method") or {}
    timing: Mapping[str, Any] = document.get("timing") or {}
    per_step: Mapping[str, float] = timing.get("per_step_s") or {}
    cases: Mapping[str, Sequence[Any]] = document.get("cases") or {}
    return {
        "id": str(document["id"]),
        "file": path.name,
        "dataset": labels.dataset,
        "arm": labels.arm,
        "method": str(method.get("name", spec["task"])),
        "role": str(method.get("role", "method")),
        "regime": str(method.get("regime", "")),
        "seed": int(spec["seed"]),
        "status": str(document["status"]),
        # Text is never None: pandas would make it NaN, which is true.
        "fault": document.get("fault") or "",
        "reason": last_line(document.get("error")),
        "topology": str(spec["topology"]),
        "ndim": _ndim(document),
        "n_cases": len(cases.get("case", ())),
        "wall_s": timing.get("wall_s"),
        **_parts(per_step),
        "step_s": sum(per_step.values()) if per_step else None,
        "peak_rss_bytes": (document.get("memory") or {}).get("peak_rss_bytes"),
        "judge_accuracy": (document.get("summary") or {}).get("judge_accuracy"),
        "machine": _machine(document),
        "started": document.get("started") or "",
        "commit": _provenance(document).get("commit") or "",
    }


def _case_rows(document: Document, row: Mapping[str, Any], path: Path) -> pd.DataFrame:
    try:
        frame = pd.DataFrame(document["cases"])
        frame["case"] = frame["case"].astype(str)
    except (KeyError, ValueError) as error:
        raise UserError(
            f"record {path} is ok but its cases are not ({error}); delete it and run it again"
        ) from None
    for column in ("seed", "arm", "dataset", "id"):
        frame.insert(0, column, row[column])
    return frame


def _refuse_twins(rows: Mapping[str, Mapping[str, Any]], files: Mapping[str, Path]) -> None:
    seen: dict[tuple[Any, ...], str] = {}
    for identity, row in rows.items():
        key = (row["dataset"], row["arm"], row["seed"])
        if key in seen:
            raise UserError(
                f"records {files[seen[key]]} and {files[identity]} are the same run "
                f"({row['arm']} on {row['dataset']}, seed {row['seed']}); keep one"
            )
        seen[key] = identity


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


def _provenance(document: Document) -> Mapping[str, Any]:
    return (document.get("environment") or {}).get("topoeval") or {}
