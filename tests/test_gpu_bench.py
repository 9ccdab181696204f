"""`bench/gpu.py` runs to its end without a GPU, and without one it claims nothing."""

import json
import os
import subprocess
import sys
from pathlib import Path

from topoeval.losses import LOSSES

ROOT = Path(__file__).parents[1]


def run(*options):
    """Run it where torch sees no GPU, and return what became of it."""
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "CUDA_VISIBLE_DEVICES": "",
    }
    command = [sys.executable, str(ROOT / "bench" / "gpu.py"), *options]
    return subprocess.run(command, capture_output=True, text=True, env=environment)


def test_without_a_gpu_it_is_one_line_and_2():
    """No record, no traceback."""
    done = run()
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""


def test_a_dry_run_measures_everything_and_keeps_nothing():
    """Each check holds, each engine and loss has figures, no file is written."""
    folder = ROOT / "results" / "gpu"
    before = sorted(folder.glob("*"))
    done = run("--device", "cpu", "--quick")
    assert done.returncode == 0, done.stderr
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert not [record for record in records if "problem" in record]
    checked = [record for record in records if record["what"] == "correctness"]
    assert all(r["same_bars_as_native"] and r["same_table_20_times"] for r in checked)
    assert len(checked) == 4
    assert {r["loss"] for r in records if r["what"] == "loss"} == set(LOSSES.available())
    assert {r["what"] for r in records} >= {"persistence", "memory", "profile", "training step"}
    assert sorted(folder.glob("*")) == before


def test_records_are_kept_where_it_is_told(tmp_path):
    """One file, with the machine it was made on; a loss that cannot be measured is a row of it."""
    done = run("--device", "cpu", "--quick", "--minutes", "0", "--out", str(tmp_path))
    assert done.returncode == 1  # nothing was checked
    (path,) = tmp_path.iterdir()
    content = json.loads(path.read_text())
    assert content["environment"]["versions"]["torch"]
    assert content["records"]
    assert all("not done within 0 s" in record["problem"] for record in content["records"])
