"""A command line that cannot be parsed is one line: the thing, its value, what to write."""

import pytest
import typer

from tests.cli.test_words import commands
from topoeval.cli import app

COMMANDS = [name for name, _ in commands(typer.main.get_command(app))]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["evaluate", "p", "g", "--jobs", "0"], "--jobs 0: it takes "),
        (["run", "quickstart", "--threads", "two"], "--threads two: it takes a whole number ("),
        (["bench", "backends", "--budget", "0.01"], "--budget 0.01: it takes "),
        (["evaluate", "p", "g", "--patch", "x\ny"], "--patch x\\ny: it takes a whole number ("),
        (["evaluate", "p", "g", "--spacing", "x"], "--spacing is two or three positive numbers"),
        (
            ["evaluate", "p", "g", "--tolerence", "1"],
            "evaluate has no option --tolerence; did you mean --tolerance?",
        ),
        (["list", "--xyzzy"], "list has no option --xyzzy (topoeval list --help lists them)"),
        (["info"], "info needs name; write topoeval info [OPTIONS] "),
        (["info", "a", "b"], "info: got unexpected extra argument(s) (b); write topoeval info "),
        (["evaluate", "p", "g", "--jobs"], "--jobs needs a value after it"),
        (["data", "shwo"], "data: no such command 'shwo'; did you mean 'show'?"),
    ],
)
def test_the_line(call, arguments, line):
    """With exit status 2, nothing on standard output, and no box."""
    status, shown, told = call(*arguments)
    assert (status, shown) == (2, "")
    assert told.startswith("topoeval: ")
    assert line in told
    assert told.count("\n") == 1


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_answers_an_unknown_option_in_one_line(call, command):
    """Also those that are added later."""
    status, shown, told = call(*command, "--no-such-option")
    assert (status, shown, told.count("\n")) == (2, "", 1)
    assert f"{' '.join(command)} has no option --no-such-option" in told


def test_help_is_no_mistake(call):
    """It is printed as before, also by a command that was called without anything."""
    status, shown, told = call("evaluate", "--help")
    assert (status, told) == (0, "")
    assert "Usage" in shown
    assert "Usage" in call("data")[1]
    assert call("--version")[0] == 0
