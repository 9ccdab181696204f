"""The process around a run: its log, its limits, what it leaves behind."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from topoeval.harness.runs import supervisor
from topoeval.harness.runs.supervisor import CappedLog, Ending, Settings

needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="prctl is of Linux")


@pytest.fixture
def start(tmp_path):
    """Return a function that starts a supervisor around a Python program."""

    def begin(program, **changed):
        settings = Settings(
            command=(sys.executable, "-c", program, str(tmp_path)),
            work=str(tmp_path),
            record=str(tmp_path / "record.json"),
            **{"timeout_s": 60, "grace_s": 0.3, "memory_bytes": 2**32, **changed},
        )
        return subprocess.Popen(
            [sys.executable, "-P", supervisor.__file__, json.dumps(asdict(settings))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )

    return begin


def ending(process):
    """What a supervisor says at its end."""
    return Ending(**json.loads(process.stdout.read()))


def wait_for(path):
    deadline = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@given(st.lists(st.binary(max_size=40), max_size=30), st.integers(2, 100), st.data())
def test_a_log_is_whole_or_head_and_tail(tmp_path_factory, chunks, size, data):
    """Whenever it is looked at: all that was printed, or its ends and how much lies between."""
    path = tmp_path_factory.mktemp("log") / "log.txt"
    log = CappedLog(path, size)
    for chunk in chunks:
        log.write(chunk)
        if data.draw(st.booleans()):
            log.flush()
    log.close()
    whole, found = b"".join(chunks), path.read_bytes()
    assert log.seen == len(whole)
    assert log.full == (len(whole) > size)
    if len(whole) <= size:
        assert found == whole
    else:
        head, tail = size // 2, size - size // 2
        between = b"\n... %d bytes left out ...\n" % (len(whole) - size)
        assert found == whole[:head] + between + whole[-tail:]


def test_it_tells_how_a_process_ended(start, tmp_path):
    """Its exit code, its time and memory; what it printed is in the log."""
    process = start("import time; print('hello'); time.sleep(0.5); raise SystemExit(3)")
    ended = ending(process)
    assert (ended.cause, ended.code) == ("exit", 3)
    assert ended.wall_s > 0.5
    assert 2**20 < ended.peak_rss_bytes < ended.memory_bytes
    assert (tmp_path / "log.txt").read_text() == "hello\n"


def test_memory_is_counted_over_all_processes(start):
    """Three children of 30 MiB each are beyond 80 MiB, one is not."""
    program = (
        "import subprocess, sys, time\n"
        "hold = 'import time; x = b\"x\" * (30 * 2**20); time.sleep(2)'\n"
        "for p in [subprocess.Popen([sys.executable, '-c', hold]) for _ in range({})]: p.wait()\n"
    )
    assert ending(start(program.format(1), memory_bytes=80 * 2**20)).cause == "exit"
    assert ending(start(program.format(3), memory_bytes=80 * 2**20)).cause == "memory"


def test_shared_pages_count_once_and_in_full(start):
    """As much for a fork as for a run alone (D8): 60 MiB that three processes share are 60."""
    program = (
        "import os, time\n"
        "x = b'x' * (60 * 2**20)\n"
        "for _ in range(2):\n"
        "    if os.fork() == 0: break\n"
        "time.sleep(2)\n"
    )
    assert ending(start(program, memory_bytes=100 * 2**20)).cause == "exit"
    assert ending(start(program, memory_bytes=55 * 2**20)).cause == "memory"


@needs_linux
def test_what_pairs_of_processes_share_counts_once_for_each_pair(start):
    """Two pairs with 60 MiB each (a variant of D8): 120 MiB, neither 60 nor 240."""
    program = (
        "import os, time\nother = os.fork()\nx = b'x' * (60 * 2**20)\nos.fork()\ntime.sleep(2)\n"
    )
    assert ending(start(program, memory_bytes=170 * 2**20)).cause == "exit"
    assert ending(start(program, memory_bytes=115 * 2**20)).cause == "memory"


@needs_linux
def test_a_file_that_processes_map_counts_once(start, tmp_path):
    """Without a common ancestor that has read it (a variant of D8), as data sets are mapped."""
    (tmp_path / "data").write_bytes(bytes(60 * 2**20))
    mapping = (
        "import mmap, sys, time; file = open(sys.argv[1], 'rb')\n"
        "data = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ); sum(data[::4096])\n"
        "time.sleep(2)\n"
    )
    program = (
        "import subprocess, sys\n"
        f"command = [sys.executable, '-c', {mapping!r}, {str(tmp_path / 'data')!r}]\n"
        "for p in [subprocess.Popen(command) for _ in range(3)]: p.wait()\n"
    )
    assert ending(start(program, memory_bytes=125 * 2**20)).cause == "exit"
    assert ending(start(program, memory_bytes=60 * 2**20)).cause == "memory"


def test_closing_standard_input_ends_the_run(start, tmp_path, wait_until_alone):
    """Whoever held it is gone or wants the run no more; the heartbeat goes, too."""
    process = start(f"import time; open({str(tmp_path / 'on')!r}, 'w'); time.sleep(600)")
    wait_for(tmp_path / "on")
    process.stdin.close()
    assert ending(process).cause == "stopped"
    wait_until_alone(tmp_path)
    assert not (tmp_path / "heartbeat.json").exists()


@needs_linux
def test_a_killed_supervisor_takes_its_run_with_it(start, tmp_path, wait_until_alone):
    """The kernel sees to it."""
    process = start(f"import time; open({str(tmp_path / 'on')!r}, 'w'); time.sleep(600)")
    wait_for(tmp_path / "on")
    process.send_signal(signal.SIGKILL)
    process.wait()
    wait_until_alone(tmp_path)


@needs_linux
def test_what_left_the_group_is_found(start, tmp_path, wait_until_alone):
    """A grandchild in a session of its own, whose parent is gone, ends with the run."""
    sleeping = "import time; time.sleep(600)"
    daemon = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {sleeping!r}, {str(tmp_path)!r}], start_new_session=True)"  # noqa: E501
    process = start(f"import subprocess, sys; subprocess.run([sys.executable, '-c', {daemon!r}])")
    assert ending(process).cause == "exit"
    wait_until_alone(tmp_path, patience_s=0)


def test_a_heartbeat_says_who_is_at_it_and_how_far(start, tmp_path):
    """Host, process, memory and the step that the run left, in one line."""
    process = start(
        f"import time; open({str(tmp_path / 'step')!r}, 'w').write('3/10 epoch'); time.sleep(600)"
    )
    deadline = time.monotonic() + 30
    while True:
        wait_for(tmp_path / "heartbeat.json")
        (line,) = (tmp_path / "heartbeat.json").read_text().splitlines()
        beat = json.loads(line)
        if beat["step"]:
            break
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert beat["step"] == "3/10 epoch"
    assert beat["rss_bytes"] > 2**20
    assert abs(beat["time"] - time.time()) < 60
    assert beat["active"] <= beat["time"]
    assert psutil.Process(beat["pid"]).ppid() == process.pid
    process.stdin.close()
    assert ending(process).cause == "stopped"


def test_a_run_that_has_its_record_is_not_run(start, tmp_path):
    """A leftover of an earlier sweep wrote it while we waited for the lock."""
    (tmp_path / "record.json").write_text("{}")
    assert ending(start("open('never', 'w')")).cause == "found"
    assert not (tmp_path / "log.txt").exists()


def test_two_are_never_at_one_run(start, tmp_path):
    """The second waits for the first, and then finds its record."""
    first = start(
        "import sys, time, pathlib\n"
        f"pathlib.Path({str(tmp_path / 'on')!r}).touch(); time.sleep(1)\n"
        f"pathlib.Path({str(tmp_path / 'record.json')!r}).touch()"
    )
    wait_for(tmp_path / "on")
    second = start("raise SystemExit(1)")
    assert ending(first).cause == "exit"
    assert ending(second).cause == "found"


def test_the_kernel_takes_a_run_before_others(start, tmp_path):
    """A machine without memory kills the run, not the sweep."""
    if not os.path.exists("/proc/self/oom_score_adj"):
        pytest.skip("no oom_score_adj here")
    ending(start("print(open('/proc/self/oom_score_adj').read())"))
    assert (tmp_path / "log.txt").read_text().strip() == "1000"
