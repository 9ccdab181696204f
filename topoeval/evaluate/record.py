"""The record of an evaluation of files, in the form of a run's (docs/architecture.md)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from topoeval.evaluate.evaluation import Evaluation
from topoeval.evaluate.scoring import Options
from topoeval.records.canonical import canonical_json, digest
from topoeval.records.record import FilesRecord, FilesSpec


def record(evaluation: Evaluation, environment: Mapping[str, Any], wall_s: float) -> FilesRecord:
    """Return what a leaderboard needs to know of an evaluation.

    Scored by us from files, so the specification names the files by their content and not by path:
    the identity changes when a file, a setting or the topology does.

    Parameters
    ----------
    evaluation
        What came out.
    environment
        On what it was done.
    wall_s
        Seconds it took.
    """
    options = evaluation.options
    spec = FilesSpec.model_validate(
        {
            "topology": str(options.settings.topology),
            "classes": evaluation.classes.names,
            "members": evaluation.classes.members,
            "priors": {name or "*": p for name, p in evaluation.classes.priors.items()},
            "settings": _settings(options),
            "threshold": options.threshold,
            "ignore": options.ignored,
            "values": evaluation.readings,
            "missing": options.missing,
            "inputs": evaluation.hashes,
        }
    )
    cases = evaluation.cases.astype(object).where(evaluation.cases.notna(), None)
    return FilesRecord.model_validate(
        {
            "id": digest(canonical_json(spec)),
            "spec": spec,
            "status": "failed" if evaluation.problems else "ok",
            "fault": "input" if evaluation.problems else None,
            "error": "\n".join(problem.message for problem in evaluation.problems) or None,
            "cases": {
                str(name): [_plain(value) for value in cases[name].tolist()]
                for name in cases.columns
            },
            "timing": {"wall_s": wall_s},
            "environment": environment,
            "notes": evaluation.notes,
        }
    )


def _settings(options: Options) -> dict[str, Any]:
    of_all = asdict(options.settings)
    found = {key: of_all[key] for key in ("spacing", "tolerance", "patch")}
    named = {"tolerances": dict(options.tolerances), "neighbours": of_all["neighbours"],
             "instances": of_all["instances"]}  # fmt: skip
    # models may number their classes each in its own way, and the truth has one
    named["gt_map"] = str(options.map_target or "")
    return found | {key: value for key, value in named.items() if value}


def _plain(value: Any) -> Any:
    """Return Python's value of a numpy scalar, None for what JSON has no number for."""
    item = value.item() if hasattr(value, "item") else value
    return None if isinstance(item, float) and not math.isfinite(item) else item
