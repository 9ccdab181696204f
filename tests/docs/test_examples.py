"""The examples run as they stand, and print what they are there to show."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from topoeval.cli import main

EXAMPLES = Path(__file__).parents[2] / "examples"
PRINTED = {
    "barcode.py": "components\n  from 0.9 down to -inf\n  from 0.2 down to 0.0\nholes\n  from 0.6",
    "betti_numbers.py": "2 component(s), 0 hole(s)\nT-construction",
    "evaluate_folders.py": "case0 1.000000          0.0\ncase1 0.978723          2.0",
    "loss_in_a_loop.py": "step 60: loss ",
    "repair_pictures.py": "cover: (1, 1, 0) -> (1, 0, 0), met: True",
    "score_arrays.py": "betti_error: 1.000",
    "two_folders.py": "topoeval run two-folders.toml",
}
PLUGINS = {"my_metric.py", "my_network.py"}


def run_example(name, folder):
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / name)], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def run_suite(tmp_path, monkeypatch, capsys):
    """Run a suite inline in an empty folder; return the records by method."""

    def run(path):
        monkeypatch.chdir(tmp_path)
        command = ["topoeval", "run", str(path), "--executor", "inline", "--no-report"]
        monkeypatch.setattr(sys, "argv", command)
        with pytest.raises(SystemExit) as ended:
            main()
        assert not ended.value.code, capsys.readouterr().out
        paths = (tmp_path / "results").glob("*/records/*.json")
        records = [json.loads(path.read_text()) for path in paths]
        return {record["spec"]["method"]["name"]: record for record in records}

    return run


def test_every_example_is_run_by_a_test():
    """And stands in the list of examples with what it shows."""
    assert {path.name for path in EXAMPLES.glob("*.py")} == PRINTED.keys() | PLUGINS
    listed = re.findall(r"^\| \[([\w./-]+)\]", (EXAMPLES / "README.md").read_text(), re.MULTILINE)
    there = {path.name + "/" * path.is_dir() for path in EXAMPLES.iterdir()}
    assert set(listed) == there - {"README.md", "__pycache__/"}


@pytest.mark.parametrize("name", PRINTED)
def test_an_example_runs(name, tmp_path):
    """In an empty folder, with nothing but topoeval."""
    assert PRINTED[name] in run_example(name, tmp_path)


def test_a_loss_in_a_loop_mends_the_topology(tmp_path):
    """With the Betti prior the masks have the rings' topology more often than before."""
    before, after = map(
        float, re.findall(r"Betti error (\S+)", run_example("loss_in_a_loop.py", tmp_path))
    )
    assert after < before


@pytest.mark.slow
def test_a_suite_with_parts_of_ones_own(run_suite):
    """The metric is a column of the record, the network is in its specification."""
    record = run_suite(EXAMPLES / "suite.toml")["hesitant_prior"]
    assert record["status"] == "ok"
    assert len(record["cases"]["volume_error"]) == 8
    assert record["spec"]["network"]["name"] == "two_layers"


@pytest.mark.slow
def test_a_suite_on_two_folders(run_suite, tmp_path):
    """Images and labels that lie in two folders are trained on and scored."""
    run_example("two_folders.py", tmp_path)
    record = run_suite(tmp_path / "two-folders.toml")["betti_prior"]
    assert record["status"] == "ok"
    assert len(record["cases"]["dice"]) == 6
