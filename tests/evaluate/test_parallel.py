"""Cases side by side: a failing one, and one that takes its process with it."""

import importlib
import sys

import pytest

from topoeval.errors import UserError
from topoeval.evaluate.parallel import Died, Problem, Workers
from topoeval.limits import limit_memory

HALVING = """
import os
import signal
import time

from topoeval.errors import UserError


def halve(number):
    if number == 13:
        os.kill(os.getpid(), signal.SIGKILL)
    if number == -1:
        time.sleep(0.05)
        return os.getpid()
    if number == 0:
        1 / 0
    if number == 99:
        raise MemoryError
    if number % 2:
        raise UserError(f"{number} is odd")
    if number >= 10**6:
        bytearray(number)
    return number // 2
"""


@pytest.fixture
def halve(tmp_path, monkeypatch):
    """Halve even numbers; refuse odd ones; 13 kills the process, 99 is out of memory.

    0 is a fault, and -1 returns the number of the process. In a module that a fresh process can
    import too, which a test's own is not.
    """
    (tmp_path / "halving.py").write_text(HALVING)
    monkeypatch.syspath_prepend(tmp_path)
    return importlib.import_module("halving").halve


def over(function, items, jobs):
    """Return what became of each item."""
    with Workers(jobs) as workers:
        return dict(workers.over(function, items, str))


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_refused_case_is_a_problem(halve, jobs):
    """The others are done all the same, in any order."""
    found = over(halve, [2, 3, 4, 99], jobs)
    assert (found[0], found[2]) == (1, 2)
    assert found[1] == Problem("3", "3 is odd")
    assert found[3] == Problem("99", "99: out of memory")


def test_a_process_that_dies_costs_its_case_and_nothing_else(halve):
    """The culprits are named; the processes beside them are the same before and after (B2)."""
    with Workers(2) as workers:
        before = dict(workers.over(halve, [2, 4, 6, 8], str))
        found = dict(workers.over(halve, [13, 2, 4, 6, 13, 8], str))
        after = dict(workers.over(halve, [2, 4], str))
    assert before == {0: 1, 1: 2, 2: 3, 3: 4}
    assert {k: found[k] for k in (1, 2, 3, 5)} == {1: 1, 2: 2, 3: 3, 5: 4}
    assert all(isinstance(found[k], Died) for k in (0, 4))
    assert "13: the process died" in found[0].message
    assert after == {0: 1, 1: 2}


def test_others_go_on_beside_a_process_that_dies(halve):
    """While one lane dies again and again, each of the others' results comes from a live pool."""
    with Workers(2) as workers:
        pids = [pid for _, pid in workers.over(halve, [-1] * 6, str)]
        dict(workers.over(halve, [13, -1], str))
        again = [pid for _, pid in workers.over(halve, [-1] * 6, str)]
    assert len(set(pids) & set(again)) == len(set(pids)) - 1


def test_results_that_nobody_takes_are_not_heaped_up(halve):
    """Items are drawn as they are worked on; stopping early ends the processes."""
    drawn = []

    def items():
        for number in range(2, 2000, 2):
            drawn.append(number)
            yield number

    with Workers(2) as workers:
        results = workers.over(halve, items(), str)
        next(results)
        results.close()
    assert len(drawn) < 20


def test_a_fault_of_ours_is_not_hidden(halve):
    """Whatever is no user's error comes out as it is."""
    with Workers(2) as workers, pytest.raises(ZeroDivisionError):
        list(workers.over(halve, [2, 0, 4], str))


@pytest.mark.skipif(sys.platform != "linux", reason="memory can be limited on Linux only")
def test_a_limit_of_memory_costs_the_item_that_needs_more(halve):
    """With one job, too; what comes after it goes on in the same process."""
    with Workers(1, memory=2**30) as workers:
        found = dict(workers.over(halve, [2**31, 2], str))
    assert "out of memory" in found[0].message
    assert found[1] == 1
    with Workers(1) as workers:
        assert dict(workers.over(halve, [2**31], str)) == {0: 2**30}


@pytest.mark.skipif(sys.platform != "linux", reason="memory can be limited on Linux only")
def test_a_limit_under_which_no_process_can_work_is_one_error(halve):
    """And not a dead process for each item, with its traceback."""
    with Workers(1, memory=2**25) as workers, pytest.raises(UserError, match=r"32 MB .* too low"):
        list(workers.over(halve, [2, 4], str))


@pytest.mark.skipif(sys.platform != "linux", reason="memory can be limited on Linux only")
def test_a_limit_too_low_is_refused():
    """A process that could read nothing is not started."""
    with pytest.raises(UserError, match="too low"):
        limit_memory(2**20)
