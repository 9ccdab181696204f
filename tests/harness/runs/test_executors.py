"""What executors have in common, GPU slots, and what they say when they cannot work."""

import importlib.util
import json
import signal
import subprocess
import sys
import time

import pytest

from topoeval import UnavailableError, UserError
from topoeval.harness.runs.executors import EXECUTORS, Local, Settings, make_executor
from topoeval.harness.runs.job import Job
from topoeval.harness.runs.store import Store
from topoeval.harness.runs.sweep import sweep
from topoeval.harness.suites.suite import Limits

LIMITS = Limits(timeout_s=60)


@pytest.fixture
def store(tmp_path):
    """An empty results folder."""
    return Store(tmp_path / "results", "executors")


def test_what_there_is():
    """Four, by name; a name that is nearly one is understood."""
    assert list(EXECUTORS) == ["dask", "inline", "local", "slurm"]
    with pytest.raises(UserError, match="unknown executor 'locla'; did you mean 'local'"):
        make_executor("locla", Settings(), [])


@pytest.mark.parametrize(("name", "module"), [("dask", "distributed"), ("slurm", "submitit")])
def test_what_is_not_installed_says_how_to_get_it(name, module, monkeypatch):
    """Not as a traceback of an import."""
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda wanted: None if wanted == module else find(wanted)
    )
    with pytest.raises(UnavailableError, match=rf'pip install "topoeval\[{name}\]"'):
        make_executor(name, Settings(), [])


def test_executors_are_imported_when_asked_for():
    """The library of one is no burden on the others, and none needs torch to be there."""
    program = (
        "import sys\n"
        "from topoeval.harness.runs.executors import Settings, make_executor\n"
        "make_executor('local', Settings(), [])\n"
        "print({'distributed', 'submitit', 'torch'} & set(sys.modules))\n"
    )
    done = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True)
    assert done.stdout == "set()\n", done.stderr


def test_local_has_a_slot_per_thread_of_the_machine(monkeypatch, fake_run):
    """Or as many as it is told."""
    monkeypatch.setattr("topoeval.harness.runs.executors.local.usable_cores", lambda: 8)
    runs = [fake_run("fine")]
    assert Local.configured(Settings(), runs).slots == 8
    assert Local.configured(Settings(threads=3), runs).slots == 2
    assert Local.configured(Settings(threads=16), runs).slots == 1
    assert Local.configured(Settings(jobs=5, threads=3), runs).slots == 5


def test_runs_on_cuda_have_a_slot_per_gpu(monkeypatch, fake_run):
    """Those named, those visible; without any it is said before the first run."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    runs = [fake_run("fine", device="cuda")]
    named = Local.configured(Settings(jobs=8, gpus=("0", "0", "1")), runs)
    assert (named.slots, named.gpus) == (3, ("0", "0", "1"))
    mixed = Local.configured(Settings(jobs=8, gpus=("0",)), [*runs, fake_run("fine")])
    assert (mixed.slots, mixed.gpus) == (8, ("0",))
    assert Local.configured(Settings(gpus=("0",)), [fake_run("fine")]).gpus == ()
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    assert Local.configured(Settings(jobs=8), runs).gpus == ("0", "1")
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    with pytest.raises(UserError, match="torch sees no GPU; name them by --gpus"):
        Local.configured(Settings(), runs)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-a, 3")
    assert Local.configured(Settings(jobs=8), runs).gpus == ("GPU-a", "3")


def test_a_gpu_has_one_run_at_a_time(store, fake_run, tmp_path):
    """Eight runs on two GPUs, four side by side: each sees one, and none that another one has."""
    program = (
        "import os, sys, time\n"
        "from pathlib import Path\n"
        "held = Path(sys.argv[2]).parent / ('gpu' + os.environ['CUDA_VISIBLE_DEVICES'])\n"
        "held.mkdir()\n"  # fails if it is there
        "time.sleep(0.1)\n"
        "held.rmdir()\n"
        "print('was on', held.name)\n"
    )
    executor = Local(slots=4, worker=(sys.executable, "-c", program), gpus=("0", "1"))
    runs = [fake_run("fine", seed, device="cuda") for seed in range(8)]
    sweep(runs, store, executor, LIMITS)
    said = [store.log(run.id).read_text() for run in runs]
    assert set(said) == {"was on gpu0\n", "was on gpu1\n"}


def test_runs_on_the_cpu_take_no_gpu(store, fake_run, monkeypatch):
    """They see what this process sees."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7")
    program = "import os; print(os.environ['CUDA_VISIBLE_DEVICES'], os.environ['OMP_NUM_THREADS'])"
    executor = Local(threads=3, worker=(sys.executable, "-c", program), gpus=("0",))
    run = fake_run("fine")
    sweep([run], store, executor, LIMITS)
    assert store.log(run.id).read_text() == "7 3\n"


def test_a_signal_from_outside_is_the_machines_fault(store, fake_run):
    """SIGKILL is no method's habit: the kernel's, or an administrator's."""
    for number, fault in ((signal.SIGKILL, "machine"), (signal.SIGABRT, "method")):
        program = f"import os; os.kill(os.getpid(), {int(number)})"
        run = fake_run("fine", int(number))
        worker = (sys.executable, "-c", program)
        record = Job(run, store.root, "executors", LIMITS, worker=worker).run()
        assert (record.status, record.fault) == ("crashed", fault)
        assert record.error.startswith(f"ended by {number.name}")


def test_a_timeout_leaves_no_checkpoint_and_an_interruption_does(store, fake_run):
    """To go on from one would be more of the limit that was used up."""
    program = (
        "import sys, time; from pathlib import Path\n"
        "(Path(sys.argv[1]).parent / 'state.pt').touch(); time.sleep(600)"
    )
    worker = (sys.executable, "-c", program)
    run = fake_run("fine")
    Job(run, store.root, "executors", Limits(timeout_s=1), worker=worker).run()
    assert not store.state(run.id).exists()
    store.discard(run.id)
    with pytest.raises(InterruptedError, match="strokes/fine/seed0 was stopped"):
        Job(run, store.root, "executors", LIMITS, worker=worker).run(store.state(run.id).exists)
    assert store.state(run.id).exists()
    assert store.read(run.id) is None


def test_dask_starts_a_cluster_of_its_own(store, fake_run, fake_worker, wait_until_alone):
    """And ends it: a run each in a worker of this machine."""
    pytest.importorskip("distributed", reason='pip install "topoeval[dask]"')
    executor = make_executor("dask", Settings(jobs=2), [])
    executor._worker = fake_worker
    try:
        assert executor.slots == 4
        runs = [fake_run("slow", seed) for seed in range(4)]
        assert sweep(runs, store, executor, LIMITS).failed == []
        workers = list(executor._client.nthreads())
    finally:
        executor.close()
    assert len(workers) == 2
    wait_until_alone(store.root, patience_s=0)


def test_dask_without_a_scheduler_is_one_line(monkeypatch):
    """The address is the user's to mend."""
    dask = pytest.importorskip("topoeval.harness.runs.executors.dask")
    monkeypatch.setattr(dask, "_CONNECT_S", 1)
    with pytest.raises(UserError, match=r"no dask scheduler replies at 'tcp://127\.0\.0\.1:9'"):
        make_executor("dask", Settings(dask_address="tcp://127.0.0.1:9"), [])


def test_a_dask_run_ends_with_its_client(store, fake_run, fake_worker, wait_until_alone, tmp_path):
    """Of a killed sweep no run goes on, though scheduler and worker live on."""
    pytest.importorskip("distributed", reason='pip install "topoeval[dask]"')
    from distributed import LocalCluster

    sleeping = fake_run("sleep")
    (tmp_path / "run.json").write_text(sleeping.model_dump_json(by_alias=True))
    program = (
        "import sys; from pathlib import Path; import distributed\n"
        "from topoeval.harness.runs.executors.dask import Dask\n"
        "from topoeval.records.spec import RunSpec\n"
        "from topoeval.harness.runs.store import Store\n"
        "from topoeval.harness.suites.suite import Limits\n"
        "address, spec, root, *worker = sys.argv[1:]\n"
        "store = Store(Path(root), 'dask'); store.root.mkdir()\n"
        "run = RunSpec.model_validate_json(Path(spec).read_text())\n"
        "Dask(distributed.Client(address), worker=tuple(worker)).run(run, store, Limits())\n"
    )
    with LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as cluster:
        command = [sys.executable, "-P", "-c", program, cluster.scheduler_address]
        victim = subprocess.Popen(
            [*command, str(tmp_path / "run.json"), str(store.root), *fake_worker]
        )
        deadline = time.monotonic() + 60
        while not (tmp_path / "starts.txt").exists():
            assert time.monotonic() < deadline
            assert victim.poll() is None
            time.sleep(0.1)
        victim.send_signal(signal.SIGKILL)
        victim.wait()
        wait_until_alone(store.root, patience_s=30)
    assert store.read(sleeping.id) is None
    assert json.loads(store.work(sleeping.id).joinpath("spec.json").read_text())["seed"] == 0
