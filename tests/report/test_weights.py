"""`bench/weights.py`: what searches found."""

import importlib.util
import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def script():
    """The script of bench/."""
    spec = importlib.util.spec_from_file_location("weights", ROOT / "bench" / "weights.py")
    module = sys.modules["weights"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def search(folder, method, parameter, trials, chosen):
    """Write the record of a search as `topoeval tune` does; None is a trial that failed."""
    found = [
        {
            "values": {parameter: value},
            "dice": scores and scores[0],
            "betti_error": scores and scores[1],
        }
        for value, scores in trials
    ]
    one = {"name": "network", "trials": found, "chosen": chosen, "enough_dice": 0.96}
    (folder / f"{method}.json").write_text(json.dumps({"method": method, "datasets": [one]}))


def test_trials_stand_in_the_order_of_their_values(script, tmp_path, capsys, monkeypatch):
    """The method's own in italics, the chosen one bold, failed ones left out; a picture."""
    search(tmp_path, "dice", script.RATE, [(0.002, (0.97, 0.7)), (0.0002, (0.96, 0.6))], 1)
    trials = [(1.0, (0.966, 0.5)), (10.0, (0.95, 0.4)), (0.1, None)]
    search(tmp_path, "cldice", "weight", trials, 0)
    picture = tmp_path / "weights.png"
    monkeypatch.setattr(sys, "argv", ["weights.py", str(tmp_path), "--draw", str(picture)])
    script.main()
    text = capsys.readouterr().out
    assert "| cldice | weight | **_1: 0.500 (0.9660)_** | 10: 0.400 (0.9500) |" in text
    assert "| **0.0002: 0.600 (0.9600)** | _0.002: 0.700 (0.9700)_ |" in text
    assert picture.stat().st_size > 1000


def test_a_folder_without_a_search_is_said(script, tmp_path, monkeypatch):
    """One line that names the folder and the remedy."""
    monkeypatch.setattr(sys, "argv", ["weights.py", str(tmp_path)])
    with pytest.raises(SystemExit, match="no search is recorded here; topoeval tune makes one"):
        script.main()
