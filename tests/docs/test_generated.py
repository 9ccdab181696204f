"""Committed tables are those of the committed records."""

import importlib.util
import subprocess
from pathlib import Path

import pandas as pd
import pytest

from topoeval.metrics.catalogue import every_column
from topoeval.results import load
from topoeval.statistics import standings

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


def test_the_gains_of_a_suite_are_current(site):
    """Those suites have them whose records have thresholds; no word and no number would change."""
    committed = {path.parent.name for path in ROOT.glob("results/*/gains.md")}
    assert "board-2d" in committed
    assert {path.parent.name for path in site.glob("*/gains.md")} == committed
    for name in committed:
        made = (site / name / "gains.md").read_text()
        assert made == (ROOT / "results" / name / "gains.md").read_text()


@pytest.mark.parametrize("suite", COMMITTED, ids=lambda path: path.name)
def test_no_star_disagrees_with_the_standings(suite):
    """Every star, and every missing one, of a committed table is what `standings` says."""
    table = pd.read_csv(suite / "table.csv", keep_default_na=False, na_values=[""])
    results = load(suite)
    compared = 0
    for metric in every_column().values():
        column = f"{metric.column_label}_star"
        if column not in table.columns or metric.name not in results.cases.columns:
            continue
        for test in results.runs["test"].unique():
            scores = results.scores(metric.name, test=test)
            for dataset, rows in scores.groupby("dataset"):
                lines = table[table["dataset"] == dataset].set_index("title")
                bases = lines["base"].dropna().to_dict()
                found = standings(rows, metric, bases=bases).against_bases
                for title, one in found.items():
                    assert lines.loc[title, column] == one.better, (dataset, title, metric.name)
                others = lines.index.difference(list(found))
                assert not lines.loc[others, column].any()
                compared += len(found)
    assert compared > 20


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
        measured = Record.load(folder / "records.json")
        for path in write(measured, tmp_path / folder.name):
            if path.name == "records.json":  # what is written today has a checksum
                assert Record.load(path) == measured
            elif path.suffix != ".png":
                assert path.read_bytes() == (folder / path.name).read_bytes(), path.name


def test_the_times_of_the_backends_are_current():
    """`python docs/make_backends.py` would change nothing."""
    path = ROOT / "docs" / "make_backends.py"
    spec = importlib.util.spec_from_file_location("make_backends", path)
    make_backends = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make_backends)
    assert make_backends.page() == make_backends.PAGE.read_text(encoding="utf-8")
