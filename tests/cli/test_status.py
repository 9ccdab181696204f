"""``topoeval status`` and ``topoeval retry``: what a results folder says, and running it again."""

import json
import os
import re
import socket
import sys
import time

import pytest
from rich.console import Console

from topoeval.cli.display import SweepDisplay
from topoeval.harness.runs.executors import Local
from topoeval.harness.runs.store import Store
from topoeval.harness.runs.sweep import read_plan, sweep
from topoeval.harness.suites.suite import Limits
from topoeval.records.record import Timing
from topoeval.records.spec import RunSpec

# the seed decides how a run ends; a file beside the results mends what is wrong
WORKER = """
import json, os, sys
from pathlib import Path
spec_file, root = Path(sys.argv[1]), Path(sys.argv[2])
spec = json.loads(spec_file.read_text())
mended = (root.parent / "mended").exists()
if spec["seed"] == 1 and not mended:
    print("it is not my day"); sys.exit(3)
if spec["seed"] == 2 and not mended:
    os.kill(os.getpid(), 9)
record = {"schema": 1, "id": spec_file.parent.name, "suite": "small", "spec": spec, "status": "ok",
          "fault": None, "error": None, "timing": {"wall_s": 75.0}, "cases": {"case": ["a"]}}
path = root / "records" / f"{spec_file.parent.name}.json"
path.parent.mkdir(exist_ok=True)
path.write_text(json.dumps(record))
"""


@pytest.fixture
def runs():
    """Four runs that differ in their seeds."""
    spec = {
        "task": "restore",
        "dataset": {"name": "strokes"},
        "topology": "T-superlevel-plain",
        "network": {},
        "method": {
            "name": "plain",
            "title": "Plain",
            "regime": "supervised",
            "losses": [{"name": "cross_entropy"}],
        },
        "training": {"epochs": 1},
        "backend": "native",
        "device": "cpu",
    }
    return [RunSpec.model_validate({**spec, "seed": seed}) for seed in range(4)]


@pytest.fixture
def store(tmp_path, runs, monkeypatch):
    """A results folder: one run ended well, one failed by itself, one was killed, one waits."""
    worker = (sys.executable, "-c", WORKER)
    store = Store(tmp_path / "results", "small")
    sweep(runs, store, Local(slots=2, worker=worker), Limits(timeout_s=60))
    store.discard(runs[3].id)
    store.heartbeat(runs[3].id).unlink()
    # what the command line starts is the same worker
    monkeypatch.setattr("topoeval.harness.runs.job.WORKER", worker)
    monkeypatch.setattr("topoeval.harness.runs.template.SUPPORTED", False)
    return store


def rows(text):
    """The rows of the table by the seed of their run."""
    return {
        int(found[1]): line
        for line in text.splitlines()
        if (found := re.match(r"strokes/plain/seed(\d)", line))
    }


def beat(store, run, **changed):
    """Leave a sign of life of a run."""
    sign = {
        "time": time.time(),
        "active": time.time() - 300,
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "rss_bytes": 3 * 2**30,
        "step": "7/40 epoch",
    }
    store.heartbeat(run.id).write_text(json.dumps({**sign, **changed}))


def test_it_says_what_ended_how_and_what_is_left(call, store, runs):
    """Counts of all, a row with its reason for each that did not end well, where logs are."""
    code, out, _ = call("status", store.root)
    assert code == 0
    assert f"no sweep is at work; the last was process {os.getpid()}" in out
    assert "4 runs: 2 crashed, 1 ok, 1 waiting" in out
    assert set(rows(out)) == {1, 2}
    assert re.search(r"crashed +method .*exit code 3", rows(out)[1])
    assert re.search(r"crashed +machine .*ended by SIGKILL", rows(out)[2])
    assert "work/ID/log.txt" in out
    assert "topoeval retry" in out


def test_it_lists_all_when_asked(call, store):
    """With the time that each took."""
    out = call("status", store.root, "--all")[1]
    assert set(rows(out)) == {0, 1, 2, 3}
    assert "1 min" in rows(out)[0] or "75 s" in rows(out)[0]
    assert "waiting" in rows(out)[3]


def test_it_says_what_runs_how_far_and_since_when_it_is_silent(call, store, runs):
    """While a sweep is at work, from the heartbeat of the run."""
    beat(store, runs[3])
    with store.exclusive():
        out = call("status", store.root)[1]
    assert "small: at work: process" in out
    assert "1 running" in out
    for words in ("running", "7/40 epoch", "3.0 GiB", socket.gethostname(), "silent for 5 min"):
        assert words in rows(out)[3]


@pytest.mark.parametrize(
    "changed", [{"time": 0.0}, {"pid": 2**22 + 1}], ids=["long ago", "no such process"]
)
def test_a_run_without_a_sign_of_life_is_lost(call, store, runs, changed):
    """Its machine is gone, or its process is."""
    beat(store, runs[3], **changed)
    assert "lost" in rows(call("status", store.root)[1])[3]


def test_retry_runs_what_is_asked_for(call, store, runs, tmp_path):
    """The machine's failures or all of them, and what was left; what ended well stays."""
    (tmp_path / "mended").touch()
    first = store.record_path(runs[0].id).stat().st_mtime_ns
    code, out, _ = call("retry", store.root, "--machine", "--jobs", "1", "--no-report")
    assert (code, "2 run, 2 found finished, 1 failed" in out) == (1, True)
    assert [store.read(run.id).status for run in runs] == ["ok", "crashed", "ok", "ok"]
    code, out, _ = call("retry", store.root, "--failed", "--no-report")
    assert (code, "1 run, 3 found finished, 0 failed" in out) == (0, True)
    assert store.record_path(runs[0].id).stat().st_mtime_ns == first


def test_a_sweep_of_some_does_not_forget_the_others(store, runs, tmp_path):
    """What has a record stays known to `retry`; what has none and is wanted no more does not."""
    sweep(runs[:1], store, Local(), Limits())
    assert [run.seed for run in read_plan(store).runs] == [1, 2, 0]


def test_what_cannot_be_retried_says_why(call, store, tmp_path):
    """Neither choice, both, or a folder that does not know what was asked for."""
    for choice in ([], ["--failed", "--machine"]):
        code, _, err = call("retry", store.root, *choice)
        assert (code, "say which runs to retry" in err) == (2, True)
    store.sweep.unlink()
    code, _, err = call("retry", store.root, "--failed")
    assert code == 2
    assert "topoeval run SUITE --results" in err


def test_a_folder_of_records_alone_has_a_status(call, store):
    """As it comes out of a repository."""
    store.sweep.unlink()
    assert "3 runs: 2 crashed, 1 ok" in call("status", store.root)[1]
    code, _, err = call("status", store.root / "nowhere")
    assert (code, "does not exist" in err) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--slurm", "partition"], "--slurm 'partition' is not NAME=VALUE"),
        (["--gpus", "0,,1"], "--gpus '0,,1' names no GPU somewhere"),
        (["--executor", "lcoal"], "unknown executor 'lcoal'; did you mean 'local'?"),
    ],
)
def test_wrong_options_are_one_line(call, store, arguments, words):
    """Exit status 2 and what to write instead."""
    code, _, err = call("retry", store.root, "--failed", *arguments)
    assert (code, words in err) == (2, True)


def test_the_display_counts_and_estimates(store, runs, capsys):
    """What ended how, what is at work and how far, and the time left by the mean of this sweep."""
    console = Console(width=110)
    display = SweepDisplay(10, store, slots=2, console=console)
    beat(store, runs[3])
    display.listen("kept", runs[0], store.read(runs[0].id))
    display.listen("started", runs[1], None)
    display.listen("started", runs[3], None)
    failed = store.read(runs[1].id)
    failed = failed.model_copy(update={"timing": Timing(wall_s=600.0)})
    display.listen("finished", runs[1], failed)
    console.print(display)
    out = capsys.readouterr().out
    assert "strokes/plain/seed1: crashed (method) exit code 3 without a record" in out
    # eight left, two at a time, ten minutes each
    assert "2/10, 1 crashed, 1 ok, 1 found finished, about 40 min left" in out
    assert re.search(r"seed3 +running +7/40 epoch +3.0 GiB +silent for 5 min", out)


@pytest.mark.parametrize("junk", ["", "[]", "{", '{"time": "noon"}'])
def test_damaged_files_are_named_and_the_rest_is_told(call, store, runs, junk):
    """A record and a heartbeat that cannot be read; the other runs have their status (D5)."""
    store.record_path(runs[0].id).write_text(junk)
    store.heartbeat(runs[3].id).write_text(junk)
    store.heartbeat(runs[1].id).write_text(junk)  # its record counts, and nothing else
    code, out, _ = call("status", store.root)
    assert code == 0
    assert "4 runs: 2 crashed, 1 damaged, 1 lost" in out
    assert "is set aside" in " ".join(out.split())
    store.sweep.unlink()
    assert f"{runs[0].id}.json is set aside" in call("status", store.root)[1]
