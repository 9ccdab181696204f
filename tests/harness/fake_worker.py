"""A worker that misbehaves as its method's name says, without the seconds that torch needs.

``python fake_worker.py SPEC_FILE RESULTS_FOLDER SUITE THREADS``, as
`topoeval.harness.runs.worker`. Every start is a line of RESULTS_FOLDER/../starts.txt.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

SPEC_FILE, ROOT, SUITE = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
SPEC = json.loads(SPEC_FILE.read_text())
RUN = SPEC_FILE.parent.name
FOREVER = 600


def fine():
    """Leave a record."""
    leave_record({"dice": [SPEC["seed"] / 1000, 0.5]})


def slow():
    """Count to three with a checkpoint at each step, going on from where an earlier start was."""
    state = SPEC_FILE.parent / "state.pt"
    done = json.loads(state.read_text()) if state.exists() else []
    while len(done) < 3:
        time.sleep(0.05)
        done.append(SPEC["seed"] + len(done) / 10)
        partial = state.with_suffix(".partial")
        partial.write_text(json.dumps(done))
        os.replace(partial, state)
    (SPEC_FILE.parent / "network.pt").touch()
    leave_record({"dice": done})
    state.unlink()


def sleep():
    """Take too long."""
    time.sleep(FOREVER)


def hang():
    """Take too long, and ignore the request to end."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(FOREVER)


def crash():
    """Die of a signal."""
    print("last words", flush=True)
    os.kill(os.getpid(), signal.SIGSEGV)


def silent():
    """Exit as if all were well."""


def allocate():
    """Take memory without end."""
    taken = []
    while True:
        taken.append(b"x" * 2**22)
        time.sleep(0.002)


def babble():
    """Print without end."""
    print("first words")
    while True:
        print("and another thing " * 1000)


def detach():
    """Leave a record, and a process that has left our group and our session."""
    sleeping = f"import time; time.sleep({FOREVER})"
    subprocess.Popen([sys.executable, "-c", sleeping, str(ROOT)], start_new_session=True)
    fine()


def nan():
    """Lose the loss to NaN: the real worker judges what the training raises."""
    from topoeval.errors import DivergedError
    from topoeval.harness.runs.store import Store
    from topoeval.harness.runs.worker import execute
    from topoeval.records.spec import RunSpec

    def perform(spec, store, progress):
        raise DivergedError(f"loss {float('inf') * 0} in epoch 1")

    execute(RunSpec.model_validate(SPEC), Store(ROOT, SUITE), perform=perform)


def leave_record(cases):
    """Write a record as the store does: whole or not at all."""
    record = {
        "schema": 1,
        "id": RUN,
        "suite": SUITE,
        "spec": SPEC,
        "status": "ok",
        "fault": None,
        "error": None,
        "cases": {"case": [str(i) for i in range(len(cases["dice"]))], **cases},
        "timing": {"wall_s": time.monotonic()},
        "memory": {},
        "environment": {},
    }
    records = ROOT / "records"
    records.mkdir(exist_ok=True)
    partial = records / f".{RUN}.{os.getpid()}.partial"
    partial.write_text(json.dumps(record))
    os.replace(partial, records / f"{RUN}.json")


if __name__ == "__main__":
    with (ROOT.parent / "starts.txt").open("a") as starts:
        starts.write(RUN + "\n")
    globals()[SPEC["method"]["name"]]()
