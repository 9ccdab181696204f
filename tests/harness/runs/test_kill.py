"""Killing the main process: nothing is lost, nothing is done twice, nothing stays behind."""

import json
import random
import signal
import subprocess
import sys
import time

import pytest

from topoeval.harness.runs.executors import Local
from topoeval.harness.runs.store import Store
from topoeval.harness.runs.sweep import sweep
from topoeval.harness.suites.suite import Limits

SWEEP = """
import sys
from pathlib import Path
from topoeval.harness.runs.executors import Local
from topoeval.records.spec import RunSpec
from topoeval.harness.runs.store import Store
from topoeval.harness.suites.suite import Limits
from topoeval.harness.runs.sweep import sweep

specs, root, *worker = sys.argv[1:]
runs = [RunSpec.model_validate_json(line) for line in Path(specs).read_text().splitlines()]
print("ready", flush=True)
sweep(runs, Store(Path(root), "kill"), Local(slots=3, worker=tuple(worker)), Limits(timeout_s=60))
"""


@pytest.fixture
def runs(fake_run):
    """Sixty runs of a few steps each, every third of them building on another."""
    runs = []
    for seed in range(40):
        runs.append(fake_run("slow", seed))
        if seed % 2:
            runs.append(fake_run("fine", seed, parents={"start": runs[-1].id}))
    return runs


def results(root):
    """What the records of a folder say, times apart."""
    said = {}
    for path in sorted((root / "records").glob("*.json")):
        said[path.name] = json.loads(path.read_text())
        said[path.name].pop("timing")
    return said


def starts(root):
    """How often a run was begun."""
    path = root.parent / "starts.txt"
    return len(path.read_text().split()) if path.exists() else 0


def wait_for_starts(root, count):
    deadline = time.monotonic() + 60
    while starts(root) < count:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_twenty_kills_change_no_record(runs, tmp_path, fake_worker, wait_until_alone):
    """SIGKILL of the sweep at twenty random moments; the same command ends as if undisturbed."""
    undisturbed = tmp_path / "undisturbed" / "results"
    tally = sweep(
        runs, Store(undisturbed, "kill"), Local(slots=3, worker=fake_worker), Limits(timeout_s=60)
    )
    assert tally.failed == []

    root = tmp_path / "killed" / "results"
    specs = tmp_path / "specs.jsonl"
    specs.write_text("".join(run.model_dump_json(by_alias=True) + "\n" for run in runs))
    command = [sys.executable, "-P", "-c", SWEEP, str(specs), str(root), *fake_worker]
    moments = random.Random(0)
    finished = set()
    for kill in range(20):
        victim = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        if kill % 5:  # else while it still imports
            assert victim.stdout.readline() == "ready\n"
            # so many runs on: a moment by the clock alone is always too early on a busy machine
            wait_for_starts(root, starts(root) + moments.randint(0, 4))
        time.sleep(moments.uniform(0, 0.3))
        victim.send_signal(signal.SIGKILL)
        assert victim.wait() == -signal.SIGKILL, "it had ended before"
        victim.stdout.close()
        if kill % 2:  # else the next sweep meets what is left of this one
            wait_until_alone(root)
        now = results(root)
        assert all(record["status"] == "ok" for record in now.values())
        assert now.keys() >= finished
        finished = now.keys()
    assert 0 < len(finished) < len(runs)
    subprocess.run(command, check=True, timeout=300)
    wait_until_alone(root, patience_s=0)
    assert results(root) == results(undisturbed)
    assert len(list((root / "records").iterdir())) == len(runs)
