"""The JSON schemas that editors use are those of the code, and fit the files that there are."""

import json
import tomllib
from pathlib import Path

import pytest

from topoeval import UserError
from topoeval.harness.suites.catalogue import baselines_folder, suites_folder
from topoeval.harness.suites.method_file import MethodFile
from topoeval.harness.suites.schema import SCHEMAS, schema_text
from topoeval.harness.suites.suite import Suite
from topoeval.harness.suites.toml import parse

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("kind", SCHEMAS)
def test_the_committed_schema_is_current(kind):
    """`topoeval schema KIND > docs/schema/KIND.json` would change nothing."""
    assert (ROOT / "docs" / "schema" / f"{kind}.json").read_text() == schema_text(kind)


def test_there_is_no_schema_of_other_things():
    """The nearest kind is offered."""
    with pytest.raises(UserError, match="no schema of 'suit'; did you mean 'suite'"):
        schema_text("suit")


def test_a_suite_says_in_its_schema_what_it_takes():
    """One or many of a backend, nothing unknown, and what every key is for."""
    schema = json.loads(schema_text("suite"))
    assert schema["additionalProperties"] is False
    assert {choice["type"] for choice in schema["properties"]["backend"]["anyOf"]} == {
        "string",
        "array",
    }
    assert {"name", "title", "seeds", "methods", "dataset", "start", "training"} <= set(
        schema["required"]
    )
    assert set(schema["properties"]) == {
        field.alias or name for name, field in Suite.model_fields.items()
    }


def holds(value, schema, whole):
    """Whether data fit a schema, as far as types, keys and choices go; an independent reading."""
    if "$ref" in schema:
        return holds(value, whole["$defs"][schema["$ref"].rsplit("/", 1)[1]], whole)
    if "anyOf" in schema:
        return any(holds(value, choice, whole) for choice in schema["anyOf"])
    if "const" in schema:
        return value == schema["const"]
    if "enum" in schema and value not in schema["enum"]:
        return False
    kinds = {
        "object": dict, "array": list, "string": str, "boolean": bool, "null": type(None),
        "integer": int, "number": (int, float),
    }  # fmt: skip
    if "type" in schema and not isinstance(value, kinds[schema["type"]]):
        return False
    if isinstance(value, dict):
        known, rest = schema.get("properties", {}), schema.get("additionalProperties", True)
        if not set(schema.get("required", ())) <= set(value):
            return False
        return all(
            holds(inner, known[key], whole) if key in known
            else rest if isinstance(rest, bool)
            else holds(inner, rest, whole)
            for key, inner in value.items()
        )  # fmt: skip
    if isinstance(value, list):
        return all(holds(one, schema.get("items", {}), whole) for one in value)
    return True


@pytest.mark.parametrize("path", sorted(suites_folder().glob("*.toml")), ids=lambda p: p.stem)
def test_every_suite_fits_the_schema(path):
    """As an editor reads it."""
    schema, data = json.loads(schema_text("suite")), tomllib.loads(path.read_text())
    assert holds(data, schema, schema)
    assert not holds({**data, "sedes": [1]}, schema, schema)
    assert not holds({**data, "seeds": "all"}, schema, schema)


METHODS = sorted(baselines_folder().glob("*/method.toml"))


@pytest.mark.parametrize("path", METHODS, ids=lambda path: path.parent.name)
def test_every_method_fits_the_schema(path):
    """As an editor reads it."""
    schema, data = json.loads(schema_text("method")), tomllib.loads(path.read_text())
    assert holds(data, schema, schema)
    assert not holds({**data, "titel": "?"}, schema, schema)
    assert parse(data, MethodFile, str(path)).name == path.parent.name
