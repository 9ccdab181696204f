"""The pages of the project: links lead somewhere, and what they show runs.

Python runs as it stands; of command lines every command, option, tox environment, extra and script
must be one that there is.
"""

import configparser
import itertools
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import typer.main

from topoeval import plugins
from topoeval.cli import app
from topoeval.errors import UserError

ROOT = Path(__file__).parents[2]
# build trees and environments are no pages of ours
PAGES = sorted(
    path
    for path in ROOT.rglob("*.md")
    if not any(part.startswith(".") or part == "build" for part in path.relative_to(ROOT).parts)
)
IDS = [str(page.relative_to(ROOT)) for page in PAGES]


def blocks(page, language):
    """Return the fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)


def prose(page):
    """Return the text without its fenced blocks."""
    return re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)


def slug(heading):
    """Return the anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", re.sub(r"[`*]", "", heading).lower()).replace(" ", "-")


def anchors(page):
    return {slug(found) for found in re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)}


def broken(page):
    """Return the links of a page to files or headings that are not there."""
    wrong = []
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if re.match(r"[a-z]+:", target):
            continue  # the tests have no network
        name, _, anchor = target.partition("#")
        goal = page.parent / name if name else page
        if not goal.exists() or (anchor and anchor not in anchors(goal)):
            wrong.append(target)
    return wrong


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_links_lead_somewhere(page):
    """Files and folders named in the text are there, and so are the headings."""
    assert broken(page) == []


def test_broken_links_are_found(tmp_path):
    """A file, a heading, and none of them inside a code block."""
    (tmp_path / "other.md").write_text("# One `two`\n")
    page = tmp_path / "page.md"
    page.write_text(
        "# Here\n[a](other.md) [b](other.md#one-two) [c](#here) [d](https://x.org)\n"
        "[e](nowhere.md) [f](other.md#three)\n```\n[g](nowhere)\n```\n"
    )
    assert broken(page) == ["nowhere.md", "other.md#three"]


# Pages whose Python needs more than this package around it, and who answers for it.
ELSEWHERE = {
    "docs/add-a-backend.md": "tests/persistence/test_backend_pages.py follows it literally",
    "docs/add-a-loss.md": "tests/docs/test_add_pages.py follows it literally",
    "docs/add-a-method.md": "tests/docs/test_add_pages.py follows it literally",
    "docs/add-a-metric.md": "tests/docs/test_add_pages.py follows it literally",
    "docs/add-a-remedy.md": "tests/docs/test_add_pages.py follows it literally",
    "docs/nnunet.md": "tests/nnunet runs the trainers where nnU-Net is installed",
    "docs/backends.md": "shows a fault of a library that cannot be installed beside ours",
}
WITH_PYTHON = [
    page
    for page in PAGES
    if blocks(page, "python") and page.relative_to(ROOT).as_posix() not in ELSEWHERE
]
COMMANDS = [
    (page.relative_to(ROOT), line)
    for page in PAGES
    for block in blocks(page, "sh")
    for line in block.replace("\\\n", " ").splitlines()
    if line.strip() and not line.startswith("#")
]


@pytest.mark.parametrize("page", WITH_PYTHON, ids=lambda page: str(page.relative_to(ROOT)))
def test_python_runs(page, tmp_path):
    """The blocks of a page, one after the other, in a session of their own and an empty folder."""
    program = "\n".join(blocks(page, "python"))
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ELSEWHERE)
def test_pages_that_others_answer_for_are_still_there(name):
    """And still show Python."""
    assert blocks(ROOT / name, "python")


COMPLETION = {"--install-completion", "--show-completion"}


def complaint(line):
    """Return what is wrong with a command line, None if every word of it is known."""
    for command in re.split(r"(?:&&|\|)(?=(?:[^']*'[^']*')*[^']*$)", line):  # none inside quotes
        words = shlex.split(re.sub(r"\s\d?>\s*\S+", "", command), comments=True)
        while words and "=" in words[0]:
            words.pop(0)  # a variable for this command
        words[:1] = [Path(word).name for word in words[:1]]
        match words:
            case ["topoeval", *rest]:
                fault = _topoeval(rest)
            case ["tox", *rest]:
                fault = _tox(rest)
            case ["pip", "install", *rest] | ["python", "-m", "pip", "install", *rest]:
                fault = _extras(rest)
            case ["python" | "python3", script, *_] if not script.startswith("-"):
                fault = None if (ROOT / script).exists() else f"no file {script}"
            case _:
                fault = None
        if fault:
            return fault
    return None


def _topoeval(words):
    command, context = typer.main.get_command(app), None
    if {*words} & COMPLETION & {name for one in command.params for name in one.opts}:
        return None  # carried out as soon as it is read: it writes into the shell's own files
    try:
        while True:
            context = command.make_context(command.name, list(words), parent=context)
            if not hasattr(command, "resolve_command"):
                return None
            rest = [*context._protected_args, *context.args]
            _, command, words = command.resolve_command(context, rest)
    except UserError as error:  # of a command that there is not
        return str(error)
    except Exception as error:
        if not hasattr(
            error, "format_message"
        ):  # typer brings a click of its own, of no fixed name
            raise
        return error.format_message()
    finally:  # what a command that is read turns elsewhere, it turns back
        while context is not None:
            context.close()
            context = context.parent


def _tox(words):
    config = configparser.RawConfigParser()
    config.read(ROOT / "tox.ini")
    known = {name.partition(":")[2] for name in config.sections()}
    for flag, value in itertools.pairwise(words):
        if flag == "-e":
            for name in value.split(","):
                single = re.fullmatch(r"py3\d+-(native|gudhi|cripser|ripser|all)", name)
                if name not in known and not single:
                    return f"no tox environment {name}"
    return None


def _extras(words):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for word in words:
        found = re.match(r"(topoeval|\.)\[(.*)\]", word)
        unknown = set(found[2].split(",")) - set(project["optional-dependencies"]) if found else ()
        if unknown:
            return f"no extra {sorted(unknown)[0]}"
    return None


@pytest.mark.parametrize(
    ("page", "line"), COMMANDS, ids=[f"{p}: {line[:40]}" for p, line in COMMANDS]
)
def test_command_lines_are_understood(page, line, monkeypatch):
    """Commands, options, tox environments, extras and scripts that the pages name exist."""
    monkeypatch.setattr(plugins, "load", lambda text: None)  # the files of a page are not here
    assert complaint(line) is None


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("topoeval rnu quickstart", "no command 'rnu'; did you mean 'run'?"),
        ("topoeval run quickstart --jbos 3", "No such option: --jbos"),
        ("topoeval run", "Missing argument"),
        ("topoeval bench backends --records nowhere --fast", "No such option: --fast"),
        ("python3 -m venv .venv && .venv/bin/tox run -e py311-gudi", "py311-gudi"),
        ("pip install 'topoeval[gudhy]'", "no extra gudhy"),
        ("python bench/nothing.py --x", "no file bench/nothing.py"),
    ],
)
def test_wrong_command_lines_are_found(line, words):
    """The check above can fail."""
    assert words in complaint(line)
