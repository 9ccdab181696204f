"""Each page of help is enough for someone who has never seen the command."""

import re
import shlex
from itertools import pairwise

import pytest
import typer.main
from typer.testing import CliRunner

from topoeval.cli import app, words


def commands(group, name=()):
    """Yield the name and the command of every page of help."""
    for part, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*name, part))
        else:
            yield (*name, part), command


COMMANDS = dict(commands(typer.main.get_command(app)))
ids = {"ids": " ".join}


@pytest.fixture
def page(monkeypatch):
    """Return a page of help as one line."""
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("NO_COLOR", "1")

    def read(name):
        result = CliRunner().invoke(app, [*name, "--help"])
        assert result.exit_code == 0
        return " ".join(re.sub(r"[│╭╮╰╯─]", " ", result.output).split())

    return read


@pytest.mark.parametrize("name", COMMANDS, **ids)
def test_every_command_has_an_example(name):
    """It is a line that begins with the command, and its options are there."""
    _, _, examples = COMMANDS[name].help.partition("Examples:")
    lines = [shlex.split(line) for line in examples.split("\n") if line.strip()]
    assert lines
    known = {flag for one in COMMANDS[name].params for flag in one.opts}
    for line in lines:
        assert tuple(line[: len(name) + 1]) == ("topoeval", *name)
        assert {part for part in line if part.startswith("-")} <= known


@pytest.mark.parametrize("name", COMMANDS, **ids)
def test_the_lines_of_a_paragraph_are_full(name, monkeypatch):
    """A line ends where the next word does not fit, whatever the lines of the docstring are."""
    monkeypatch.setenv("COLUMNS", "80")
    output = CliRunner().invoke(app, [*name, "--help"]).output
    lines = [line.strip() for line in output.partition("Examples:")[0].splitlines()]
    about = lines[lines.index("", 1) :]  # after the line of usage
    assert len(about) > 2
    for line, following in pairwise(about):
        if line and following:
            assert len(line) + 1 + len(following.split()[0]) > 78, line


@pytest.mark.parametrize("name", COMMANDS, **ids)
def test_every_option_and_argument_says_what_it_is(name):
    """No row of the table is empty."""
    for one in COMMANDS[name].params:
        assert getattr(one, "help", None), one.name


@pytest.mark.parametrize(
    "flag", ["--plugin", "--results", "--data", "--method", "--dataset", "--executor", "--jobs"]
)
def test_an_option_of_several_commands_has_one_text(flag):
    """Those that take a suite."""
    texts = {
        " ".join(one.help.split())
        for name in ("run", "plan", "time", "tune")
        for one in COMMANDS[name,].params
        if flag in one.opts
    }
    assert len(texts) == 1, texts


def test_words_are_explained_where_they_are(page):
    """On pages that have them, and on no others."""
    assert "suite: a TOML file" in page(["run"])
    assert "V (voxels are its vertices: they touch through faces alone)" in page(["barcode"])
    assert "the bar of one of them reaches from the value" in page(["barcode"])
    assert "Holm: a correction of p-values" in page(["compare"])
    assert "suite:" not in page(["barcode"])
    for name, told in {
        "repair": [
            "barcode, bar:",
            "|logit p|: how sure",
            "calibrated: of the voxels",
            "flip: make",
        ],
        "evaluate": ["merged: all classes together"],
        "barcode": ["diagram: a point for each bar"],
        "compare": ["separated: told apart", "FOLDER@COMMIT: the records"],
    }.items():
        assert [words for words in told if words not in page([name])] == []


@pytest.mark.parametrize("word", ["NSD", "priors", "specks", "backend", "Parquet", "bundle"])
def test_a_word_has_one_explanation(word):
    """That begins with the word."""
    lines = words.explained(f"A text with {word} in it.")
    assert sum(line.startswith(word.rstrip("s")[:4]) for line in lines) == 1


@pytest.mark.parametrize("name", [(), ("data",), ("bench",), *COMMANDS], ids=" ".join)
def test_a_page_explains_all_of_its_words(page, name):
    """Those of its explanations, too, and those of the first page and of groups of commands."""
    text = page(name)
    # a name of an option is no sentence
    said = re.sub(r"--[\w-]+", "", text)
    told = [" ".join(line.split()) for line in words.explained(said)]
    assert [line for line in told if line not in text] == []
    assert ("Words on this page:" in text) == bool(told)


def test_the_first_page_explains_the_words_of_its_list(page):
    """Of what a suite is, what it leaves behind, and what a barcode is."""
    text = page([])
    for word in ("suite", "method", "run", "record", "backend", "barcode, bar", "specks, pinholes"):
        assert f"- {word}: " in text
    assert text.index("Begin with one of these") < text.index("Words on this page")


@pytest.mark.parametrize("name", COMMANDS, **ids)
def test_a_switch_has_no_type(page, name):
    """No value follows it."""
    assert "<bool>" not in page(name)
    assert "--quiet -q Print problems only" in page(name)


def test_quiet_names_json_where_there_is_one(page):
    """And nowhere else."""
    assert "and with --json its document" in page(["audit"])
    assert "--json" not in page(["schema"])


def test_the_version_is_printed():
    """By --version, as by other programs; -h is --help."""
    result = CliRunner().invoke(app, ["--version"])
    assert re.fullmatch(r"topoeval \d+\.\S+\n", result.output)
    short, long = (CliRunner().invoke(app, ["run", flag]).output for flag in ("-h", "--help"))
    assert short == long
