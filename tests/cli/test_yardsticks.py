"""A report compares with what the suite says, wherever the suite's file lies."""

import json

import pytest

from tests.report.conftest import make_record, write_records
from topoeval import UserError
from topoeval.cli.yardsticks import FILE, leave_yardsticks, yardsticks_of
from topoeval.harness.suites.catalogue import load_suite
from topoeval.results.records import read

SUITE = """
schema = 1
name = "mine"
title = "Mine"
description = "Which?"
seeds = [0, 1]
methods = ["cross_entropy", "dice_ce", "cldice[weight=[0.1, 1.0]]"]
reference = "dice_ce"
start = { losses = [{ name = "cross_entropy" }], training = { epochs = 1 } }
training = { epochs = 1 }
override = { cldice = { base = "cross_entropy" } }

[[dataset]]
name = "strokes"
"""


@pytest.fixture
def records(tmp_path):
    """Return records of a suite that the catalogue does not know."""
    made = [make_record(name, changes={"suite": "mine"}) for name in ("cross_entropy", "dice_ce")]
    return read(write_records(tmp_path / "results" / "records", made))


def test_a_suite_file_leaves_its_reference_and_bases(tmp_path, records):
    """`topoeval report` later compares with them; a reference that is asked for goes before."""
    (tmp_path / "mine.toml").write_text(SUITE)
    root = tmp_path / "results"
    assert yardsticks_of(records, root).reference == "cross_entropy"
    leave_yardsticks(load_suite(str(tmp_path / "mine.toml")), root)
    found = yardsticks_of(records, root)
    assert found.reference == "dice_ce"
    assert found.bases["cldice"] == "cross_entropy"
    assert (found.title, found.question) == ("Mine", "Which?")
    assert yardsticks_of(records, root, "cldice").reference == "cldice"
    text = (root / FILE).read_text()  # a word that has changed is no other reference
    (root / FILE).write_text(text.replace("dice_ce", "dice_cd"))
    with pytest.raises(UserError, match=r"yardsticks\.json is damaged; delete it"):
        yardsticks_of(records, root)


def test_a_suite_of_the_catalogue_leaves_nothing(tmp_path):
    """It is found by its name, in its present form; what another suite left is removed."""
    (tmp_path / FILE).write_text("{}")
    leave_yardsticks(load_suite("quickstart"), tmp_path)
    assert not (tmp_path / FILE).exists()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        json.dumps({"bases": {}}),
        '{"reference": 3}',
        '{"reference": "a", "bases": {}, "title": 3}',
    ],
)
def test_a_damaged_file_is_one_line(tmp_path, records, text):
    """It is not taken for another reference."""
    (tmp_path / "results" / FILE).write_text(text)
    with pytest.raises(UserError, match=r"yardsticks\.json is damaged; delete it"):
        yardsticks_of(records, tmp_path / "results")
