"""`bench/which_score.py`: what docs/which-score.md was made with."""

import importlib.util
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def script():
    """The script of bench/."""
    path = ROOT / "bench" / "which_score.py"
    spec = importlib.util.spec_from_file_location("which_score", path)
    module = sys.modules["which_score"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_counts_see_topology_alone_and_distances_do_not(script, monkeypatch, tmp_path):
    """One mask: signs, growth, the file and the pictures."""
    monkeypatch.setitem(
        script.STRUCTURES, "roads", ("network", {"side": 96, "radius": 4, "nodes": 9})
    )
    found = script.answers("roads", 1)
    lines = [line.split("|") for line in script.table(found).splitlines()[2:]]
    rows = {cells[1].strip(" `"): [cell.strip() for cell in cells[2:-1]] for cells in lines}
    topological, others = slice(0, 4), slice(4, 9)
    assert rows["betti_error"][topological] == ["●"] * 4
    assert rows["betti_error"][others] == ["·"] * 5
    assert rows["betti_error"][9:] == ["+1.0", "+0.0"]
    assert rows["hd95"][0] == "·"
    assert rows["hd95"][6:9] == ["●"] * 3
    assert rows["detection_error"][9] == ""
    script.write(found, tmp_path / "answers.csv")
    assert len((tmp_path / "answers.csv").read_text().splitlines()) == len(found) + 1
    script.draw(found, tmp_path / "answers.png")
    script.examples(tmp_path / "errors.png")
    assert {path.name for path in tmp_path.iterdir()} == {
        "answers.csv",
        "answers.png",
        "errors.png",
    }
