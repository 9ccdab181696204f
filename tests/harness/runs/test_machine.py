"""Whose turn it is on this machine, and what it is."""

import os
import tempfile

import pytest

from topoeval import UserError
from topoeval.harness.runs import machine
from topoeval.harness.runs.store import Store


@pytest.fixture(autouse=True)
def own_lock(monkeypatch, tmp_path):
    """Leave the machine's lock to whoever measures on it."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def refused(hold, words):
    """Hold that `hold` cannot be entered, and says why in one line."""
    with pytest.raises(UserError, match=words) as caught, hold():
        pass
    assert "\n" not in str(caught.value)


def test_sweeps_share_the_machine_and_a_lane_has_it_alone(tmp_path):
    """Each is refused in one line while the other is at work, and let in afterwards."""
    store = Store(tmp_path / "results", "s")
    with machine.shared(), store.exclusive():
        refused(machine.alone, "nothing can be timed")
    with machine.alone():
        refused(store.exclusive, "'topoeval time' is measuring")
        refused(machine.alone, "nothing can be timed")
    with store.exclusive():
        pass


def test_a_lock_file_of_another_user_is_enough(tmp_path):
    """It need not be writable."""
    with machine.alone():
        pass
    (lock,) = tmp_path.iterdir()
    lock.chmod(0o444)
    with machine.alone(), pytest.raises(UserError), machine.shared():
        pass


@pytest.mark.parametrize("kind", ["pipe", "link", "folder", "unreadable"])
def test_what_is_no_lock_file_is_refused_at_once(tmp_path, kind):
    """The folder is everybody's: a pipe is not waited for, a link not followed (D12)."""
    path = tmp_path / machine._LOCK
    other = tmp_path / "other"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "link":
        path.symlink_to(other)
    elif kind == "folder":
        path.mkdir()
    else:
        path.touch(0o000)
        if os.access(path, os.R_OK):
            pytest.skip("root reads every file")
    refused(machine.shared, f"{path}.*remove it")
    assert not other.exists()


def test_a_busy_machine_is_refused(monkeypatch):
    """With how busy it is, and what to do."""
    monkeypatch.setattr("psutil.cpu_percent", lambda interval: 60.0)
    monkeypatch.setattr("psutil.cpu_count", lambda logical: 4)
    assert machine.busy_cores(0) == pytest.approx(2.4)
    with pytest.raises(UserError, match=r"2\.4 of 4 cores are busy .* --busy"):
        machine.check_quiet()
    monkeypatch.setattr("psutil.cpu_percent", lambda interval: 5.0)
    assert machine.check_quiet() == pytest.approx(0.2)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity on this system")
def test_threads_are_pinned_to_the_last_cores(monkeypatch):
    """As many as there are threads; more threads than cores are refused."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 2, 3})
    assert machine.cores_to_pin(2) == (2, 3)
    with pytest.raises(UserError, match="4 threads on 3 cores"):
        machine.cores_to_pin(4)
    monkeypatch.undo()
    before = os.sched_getaffinity(0)
    try:
        machine.pin(machine.cores_to_pin(1))
        assert os.sched_getaffinity(0) == {max(before)}
    finally:
        os.sched_setaffinity(0, before)


def test_where_nothing_can_be_pinned_nothing_is(monkeypatch):
    """As on macOS."""
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    assert machine.cores_to_pin(2) == ()
    machine.pin(())


def test_the_fingerprint_changes_with_machine_and_code(monkeypatch, tmp_path):
    """And is the same twice."""
    first = machine.fingerprint("cpu", 1, "native")
    assert first == machine.fingerprint("cpu", 1, "native")
    assert set(first["machine"]) == {"cpu", "cores", "memory_bytes", "gpu"}
    assert len(first["software"]["code"]) == 12
    package = tmp_path / "topoeval"
    (package / "losses").mkdir(parents=True)
    (package / "report").mkdir()
    codes = []
    for path, text in (("losses/a.py", "1"), ("losses/a.py", "2"), ("report/b.py", "3")):
        (package / path).write_text(text)
        monkeypatch.setattr("topoeval.__file__", str(package / "__init__.py"))
        codes.append(machine._code.__wrapped__())
    assert codes[0] != codes[1] == codes[2]
