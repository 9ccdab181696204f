"""Two hundred runs that end in every way there is, each as one correct row."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter

import pytest

from topoeval.harness.runs.executors import Local
from topoeval.harness.runs.store import Store
from topoeval.harness.runs.sweep import sweep
from topoeval.harness.suites.suite import Limits

# behaviour -> how many, status, fault, words of the error
BEHAVIOURS = {
    "fine": (76, "ok", None, ""),
    "silent": (40, "crashed", "method", "exit code 0 without a record"),
    "crash": (30, "crashed", "method", "ended by SIGSEGV\nlast words"),
    "nan": (10, "diverged", "method", "loss nan in epoch 1"),
    "detach": (12, "ok", None, ""),
    "sleep": (8, "timeout", "method", "ended after 8 s"),
    "hang": (8, "timeout", "method", "ended after 8 s"),
    "allocate": (12, "out_of_memory", "method", "ended beyond 0.15 GiB"),
    "babble": (4, "timeout", "method", "and another thing"),
}
LIMITS = Limits(timeout_s=8, memory_gib=0.15)
SLOTS = 12


@pytest.fixture
def runs(fake_run):
    """Two hundred runs in an order that mixes them."""
    runs = [
        fake_run(behaviour, seed)
        for behaviour, (count, *_) in BEHAVIOURS.items()
        for seed in range(count)
    ]
    random.Random(0).shuffle(runs)
    assert len(runs) == 200
    return runs


@pytest.fixture
def store(tmp_path):
    """An empty results folder."""
    return Store(tmp_path / "results", "faults")


def check_rows(runs, store):
    """Every run has the row that its behaviour deserves, and there is no other."""
    assert sorted(path.name for path in store.records.iterdir()) == sorted(
        f"{run.id}.json" for run in runs
    )
    wrong = []
    for run in runs:
        _, status, fault, words = BEHAVIOURS[run.method.name]
        record = store.read(run.id)
        if (record.status, record.fault) != (status, fault) or words not in (record.error or ""):
            wrong.append((run.label, record.status, record.fault, record.error))
        if run.method.name == "fine":
            assert record.cases["dice"] == [run.seed / 1000, 0.5]
        if run.method.name == "babble":
            assert store.log(run.id).stat().st_size < 2.1 * 2**20
            assert store.log(run.id).read_text().startswith("first words")
    assert wrong == []


def starts(store):
    """How often each run was begun."""
    return Counter((store.root.parent / "starts.txt").read_text().split())


def test_two_hundred_runs_in_processes_of_their_own(runs, store, fake_worker, wait_until_alone):
    """Each begun once, each a correct row; of what they started nothing is left."""
    executor = Local(slots=SLOTS, worker=fake_worker, grace_s=0.5)
    tally = sweep(runs, store, executor, LIMITS)
    wait_until_alone(store.root, patience_s=0)
    assert (tally.ran, len(tally.failed)) == (200, 200 - 76 - 12)
    check_rows(runs, store)
    assert starts(store) == Counter(run.id for run in runs)


@pytest.fixture
def dask_cluster(tmp_path):
    """A scheduler and two workers, processes of their own on the loopback; its address, workers."""
    pytest.importorskip("distributed", reason='pip install "topoeval[dask]"')
    file = tmp_path / "scheduler.json"
    dask = [sys.executable, "-P", "-m", "dask"]
    here = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": tmp_path}
    loopback = ["--host", "127.0.0.1", "--scheduler-file", str(file)]
    scheduler = subprocess.Popen(
        [*dask, "scheduler", *loopback, "--port", "0", "--no-dashboard", "--idle-timeout", "5m"],
        **here,
    )
    # neither outlives a test that is killed
    worker = [*dask, "worker", *loopback, "--death-timeout", "30"]
    worker += ["--no-nanny", "--no-dashboard", "--nthreads", str(SLOTS // 2)]
    worker += ["--local-directory", str(tmp_path)]
    deadline = time.monotonic() + 60
    while not file.exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    workers = [subprocess.Popen(worker, **here) for _ in range(2)]
    yield str(file), workers
    # workers say goodbye to the scheduler: it goes last, or they wait for it
    for process in workers:
        process.terminate()
    for process in workers:
        process.wait(60)
    scheduler.terminate()
    scheduler.wait(60)


def test_two_hundred_runs_on_dask_with_a_worker_killed(
    runs, store, fake_worker, wait_until_alone, dask_cluster
):
    """Half way one of two workers is killed: its runs are begun once more, none is lost."""
    import distributed

    from topoeval.harness.runs.executors.dask import Dask

    file, workers = dask_cluster
    killed_at = []

    def kill_half_way(event, spec, record):
        if event == "finished":
            killed_at.append(spec)
            if len(killed_at) == 100:
                os.kill(workers[0].pid, signal.SIGKILL)

    with distributed.Client(scheduler_file=file, set_as_default=False) as client:
        client.wait_for_workers(2, timeout=60)
        executor = Dask(client, worker=fake_worker, grace_s=0.5)
        assert executor.slots == 2 * SLOTS
        tally = sweep(runs, store, executor, LIMITS, listener=kill_half_way)
        wait_until_alone(store.root)
    assert (tally.ran, len(tally.failed)) == (200, 200 - 76 - 12)
    check_rows(runs, store)
    begun = starts(store)
    assert set(begun) == {run.id for run in runs}
    assert max(begun.values()) <= 2
    assert sum(begun.values()) <= 200 + SLOTS // 2
