"""Committed tables are those of the committed records."""

import importlib.util
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SUITES = sorted(path.parent for path in ROOT.glob("results/*/records"))
COMMITTED = [path for path in SUITES if path.name != "quickstart"]
BENCHES = sorted(path.parent for path in ROOT.glob("results/*/records.json"))


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Build the site of everything that is committed, as `tox -e report` does."""
    from topoeval.cli.report import leaderboard

    out = tmp_path_factory.mktemp("results") / "site"
    leaderboard([ROOT / "results"], out, ["quickstart"])
    return out


def test_the_site_builds(site):
    """A first page, and for every committed suite the pages of its datasets, methods and runs."""
    assert (site / "index.html").is_file()
    for suite in COMMITTED:
        made = site / suite.name
        assert {path.name for path in made.glob("*.html")} == {"index.html", "runs.html"}
        assert list(made.glob("datasets/*.html"))
        assert list(made.glob("methods/*.html"))


@pytest.mark.parametrize("suite", COMMITTED, ids=lambda path: path.name)
@pytest.mark.parametrize("name", ["table.md", "table.csv"])
def test_the_tables_of_a_suite_are_current(site, suite, name):
    """`tox -e report` would change no word and no number of them."""
    assert (site / suite.name / name).read_text() == (suite / name).read_text()


def test_no_page_is_committed():
    """Pages and figures are built from the records; git has the records and the tables."""
    tracked = subprocess.run(
        ["git", "ls-files", "results"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.split()
    assert [name for name in tracked if name.endswith((".html", ".css", ".js", ".tex"))] == []


def test_the_tables_of_the_backends_are_current(tmp_path):
    """Of every folder that `topoeval bench backends` wrote."""
    from topoeval.backend_timing.record import Record
    from topoeval.backend_timing.tables import write

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
