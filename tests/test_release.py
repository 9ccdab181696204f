"""The release script: what it refuses, what it writes, and in which order it does things."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / ".ci" / "release.py"
PYPROJECT = '[project]\nname = "x"\nversion = "0.1.0"\n'
CITATION = "cff-version: 1.2.0\ntitle: x\nversion: 0.1.0\nlicense: MIT\n"
CHANGELOG = "# Changelog\n\n## Unreleased\n\n- Something.\n\n## 0.1.0 (2026-01-01)\n\n- First.\n"


@pytest.fixture(scope="module")
def script():
    """The script as a module."""
    if not SCRIPT.is_file():
        pytest.skip("no checkout: the archive of the sources has no .ci")
    spec = importlib.util.spec_from_file_location("release", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def git(root, *words):
    """Run git in a repository, without the settings of this machine."""
    named = ["-c", "user.name=a", "-c", "user.email=a@b.c", *words]
    subprocess.run(["git", *named], cwd=root, check=True, capture_output=True)


@pytest.fixture
def root(tmp_path):
    """A checkout with the three files, committed."""
    for name, text in (
        ("pyproject.toml", PYPROJECT),
        ("CITATION.cff", CITATION),
        ("CHANGELOG.md", CHANGELOG),
    ):
        (tmp_path / name).write_text(text)
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "-m", "first")
    return tmp_path


def test_it_writes_the_version_wherever_it_stands(script, root):
    """Files, commit, archives, site, and the tag at the end."""
    steps = []

    def run(*words):
        steps.append(words)
        if words[0] == "git":
            git(root, *words[1:])

    left = script.release(root, "0.2.0", "2026-02-03", False, run)
    assert 'version = "0.2.0"' in (root / "pyproject.toml").read_text()
    assert "version: 0.2.0\ndate-released: 2026-02-03\n" in (root / "CITATION.cff").read_text()
    changed = (root / "CHANGELOG.md").read_text()
    assert "## Unreleased\n\n## 0.2.0 (2026-02-03)\n\n- Something.\n\n## 0.1.0" in changed
    assert script.unreleased(root) == ""
    assert [words[0] if words[0] in ("git", "tox") else words[2] for words in steps] == [
        "git", "git", "build", "twine", "tox", "git",
    ]  # fmt: skip
    told = subprocess.run(["git", "tag"], cwd=root, capture_output=True, text=True)
    assert told.stdout == "v0.2.0\n"
    assert "git push origin HEAD v0.2.0" in left[0]
    status = subprocess.run(["git", "status", "--porcelain"], cwd=root, capture_output=True)
    assert status.stdout == b""


def test_a_dry_run_changes_nothing(script, root, capsys):
    """And names every step."""
    steps = []
    script.release(root, "0.2.0", "2026-02-03", True, lambda *words: steps.append(words))
    assert "write 0.1.0 -> 0.2.0" in capsys.readouterr().out
    assert len(steps) == 6
    assert (root / "pyproject.toml").read_text() == PYPROJECT
    assert (root / "CHANGELOG.md").read_text() == CHANGELOG


@pytest.mark.parametrize(
    ("version", "change", "words"),
    [
        ("next", None, "'next' is no version"),
        ("0.1.0", None, "0.1.0 is not newer than 0.1.0"),
        (
            "0.2.0",
            ("CITATION.cff", "version: 0.1.0", "version: 0.0.9"),
            "CITATION.cff states 0.0.9",
        ),
        ("0.2.0", ("CHANGELOG.md", "- Something.\n", ""), "no lines under '## Unreleased'"),
        ("0.2.0", ("new.txt", None, "x"), "commit first: ?? new.txt"),
        ("0.3.0", None, "v0.3.0 is tagged already"),
    ],
)
def test_what_is_not_ready_is_refused(script, root, version, change, words):
    """In a line, before a file is written."""
    git(root, "tag", "v0.3.0")
    if change is not None:
        name, old, new = change
        path = root / name
        path.write_text(path.read_text().replace(old, new) if old is not None else new)
        if old is not None:
            git(root, "commit", "--quiet", "-am", "change")
    with pytest.raises(script.ReleaseError, match=words.replace("?", r"\?")):
        script.release(root, version, "2026-02-03", False, lambda *words: None)
    assert (root / "pyproject.toml").read_text() == PYPROJECT


def test_this_checkout_has_one_version(script):
    """In pyproject.toml and CITATION.cff, and the changelog has what is to come."""
    root = SCRIPT.parents[1]
    stated = script._search(root / "CITATION.cff", r"^version: (.+)$")
    assert stated == str(script.version_of(root))
    assert script.unreleased(root)


def test_the_command_line(script):
    """A refusal is one line and status 1."""
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "0.0.1", "--dry-run"], capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr.startswith("release: 0.0.1 is not newer than")
    assert done.stderr.count("\n") == 1
