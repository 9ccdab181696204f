"""`evaluate` and `repair` where suites run: the same files as on this machine, and they go on."""

import json
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

from tests.cli.conftest import write_rings

WAITING = """
import time
from pathlib import Path

from topoeval.metrics import METRICS, Empty, Metric


def waiting(prediction, target, settings):
    \"\"\"Of the third case it comes when a file is there.\"\"\"
    while prediction[23, 2] and not Path("go").exists():
        time.sleep(0.05)
    return {"waiting": float(prediction.sum())}


METRICS.register(
    "waiting",
    Metric(
        name="waiting", title="Waiting", scores=waiting, direction="lower", range=(0, None),
        digits=1, unit="voxels", empty=Empty(both=0, prediction="counted", target="counted"),
        over_classes="sum",
    ),
)
"""


def spoilt(ring, i, rng):
    """A ring with a gap and specks, and a mark of its own."""
    ring[4 : 9 + i % 2, 11] = 0
    ring[0, rng.choice(24, 3, replace=False)] = 255
    ring[23, i] = 255
    return ring


@pytest.fixture
def folders(tmp_path):
    """Rings with gaps and specks, and the truth; case i has a mark of its own."""
    return write_rings(tmp_path, made=spoilt)


@pytest.fixture
def dask():
    """Skip where there is none."""
    pytest.importorskip("distributed", reason='pip install "topoeval[dask]"')


def contents(folder):
    """The bytes of all files of a folder by name."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def without_times(files):
    """Files of an evaluation without what two runs of one command differ in."""
    record = json.loads(files.pop("record.json"))
    differ = ("timing", "environment", "checksum")  # the last is of the first two, too
    return files, {key: record[key] for key in record if key not in differ}


def test_dask_scores_as_this_machine_does(call, folders, dask):
    """Scores, inputs, problems and exit status; relative paths hold on the workers, too."""
    Image.fromarray(np.zeros((5, 5), np.uint8)).save(folders / "made" / "case4.png")
    (folders / "made" / "case5.png").write_bytes(b"no picture")
    told = []
    for name, options in (
        ("here", ["--jobs", 1]),
        ("there", ["--executor", "dask", "--jobs", 2]),
    ):
        # on a slow machine standard error also has how far it is
        code, out, _ = call("evaluate", "made", "truth", "--out", name, *options)
        told.append((code, out.replace(f"{name}:", "out:")))
    assert told[0] == told[1]
    assert told[0][0] == 1
    assert without_times(contents(folders / "here")) == without_times(contents(folders / "there"))


def test_a_killed_evaluation_goes_on(folders, dask):
    """What came before it died is kept, and the end is that of an undisturbed one."""
    (folders / "waiting.py").write_text(WAITING)
    command = [sys.executable, "-P", "-m", "topoeval.cli", "evaluate", "made", "truth"]
    command += ["--plugin", "waiting.py", "--metrics", "dice,waiting", "--out", "there"]
    command += ["--executor", "dask", "--jobs", "2"]
    victim = subprocess.Popen(command, cwd=folders, stdout=subprocess.DEVNULL)
    inputs = folders / "there" / "inputs.csv"
    deadline = time.monotonic() + 120
    while not inputs.exists() or len(inputs.read_text().splitlines()) < 5:
        assert time.monotonic() < deadline
        assert victim.poll() is None
        time.sleep(0.1)
    victim.send_signal(signal.SIGKILL)
    victim.wait()
    (folders / "go").touch()
    done = subprocess.run(command, cwd=folders, capture_output=True, text=True, check=True)
    assert "4 of them were scored by an earlier run of this command" in done.stdout
    command[command.index("there")] = "here"
    subprocess.run(command[:-4], cwd=folders, stdout=subprocess.DEVNULL, check=True)
    assert without_times(contents(folders / "here")) == without_times(contents(folders / "there"))


def test_dask_repairs_as_this_machine_does(call, folders, dask):
    """Masks, the report and what is said; a file that cannot be repaired is named."""
    told = []
    for name, options in (
        ("here", ["--jobs", 1]),
        ("there", ["--executor", "dask", "--jobs", 2]),
    ):
        command = ["repair", "made", "--betti", "1,1", "--out", name, "--report", f"{name}.csv"]
        code, out, _ = call(*command, *options)
        told.append((code, sorted(out.replace(f" {name}", " out").splitlines())))
    assert told[0] == told[1]
    assert told[0][0] == 0
    assert contents(folders / "here") == contents(folders / "there")
    assert (folders / "here.csv").read_bytes() == (folders / "there.csv").read_bytes()


def test_an_interrupted_repair_goes_on(call, folders, monkeypatch):
    """What it finished or had begun is its own, what others wrote is not."""
    from topoeval.evaluate.parallel import Threads

    every = Threads.over

    def two(self, function, items, name):
        for count, found in enumerate(every(self, function, items, name)):
            if count == 2:  # which is written and not yet told
                raise KeyboardInterrupt
            yield found

    command = ["repair", "made", "--betti", "1,1", "--jobs", 1, "--report", "edits.csv"]
    call(*command, "--out", "undisturbed")
    report = (folders / "edits.csv").read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(Threads, "over", two)
        call(*command, "--out", "out")
    written = contents(folders / "out")
    assert {"case0.png", "case1.png", "case2.png"} <= written.keys()
    code, _, err = call("repair", "made", "--betti", "2,1", "--jobs", 1, "--out", "out")
    assert code == 2
    assert "is there already; say --overwrite" in err
    code, told, _ = call(*command, "--out", "out")
    assert code == 0
    assert "2 of them were repaired by an earlier run of this command" in told
    assert contents(folders / "out") == contents(folders / "undisturbed")
    assert (folders / "edits.csv").read_bytes() == report
    code, _, err = call(*command, "--out", "out")
    assert code == 2
    assert "is there already; say --overwrite" in err


def test_a_result_that_was_changed_is_repaired_again(call, folders, monkeypatch):
    """The journal knows what it wrote."""
    from topoeval.evaluate.parallel import Threads

    every = Threads.over

    def one(self, function, items, name):
        yield next(every(self, function, items, name))
        raise KeyboardInterrupt

    command = ["repair", "made", "--betti", "1,1", "--jobs", 1, "--out", "out"]
    with monkeypatch.context() as patch:
        patch.setattr(Threads, "over", one)
        call(*command)
    first = (folders / "out" / "case0.png").read_bytes()
    (folders / "out" / "case0.png").write_bytes(b"changed")
    code, told, _ = call(*command)
    assert code == 0
    assert "by an earlier run" not in told
    assert (folders / "out" / "case0.png").read_bytes() == first


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--executor", "dusk"], "unknown executor 'dusk'; did you mean 'dask'"),
        (["--dask-address", "tcp://a:1"], "--dask-address is for --executor dask, got --executor"),
        (["--slurm", "nice=1"], "--slurm is for --executor slurm, got --executor local"),
    ],
)
def test_options_that_do_not_go_together(call, folders, options, message):
    """One line, and nothing is written."""
    for command in (["evaluate", "made", "truth"], ["repair", "made", "--betti", "1,1"]):
        code, _, err = call(*command, "--out", "out", *options)
        assert code == 2
        assert message in err
        assert not (folders / "out").exists()
