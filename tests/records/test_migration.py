"""Records of every schema there has been."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.report.conftest import ENVIRONMENT, make_record, write_records
from topoeval.checksums import sealed
from topoeval.harness.runs.environment import describe
from topoeval.records.files import read_record
from topoeval.records.migration import migrate
from topoeval.records.record import RECORD_SCHEMA
from topoeval.results import load

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("commit", "told"), [("abc1234", ("abc1234", False)), ("abc1234-dirty", ("abc1234", True)),
                         (None, (None, None))],
)  # fmt: skip
def test_schema_1_told_a_changed_checkout_by_the_end_of_the_commit(
    commit: str | None, told: tuple[str | None, bool | None]
) -> None:
    """Since 2 it is a flag, and the record is otherwise what it was."""
    old = make_record(changes={"schema": 1, "environment.topoeval.commit": commit})
    new = migrate(old)
    ours = new["environment"]["topoeval"]
    assert (ours["commit"], ours["dirty"]) == told
    assert new["schema"] == RECORD_SCHEMA
    assert new["spec"] == old["spec"]
    assert {k: v for k, v in new.items() if k not in ("schema", "environment")} == {
        k: v for k, v in old.items() if k not in ("schema", "environment")
    }


def test_migration_leaves_the_old_record_as_it_was() -> None:
    """What was read from a file can be written back."""
    old = make_record(changes={"environment.topoeval.commit": "abc-dirty"})
    before = json.dumps(old)
    migrate(old)
    assert json.dumps(old) == before


def test_a_current_record_is_not_changed() -> None:
    """Nor is it copied deeply."""
    ours = {"version": "0.1", "commit": "abc", "dirty": True}
    record = make_record(changes={"schema": RECORD_SCHEMA, "environment.topoeval": ours})
    assert migrate(sealed(record)) == record


@pytest.mark.parametrize("schema", [0, RECORD_SCHEMA + 1, None, "1", True])
def test_an_unknown_schema_is_named(schema: object) -> None:
    """Neither a later one nor none is guessed at."""
    record = make_record(changes={"schema": schema})
    with pytest.raises(ValueError, match=rf"has schema {schema!r}"):
        migrate(record)


def test_a_record_without_environment_migrates() -> None:
    """A run that was killed has none."""
    assert migrate(make_record(changes={"environment": {}}))["environment"] == {}


@pytest.mark.parametrize("suite", sorted(p.parent.name for p in ROOT.glob("results/*/records")))
def test_every_committed_record_can_be_read(suite: str) -> None:
    """Whatever its schema; its identity is still that of its specification."""
    paths = sorted((ROOT / "results" / suite / "records").glob("*.json"))
    assert paths
    for path in paths:
        record = read_record(path)
        assert record.spec.id == record.id == path.stem
        assert record.environment.topoeval.commit


def test_the_harness_writes_what_this_reads(tmp_path: Path) -> None:
    """The environment of today's records has version, commit and flag."""
    environment = describe("cpu", 1, "native")
    assert set(environment["topoeval"]) == {"version", "commit", "dirty"}
    record = make_record(changes={"schema": RECORD_SCHEMA, "environment": environment})
    write_records(tmp_path / "records", [sealed(record)])
    row = load(tmp_path).runs.iloc[0]
    assert row["version"] == environment["topoeval"]["version"]
    assert ENVIRONMENT["python"]
