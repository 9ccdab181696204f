"""The JSON schemas of what people write and what runs leave: suites, methods, records."""

from __future__ import annotations

import json
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import GenerateJsonSchema

from topoeval.errors import UserError, nearest
from topoeval.harness.suites.method_file import MethodFile
from topoeval.harness.suites.suite import Suite
from topoeval.records.spec import RunSpec
from topoeval.results.schema import RECORD_SCHEMA

Status = Literal["ok", "failed", "timeout", "out_of_memory", "crashed", "diverged", "unavailable"]


class RecordForm(BaseModel):
    """One run: what was asked, what came of it, when, and on what.

    Of a run that failed there is no ``cases``; an auxiliary network has a ``summary`` instead.
    ``metrics`` says by which revision each column was scored, ``answers`` whether predictions are
    kept. Columns of ``cases`` have one value for each test case, null where a metric has none;
    ``tests`` has those of further tests by name.
    """

    model_config = ConfigDict(extra="allow", populate_by_name=True)

    schema_version: int = Field(alias="schema", ge=1, le=RECORD_SCHEMA)
    id: str = Field(pattern=r"^[0-9a-f]{16}$")
    suite: str
    spec: RunSpec
    status: Status
    fault: Literal["method", "machine"] | None
    error: str | None
    started: str
    finished: str
    timing: dict[str, Any]
    memory: dict[str, int]
    environment: dict[str, Any]
    metrics: dict[str, int | str] = Field(default_factory=dict)
    answers: str = ""
    cases: dict[str, list[Any]] = Field(default_factory=dict)
    tests: dict[str, Any] = Field(default_factory=dict)
    summary: dict[str, Any] = Field(default_factory=dict)
    history: dict[str, list[float | None]] = Field(default_factory=dict)
    examples: list[dict[str, Any]] = Field(default_factory=list)


SCHEMAS: dict[str, type[BaseModel]] = {"method": MethodFile, "record": RecordForm, "suite": Suite}


def schema_text(kind: str) -> str:
    """Return the JSON schema of a kind of file as text, the same for the same code.

    Raises
    ------
    UserError
        There is no such kind.
    """
    if kind not in SCHEMAS:
        raise UserError(f"no schema of {kind!r}{nearest(kind, SCHEMAS)}")
    model = SCHEMAS[kind]
    schema = {
        "$schema": GenerateJsonSchema.schema_dialect,
        **model.model_json_schema(by_alias=True),
    }
    return json.dumps(schema, indent=2) + "\n"
