"""`bench/gpu.py` runs to its end without a GPU, and without one it claims nothing."""

import importlib
import json
import sys
import time
from pathlib import Path

import pytest
import torch

from topoeval.losses import LOSSES

ROOT = Path(__file__).parents[1]


@pytest.fixture
def bench(monkeypatch):
    """Import a module of `bench/` by its name, where torch sees no GPU."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(sys, "path", [str(ROOT / "bench"), *sys.path])
    known = {*sys.modules}
    yield importlib.import_module
    for name in {*sys.modules} - known:  # its neighbours have names that others may want
        if name in ("gpu", "losses", "on_gpu") or name.startswith("on_gpu."):
            del sys.modules[name]


@pytest.fixture
def run(bench):
    """Run `bench/gpu.py` with some options."""
    return lambda *options: bench("gpu").main(options)


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


def test_what_takes_too_long_or_fails_is_a_record_and_the_next_is_measured(bench, capsys):
    """The names of the measurement are in it; the alarm is off afterwards."""
    on_cpu = bench("on_gpu.bench").Bench("cpu", seconds=60, repeats=1)
    on_cpu.measure(lambda: time.sleep(5), 0.05, "slow", shape="1x1")
    on_cpu.measure(lambda: {"ratio": 1 / 0}, 5, "broken")
    on_cpu.measure(lambda: [{"row": 1}, {"row": 2}], 0.2, "rows")
    time.sleep(0.25)  # an alarm left on would end this test
    assert on_cpu.records == [
        {"what": "slow", "shape": "1x1", "problem": "not done within 0 s"},
        {"what": "broken", "problem": "ZeroDivisionError: division by zero"},
        {"what": "rows", "row": 1},
        {"what": "rows", "row": 2},
    ]
    assert len(capsys.readouterr().out.splitlines()) == 4


def test_a_table_that_changes_between_calls_is_found(bench, monkeypatch):
    """Bars in another order are the same bars, and not the same table."""
    checks = bench("on_gpu.checks")
    compute_tensor, calls = checks.Torch.compute_tensor, []

    def shuffled(self, *arguments):
        calls.append(arguments)
        table = compute_tensor(self, *arguments)
        return table.flip(0) if len(calls) == 7 else table

    monkeypatch.setattr(checks.Torch, "compute_tensor", shuffled)
    on_cpu = bench("on_gpu.bench").Bench("cpu", seconds=60, repeats=1)
    checks.check_bars(on_cpu, {"1x1x12x12": (1, 1, 12, 12)})
    first, *others = on_cpu.records
    assert first["same_bars_as_native"]
    assert not first["same_table_20_times"]
    assert all(record["same_table_20_times"] for record in others)
    assert not checks.holds(on_cpu.records)
    assert checks.holds(others)
