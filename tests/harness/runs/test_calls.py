"""Calls that are sent to an executor: results as they come, processes and workers that die."""

import time

import pytest

from topoeval.evaluate.parallel import Died, Problem, Workers
from topoeval.harness.runs.calls import Sent, _together
from topoeval.harness.runs.executors import Local, Settings, make_executor

DOING = """
import os
import signal
import time
from pathlib import Path

import psutil

from topoeval.errors import UserError


HERE = Path(__file__).parent


def tried(number):
    with (HERE / f"tried-{number}").open("a") as file:
        file.write("x")
    return len((HERE / f"tried-{number}").read_text())


def do(number):
    if number == 0:
        1 / 0
    if number == 13:
        tried(number)
        os.kill(os.getpid(), signal.SIGKILL)
    if number == 15 and tried(number) == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    if number == 17:
        os._exit(3)
    if number in (21, 23) and (tried(number) == 1 or number == 23):
        # the supervisor's parent is the worker
        psutil.Process().parent().parent().kill()
        time.sleep(60)
    if number == 99:
        raise MemoryError
    if number < 0:
        raise UserError(f"{number} is below 0")
    if number == 1000:
        while not (HERE / "go").exists():
            time.sleep(0.05)
    return number / 3
"""


@pytest.fixture
def do(tmp_path, monkeypatch):
    """A third of a number, in a module that fresh processes can import.

    0 is a fault; 13 always kills its process, 15 the first time, 17 exits; 21 kills its worker the
    first time, 23 always; 99 is out of memory; negative numbers are refused; 1000 waits.
    """
    import importlib
    import sys

    (tmp_path / "doing.py").write_text(DOING)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.syspath_prepend(tmp_path)
    sys.modules.pop("doing", None)
    return importlib.import_module("doing").do


@pytest.fixture
def sent(tmp_path):
    """Local processes in the place of other machines."""
    return Sent(Local(slots=2, grace_s=0.5), tmp_path / "out")


def text(number):
    """The name of an item."""
    return f"n{number}"


def test_what_is_sent_comes_back_as_from_processes_of_our_own(do, sent, tmp_path):
    """Bit for bit, and refusals are problems of their own; nothing stays in the folder."""
    items = [1, 2, -4, 7, 99, 10**6]
    with Workers(2) as workers:
        own = dict(workers.over(do, items, text))
    assert dict(sent.over(do, items, text)) == own
    assert own[2] == Problem("n-4", "-4 is below 0")
    assert not (tmp_path / "out").exists()
    assert list(sent.over(do, [], text)) == []


def test_a_process_that_dies_costs_its_item_and_nothing_else(do, tmp_path):
    """A signal from outside is tried again; an exit of its own is not."""
    sent = Sent(Local(slots=1, grace_s=0.5), tmp_path / "out")
    found = dict(sent.over(do, [1, 13, 2, 15, 17, 3], text))
    assert {place: found[place] for place in (0, 2, 3, 5)} == {0: 1 / 3, 2: 2 / 3, 3: 5, 5: 1}
    assert (tmp_path / "tried-13").read_text() == "xx"
    assert isinstance(found[1], Died)
    assert found[1].message.startswith("n13: the process died (ended by SIGKILL)")
    assert isinstance(found[4], Died)
    assert "n17: the process died (exit code 3" in found[4].message


def test_a_fault_of_ours_is_not_hidden(do, sent, tmp_path):
    """Whatever is no user's error comes out, with where it was raised."""
    with pytest.raises(RuntimeError, match=r"n0: .*(?s:.)*ZeroDivisionError"):
        dict(sent.over(do, [2, 0, 4], text))
    assert not (tmp_path / "out").exists()


def test_results_come_before_the_last_of_their_process(do, tmp_path):
    """The one that waits is let go by whoever takes the one before it."""
    sent = Sent(Local(slots=1, grace_s=0.5), tmp_path / "out", timeout_s=60)
    found = {}
    for place, result in sent.over(do, [1, 1000], text):
        found[place] = result
        (tmp_path / "go").touch()
    assert found == {0: 1 / 3, 1: 1000 / 3}


def test_where_no_process_starts_every_item_says_why(do, sent, monkeypatch, tmp_path):
    """A plug-in that is not there, for one: no item is the cause."""
    monkeypatch.setenv("TOPOEVAL_PLUGINS", f'["{tmp_path}/gone.py"]')
    found = dict(sent.over(do, [1, 2], text))
    assert [type(one) for one in found.values()] == [Problem, Problem]
    for place, name in ((0, "n1"), (1, "n2")):
        assert found[place].message.startswith(f"{name}: no process could be started: exit code 1")
        assert "gone.py" in found[place].message
        assert found[place].message.endswith("; the same command tries again")


def test_too_little_time_is_named(do, tmp_path):
    """What would never end is ended, and the item that was at it is named."""
    sent = Sent(Local(slots=1, grace_s=0.2), tmp_path / "out", timeout_s=20)
    found = dict(sent.over(do, [1, 1000], text))
    assert found[0] == 1 / 3
    assert found[1].message == "n1000: the process died (ended after 20 s), perhaps out of memory"


def test_stopping_early_ends_the_processes(do, sent, tmp_path, wait_until_alone):
    """Nothing goes on and nothing stays."""
    results = sent.over(do, [1, 1000, 1000, 1000], text)
    next(results)
    results.close()
    wait_until_alone(tmp_path / "out", patience_s=10)
    assert not (tmp_path / "out").exists()


def test_what_a_killed_command_left_goes_and_what_is_in_use_stays(do, sent, tmp_path):
    """Two commands with one output folder do not take each other's work away."""
    left = tmp_path / "out" / "work" / "calls-left"
    left.mkdir(parents=True)
    (left / "held").touch()
    (left / "order.pickle").write_bytes(b"never read")
    used = sent.over(do, [1, 1000], text)
    next(used)
    assert not left.exists()
    (tmp_path / "go").touch()
    other = Sent(Local(slots=1), tmp_path / "out")
    assert dict(other.over(do, [5], text)) == {0: 5 / 3}
    assert dict(used) == {1: 1000 / 3}


@pytest.mark.parametrize(
    ("count", "slots", "size"),
    [(1, 64, 1), (20, 64, 1), (300, 64, 5), (10_000, 64, 40), (300, 4, 19), (5, 2, 3), (40, 1, 16)],
)
def test_how_many_go_together(count, slots, size):
    """Few where places are many, and none waits long for the last of another."""
    assert _together(count, slots) == size


@pytest.fixture
def dask(do):
    """A scheduler and two workers, started here."""
    pytest.importorskip("distributed", reason='pip install "topoeval[dask]"')
    executor = make_executor("dask", Settings(jobs=2), [])
    yield executor
    executor.close()


def test_dask_returns_the_same_and_outlives_a_worker(do, dask, tmp_path):
    """Killed once, the calls go on elsewhere; killed twice they are named, not given a result."""
    items = [1, 2, 21, 4, 5, 6, 7, 8]
    sent = Sent(dask, tmp_path / "out")
    began = time.monotonic()
    assert dict(sent.over(do, items, text)) == {i: n / 3 for i, n in enumerate(items)}
    assert (tmp_path / "tried-21").read_text() == "xx"
    found = dict(sent.over(do, [1, 23], text))
    assert found[0] == 1 / 3
    told = "n23: lost its dask worker 2 times; the same command tries again"
    assert found[1] == Problem("n23", told)
    assert dict(sent.over(do, [3, 6], text)) == {0: 1, 1: 2}
    assert time.monotonic() - began < 300
