"""The executor `slurm` on a real Slurm of one node, started here on the loopback."""

import getpass
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from topoeval import UnavailableError, UserError
from topoeval.harness.runs.executors import Settings, make_executor
from topoeval.harness.runs.store import Store
from topoeval.harness.runs.sweep import sweep
from topoeval.harness.suites.suite import Limits

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scancel", "sinfo")
CONFIGURATION = """
ClusterName=topoeval
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
DefMemPerCPU=256
SchedulerParameters=sched_min_interval=100000,batch_sched_delay=0,sched_interval=1
SlurmdParameters=config_overrides
ReturnToService=2
KillWait=5
NodeName={host} NodeAddr=127.0.0.1 CPUs=8 RealMemory={memory}
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""
LIMITS = Limits(timeout_s=8, memory_gib=0.15)


def program(name):
    """Return the path of a program that may lie where only root looks."""
    return shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")


def free_ports(count):
    """Return ports that nobody listens on."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


@pytest.fixture(scope="module")
def slurm(tmp_path_factory):
    """A cluster of one node: munged, slurmctld and slurmd, with all they write in one folder."""
    pytest.importorskip("submitit", reason='pip install "topoeval[slurm]"')
    if missing := [name for name in PROGRAMS if program(name) is None]:
        pytest.skip(f"no {missing[0]}; apt-get install slurm-wlm munge")
    folder = tmp_path_factory.mktemp("slurm")
    for name in ("state", "spool"):
        (folder / name).mkdir()
    configuration = folder / "slurm.conf"
    configuration.write_text(
        CONFIGURATION.format(
            folder=folder,
            host=socket.gethostname().partition(".")[0],
            user=getpass.getuser(),
            ports=free_ports(2),
            memory=psutil.virtual_memory().total // 2**20,
        )
    )
    key = folder / "munge.key"
    key.write_bytes(os.urandom(128))
    key.chmod(0o600)
    munge = [f"--{kind}-file={folder}/munge.{kind}" for kind in ("pid", "seed", "log")]
    munge.append(f"--socket={folder}/munge.socket")
    daemons = {
        "munged": ["--foreground", "--force", f"--key-file={key}", *munge],
        "slurmctld": ["-D", "-f", str(configuration)],
        "slurmd": ["-D", "-f", str(configuration)],
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLURM_CONF", str(configuration))
        running = {}
        try:
            for name, options in daemons.items():
                with (folder / f"{name}.out").open("wb") as said:
                    running[name] = subprocess.Popen(
                        [program(name), *options], stdout=said, stderr=subprocess.STDOUT
                    )
            wait_for_node(running, folder)
            yield folder
        finally:
            subprocess.run(["scancel", "--state=RUNNING,PENDING"], capture_output=True)
            for daemon in reversed(running.values()):
                daemon.terminate()
            for daemon in reversed(running.values()):
                daemon.wait(30)


def wait_for_node(running, folder):
    """Return when the node takes jobs; tell what the daemons said when it does not."""
    deadline = time.monotonic() + 60
    while True:
        state = subprocess.run(["sinfo", "-h", "-o", "%T"], capture_output=True, text=True)
        if "idle" in state.stdout:
            return
        dead = [name for name, daemon in running.items() if daemon.poll() is not None]
        if dead or time.monotonic() > deadline:
            said = [
                f"{path.name}: {path.read_text()[-2000:]}"
                for path in (*folder.glob("*.log"), *folder.glob("*.out"))
            ]
            raise RuntimeError("\n".join([f"ended: {dead}; sinfo: {state}", *said]))
        time.sleep(0.2)


@pytest.fixture
def store(tmp_path):
    """An empty results folder."""
    return Store(tmp_path / "results", "slurm")


@pytest.fixture
def executor(slurm, fake_worker):
    """An executor with the fake worker, that looks at the queue often."""
    from topoeval.harness.runs.executors.slurm import Slurm

    return Slurm(worker=fake_worker, grace_s=0.5, poll_s=0.5)


def test_every_end_is_a_row(executor, store, fake_run, wait_until_alone):
    """Jobs of the queue end as processes of this machine do."""
    expected = {
        "fine": ("ok", None),
        "crash": ("crashed", "method"),
        "silent": ("crashed", "method"),
        "hang": ("timeout", "method"),
        "allocate": ("out_of_memory", "method"),
        "nan": ("diverged", "method"),
    }
    runs = [fake_run(behaviour) for behaviour in expected]
    runs.append(fake_run("slow"))
    runs.append(fake_run("fine", 1, parents={"start": runs[-1].id}))
    sweep(runs, store, executor, LIMITS)
    wait_until_alone(store.root)
    rows = [(record.status, record.fault) for record in map(store.read, ids(runs))]
    assert rows == [*expected.values(), ("ok", None), ("ok", None)]


def ids(runs):
    return [run.id for run in runs]


def queue():
    """Return number and state of the jobs that have not ended."""
    listed = subprocess.run(["squeue", "-h", "-o", "%i %T"], capture_output=True, text=True)
    return dict(line.split() for line in listed.stdout.splitlines())


def wait_for(condition, patience_s=60):
    deadline = time.monotonic() + patience_s
    while not (found := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return found


def test_a_job_cancelled_by_another_hand_is_the_machines_fault(
    executor, store, fake_run, wait_until_alone
):
    """An administrator's scancel is no fault of the method."""
    run = fake_run("sleep")
    seen = []

    def cancel():
        wait_for(store.log(run.id).exists)
        seen.extend(queue())
        subprocess.run(["scancel", *seen], check=True)

    thread = threading.Thread(target=cancel)
    thread.start()
    sweep([run], store, executor, Limits(timeout_s=120))
    thread.join()
    record = store.read(run.id)
    assert (record.status, record.fault) == ("crashed", "machine")
    assert record.error.startswith(f"Slurm job {seen[0]} ended as ")
    wait_until_alone(store.root)


def test_what_a_killed_sweep_left_in_the_queue_is_cancelled(executor, store, fake_run, slurm):
    """The next sweep of the folder ends it, and no other folder's, before it submits its own."""
    from topoeval.records.canonical import digest

    names = [f"topoeval-{digest(str(root))}" for root in (store.root.resolve(), slurm)]
    for name in names:
        subprocess.run(
            ["sbatch", f"--job-name={name}", "--output=/dev/null", "--wrap=sleep 600"], check=True
        )
    wait_for(lambda: list(queue().values()) == ["RUNNING", "RUNNING"])
    run = fake_run("fine")
    assert sweep([run], store, executor, LIMITS).failed == []
    listed = subprocess.run(["squeue", "-h", "-o", "%j"], capture_output=True, text=True)
    assert listed.stdout.split() == names[1:]
    subprocess.run(["scancel", f"--name={names[1]}"], check=True)


def test_an_interrupted_sweep_cancels_its_jobs(executor, store, fake_run, wait_until_alone):
    """Ctrl-C leaves no record, no job and no process."""
    run = fake_run("sleep")
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    def interrupt():
        wait_for(store.log(run.id).exists)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            sweep([run], store, executor, Limits(timeout_s=120))
    finally:
        thread.join()
        signal.signal(signal.SIGINT, before)
    assert store.read(run.id) is None
    wait_until_alone(store.root)
    wait_for(lambda: not queue())


def test_what_sbatch_refuses_is_one_line(slurm, store, fake_run, fake_worker):
    """A partition that does not exist is the user's to mend."""
    from topoeval.harness.runs.executors.slurm import Slurm

    executor = Slurm(worker=fake_worker, options={"partition": "none"})
    with pytest.raises(UserError, match=r"sbatch refused .*Invalid partition") as raised:
        sweep([fake_run("fine")], store, executor, LIMITS)
    assert "\n" not in str(raised.value)


def test_options_reach_sbatch(executor, slurm, store, fake_run, fake_worker):
    """Cores, time and memory follow from the run, further options from the command line."""
    executor = make_executor("slurm", Settings(threads=2, slurm={"nice": "7"}), [])
    executor._worker = fake_worker
    run = fake_run("fine")
    sweep([run], store, executor, LIMITS)
    (script,) = (store.work(run.id) / "slurm").glob("*_submission.sh")
    options = dict(re.findall(r"^#SBATCH --([a-z-]+)=(.*)$", script.read_text(), re.MULTILINE))
    assert options["cpus-per-task"] == "2"
    assert options["nice"] == "7"
    assert int(options["time"]) > LIMITS.timeout_s / 60
    assert int(options["mem"].rstrip("M")) > 1024 * LIMITS.memory_gib
    assert Path(script).stat().st_size > 0


def test_cases_are_scored_and_repaired_by_jobs(slurm, tmp_path):
    """`topoeval evaluate` and `repair` give the files that they give without Slurm."""
    import numpy as np

    masks = np.random.default_rng(0).random((3, 2, 20, 20)) < 0.5
    for case, (made, truth) in enumerate(masks):
        for name, mask in (("made", made), ("truth", truth)):
            (tmp_path / name).mkdir(exist_ok=True)
            np.save(tmp_path / name / f"{case}.npy", mask)
    for name, options in (
        ("here", ["--jobs", "1"]),
        ("there", ["--executor", "slurm", "--jobs", "4", "--memory", "1G", "--slurm", "nice=3"]),
    ):
        topoeval = [sys.executable, "-P", "-m", "topoeval.cli"]
        scored = [*topoeval, "evaluate", "made", "truth", "--out", name, *options]
        subprocess.run(scored, cwd=tmp_path, stdout=subprocess.DEVNULL, check=True)
        options = [one for one in options if one not in ("--memory", "1G")]
        made = [*topoeval, "repair", "made", "--betti", "2,2", "--out", f"{name}-made", *options]
        subprocess.run(made, cwd=tmp_path, stdout=subprocess.DEVNULL, check=True)
    for file in ("cases.csv", "inputs.csv", "summary.csv"):
        here, there = (tmp_path / name / file for name in ("here", "there"))
        assert here.read_bytes() == there.read_bytes()
    for case in range(3):
        here, there = (tmp_path / f"{name}-made" / f"{case}.npy" for name in ("here", "there"))
        assert here.read_bytes() == there.read_bytes()
    assert not (tmp_path / "there" / "work").exists()


def test_without_slurm_it_says_what_is_missing(monkeypatch, tmp_path):
    """On a machine where nothing can be submitted."""
    pytest.importorskip("submitit", reason='pip install "topoeval[slurm]"')
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UnavailableError, match="needs 'sbatch', which is not on this machine"):
        make_executor("slurm", Settings(), [])
