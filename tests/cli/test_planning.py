"""`topoeval plan`, `schema` and the filters of `run`, as a user meets them."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from topoeval.cli.planning import duration, ranges

SUITE = """
schema = 1
name = "tiny"
title = "Tiny"
seeds = [0, 1, 2, 5]
methods = ["cross_entropy", "betti_prior[weight=[0.1, 1.0]]"]
start = { losses = [{ name = "cross_entropy" }], training = { epochs = 1 } }
network = { channels = [4, 8] }

[training]
epochs = 2

[[dataset]]
name = "strokes"
sizes = { train = 8, test = 6 }

[[dataset]]
name = "drive"
"""


@pytest.fixture
def call(call, tmp_path, monkeypatch):
    """Run the command line beside the tiny suite, without the thousands of committed records."""
    folder = "topoeval.harness.suites.catalogue.results_folder"
    monkeypatch.setattr(folder, lambda: tmp_path / "committed")
    (tmp_path / "tiny.toml").write_text(SUITE)
    return call


def test_a_plan_is_a_table_of_what_would_run(call):
    """Seeds drawn together, reasons beside what cannot run, time unknown without records."""
    status, out, _ = call("plan", "tiny.toml")
    assert status == 1
    row = next(line for line in out.splitlines() if "weight=1.0" in line and "strokes" in line)
    assert row.split()[2:] == ["0-2,", "5", "4", "unknown"]
    assert "32 runs: 16 to run, 16 cannot." in out
    assert "TOPOEVAL_DATA" in out
    assert "How long is unknown" in out


@pytest.mark.parametrize(
    ("asked", "status", "stopped"),
    [
        ((), 1, "16 of 32"),
        (("-d", "drive"), 1, "16 of 16"),
        (("-d", "strokes", "-m", "cross_entropy", "-s", "0"), 0, ""),
    ],
)
def test_a_plan_that_a_run_would_refuse_ends_with_status_1(call, asked, status, stopped):
    """With the reason that the run gives; also for programs, and where nothing is printed."""
    ended, out, _ = call("plan", "tiny.toml", *asked)
    assert ended == status
    assert call("plan", "tiny.toml", *asked, "--json")[0] == status
    refused, _, told = call("run", "tiny.toml", *asked, "--executor", "inline", "--no-report", "-q")
    assert refused == 2 * status
    ended, nothing, problems = call("plan", "tiny.toml", *asked, "--quiet")
    assert (ended, nothing) == (status, "")
    if status:
        reason = told.removeprefix("topoeval: ").strip()
        assert f"topoeval run would refuse: {stopped} runs cannot be done here ({reason})" in out
        assert problems.strip() in out
        assert problems.count("\n") == 1
    else:
        assert "would refuse" not in out + problems


def test_a_plan_of_what_is_done_elsewhere_is_whole(call):
    """All records are there and the data are not: the run would refuse, and nothing is left out."""
    results = Path(__file__).parents[2] / "results" / "clough-mnist"
    asked = ("clough-mnist", "--results", results, "--seed", "0")
    status, out, err = call("plan", *asked)
    assert (status, err) == (1, "")
    runs = int(re.search(r"(\d+) runs: \1 done\.", out)[1])
    assert f"topoeval run would refuse: {runs} of {runs} runs cannot be done here (mnist: " in out
    refused, _, told = call("run", *asked)
    assert (refused, told.count("\n")) == (2, 1)
    assert told.removeprefix("topoeval: ").strip() in out


def test_filters_narrow_a_plan(call):
    """And a wrong one is one line."""
    status, out, _ = call(
        "plan", "tiny.toml", "-m", "betti_prior[weight=0.1]", "-d", "strokes", "-s", "0", "--json"
    )
    assert status == 0
    rows = json.loads(out)
    assert [(row["method"], row["state"]) for row in rows] == [
        ("start", "to run"),
        ("betti_prior[weight=0.1]", "to run"),
    ]
    assert {row["seed"] for row in rows} == {0}
    status, _, err = call("plan", "tiny.toml", "-m", "betti_pior")
    assert status == 2
    assert "did you mean 'betti_prior[" in err
    assert len(err.strip().splitlines()) == 1


def test_a_run_takes_the_same_filters_and_is_then_done(call):
    """Only what was asked for and what it builds on; the report tells variants apart."""
    asked = ("-m", "betti_prior", "-d", "strokes", "--seed", "0")
    status, out, err = call("run", "tiny.toml", *asked, "--executor", "inline", "--no-report")
    assert status == 0, err
    assert "3 run, 0 found finished, 0 failed" in out
    _, out, _ = call("plan", "tiny.toml", *asked, "--json")
    assert {row["state"] for row in json.loads(out)} == {"done"}
    # seed 1 has not run, and now there is experience
    _, out, _ = call("plan", "tiny.toml", "-m", "betti_prior", "-d", "strokes", "-s", "1")
    assert "About" in out
    assert "medians of 1 records a run" in out
    status, _, err = call("report", "results/tiny", "--reference", "betti_prior")
    label = "Betti prior, supervised [weight=0.1]"
    assert (status, err.count("\n")) == (2, 1)
    assert f"topoeval report RESULTS --reference '{label}'" in err
    status, out, err = call("report", "results/tiny", "--reference", label)
    assert status == 0, err
    assert label in Path("results/tiny/report/table.csv").read_text()
    assert "[weight=1.0]" in out


def test_a_schema_is_printed_as_json(call):
    """Of a suite, a method or a record; the nearest kind is offered for others."""
    status, out, _ = call("schema", "suite")
    assert status == 0
    assert json.loads(out)["properties"]["seeds"]["type"] == "array"
    status, _, err = call("schema", "suit")
    assert (status, "did you mean 'suite'" in err) == (2, True)


def test_the_help_comes_without_anything_heavy():
    """Neither torch nor numpy nor pydantic, and no package metadata: it is a matter of 0.2 s."""
    program = (
        "import sys; from topoeval.cli import main; sys.argv = ['topoeval', '--help']\n"
        "try: main()\nexcept SystemExit: pass\n"
        "heavy = {'torch', 'numpy', 'pydantic', 'pandas', 'importlib.metadata', 'rich.progress'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for command in ("plan", "schema", "time"):
        assert command in done.stdout


def test_spans_of_time_and_of_seeds_are_said_shortly():
    """As people say them."""
    assert [duration(s) for s in (0.5, 59.96, 60, 3600, 90_000)] == [
        "0.5 s", "60.0 s", "1.0 min", "1.0 h", "1.0 d"
    ]  # fmt: skip
    assert ranges([0, 1, 2, 5, 7, 8]) == "0-2, 5, 7-8"
    assert ranges([3]) == "3"


SOFTMAX = """
name = "softmax_dice"
title = "Softmax Dice"
regime = "supervised"
summary = "Dice of a softmax."
losses = [{ name = "dice", params = { softmax = true } }]
"""
REGIONS = """
import numpy as np
from topoeval.datasets import DATASETS, DatasetInfo, Sample
from topoeval.topology import Topology


@DATASETS.register("overlapping")
class Overlapping:
    info = DatasetInfo(
        name="overlapping", title="Overlapping", task="none", ndim=2, channels=1, labels=(),
        sizes={"train": 2, "val": 2, "test": 2}, revision="1", licence="MIT", citation="none",
        home="drawn", topology=Topology("T"), prior="(1, 0)", classes=("whole", "part"),
    )

    def __init__(self, split, size, *, seed=0):
        self.split, self.size, self.seed = split, size, seed

    def __len__(self):
        return self.size

    def __getitem__(self, index):
        target = np.zeros((2, 16, 16), np.float32)
        target[0, 2:12, 2:12] = target[1, 4:8, 4:8] = 1
        return Sample(f"{self.split}-{index}", target[:1].copy(), target, ((1, 0), (1, 0)))

    def __iter__(self):
        return (self[index] for index in range(len(self)))
"""


@pytest.mark.parametrize(
    ("method", "told"),
    [
        ("clce", "is a softmax over background and classes"),
        ("./softmax_dice", "softmax = true, but the targets"),
    ],
)
def test_a_softmax_on_regions_is_refused_in_the_plan(call, tmp_path, method, told):
    """Targets without a background do not get as far as a run: the line names loss and classes."""
    (tmp_path / "overlapping.py").write_text(REGIONS)
    (tmp_path / "softmax_dice").mkdir()
    (tmp_path / "softmax_dice" / "method.toml").write_text(SOFTMAX)
    head = f'plugins = ["./overlapping.py"]\nmethods = ["cross_entropy", "{method}"]\n'
    (tmp_path / "regions.toml").write_text(
        SUITE.split("methods =")[0].replace("tiny", "regions")
        + head
        + 'start = { losses = [{ name = "cross_entropy" }], training = { epochs = 1 } }\n'
        + 'training = { epochs = 1 }\n[[dataset]]\nname = "overlapping"\n'
    )
    _, shown, errors = call("plan", "regions.toml")
    assert "4 cannot." in shown
    assert told in " ".join((shown + errors).split())
    status, _, errors = call("run", "regions.toml")
    assert status == 2
    assert told in errors
    assert not (tmp_path / "results").exists()
