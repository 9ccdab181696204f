"""Cases side by side: a failing one, and one that takes its process with it."""

import importlib

import pytest

from topoeval.evaluate.parallel import Problem, over_cases

HALVING = """
import os
import signal

from topoeval.errors import UserError


def halve(number):
    if number == 13:
        os.kill(os.getpid(), signal.SIGKILL)
    if number == 99:
        raise MemoryError
    if number % 2:
        raise UserError(f"{number} is odd")
    return number // 2
"""


@pytest.fixture
def halve(tmp_path, monkeypatch):
    """Halve even numbers; refuse odd ones; on 13 the process dies, on 99 memory runs out.

    In a module that a fresh process can import too, which a test's own is not.
    """
    (tmp_path / "halving.py").write_text(HALVING)
    monkeypatch.syspath_prepend(tmp_path)
    return importlib.import_module("halving").halve


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_refused_case_is_a_problem(halve, jobs):
    """The others are done all the same, in any order."""
    found = dict(over_cases(halve, [2, 3, 4, 99], str, jobs))
    assert (found[0], found[2]) == (1, 2)
    assert found[1] == Problem("3", "3 is odd")
    assert found[3] == Problem("99", "99: out of memory")


def test_a_process_that_dies_costs_one_case(halve):
    """What had to stop with it is done again; the culprit is named."""
    found = dict(over_cases(halve, [2, 13, 4, 6], str, 2))
    assert {position: found[position] for position in (0, 2, 3)} == {0: 1, 2: 2, 3: 3}
    assert "13: the process died" in found[1].message
