"""Committed tables are those of the committed records."""

import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SUITES = sorted(path.parent for path in ROOT.glob("results/*/records"))
COMMITTED = [path for path in SUITES if path.name != "quickstart"]
BENCHES = sorted(path.parent for path in ROOT.glob("results/*/records.json"))


@pytest.fixture(scope="module")
def leaderboard(tmp_path_factory):
    """Rebuild the leaderboard of everything that is committed, as `tox -e report` does."""
    from topoeval.cli.report import leaderboard

    out = tmp_path_factory.mktemp("results") / "leaderboard"
    leaderboard([ROOT / "results"], out, ["quickstart"])
    return out


def test_the_leaderboard_has_the_files_that_are_made(leaderboard):
    """`tox -e report` would add and remove none."""
    names = [
        {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
        for folder in (leaderboard, ROOT / "results" / "leaderboard")
    ]
    assert names[0] == names[1]


@pytest.mark.parametrize("suite", [path.name for path in COMMITTED])
def test_the_tables_of_a_suite_are_current(leaderboard, suite):
    """`tox -e report` would change no number."""
    committed = ROOT / "results" / "leaderboard" / suite
    made = sorted((leaderboard / suite).glob("table.*"))
    assert [path.name for path in made] == ["table.csv", "table.md", "table.tex"]
    for path in made:
        assert path.read_text() == (committed / path.name).read_text(), path.name


def test_the_pages_are_current(leaderboard):
    """Nor a word of a page.

    Figures and compressed pictures hold last digits that may differ between processors.
    """
    drawn = re.compile(r"<svg.*?</svg>|data:image/[^\"]*", re.DOTALL)
    way_to_records = re.compile(r'href="[^"]*?/(?=[\w-]+/records)')

    def words(page):
        return way_to_records.sub("", drawn.sub("", page.read_text(encoding="utf-8")))

    for made in sorted(leaderboard.rglob("*.html")):
        committed = ROOT / "results" / "leaderboard" / made.relative_to(leaderboard)
        assert words(made) == words(committed), made.relative_to(leaderboard)


def test_the_tables_of_the_backends_are_current(tmp_path):
    """Of every folder that `topoeval bench backends` wrote."""
    from topoeval.bench.record import Record
    from topoeval.bench.tables import write

    for folder in BENCHES:
        for path in write(Record.load(folder / "records.json"), tmp_path / folder.name):
            if path.suffix != ".png":
                assert path.read_bytes() == (folder / path.name).read_bytes(), path.name


def test_the_times_of_the_backends_are_current():
    """`python docs/make_backends.py` would change nothing."""
    path = ROOT / "docs" / "make_backends.py"
    spec = importlib.util.spec_from_file_location("make_backends", path)
    make_backends = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make_backends)
    assert make_backends.page() == make_backends.PAGE.read_text(encoding="utf-8")
