"""A release in one line: ``tox run -e release -- 0.2.0 --dry-run``, then without ``--dry-run``.

It sets the version in every file that states it, commits, tags, builds the source archive, the
wheel of this machine and the site into ``dist`` and ``build/docs``, and checks them. Nothing leaves
the machine: the last lines say what to push, and the workflow ``wheels`` builds the other wheels.
"""

from __future__ import annotations

import argparse
import datetime
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from packaging.version import InvalidVersion, Version

ROOT = Path(__file__).resolve().parents[1]
_UNRELEASED = "## Unreleased"


class ReleaseError(Exception):
    """Why there is no release, in a line."""


def version_of(root: Path) -> Version:
    """Return the version that ``pyproject.toml`` states."""
    return Version(_search(root / "pyproject.toml", r'^version = "(.+)"$'))


def check(root: Path, text: str) -> Version:
    """Return the new version, if all is ready for it.

    Raises
    ------
    ReleaseError
        The version is none or not newer; it is tagged already; the changelog has nothing new; a
        file is changed.
    """
    try:
        new = Version(text)
    except InvalidVersion:
        raise ReleaseError(f"{text!r} is no version; write for example 0.2.0") from None
    old = version_of(root)
    if new <= old:
        raise ReleaseError(f"{new} is not newer than {old}, which pyproject.toml states")
    stated = _search(root / "CITATION.cff", r"^version: (.+)$")
    if stated != str(old):
        raise ReleaseError(f"CITATION.cff states {stated}, pyproject.toml {old}; make them agree")
    if not unreleased(root):
        raise ReleaseError(f"CHANGELOG.md has no lines under {_UNRELEASED!r}")
    if changed := _output(root, "git", "status", "--porcelain"):
        raise ReleaseError(f"commit first: {changed.splitlines()[0].strip()}")
    if _output(root, "git", "tag", "--list", f"v{new}"):
        raise ReleaseError(f"v{new} is tagged already")
    return new


def unreleased(root: Path) -> str:
    """Return what the changelog says of the version to come."""
    text = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    return text.partition(f"{_UNRELEASED}\n")[2].partition("\n## ")[0].strip()


def set_version(root: Path, new: Version, day: str) -> list[str]:
    """Write the version and the day into the files that state them; return their names."""
    _replace(root / "pyproject.toml", r'^version = ".+"$', f'version = "{new}"')
    citation = root / "CITATION.cff"
    _replace(citation, r"^version: .+$", f"version: {new}")
    if re.search(r"^date-released:", citation.read_text(encoding="utf-8"), re.MULTILINE):
        _replace(citation, r"^date-released: .+$", f"date-released: {day}")
    else:
        _replace(citation, r"^(version: .+)$", rf"\1\ndate-released: {day}")
    _replace(root / "CHANGELOG.md", f"^{_UNRELEASED}$", f"{_UNRELEASED}\n\n## {new} ({day})")
    return ["pyproject.toml", "CITATION.cff", "CHANGELOG.md"]


def release(root: Path, text: str, day: str, dry: bool, run: Callable[..., None]) -> list[str]:
    """Make a release; return what is left to be done by hand.

    Parameters
    ----------
    root
        The checkout.
    text, day
        The new version, and the date of the release.
    dry
        Change nothing, and only print the commands.
    run
        Called with the words of each command, in `root`.
    """
    new = check(root, text)
    tag = f"v{new}"
    if dry:
        print(f"write {version_of(root)} -> {new} into pyproject.toml, CITATION.cff, CHANGELOG.md")
        names = ["pyproject.toml", "CITATION.cff", "CHANGELOG.md"]
    else:
        names = set_version(root, new, day)
    python = sys.executable
    run("git", "add", *names)
    run("git", "commit", "--quiet", "-m", f"Release {new}")
    # built from the commit: what git ignores or does not know is in no archive
    run(python, "-m", "build", "--outdir", f"dist/{new}")
    run(python, "-m", "twine", "check", "--strict", f"dist/{new}/*")
    run("tox", "run", "-e", "docs-site")
    # last, so that what does not build is not tagged
    run("git", "tag", "--annotate", tag, "-m", f"topoeval {new}")
    return [
        f"git push origin HEAD {tag}      # the workflow 'wheels' builds wheels of all platforms",
        f"twine upload dist/{new}/*.tar.gz wheelhouse/*.whl",
    ]


def _search(path: Path, pattern: str) -> str:
    found = re.search(pattern, path.read_text(encoding="utf-8"), re.MULTILINE)
    if found is None:
        raise ReleaseError(f"{path.name} has no line {pattern}")
    return found[1]


def _replace(path: Path, pattern: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    text, count = re.subn(pattern, new, text, count=1, flags=re.MULTILINE)
    if not count:
        raise ReleaseError(f"{path.name} has no line {pattern}")
    path.write_text(text, encoding="utf-8")


def _output(root: Path, *words: str) -> str:
    done = subprocess.run(words, cwd=root, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def _execute(words: Sequence[str]) -> None:
    named: list[str] = []
    for word in words:
        # a pattern of files is for the shell, which is not asked here
        named += map(str, sorted(ROOT.glob(word))) if "*" in word else [word]
    done = subprocess.run(named, cwd=ROOT)
    if done.returncode:
        raise ReleaseError(f"{' '.join(named)} ended with status {done.returncode}")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("version", help="for example 0.2.0")
    parser.add_argument("--dry-run", action="store_true", help="print the steps, change nothing")
    asked = parser.parse_args()

    def run(*words: str) -> None:
        print("+", " ".join(words), flush=True)
        if not asked.dry_run:
            _execute(words)

    day = datetime.datetime.now(datetime.UTC).date().isoformat()
    try:
        left = release(ROOT, asked.version, day, asked.dry_run, run)
    except ReleaseError as error:
        sys.exit(f"release: {error}")
    print("Then:", *left, sep="\n  ")


if __name__ == "__main__":
    main()
