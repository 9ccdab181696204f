"""Runs as forks of a warm process: as good as fresh interpreters, and gone when the sweep is."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import closing
from datetime import UTC, datetime

import psutil
import pytest

from topoeval.cli.run import run_suite
from topoeval.harness.plans.plan import plan
from topoeval.harness.runs import template
from topoeval.harness.runs.executors import Local, Settings
from topoeval.harness.runs.job import fresh
from topoeval.harness.runs.store import Store
from topoeval.harness.runs.sweep import sweep
from topoeval.harness.runs.worker import IMPORTS
from topoeval.harness.suites.catalogue import load_suite
from topoeval.harness.suites.selection import Filters
from topoeval.harness.suites.suite import Limits
from topoeval.records.record import Record

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
    kept = {"id", "spec", "status", "cases", "history", "examples", "summary"}
    return store.read(run.id).model_dump(include=kept)


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
        assert store.read(run.id).memory.peak_rss_bytes > 2**27


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
        assert (record.status, record.fault) == ("timeout", "method")
        store.discard(endless.id)
        record = executor.run(endless, store, Limits(timeout_s=120, memory_gib=0.1))
        assert (record.status, record.fault) == ("out_of_memory", "method")
    wait_until_alone(store.root)


def test_runs_are_fresh_interpreters_where_there_is_no_template(runs, store):
    """It was killed: nobody notices but for the time it takes."""
    with closing(Local(warm=True)) as executor:
        executor.run(runs[0], store, LIMITS)
        executor.template._process.kill()
        executor.template._process.wait()
        assert executor.run(runs[1], store, LIMITS).ok


def test_runs_on_cuda_are_fresh_interpreters(store, fake_run):
    """A fork of a process in which a library has looked for a GPU cannot use one."""
    run = fake_run("sleep", device="cuda")
    assert Local(warm=True)._launch(run, store) is fresh


def test_a_template_that_cannot_load_leaves_it_to_the_runs_to_say_why(monkeypatch, runs, store):
    """A broken library is in the record of the run, not lost with the template."""
    monkeypatch.setattr(template, "_PROGRAM", (sys.executable, "-c", "raise SystemExit(1)"))
    with closing(Local(warm=True)) as executor:
        assert executor.run(runs[0], store, LIMITS).ok


@pytest.fixture
def modules(tmp_path, monkeypatch):
    """A folder of modules that a template finds, with a worker that tells what it is."""
    folder = tmp_path / "modules"
    folder.mkdir()
    path = os.environ.get("PYTHONPATH")
    monkeypatch.setenv("PYTHONPATH", f"{folder}{os.pathsep}{path}" if path else str(folder))
    (folder / "teller.py").write_text(
        "import json, os, random, sys, numpy as np\n"
        "if __name__ == '__main__':\n"
        "    told = {\n"
        "        'arguments': sys.argv[1:],\n"
        "        'loaded': [name for name in ('first', 'second') if name in sys.modules],\n"
        "        'itself': 'teller' in sys.modules,\n"
        "        'drawn': [random.random(), np.random.random()],\n"
        "        'variable': os.environ.get('TOPOEVAL_LOG'),\n"
        "        'descriptors': sorted(os.readlink(f'/proc/self/fd/{n}') for n in range(3, 64)\n"
        "                              if os.path.lexists(f'/proc/self/fd/{n}')),\n"
        "    }\n"
        "    print(json.dumps(told))\n"
    )
    return folder


# a module that a template imports: it goes on when a message, or the end, is at the socket
UNTIL_ASKED = (
    "import os, pathlib, select, signal, sys, time\n"
    "pathlib.Path(__file__).with_suffix('.begun').touch()\n"
    "select.select([int(sys.argv[1])], [], [])\n"
)


def wait_for(path):
    """Return once a file is there."""
    deadline = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < deadline, path
        time.sleep(0.01)


def launched(warm, work, **extra):
    """What the teller told, started by a template or in its place."""
    work.mkdir()
    settings = template.Settings(
        command=(sys.executable, "-P", "-m", "teller", work.name),
        work=str(work),
        record=str(work / "record"),
        timeout_s=60,
        memory_bytes=2**32,
    )
    with warm.launch(settings, {}, **extra) as supervised:
        ending = json.loads(supervised.output.read().splitlines()[-1])
    assert (ending["cause"], ending["code"]) == ("exit", 0)
    (line,) = (work / "log.txt").read_text().splitlines()
    return json.loads(line)


def test_forks_share_neither_random_numbers_nor_descriptors(tmp_path, modules, monkeypatch):
    """Each is the program that was asked for, as a fresh interpreter would be."""
    with closing(template.Template(tmp_path / "log", {})) as warm:
        first = launched(warm, tmp_path / "one")
        monkeypatch.setenv("TOPOEVAL_LOG", "set when the template was there")
        second = launched(warm, tmp_path / "two")
    assert (first["arguments"], second["arguments"]) == (["one"], ["two"])
    assert not set(first["drawn"]) & set(second["drawn"])
    assert (first["variable"], second["variable"]) == (None, "set when the template was there")
    for told in (first, second):
        assert not told["itself"]
        assert told["descriptors"] == []


def test_a_template_answers_between_two_imports(tmp_path, modules):
    """A run does not wait for what others will need, and they find it."""
    for name in ("first", "second"):
        (modules / f"{name}.py").write_text(UNTIL_ASKED)
    with closing(template.Template(tmp_path / "log", {})) as warm:
        warm.load(["first", "second"])
        wait_for(modules / "first.begun")
        assert launched(warm, tmp_path / "one")["loaded"] == ["first"]
        wait_for(modules / "second.begun")
        assert launched(warm, tmp_path / "two")["loaded"] == ["first", "second"]


def test_a_run_waits_for_what_it_needs_itself(tmp_path, modules):
    """A module is imported once, by the template, whoever asks for it first."""
    (modules / "second.py").write_text("import os\nprint(os.getpid(), flush=True)\n")
    (tmp_path / "work").mkdir()
    with closing(template.Template(tmp_path / "work" / "log", {})) as warm:
        assert launched(warm, tmp_path / "one")["loaded"] == []
        for name in ("two", "three"):
            assert launched(warm, tmp_path / name, modules=["second"])["loaded"] == ["second"]
        process = warm._process.pid
    assert (tmp_path / "work" / "log").read_text().split() == [str(process)]


@pytest.mark.parametrize(
    "end",
    [
        "raise ImportError('broken')",
        "os.kill(os.getpid(), signal.SIGTERM)",
        "os.kill(os.getpid(), signal.SIGKILL)",
    ],
    ids=["import-error", "terminated", "killed"],
)
def test_a_template_that_ends_with_a_request_before_it_loses_no_run(tmp_path, modules, end):
    """The run that waits for an answer is begun once, in a fresh interpreter."""
    (modules / "first.py").write_text(UNTIL_ASKED + end)
    (tmp_path / "work").mkdir()
    with closing(template.Template(tmp_path / "work" / "log", {})) as warm:
        warm.load(["first"])
        wait_for(modules / "first.begun")
        assert launched(warm, tmp_path / "one")["loaded"] == []
        assert launched(warm, tmp_path / "two")["loaded"] == []
    log = tmp_path / "work" / "log"
    assert ("ImportError: broken" in log.read_text()) if "raise" in end else not log.exists()


def test_who_waits_for_an_answer_is_let_go_when_the_template_is_closed(tmp_path, modules):
    """In the middle of an import without end."""
    (modules / "first.py").write_text(UNTIL_ASKED + "time.sleep(600)")
    warm = template.Template(tmp_path / "log", {})
    warm.load(["first"])
    wait_for(modules / "first.begun")
    told = []
    waiting = threading.Thread(target=lambda: told.append(launched(warm, tmp_path / "one")))
    waiting.start()
    while not warm._lock.locked():
        assert waiting.is_alive()
        time.sleep(0.01)
    warm.close()
    waiting.join(60)
    assert told[0]["loaded"] == []
    assert warm._process.returncode == -signal.SIGKILL
    warm.close()  # a second time: nothing


def test_a_template_ends_with_its_parent_while_it_loads(tmp_path, modules, wait_until_alone):
    """SIGKILL of the parent; the import under way is the last one."""
    for name in ("first", "second"):
        (modules / f"{name}.py").write_text(UNTIL_ASKED)
    program = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from topoeval.harness.runs.template import Template\n"
        "warm = Template(Path(sys.argv[1]), {})\n"
        "warm.load(['first', 'second'])\n"
        "time.sleep(600)\n"
    )
    parent = subprocess.Popen([sys.executable, "-P", "-c", program, str(tmp_path / "log")])
    wait_for(modules / "first.begun")
    parent.kill()
    parent.wait()
    wait_until_alone(tmp_path / "log")
    assert not (modules / "second.begun").exists()


def test_any_module_is_a_worker_that_can_be_forked(tmp_path, modules, store, runs):
    """And nothing else is: a script, or another interpreter, is started as it stands."""
    (modules / "ends.py").write_text("import sys\nif __name__ == '__main__':\n    sys.exit(7)\n")
    worker = (sys.executable, "-P", "-m", "ends")
    with closing(Local(worker=worker)) as executor:
        assert "exit code 7" in executor.run(runs[0], store, LIMITS).error
        assert executor.template is not None
    for other in ((sys.executable, "-m", "ends"), (sys.executable, "-P", "ends.py"), ("sh",)):
        assert Local(worker=other)._launch(runs[0], store) is fresh


def test_a_killed_sweep_takes_template_and_runs_with_it(endless, runs, store, wait_until_alone):
    """SIGKILL while a fork is at work."""
    parents = [run for run in runs if run.id in endless.parents.values()]
    sweep(parents, store, Local(), LIMITS)
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from topoeval.harness.runs.executors import Local\n"
        "from topoeval.records.spec import RunSpec\n"
        "from topoeval.harness.runs.store import Store\n"
        "from topoeval.harness.suites.suite import Limits\n"
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


@pytest.fixture
def command(suite_file, store):
    """`topoeval run` of the tiny suite."""
    program = "from topoeval.cli import main; main()"
    options = ["--results", str(store.root), "--jobs", "1", "--no-report"]
    return [sys.executable, "-P", "-c", program, "run", str(suite_file), *options]


def template_of(store):
    """The template of a results folder, if there is one."""
    mark = str(store.template_log)
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if mark in words and "topoeval.harness.runs.template" in words:
            return process
    return None


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_command_that_ends_while_it_plans_takes_the_template_with_it(
    command, store, wait_until_alone, number
):
    """It loads while runs are planned; nothing is left of it, not even a folder."""
    victim = subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        # who was started in the background ignores Ctrl-C, and we may have been
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    while template_of(store) is None:
        assert victim.poll() is None
        time.sleep(0.01)
    victim.send_signal(number)
    assert victim.wait(60) != 0
    wait_until_alone(store.root)
    assert not store.root.exists()


def test_a_refused_plan_leaves_no_template(suite_file, command, store, wait_until_alone):
    """The suite can be read, so loading has begun; its plan is a mistake."""
    text = suite_file.read_text().replace('["cross_entropy"', '["crossentropy"')
    suite_file.write_text(text)
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    wait_until_alone(store.root, patience_s=1)
    assert not store.root.exists()


@pytest.mark.parametrize("kept", [None, 1, 0], ids=["nothing", "one-run", "all-runs"])
def test_a_template_is_started_for_what_is_left_to_do(monkeypatch, suite_file, runs, store, kept):
    """Before the plan in a new folder, after it where some runs are left, and not for none."""
    for run in [] if kept is None else runs[kept:]:
        store.write(Record.of(run, "tiny", datetime.now(UTC), {"status": "unavailable"}))
    asked = []
    monkeypatch.setattr(template.Template, "load", lambda warm, names: asked.append(list(names)))
    monkeypatch.setattr("topoeval.cli.run.execute_runs", lambda *arguments, **options: 0)
    run_suite(
        str(suite_file),
        filters=Filters(),
        results=store.root,
        data=None,
        download=False,
        executor="local",
        settings=Settings(),
        retry_failed=False,
        report=False,
    )
    left = [*IMPORTS, "torch._dynamo"]
    assert asked == {None: [list(IMPORTS), left], 1: [left], 0: [[]]}[kept]
