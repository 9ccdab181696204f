"""Results folders, made up; no test touches the user's cache."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.report.conftest import make_record, make_suite, write_records


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOPOEVAL_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """Return a results folder of two datasets, seven methods and three seeds, one run failed."""
    failed = make_record("largest_component", seed=3, status="failed", error="RuntimeError: no")
    write_records(tmp_path / "results" / "one" / "records", [*make_suite(seeds=3), failed])
    return tmp_path / "results" / "one"


def write_suite(folder: Path, **records: Mapping[str, Any]) -> Path:
    """Write a results folder of some records."""
    write_records(folder / "records", list(records.values()))
    return folder
