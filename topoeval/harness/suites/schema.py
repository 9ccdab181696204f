"""The JSON schemas of suites, methods and records."""

from __future__ import annotations

import json

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

from topoeval.errors import UserError, nearest
from topoeval.harness.suites.method_file import MethodFile
from topoeval.harness.suites.suite import Suite
from topoeval.records.record import Record

SCHEMAS: dict[str, type[BaseModel]] = {"method": MethodFile, "record": Record, "suite": Suite}


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
