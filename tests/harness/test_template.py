"""Runs as forks of a warm process: as good as fresh interpreters, and gone when the sweep is."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import closing

import psutil
import pytest

from topoeval.harness import template
from topoeval.harness.catalogue import load_suite
from topoeval.harness.executors import Local
from topoeval.harness.job import fresh
from topoeval.harness.plan import plan
from topoeval.harness.store import Store
from topoeval.harness.suite import Limits
from topoeval.harness.sweep import sweep

pytestmark = pytest.mark.skipif(not template.SUPPORTED, reason="forks only on Linux")

LIMITS = Limits(timeout_s=120)


@pytest.fixture
def runs(suite_file):
    """The runs of the tiny suite."""
    return plan(load_suite(str(suite_file)))


@pytest.fixture
def endless(suite_file):
    """A run that trains for hours."""
    suite_file.write_text(suite_file.read_text().replace("epochs = 3", "epochs = 100000"))
    return next(run for run in plan(load_suite(str(suite_file))) if run.method.name == "start")


@pytest.fixture
def store(tmp_path):
    """An empty results folder."""
    return Store(tmp_path / "results", "tiny")


def told(store, run):
    """What a record says, times and machine apart."""
    kept = ("id", "spec", "status", "cases", "history", "examples", "summary")
    return {key: value for key, value in store.read(run.id).items() if key in kept}


def children():
    """The processes that this one has started; a supervisor may need a moment to be gone."""
    return {process.pid for process in psutil.Process().children()}


def test_forks_and_fresh_interpreters_give_the_same_records(runs, store, tmp_path):
    """Two at a time; the log of a run is in its own folder."""
    runs = runs[:4]  # a judge, a start, and what is trained from it
    with closing(Local(slots=2, warm=True)) as executor:
        assert sweep(runs, store, executor, LIMITS).failed == []
    cold = Store(tmp_path / "cold", "tiny")
    assert sweep(runs, cold, Local(slots=2, warm=False), LIMITS).failed == []
    assert [told(store, run) for run in runs] == [told(cold, run) for run in runs]
    for run in runs:
        log = "".join(store.log_tail(run.id, 50))
        assert run.method.name != "start" or "epoch" in log
        assert "Fatal" not in log
        assert store.read(run.id)["memory"]["peak_rss_bytes"] > 2**27


def test_one_template_serves_all_runs_of_an_executor(runs, store):
    """It is started by the first, and it is gone with the executor."""
    before = children()
    with closing(Local(warm=True)) as executor:
        executor.run(runs[0], store, LIMITS)
        (first,) = children() - before
        executor.run(runs[1], store, LIMITS)
        assert children() - before == {first}
    assert children() == before


def test_hard_limits_hold_in_a_fork(endless, runs, store, wait_until_alone):
    """The clock ends a training that would take hours, and memory one that takes too much."""
    for parent in (run for run in runs if run.id in endless.parents.values()):
        sweep([parent], store, Local(), LIMITS)
    with closing(Local(warm=True, grace_s=0.2)) as executor:
        record = executor.run(endless, store, Limits(timeout_s=4))
        assert (record["status"], record["fault"]) == ("timeout", "method")
        store.discard(endless.id)
        record = executor.run(endless, store, Limits(timeout_s=120, memory_gib=0.1))
        assert (record["status"], record["fault"]) == ("out_of_memory", "method")
    wait_until_alone(store.root)


def test_runs_are_fresh_interpreters_where_there_is_no_template(runs, store):
    """It was killed: nobody notices but for the time it takes."""
    with closing(Local(warm=True)) as executor:
        executor.run(runs[0], store, LIMITS)
        executor._template._process.kill()
        executor._template._process.wait()
        assert executor.run(runs[1], store, LIMITS)["status"] == "ok"


def test_runs_on_cuda_are_fresh_interpreters(store, fake_run):
    """A fork of a process in which a library has looked for a GPU cannot use one."""
    run = fake_run("sleep", device="cuda")
    assert Local(warm=True)._launch(run, store) is fresh


def test_a_template_that_cannot_load_leaves_it_to_the_runs_to_say_why(monkeypatch, runs, store):
    """A broken library is in the record of the run, not lost with the template."""
    monkeypatch.setattr(template, "_PROGRAM", (sys.executable, "-c", "raise SystemExit(1)"))
    with closing(Local(warm=True)) as executor:
        assert executor.run(runs[0], store, LIMITS)["status"] == "ok"


def test_forks_do_not_share_random_numbers(tmp_path):
    """Nor the standard streams of whoever started the template."""
    program = (
        "import random, sys, numpy as np\n"
        "from topoeval.harness import template, worker\n"
        "template._LOADED = ()\n"
        "worker.main = lambda arguments: print(random.random(), np.random.random(), arguments)\n"
        "template.main(int(sys.argv[1]))\n"
    )
    script = tmp_path / "template.py"
    script.write_text(program)
    draws = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(template, "_PROGRAM", (sys.executable, "-P", str(script)))
        with closing(template.Template(tmp_path / "log", {})) as warm:
            for name in ("one", "two"):
                work = tmp_path / name
                work.mkdir()
                settings = template.Settings(
                    command=(*template.WORKER, name),
                    work=str(work),
                    record=str(work / "record"),
                    timeout_s=60,
                )
                with warm.launch(settings, {}) as supervised:
                    ending = json.loads(supervised.words.read().splitlines()[-1])
                assert (ending["cause"], ending["code"]) == ("exit", 0)
                draws.append((work / "log.txt").read_text().split())
    (first, second) = draws
    assert first[2] == "['one']"
    assert second[2] == "['two']"
    assert first[0] != second[0]
    assert first[1] != second[1]


def test_a_killed_sweep_takes_template_and_runs_with_it(endless, runs, store, wait_until_alone):
    """SIGKILL while a fork is at work."""
    parents = [run for run in runs if run.id in endless.parents.values()]
    sweep(parents, store, Local(), LIMITS)
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from topoeval.harness.executors import Local\n"
        "from topoeval.harness.spec import RunSpec\n"
        "from topoeval.harness.store import Store\n"
        "from topoeval.harness.suite import Limits\n"
        "run = RunSpec.model_validate_json(sys.argv[1])\n"
        "Local(warm=True).run(run, Store(Path(sys.argv[2]), 'tiny'), Limits())\n"
    )
    spec = endless.model_dump_json(by_alias=True)
    victim = subprocess.Popen([sys.executable, "-P", "-c", program, spec, str(store.root)])
    heartbeat = store.heartbeat(endless.id)
    while not heartbeat.exists():
        assert victim.poll() is None
        time.sleep(0.05)
    os.kill(victim.pid, signal.SIGKILL)
    victim.wait()
    wait_until_alone(store.root)
    assert store.read(endless.id) is None
