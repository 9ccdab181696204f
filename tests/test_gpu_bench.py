"""`bench/gpu.py` runs to its end without a GPU, and without one it claims nothing."""

import importlib.util
import json
import signal
import sys
from pathlib import Path

import pytest
import torch

from topoeval.losses import LOSSES

ROOT = Path(__file__).parents[1]


@pytest.fixture
def run(monkeypatch):
    """Its `main`, where torch sees no GPU."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(sys, "path", [*sys.path])  # it adds the folder of its neighbours
    spec = importlib.util.spec_from_file_location("gpu_bench", ROOT / "bench" / "gpu.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    alarm = signal.getsignal(signal.SIGALRM)
    yield lambda *options: module.main(options)
    signal.signal(signal.SIGALRM, alarm)


def test_without_a_gpu_it_is_one_line_and_2(run, capsys):
    """No record, no traceback."""
    assert run() == 2
    printed = capsys.readouterr()
    assert len(printed.err.splitlines()) == 1
    assert printed.out == ""


def test_a_dry_run_measures_everything_and_keeps_nothing(run, capsys):
    """Each check holds, each engine and loss has figures, no file is written."""
    folder = ROOT / "results" / "gpu"
    before = sorted(folder.glob("*"))
    assert run("--device", "cpu", "--quick") == 0
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert not [record for record in records if "problem" in record]
    checked = [record for record in records if record["what"] == "correctness"]
    assert all(r["same_bars_as_native"] and r["same_table_20_times"] for r in checked)
    matched = [record for record in records if record["what"] == "matching"]
    assert {record["construction"] for record in matched} == {"V", "T"}
    assert all(r["same_matching_as_native"] and r["rows"] > 10 for r in matched)
    cases = {(r["shape"].count("x"), r["construction"], r["images"]) for r in checked}
    assert {(axes, construction) for axes, construction, _ in cases} == {
        (axes, construction) for axes in (3, 4) for construction in "VT"
    }
    assert {r["loss"] for r in records if r["what"] == "loss"} == set(LOSSES.available())
    assert {r["what"] for r in records} >= {"persistence", "memory", "profile", "training step"}
    assert sorted(folder.glob("*")) == before


def test_records_are_kept_where_it_is_told(run, tmp_path):
    """One file, with the machine it was made on; what was not measured in time is a row of it."""
    # nothing was checked, so it is no success
    assert run("--device", "cpu", "--quick", "--minutes", "0", "--out", str(tmp_path)) == 1
    (path,) = tmp_path.iterdir()
    content = json.loads(path.read_text())
    assert content["environment"]["versions"]["torch"]
    assert content["records"]
    assert all("not done within 0 s" in record["problem"] for record in content["records"])
