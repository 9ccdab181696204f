"""What people and programs expect of any command: documents, quiet, statuses, hints, completion."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from rich.console import Console

from tests.report.conftest import make_suite, write_records
from topoeval.cli.progress import Lines, progress

RING = np.zeros((12, 16), np.uint8)
RING[2:9, 2:9] = 255
RING[4:7, 4:7] = 0
FILLED = RING.copy()
FILLED[4:7, 4:7] = 255


@pytest.fixture
def folders(tmp_path):
    """Make ``pred``, ``other`` and ``gt`` with two cases."""
    for side, second in (("pred", FILLED), ("other", RING), ("gt", RING)):
        (tmp_path / side).mkdir()
        PIL.Image.fromarray(RING).save(tmp_path / side / "one.png")
        PIL.Image.fromarray(second).save(tmp_path / side / "two.png")
    return tmp_path


def document(call, *arguments, status=0):
    """Return the document of a command, which is all of its standard output."""
    ended, output, errors = call(*arguments, "--json")
    assert ended == status, output + errors
    return json.loads(output)


def test_scores_as_json(call, folders):
    """With the values of summary.csv, and the files that were written."""
    found = document(call, "evaluate", "pred", "gt", "--jobs", "1", "--topology", "V")
    summary = {row["metric"]: row for row in found["summary"]}
    assert summary["betti_error"]["mean"] == 0.5
    assert (found["cases"], found["problems"]) == (2, [])
    assert "evaluation/cases.csv" in found["files"]
    assert any("V-construction" in line for line in found["conventions"])


def test_problems_are_in_the_document(call, folders):
    """And the status is 1 as without it."""
    (folders / "pred" / "two.png").write_bytes(b"broken")
    found = document(call, "evaluate", "pred", "gt", "--jobs", "1", status=1)
    assert len(found["problems"]) == 1
    assert "two.png: cannot be read" in found["problems"][0]


def test_other_commands_on_files_as_json(call, folders):
    """Comparison, audit, barcode and repair."""
    compared = document(call, "compare", "pred", "other", "gt", "--jobs", "1")
    assert compared["models"] == ["pred", "other"]
    assert {"dice", "betti_error"} <= {row["score"] for row in compared["table"]}
    looked = document(call, "audit", "gt", "--jobs", "1")
    table = {row["question"]: row["mean"] for row in looked["table"]}
    assert (table["b0_V"], table["b1_V"]) == (1, 1)
    bars = document(call, "barcode", "gt/one.png", "--topology", "V")["bars"]
    assert {"dim": 1, "birth": 255.0, "death": 0.0} in [
        {key: bar[key] for key in ("dim", "birth", "death")} for bar in bars
    ]
    assert [bar["death"] for bar in bars if bar["dim"] == 0] == [None]
    repaired = document(call, "repair", "pred/one.png", "--betti", "1,0", "--out", "r")
    (file,) = repaired["files"]
    assert file["classes"]["1"]["before"] == [1, 1]
    assert file["classes"]["1"]["after"] == [1, 0]
    assert file["met"]


def test_lists_and_cards_as_json(call):
    """What there is, and every field of one."""
    listed = document(call, "list", "losses")
    assert "cldice" in {row["name"] for row in listed["losses"]}
    cards = {one["kind"]: one["card"] for one in document(call, "info", "cldice")}
    assert cards["loss"]["ndims"] == [2, 3]
    assert cards["metric"]["direction"] == "higher"
    assert {"strokes", "mnist"} <= {row["name"] for row in document(call, "data", "list")}
    assert document(call, "data", "info", "strokes")["ndim"] == 2
    (suite,) = document(call, "info", "quickstart")
    assert suite["card"]["seeds"]
    plan = document(call, "plan", "quickstart", "--method", "dice", "--seed", "0")
    assert {run["state"] for run in plan} <= {"to run", "done", "cannot"}


def test_health_as_json(call):
    """Of the installation."""
    found = document(call, "doctor")
    assert not found["broken"]
    assert {"name": "engine", "state": "installed"}.items() <= found["parts"]["Core"][2].items()


def test_a_results_folder_as_json(call, tmp_path):
    """Status, report, query and collect; what is not a number is null."""
    pytest.importorskip("pyarrow", reason="the extra parquet")
    write_records(tmp_path / "out" / "records", make_suite())
    states = document(call, "status", "out")["runs"]
    assert {state["status"] for state in states} == {"ok"}
    reported = document(call, "report", "out", "--reference", "dice_ce")
    assert reported["page"] == "out/report/index.html"
    assert {row["dataset"] for row in reported["table"]} == {"strokes", "digits"}
    assert document(call, "collect", "out")["runs"] == len(states)


@pytest.mark.parametrize("flag", ["--quiet", "-q"])
def test_quiet_is_silent_about_what_went_well(call, folders, flag):
    """And the files are written all the same."""
    assert call("evaluate", "pred", "gt", "--jobs", "1", flag) == (0, "", "")
    assert (folders / "evaluation" / "summary.csv").is_file()
    assert call("repair", "pred", "--betti", "1,1", "--out", "r", flag)[:2] == (0, "")


def test_quiet_tells_problems(call, folders):
    """On standard error, and by the status."""
    (folders / "pred" / "two.png").write_bytes(b"broken")
    status, output, errors = call("evaluate", "pred", "gt", "--jobs", "1", "--quiet")
    assert (status, output) == (1, "")
    assert "two.png: cannot be read" in errors
    assert "Dice" not in errors


def test_quiet_leaves_the_document(call, folders):
    """And nothing beside it."""
    status, output, errors = call("evaluate", "pred", "gt", "--jobs", "1", "-q", "--json")
    assert (status, errors) == (0, "")
    assert json.loads(output)["cases"] == 2


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("betti", "topoeval audit MASK"),
        ("betti-numbers", "topoeval barcode IMAGE"),
        ("score", "topoeval evaluate PRED GT"),
        ("train", "topoeval run SUITE"),
        ("evalute", "did you mean 'evaluate'?"),
        ("help", "topoeval COMMAND --help"),
    ],
)
def test_an_unknown_command_leads_to_a_known_one(call, word, told):
    """By the task that the word names, else by the nearest name."""
    status, output, errors = call(word)
    assert (status, output, errors.count("\n")) == (2, "", 1)
    assert errors.startswith(f"topoeval: no command {word!r}")
    assert told in errors


def command(*arguments, **environ):
    """Start the command line as a process."""
    return subprocess.run(
        [sys.executable, "-P", "-m", "topoeval", *arguments],
        env={**os.environ, "COLUMNS": "100", **environ},
        capture_output=True,
        text=True,
    )


def test_as_a_module():
    """``python -m topoeval`` is the command."""
    done = command("--version")
    assert re.fullmatch(r"topoeval \d+\.\S+\n", done.stdout)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(shell):
    """Each shell gets a script, and commands and options for what was begun."""
    installed = Path(sys.executable).with_name("topoeval")

    def asked(kind, **environ):
        told = {"_TOPOEVAL_COMPLETE": f"{kind}_{shell}", **environ}
        done = subprocess.run(
            [installed], env={**os.environ, **told}, capture_output=True, text=True
        )
        return done.stdout

    assert "_TOPOEVAL_COMPLETE" in asked("source")
    words = {"COMP_WORDS": "topoeval eva", "COMP_CWORD": "1"}
    words |= {"_TYPER_COMPLETE_ARGS": "topoeval eva", "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    assert "evaluate" in asked("complete", **words)
    assert "barcode" not in asked("complete", **words)
    words = {"COMP_WORDS": "topoeval run quick", "COMP_CWORD": "2"}
    words |= {"_TYPER_COMPLETE_ARGS": "topoeval run quick"}
    words |= {"_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    assert "quickstart" in asked("complete", **words)


def printed_on_a_terminal(*arguments, **environ):
    """What a command prints on a terminal of its own."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "topoeval", *arguments],
        env={**os.environ, "COLUMNS": "100", "TERM": "xterm-256color", **environ},
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    found = b""
    try:
        while part := os.read(ours, 65536):
            found += part
    except OSError:  # Linux says so when the other end is closed
        pass
    os.close(ours)
    assert process.wait() == 0
    return found.decode()


@pytest.mark.parametrize("arguments", [["list", "losses"], ["evaluate", "--help"]])
def test_no_color(arguments):
    """With NO_COLOR a terminal gets none; without it, it does."""
    colours = re.compile(r"\x1b\[[0-9;]*3[0-9]")
    plain = printed_on_a_terminal(*arguments, NO_COLOR="1")
    assert plain.strip()
    assert not colours.search(plain)
    if "--help" in arguments:
        assert colours.search(printed_on_a_terminal(*arguments))


def test_an_interrupt_ends_with_130(tmp_path):
    """As a shell expects of Ctrl-C, without a traceback."""
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "topoeval", "bench", "backends", "native"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # who was started in the background ignores Ctrl-C, and we may have been
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    time.sleep(3)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "Traceback" not in errors


def test_a_pipe_that_is_closed_early_is_no_fault():
    """``topoeval list | head -1``."""
    done = subprocess.run(
        f"{sys.executable} -P -m topoeval list metrics | head -1",
        shell=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == "metrics"
    assert done.stderr == ""


def test_lines_without_a_terminal(capsys):
    """Now and then one, with the time left at the pace so far; none from a quick command."""
    now = [0.0]
    console = Console()
    with progress(console, Lines(30, lambda: now[0]), lambda: now[0]) as listen:
        for done in range(0, 101):
            listen("cases", done, 100)
            now[0] += 1
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "cases: 30 of 100, about 70 s left",
        "cases: 60 of 100, about 40 s left",
        "cases: 90 of 100, about 10 s left",
    ]
    with progress(console, Lines(30, lambda: now[0]), lambda: now[0]) as listen:
        listen("cases", 1, 1)
    assert capsys.readouterr().err == ""
