"""The pages on backends say what is so: one is followed, the other compared."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from topoeval.persistence import BACKENDS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "backends.md").read_text(encoding="utf-8")
INFOS = {name: BACKENDS._load(name).info for name in BACKENDS if name in BACKENDS._builtin}


def test_add_a_backend_is_followed_to_the_letter(tmp_path):
    """Its files are written, its commands run; pip is only kept from the network and from here."""
    page = (ROOT / "docs" / "add-a-backend.md").read_text(encoding="utf-8")
    package, site = tmp_path / "package", tmp_path / "site"
    package.mkdir()
    files = re.findall(r"`([\w.-]+)`:\n\n```\w+\n(.*?)```", page, re.DOTALL)
    assert [name for name, _ in files] == ["pyproject.toml", "union_find.py", "test_union_find.py"]
    for name, text in files:
        (package / name).write_text(text, encoding="utf-8")
    environment = {
        **os.environ,
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "PYTHONPATH": os.pathsep.join([str(site), *filter(None, sys.path)]),
        "PYTHONDONTWRITEBYTECODE": "1",
        # as if typed after `pip install`: a target of its own, nothing fetched
        "PIP_TARGET": str(site),
        "PIP_NO_DEPS": "1",
        "PIP_NO_INDEX": "1",
        "PIP_NO_BUILD_ISOLATION": "0",  # pip reads this one the other way round
    }
    environment.pop("PIP_CONSTRAINT", None)
    commands = re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
    assert len(commands) == 2
    printed = []
    for block in commands:
        done = subprocess.run(
            ["bash", "-e", "-c", block],
            cwd=package,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        printed.append(done.stdout)
    assert re.search(r"\d+ passed", printed[0])
    assert "failed" not in printed[0]
    assert printed[1].splitlines()[-1] == "1"


def row(info):
    """What the page says of a backend, from what the backend says of itself."""
    cells = (
        f"`{info.name}`",
        info.title,
        f"`{info.package}`",
        info.licence,
        ", ".join(f"{ndim}D" for ndim in info.ndims),
        ", ".join(map(str, info.dims)),
        ", ".join(info.constructions),
        "voxels" if info.gives_locations else "values",
        "yes" if info.releases_gil else "no",
        info.threads,
    )
    return f"| {' | '.join(cells)} |"


@pytest.mark.parametrize("name", INFOS)
def test_which_backend_says_what_info_says(name):
    """A row of the table and the citation of each backend."""
    lines = PAGE.splitlines()
    assert row(INFOS[name]) in lines
    assert f"- `{name}`: {INFOS[name].citation}" in lines


def test_which_backend_knows_no_others():
    """The table has the registered backends and none that has gone."""
    table = PAGE.split("<!-- info -->")[1].split("<!-- /info -->")[0]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == list(INFOS)


@pytest.mark.parametrize("name", [name for name in INFOS if name in BACKENDS._requires])
def test_which_backend_gives_the_install_lines(name, monkeypatch):
    """The same line that `BACKENDS.status` gives."""
    monkeypatch.setitem(BACKENDS._requires, name, ("a_module_that_is_not_there",))
    assert BACKENDS.status(name).reason in PAGE
