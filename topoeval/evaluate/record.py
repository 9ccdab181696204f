"""The record of an evaluation, in the form of a run's (docs/architecture.md)."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from topoeval.evaluate.evaluation import Evaluation

SCHEMA = 1


def record(evaluation: Evaluation, environment: Mapping[str, Any], wall_s: float) -> dict[str, Any]:
    """Return what a leaderboard needs to know of an evaluation, as plain JSON values.

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
    spec = {
        "kind": "files",
        "scored_by": "topoeval",
        "topology": str(options.settings.topology),
        "classes": list(evaluation.classes.names),
        "members": {
            name: None if members is None else list(members)
            for name, members in evaluation.classes.members.items()
        },
        "priors": {name or "*": list(p) for name, p in evaluation.classes.priors.items()},
        "settings": {
            key: value
            for key, value in asdict(options.settings).items()
            if key in ("spacing", "tolerance", "patch")
        },
        "threshold": options.threshold,
        "ignore": options.ignored,
        "values": evaluation.readings,
        "missing": options.missing,
        "inputs": evaluation.hashes,
    }
    canonical = json.dumps(spec, sort_keys=True, separators=(",", ":"))
    cases = evaluation.cases.astype(object).where(evaluation.cases.notna(), None)
    document = {
        "schema": SCHEMA,
        "id": hashlib.sha256(canonical.encode()).hexdigest()[:16],
        "suite": None,
        "spec": spec,
        "status": "failed" if evaluation.problems else "ok",
        "fault": "input" if evaluation.problems else None,
        "error": "\n".join(problem.message for problem in evaluation.problems) or None,
        "cases": {str(name): cases[name].tolist() for name in cases.columns},
        "history": {},
        "timing": {"wall_s": wall_s},
        "memory": {},
        "examples": [],
        "environment": dict(environment),
    }
    plain: dict[str, Any] = json.loads(json.dumps(document, default=_plain))
    return plain


def _plain(value: Any) -> Any:
    """Turn numpy's scalars into Python's."""
    item = value.item()
    return None if isinstance(item, float) and not math.isfinite(item) else item
