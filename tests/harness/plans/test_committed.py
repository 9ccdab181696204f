"""Committed suites: their plans, and the records that are there."""

import json
from pathlib import Path

import pytest

from topoeval.harness.plans.plan import plan
from topoeval.harness.suites.catalogue import load_suite, suite_names
from topoeval.records.spec import RunSpec

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("name", ["clough-mnist", "losses-2d"])
def test_the_committed_records_are_those_that_their_suites_plan(name, monkeypatch):
    """No identity has changed; data that are not here are named by the records."""
    ids = {path.stem for path in (ROOT / "results" / name / "records").glob("*.json")}
    absent = {}
    runs = plan(load_suite(name), absent=absent)
    if not absent:
        assert ids == {run.id for run in runs}
    else:
        documents = [
            json.loads((ROOT / f"results/{name}/records/{i}.json").read_text()) for i in ids
        ]
        assert len(documents) == len(runs)
        assert all(RunSpec.model_validate(d["spec"]).id == d["id"] for d in documents)


@pytest.mark.parametrize("name", suite_names())
def test_every_suite_plans_the_same_twice(name):
    """The order, too: it is the order of running."""
    suite, absent = load_suite(name), {}
    first, second = (plan(suite, absent=absent) for _ in range(2))
    assert [run.id for run in first] == [run.id for run in second]
