"""Committed tables are those of the committed records."""

import configparser
import importlib.util
import shlex
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SUITES = sorted(path.parent for path in ROOT.glob("results/*/records"))
BENCHES = sorted(path.parent for path in ROOT.glob("results/*/records.json"))


def commands_of_tox():
    """Return the options of each `topoeval report` that `tox -e report` runs, by results folder."""
    tox = configparser.ConfigParser(interpolation=None)
    tox.read(ROOT / "tox.ini")
    commands = map(shlex.split, tox["testenv:report"]["commands"].strip().splitlines())
    return {ROOT / folder: options for _, _, folder, *options in commands}


def test_tox_rebuilds_every_report():
    """None is forgotten."""
    assert sorted(commands_of_tox()) == SUITES


@pytest.mark.parametrize("results", SUITES, ids=lambda path: path.name)
def test_the_report_of_a_suite_is_current(results, tmp_path):
    """`tox -e report` would change nothing."""
    from topoeval.report import build

    options = dict(zip(*[iter(commands_of_tox()[results])] * 2, strict=True))
    build(results / "records", tmp_path, reference=options.get("--reference", "cross_entropy"))
    for made in sorted(tmp_path.glob("table.*")):
        assert made.read_text() == (results / "report" / made.name).read_text(), made.name
    assert {path.name for path in tmp_path.glob("table.*")} == {"table.csv", "table.md"}


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
