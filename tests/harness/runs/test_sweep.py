"""Sweeps: every run ends as one record, whatever happens to it or to us."""

import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from topoeval import UserError, plugins
from topoeval.harness.plans.plan import plan
from topoeval.harness.runs.executors import Inline, Local
from topoeval.harness.runs.job import inherited
from topoeval.harness.runs.store import Store
from topoeval.harness.runs.sweep import read_plan, sweep
from topoeval.harness.suites.catalogue import load_suite
from topoeval.harness.suites.suite import Limits

LIMITS = Limits(timeout_s=120)


@pytest.fixture
def runs(suite_file):
    """The runs of the tiny suite."""
    return plan(load_suite(str(suite_file)))


@pytest.fixture
def store(tmp_path):
    """An empty results folder."""
    return Store(tmp_path / "results", "tiny")


def results(store, runs):
    """What the records say, times and machine apart."""
    kept = {"id", "spec", "status", "cases", "history", "examples", "summary"}
    return [store.read(run.id).model_dump(include=kept) for run in runs]


def files(store):
    """All files of the records folder, hidden ones too."""
    return sorted(path.name for path in store.records.iterdir())


def test_inline_and_local_give_the_same_records(runs, store, tmp_path):
    """A process of its own changes nothing but times; the second time nothing is run."""
    events = []
    tally = sweep(runs, store, Inline(), LIMITS, listener=lambda *event: events.append(event[:2]))
    assert (tally.ran, tally.kept, tally.failed) == (len(runs), 0, [])
    assert files(store) == sorted(f"{run.id}.json" for run in runs)
    for run in runs:
        record = store.read(run.id)
        assert record.status == "ok"
        assert record.suite == "tiny"
        assert record.timing.wall_s > 0
        assert record.environment.versions["torch"]
        assert not store.state(run.id).exists()
        if run.task == "restore":
            lengths = {len(column) for column in record.cases.values()}
            assert lengths == {10}
            assert "digit_correct" in record.cases

    again = sweep(runs, store, Inline(), LIMITS)
    assert (again.ran, again.kept) == (0, len(runs))

    isolated = Store(tmp_path / "isolated", "tiny")
    sweep(runs, isolated, Local(slots=2), LIMITS)
    assert results(isolated, runs) == results(store, runs)


def test_a_killed_sweep_goes_on_where_it_stopped(suite_file, runs, tmp_path, wait_until_alone):
    """SIGKILL in the middle; the same command finishes, repeating and losing nothing."""
    store = Store(tmp_path / "results", "tiny")
    command = [sys.executable, "-P", "-c", "from topoeval.cli import main; main()"]
    command += ["run", str(suite_file), "--results", str(store.root), "--jobs", "1", "--no-report"]
    victim = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    working = store.root / "work"
    deadline = time.monotonic() + 300
    # two runs are finished and a third is at work
    while len(list(store.records.glob("*.json"))) < 2 or len(list(working.iterdir())) < 3:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    victim.send_signal(signal.SIGKILL)
    victim.wait()
    finished = {path.name: path.read_bytes() for path in store.records.glob("*.json")}
    assert 2 <= len(finished) < len(runs)
    assert all(json.loads(text)["status"] == "ok" for text in finished.values())
    wait_until_alone(store.root)

    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(finished)} found finished" in done.stdout
    assert files(store) == sorted(f"{run.id}.json" for run in runs)
    for name, text in finished.items():
        assert (store.records / name).read_bytes() == text
    undisturbed = Store(tmp_path / "undisturbed", "tiny")
    sweep(runs, undisturbed, Inline(), LIMITS)
    assert results(store, runs) == results(undisturbed, runs)


@pytest.mark.parametrize(
    ("program", "status", "words"),
    [
        ("import os; os.kill(os.getpid(), 11)", "crashed", "SIGSEGV"),
        ("import sys; print('last words'); sys.exit(0)", "crashed", "last words"),
        ("import time; time.sleep(60)", "timeout", "ended after 1 s"),
        (
            "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)",
            "timeout",
            "ended after 1 s",
        ),
    ],
    ids=["signal", "no-record", "hang", "hang-ignoring-term"],
)
def test_a_run_that_dies_is_a_row(runs, store, program, status, words):
    """The record says how it ended; what builds on it says why it never began."""
    executor = Local(slots=2, worker=(sys.executable, "-c", program), grace_s=0.5)
    tally = sweep(runs, store, executor, Limits(timeout_s=1))
    assert len(tally.failed) == len(runs)
    records = {run.method.name: store.read(run.id) for run in runs}
    assert records["judge"].status == status
    assert words in records["judge"].error
    assert f"its judge run {records['judge'].id} ended as '{status}'" in records["start"].error


def test_failed_runs_are_kept_until_asked_for(runs, store):
    """What exists is not run again, a failure included, unless that is what is asked for."""
    sweep(runs, store, Local(worker=(sys.executable, "-c", "raise SystemExit(3)")), LIMITS)
    assert sweep(runs, store, Inline(), LIMITS).ran == 0
    retried = sweep(runs, store, Inline(), LIMITS, retry="failed")
    assert (retried.ran, retried.failed) == (len(runs), [])


def test_memory_has_a_hard_limit(runs, store):
    """Too little for torch ends the real worker while it loads that."""
    tally = sweep(runs[:1], store, Local(), Limits(timeout_s=120, memory_gib=0.05))
    assert tally.failed == ["strokes/judge/seed0"]
    record = store.read(runs[0].id)
    assert (record.status, record.fault) == ("out_of_memory", "method")


def test_networks_that_are_gone_are_trained_again(runs, store):
    """Records travel with a repository, networks do not; a missing child calls its parents back."""
    sweep(runs, store, Inline(), LIMITS)
    before = results(store, runs)
    by_name = {run.method.name: run for run in runs}
    for name in ("start", "cross_entropy", "judge"):
        store.network(by_name[name].id).unlink()
    store.discard(by_name["largest_component"].id)
    tally = sweep(runs, store, Inline(), LIMITS)
    assert tally.ran == 4
    assert results(store, runs) == before


def test_two_sweeps_do_not_share_a_folder(runs, store):
    """The second is told, before it touches anything."""
    with store.exclusive(), pytest.raises(UserError, match="in use by another"):
        sweep(runs, store, Inline(), LIMITS)


@pytest.mark.parametrize(
    "text",
    ['{"schema": 1,', "", "[]", '{"schema": 99}', "of another run", "another digit", "older"],
)
def test_a_damaged_record_is_kept_aside_and_its_run_is_run_again(runs, store, text):
    """Never overwritten in silence, never taken for a result, and no reason to stop the sweep."""
    starting = [run for run in runs if run.method.name in ("judge", "start")]
    sweep(starting, store, Inline(), LIMITS)
    path, other = (store.record_path(run.id) for run in starting)
    whole = path.read_text()
    assert '"seed":0' in whole
    text = {
        "of another run": other.read_text(),
        "another digit": whole.replace('"seed":0', '"seed":1', 1),
        "older": whole.replace('"schema":4', '"schema":3'),
    }.get(text, text)
    assert text != whole
    path.write_text(text)
    tally = sweep(starting, store, Inline(), LIMITS)
    assert (tally.ran, tally.kept, tally.failed) == (1, 1, [])
    (told,) = tally.damaged
    assert path.name in told
    assert "run again" in told
    assert path.with_name(f"{path.name}.damaged").read_text() == text
    assert store.read(starting[0].id).ok


def test_an_interrupted_sweep_leaves_neither_records_nor_processes(runs, store, wait_until_alone):
    """Ctrl-C is no failure of the run that was at work: it is run when asked for again."""
    # a process that was started in the background ignores SIGINT, and pytest may be one
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    sleeping = Local(worker=(sys.executable, "-c", "import time; time.sleep(60)"))
    timer = threading.Timer(1.5, lambda: os.kill(os.getpid(), signal.SIGINT))
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            sweep(runs, store, sleeping, LIMITS)
    finally:
        timer.join()
        signal.signal(signal.SIGINT, before)
    assert not store.records.exists()
    wait_until_alone(store.root)
    assert sweep(runs[:1], store, Inline(), LIMITS).failed == []


def test_a_sweep_remembers_its_plugins_and_hands_them_on(store, tmp_path):
    """What `retry` loads again, and what runs on other machines find in their environment."""
    path = tmp_path / "my_loss.py"
    path.write_text(
        "from topoeval.losses import LOSSES, DiceLoss\n"
        "LOSSES.register('mine', type('Mine', (DiceLoss,), {}))\n"
    )
    plugins.load(str(path))
    sweep([], store, Inline(), LIMITS)
    assert read_plan(store).plugins == (str(path),)
    assert json.loads(inherited()["TOPOEVAL_PLUGINS"]) == [str(path)]
