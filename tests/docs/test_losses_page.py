"""docs/losses.md and its pictures are what the losses say today."""

import importlib.util
import json
import re
import sys
from pathlib import Path

import pytest

from topoeval.archives import DamagedFileError
from topoeval.checksums import opened

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def program(monkeypatch, *place):
    """Import a program of the repository by its path."""
    path = ROOT.joinpath(*place)
    monkeypatch.syspath_prepend(str(path.parent))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_of_losses_is_current(monkeypatch):
    """`python docs/make_losses.py` would change no word; pictures exist for every loss.

    Pictures are compared by eye: the last bit of a gradient differs between processors, and with
    it the shade of a voxel now and then.
    """
    files = program(monkeypatch, "docs", "make_losses.py").page()
    assert files.pop("losses.md") == (DOCS / "losses.md").read_text(encoding="utf-8")
    assert {DOCS / name for name in files} == set((DOCS / "losses").glob("*.svg"))


@pytest.mark.parametrize("name", ["called.json", "times.json"])
def test_a_changed_digit_of_what_losses_cost_is_noticed(monkeypatch, tmp_path, name):
    """By the page and by the next measurement, which keeps the rows of other losses."""
    page = program(monkeypatch, "docs", "make_losses.py")
    bench = program(monkeypatch, "bench", "micro", "losses.py")
    committed = ROOT / "results" / "losses" / name
    assert bench.recorded(committed)["rows"]
    monkeypatch.setattr(page, "RECORDS", tmp_path)
    assert page._times(name) == {}  # of a folder without it
    text = committed.read_text()
    for other in (
        re.sub(r'("ms": \d+\.\d*)\d', r"\g<1>", text, count=1),
        re.sub(r'"checksum"', '"sum"', text),
        re.sub(r'"schema": \d', '"schema": 3', text),
    ):
        assert other != text
        (tmp_path / name).write_text(other)
        for read in (lambda: page._times(name), lambda: bench.recorded(tmp_path / name)):
            with pytest.raises(DamagedFileError, match=f"{name} is damaged: it "):
                read()


def test_what_losses_cost_is_written_with_a_checksum(monkeypatch, tmp_path):
    """And with the rows of the losses that are not measured again."""
    bench = program(monkeypatch, "bench", "micro", "losses.py")
    row = {"peer": None, "shape": "8x1x128x128", "ms": 2.0, "dice_ms": 1.0, "memory_mib": 1.0}
    monkeypatch.setattr(bench, "in_a_process", lambda name, *_: {"loss": name, **row})
    monkeypatch.setattr(bench, "PEERS", {})
    for names in (["dice", "cldice"], ["dice"]):
        line = ["losses.py", "--called", "--only", *names, "--out", str(tmp_path)]
        monkeypatch.setattr(sys, "argv", line)
        bench.main()
        found = opened(json.loads((tmp_path / "called.json").read_text()), 2, 2)
        assert [one["loss"] for one in found["rows"]] == ["cldice", "dice"]
    (tmp_path / "called.json").write_text("{}")
    with pytest.raises(DamagedFileError):
        bench.main()
    assert (tmp_path / "called.json").read_text() == "{}"
