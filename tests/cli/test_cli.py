"""The command line as a user meets it: what it says, and how it ends."""

import json
import re
import subprocess
import sys

import pytest

from tests.records.editing import resealed
from topoeval.cli.tune import _narrowed
from topoeval.harness.suites.catalogue import load_suite
from topoeval.harness.tuning.tuning import for_trials
from topoeval.records.parts import Network

SUITE = """
schema = 1
name = "tiny"
title = "Tiny"
seeds = [0]
methods = ["cross_entropy", "betti_prior"]
start = { losses = [{ name = "cross_entropy" }], training = { epochs = 1 } }
network = { channels = [4, 8] }

[training]
epochs = 2

[[dataset]]
name = "strokes"
sizes = { train = 8, test = 6 }
"""


@pytest.fixture
def suite(tmp_path):
    """Write the tiny suite, with pieces of its text replaced; return its path."""

    def write(*replacements):
        text = SUITE
        for old, new in replacements:
            assert old in text
            text = text.replace(old, new)
        path = tmp_path / "suite.toml"
        path.write_text(text)
        return str(path)

    return write


PRIOR = '\n[[override.betti_prior.losses]]\nname = "betti_prior"\nparams = { prior = [1, 0, 0] }\n'


@pytest.mark.parametrize(
    ("replacements", "arguments", "words"),
    [
        ([('"betti_prior"', '"betti_pior"')], [], "unknown method 'betti_pior'.*'betti_prior'"),
        ([("seeds", "sedes")], [], "unknown key 'sedes'; did you mean 'seeds'"),
        ([], ["--data", "nowhere"], "data folder nowhere does not exist"),
        ([('"strokes"', '"mnist"')], [], "no folder to look in; name it by --data"),
        ([('"strokes"', '"mnist"')], ["--data", "."], "mnist: no train-images-idx3-ubyte"),
        ([("test = 6 }", "test = 6 }" + PRIOR)], [], r"'betti_prior': a prior of shape \(3,\)"),
        ([("train = 8", "train = 0")], [], "strokes: size must be an integer"),
        ([("train = 8", "trian = 8")], [], "dataset.0.sizes.trian"),
        ([("test = 6 }", 'test = 6 }\nparams = { root = "x" }')], [], "'root' depends on the mac"),
        ([], ["--executor", "clowd"], "unknown executor 'clowd'"),
    ],
)
def test_a_mistake_is_one_line_and_status_2(call, suite, tmp_path, replacements, arguments, words):
    """Before anything runs, and nothing is left behind."""
    status, _, errors = call("run", suite(*replacements), *arguments)
    assert status == 2
    assert re.search(words, errors), errors
    assert errors.count("\n") == 1
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "quikstart"], "did you mean 'quickstart'"),
        (["report", "nowhere"], "nowhere has no records"),
        (["info", "betti_pior"], "did you mean 'betti_prior'"),
        (["list", "datsets"], "did you mean 'datasets'"),
    ],
)
def test_unknown_names(call, arguments, words):
    """Every command offers the nearest name."""
    status, _, errors = call(*arguments)
    assert (status, errors.count("\n")) == (2, 1)
    assert words in errors


def test_from_a_suite_to_its_page(call, suite, tmp_path):
    """One command runs, prints the table and writes the page; the next finds all finished."""
    command = ["run", suite(), "--executor", "inline", "--results", "out"]
    status, output, _ = call(*command)
    assert status == 0, output
    assert "Cross-entropy" in output
    assert "3 run, 0 found finished, 0 failed" in output
    for name in ("index.html", "table.csv", "table.md"):
        assert (tmp_path / "out" / "report" / name).stat().st_size > 500
    status, output, _ = call(*command)
    assert "0 run, 3 found finished, 0 failed" in output
    status, output, _ = call("report", "out", "--out", "elsewhere")
    assert (status, (tmp_path / "elsewhere" / "index.html").exists()) == (0, True)


def test_a_search_says_which_network_it_uses(suite):
    """Of several; what it chooses holds for the others, unseen."""
    one = load_suite(suite())
    assert _narrowed(one, for_trials(one)) == []
    wide = [Network(name="unet", channels=[4, 8]), Network(name="segresnet")]
    two = one.model_copy(update={"network": tuple(wide)})
    (line,) = _narrowed(two, for_trials(two))
    assert line.startswith("searched with unet[")
    assert line.endswith(" alone, the first of 2 networks; what is chosen holds for all")


def test_from_a_search_to_runs_with_what_it_chose(call, suite, tmp_path):
    """Two commands; a search that is asked for again runs nothing and chooses the same."""
    small = suite(("test = 6 }", "val = 6, test = 6 }\n[tuning]\ntrials = 2\nseeds = [5]\n"))
    command = ["tune", small, "--executor", "inline", "--results", "out"]
    status, output, errors = call(*command)
    assert status == 0, output + errors
    assert "betti_prior" in output
    chosen = (tmp_path / "out" / "tuned.toml").read_bytes()
    assert b'"training.learning_rate" = ' in chosen
    records = sorted((tmp_path / "out" / "tuning" / "records").iterdir())
    assert len(records) == 5  # the start, and two trials of each of two methods
    times = {path: path.stat().st_mtime_ns for path in records}
    assert call(*command)[0] == 0
    assert {path: path.stat().st_mtime_ns for path in records} == times
    assert (tmp_path / "out" / "tuned.toml").read_bytes() == chosen
    # something that no method has of its own
    other = re.sub(rb'("training.learning_rate" = )[^,} ]+', rb"\g<1>0.0123", chosen)
    (tmp_path / "out" / "tuned.toml").write_text(resealed(other.decode()))
    final = [small, "--results", "out", "--tuned", "out/tuned.toml"]
    status, output, _ = call("plan", *final, "--json")
    planned = {one["id"] for one in json.loads(output) if one["state"] == "to run"}
    status, output, _ = call("run", *final, "--executor", "inline")
    assert status == 0, output
    assert "3 run, 0 found finished, 0 failed" in output
    assert planned == {path.stem for path in (tmp_path / "out" / "records").iterdir()}
    assert "3 runs: 3 done." in call("plan", *final)[1]
    assert "1 to run" in call("plan", small, "--results", "out")[1]


@pytest.mark.parametrize("command", ["plan", "run"])
def test_what_was_chosen_for_something_else_is_refused(call, suite, tmp_path, command):
    """By the plan in the words of the run."""
    chosen = tmp_path / "tuned.toml"
    chosen.write_text('schema = 1\nsuite = "small"\nseeds = [5]\nchoice = []\n')
    asked = [command, suite(), "--tuned", str(chosen)]
    status, _, errors = call(*asked)
    assert (status, errors.count("\n")) == (2, 1)
    assert "the tuned values are those of suite 'small', not of 'tiny'" in errors
    chosen.write_text('schema = 1\nsuite = "tiny"\nseeds = [5]\nchoice = []\n')
    status, _, errors = call(*asked)
    assert (status, errors.count("\n")) == (2, 1)
    assert "none for method 'cross_entropy' on 'strokes' {}; run 'topoeval tune tiny'" in errors
    status, _, errors = call(*asked[:-1], "nowhere.toml")
    assert (status, errors.count("\n")) == (2, 1)
    assert "nowhere.toml: cannot be read" in errors


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--log", "tensorbord"], "unknown sink 'tensorbord'; did you mean 'tensorboard'"),
    ],
)
def test_a_mistake_in_what_a_run_is_given_is_one_line(call, suite, arguments, words):
    """Before anything runs."""
    status, _, errors = call("run", suite(), *arguments)
    assert (status, errors.count("\n")) == (2, 1)
    assert words in errors


def test_failed_runs_end_with_status_1(call, suite):
    """A script notices; the rows say why."""
    broken = suite(
        ("epochs = 1 }", "epochs = 1, learning_rate = 1e30 }"),
        ("[training]\nepochs = 2", "[training]\nepochs = 3"),
    )
    status, output, _ = call("run", broken, "--executor", "inline", "--no-report")
    assert status == 1
    assert "2 failed" in output
    assert "diverged" in output


def test_list_and_info_know_every_kind(call):
    """What is listed has a card."""
    status, output, _ = call("list")
    assert status == 0
    for name in ("quickstart", "betti_prior_post", "strokes", "cross_entropy", "native"):
        assert name in output
        status, card, _ = call("info", name)
        assert status == 0
        assert name in card
    assert "arXiv 1910.01877" in call("info", "betti_prior")[1].replace("\n", " ")


def test_help_imports_nothing_heavy():
    """Neither torch nor the backends are loaded to print a page of help."""
    program = (
        "import sys; sys.argv = ['topoeval', '--help']\n"
        "from topoeval.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'monai', 'gudhi', 'pandas', 'matplotlib'} & set(sys.modules)\n"
        "print('heavy:', sorted(heavy))\n"
    )
    done = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True)
    assert "heavy: []" in done.stdout, done.stdout + done.stderr
