"""Records as the harness writes them, made up."""

from __future__ import annotations

import base64
import copy
import json
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from topoeval.records.spec import RunSpec
from topoeval.report import build
from topoeval.report.row import MethodRow
from topoeval.report.summary import Summary, summarise
from topoeval.results.records import read

METHODS: Mapping[str, tuple[str, str, str]] = {
    "start": ("Cross-entropy, first epochs", "start", "supervised"),
    "cross_entropy": ("Cross-entropy", "method", "supervised"),
    "dice_ce": ("Dice + cross-entropy", "method", "supervised"),
    "betti_prior_sup": ("Betti prior, supervised", "method", "supervised"),
    "betti_prior_semi": ("Betti prior, semi-supervised", "method", "semi_supervised"),
    "betti_prior_post": ("Betti prior, post-processing", "method", "post_process"),
    "largest_component": ("Largest component", "method", "remedy"),
}
ENVIRONMENT: Mapping[str, Any] = {
    "python": "3.11.7",
    "platform": "Linux-6.1-x86_64",
    "cpu": "Example CPU @ 2.00GHz",
    "cores": 2,
    "threads": 1,
    "memory_bytes": 8 * 2**30,
    "versions": {"torch": "2.13.0", "cripser": "0.0.37", "numpy": "2.4.6"},
    "topoeval": {"version": "0.1.0", "commit": "abc1234"},
}


def pack(picture: np.ndarray) -> str:
    """Pack a picture as a record does."""
    return base64.b64encode(zlib.compress(picture.astype(np.uint8).tobytes())).decode()


def ring(radius: float, gap: bool = False, size: int = 28) -> np.ndarray:
    """Draw a ring; with a gap it has no hole."""
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    mask = np.abs(np.hypot(x, y) - radius) < 2
    if gap:
        mask &= ~((np.abs(x) < 2) & (y > 0))
    return mask.astype(np.uint8) * 255


def make_record(
    method: str = "cross_entropy",
    *,
    seed: int = 0,
    dataset: str = "strokes",
    status: str = "ok",
    error: str | None = None,
    dice: Sequence[float] = (0.9, 0.8, 0.85, 0.95),
    right: Sequence[bool] = (True, False, True, True),
    prior: bool = True,
    changes: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Make one record.

    ``changes`` overrides entries by dotted path, for example ``{"spec.backend": "gudhi"}``.
    """
    title, role, regime = METHODS.get(method, (method, "method", "supervised"))
    n = len(dice)
    wrong = [int(not value) for value in right]
    cases: dict[str, list[Any]] = {
        "case": [f"test-{i:03d}" for i in range(n)],
        "label": [i % 10 for i in range(n)],
        "dice": list(dice),
        "mse": [(1 - value) / 10 for value in dice],
        "b0": [1 + value for value in wrong],
        "b1": [1] * n,
        "b0_true": [1] * n,
        "b1_true": [1] * n,
        "betti_error_0": wrong,
        "betti_error_1": [0] * n,
        "betti_error": wrong,
        "matches_truth": list(right),
    }
    if prior:
        cases["matches_prior"] = list(right)
        cases["truth_matches_prior"] = [True] * (n - 1) + [False]
    remedy = regime == "remedy"
    betti = method.startswith("betti")
    record: dict[str, Any] = {
        "schema": 1,
        "suite": "quickstart",
        "spec": {
            "schema": 1,
            "task": "restore",
            "dataset": {
                "name": dataset,
                "revision": "1",
                "sizes": {"train": 100, "test": 40},
                "params": {"removed": 8},
            },
            "topology": "T-superlevel-plain",
            "network": {"name": "unet", "channels": [8, 16]},
            "method": {
                "name": method,
                "title": title,
                "role": role,
                "regime": regime,
                **_does(regime, 0.1 if betti else 1.0),
            },
            "training": {"epochs": 5, "batch_size": 16, "learning_rate": 0.001},
            "backend": "cripser",
            "precision": "float32",
            "device": "cpu",
            "seed": seed,
            "parents": {},
        },
        "status": status,
        "fault": None if status == "ok" else "method",
        "error": error,
        "cases": cases if status == "ok" else {},
        "timing": {
            "wall_s": 12.3 + seed,
            "steps": 0 if remedy else 120,
            "per_step_s": {}
            if remedy
            else {
                "network": 0.010,
                "persistence": 0.008 if betti else 0.0,
                "loss": 0.001,
                "backward": 0.012,
                "other": 0.001 + seed / 1e4,
            },
        },
        "memory": {"peak_rss_bytes": 600 * 2**20},
        "examples": [
            {
                "case": case,
                "shape": [28, 28],
                "image": pack(ring(6 + i) // 2 + 40),
                "target": pack(ring(6 + i)),
                "prediction": pack(ring(6 + i, gap=not right[i])),
            }
            for i, case in enumerate(cases["case"][:3])
        ]
        if status == "ok"
        else [],
        "environment": copy.deepcopy(dict(ENVIRONMENT)),
        "started": "2026-01-02T03:04:05+00:00",
        "finished": "2026-01-02T03:05:05+00:00",
    }
    for path, value in (changes or {}).items():
        *outer, last = path.split(".")
        holder = record
        for key in outer:
            holder = holder[key]
        holder[last] = value
    record.setdefault("id", RunSpec.model_validate(record["spec"]).id)
    return record


def _does(regime: str, weight: float) -> dict[str, Any]:
    """Return what a method of a regime needs to have."""
    loss = {"name": "cross_entropy", "weight": weight}
    if regime == "remedy":
        return {"remedy": {"name": "largest_component"}}
    if regime == "post_process":
        return {"losses": [loss], "adaptation": {"steps": 10}}
    further = [{**loss, "on": "unlabelled"}] if regime == "semi_supervised" else []
    return {"losses": [loss, *further]}


def write_records(folder: Path, records: Sequence[Mapping[str, Any]]) -> Path:
    """Write records as the harness does, a file per run."""
    folder.mkdir(parents=True, exist_ok=True)
    for record in records:
        (folder / f"{record['id']}.json").write_text(json.dumps(record), encoding="utf-8")
    return folder


def make_suite(
    seeds: int = 5, datasets: Sequence[str] = ("strokes", "digits")
) -> list[dict[str, Any]]:
    """Make a whole suite in which the post-processing is clearly the best in Betti accuracy."""
    random = np.random.default_rng(0)
    records = []
    for dataset in datasets:
        for m, method in enumerate(METHODS):
            for seed in range(seeds):
                chance = 0.35 + 0.05 * m + (0.28 if method == "betti_prior_post" else 0.0)
                n = 40
                dice = random.normal(0.86 + 0.01 * m, 0.02, n).clip(0, 1).round(4)
                right = np.arange(n) < round(n * chance + random.integers(-1, 2))
                # The examples are the first cases, so the right answers must not all come first.
                right = random.permutation(right)
                records.append(
                    make_record(
                        method,
                        seed=seed,
                        dataset=dataset,
                        dice=dice.tolist(),
                        right=[bool(value) for value in right],
                    )
                )
    return records


def summary_of(
    folder: Path, records: Sequence[dict[str, Any]], reference: str | None = None
) -> Summary:
    """Write, read and reduce records."""
    return summarise(read(write_records(folder, records)), reference)


def row_of(summary: Summary, method: str) -> MethodRow:
    """Find a method's row in a suite of one dataset."""
    return next(row for row in summary.rows if row.method == method)


def separated(methods: Sequence[str] = ("cross_entropy", "dice_ce"), seeds: int = 5) -> list[Any]:
    """Make runs in which every next method has a higher Dice, beyond the noise of seeds."""
    return [
        make_record(name, seed=s, dice=[0.5 + 0.2 * i + 0.01 * s + 0.003 * s * i] * 4)
        for i, name in enumerate(methods)
        for s in range(seeds)
    ]


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """Write a suite of two datasets, seven methods and five seeds, one run of it failed."""
    return write_suite(tmp_path / "records")


@pytest.fixture(scope="session")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the report of that suite once, for tests that only look at it."""
    folder = tmp_path_factory.mktemp("report")
    build(write_suite(folder / "records"), folder / "out")
    return folder / "out"


def write_suite(folder: Path) -> Path:
    """Write the records of `suite`."""
    error = 'Traceback (most recent call last):\n  File "x.py"\nRuntimeError: no <component>'
    failed = make_record("largest_component", seed=5, status="failed", error=error)
    return write_records(folder, [*make_suite(), failed])
