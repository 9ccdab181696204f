"""Runs made again are compared with the committed ones."""

import sys
from pathlib import Path

import pytest

from tests.report.conftest import make_record, write_records

ROOT = Path(__file__).parents[2]


@pytest.fixture
def reruns(monkeypatch):
    """Load the script."""
    monkeypatch.syspath_prepend(str(ROOT / "bench"))
    import reruns

    yield reruns
    sys.modules.pop("reruns")


def test_equal_runs_are_equal(reruns, tmp_path, monkeypatch, capsys):
    """To the digit, whatever they took."""
    records = [make_record(seed=seed) for seed in range(3)]
    write_records(tmp_path / "a" / "records", records)
    for record in records:
        record["timing"]["wall_s"] = 99.0
    write_records(tmp_path / "b" / "records", records[:2])
    monkeypatch.setattr(sys, "argv", ["reruns.py", str(tmp_path / "a"), str(tmp_path / "b")])
    assert reruns.main() == 0
    assert "2 of 2 runs have the committed scores" in capsys.readouterr().out


def test_a_score_that_differs_is_named(reruns, tmp_path, monkeypatch, capsys):
    """In its last digit, too."""
    record = make_record()
    write_records(tmp_path / "a" / "records", [record])
    record["cases"]["dice"][1] += 1e-6
    write_records(tmp_path / "b" / "records", [record])
    monkeypatch.setattr(sys, "argv", ["reruns.py", str(tmp_path / "a"), str(tmp_path / "b")])
    assert reruns.main() == 1
    told = capsys.readouterr().out
    assert "dice" in told
    assert "0 of 1 runs" in told


def test_a_choice_is_commands(reruns, tmp_path, monkeypatch, capsys):
    """One for each dataset and seed, the same for the same seed of the choice."""
    write_records(tmp_path / "a" / "records", [make_record(seed=seed) for seed in range(3)])
    monkeypatch.setattr(sys, "argv", ["reruns.py", str(tmp_path / "a"), "--choose", "2"])
    assert reruns.main() == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert all(line.startswith("topoeval run quickstart -d ") for line in lines)
