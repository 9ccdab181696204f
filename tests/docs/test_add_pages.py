"""The pages on how to add a thing are followed to the letter, as a stranger would."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from topoeval.cli import main
from topoeval.records.variant import Variant

ROOT = Path(__file__).parents[2]


@pytest.fixture
def follow(tmp_path, monkeypatch, capsys):
    """Write the files of a page, run its commands, and return what each printed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TOPOEVAL_DATA", raising=False)

    def run(page):
        text = (ROOT / "docs" / page).read_text(encoding="utf-8")
        for name, content in re.findall(r"`([\w./-]+)`:\n\n```\w+\n(.*?)```", text, re.DOTALL):
            path = tmp_path / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(content, encoding="utf-8")
        printed = {}
        for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL):
            for line in block.splitlines():
                printed[line] = execute(line)
        return printed

    def execute(line):
        program, *arguments = shlex.split(line)
        if program == "python":
            command = [sys.executable, "-B", *arguments, "-p", "no:cacheprovider"]
            done = subprocess.run(command, capture_output=True, text=True)
            assert done.returncode == 0, done.stdout + done.stderr
            return done.stdout
        assert program == "topoeval"
        monkeypatch.setattr(sys, "argv", [program, *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        assert not ended.value.code, captured.out + captured.err
        return captured.out

    return run


def records(results):
    """The records of a results folder by the labels of their methods."""
    found = {}
    for path in Path(results, "records").glob("*.json"):
        record = json.loads(path.read_text())
        method = record["spec"]["method"]
        found[str(Variant(method["name"], method.get("variant", {})))] = record
    return found


def statuses(results):
    """How each run ended."""
    return {label: record["status"] for label, record in records(results).items()}


@pytest.mark.slow
def test_add_a_loss(follow):
    """The loss passes its specification, and trains in processes that load the same file."""
    printed = follow("add-a-loss.md")
    assert re.search(r"\d+ passed", printed["python -m pytest -q test_volume.py"])
    assert "3 to run" in printed["topoeval plan suite.toml"]
    assert "3 run, 0 found finished, 0 failed" in printed["topoeval run suite.toml --no-report"]
    again = printed["topoeval run suite.toml --no-report -m './dice_volume[weight=0.5]'"]
    assert "0 run, 2 found finished, 0 failed" in again
    assert statuses("results/volumes") == dict.fromkeys(
        ("start", "cross_entropy", "dice_volume"), "ok"
    )


@pytest.mark.slow
def test_add_a_method(follow):
    """A folder outside the repository, with code, by its path and by its name."""
    printed = follow("add-a-method.md")
    assert "Patient Betti prior" in printed["topoeval info ./patient_prior"]
    assert "3 to run" in printed["topoeval plan suite.toml --method ./patient_prior"]
    line = "topoeval run suite.toml --method patient_prior --no-report"
    assert "3 run, 0 found finished, 0 failed" in printed[line]
    assert statuses("results/patience") == dict.fromkeys(
        ("start", "patient_prior", "patient_prior[start=0.0]"), "ok"
    )


@pytest.mark.slow
def test_add_a_remedy(follow):
    """It corrects the network of another method, with each of its parameters."""
    printed = follow("add-a-remedy.md")
    assert "5 runs: 5 to run." in printed["topoeval plan suite.toml"]
    assert "5 run, 0 found finished, 0 failed" in printed["topoeval run suite.toml --no-report"]
    found = records("results/erosion")
    assert found["eroded[steps=1]"]["cases"] != found["cross_entropy"]["cases"]


@pytest.mark.slow
def test_add_a_network(follow):
    """A network in one file is an axis of a suite beside the U-Net, with each of its parameters."""
    printed = follow("add-a-network.md")
    assert "9 runs: 9 to run." in printed["topoeval plan suite.toml"]
    assert "9 run, 0 found finished, 0 failed" in printed["topoeval run suite.toml --no-report"]
    found = [json.loads(path.read_text()) for path in Path("results/stacks/records").glob("*.json")]
    networks = [record["spec"]["network"] for record in found]
    widths = [one.get("width") for one in networks]
    assert {(one["name"], one.get("width")) for one in networks} == {
        ("unet", None),
        ("plain", 4),
        ("plain", 8),
    }
    assert [widths.count(width) for width in (None, 4, 8)] == [3, 3, 3]


@pytest.mark.slow
def test_add_a_dataset(follow):
    """A dataset of two exclusive classes in one file; losses, priors and remedies take it."""
    printed = follow("add-a-dataset.md")
    plan = printed["topoeval plan suite.toml"]
    assert "10 runs: 10 to run." in plan
    assert "8 of 8 true test masks have their prior" in plan
    assert "10 run, 0 found finished, 0 failed" in printed["topoeval run suite.toml --no-report"]


@pytest.mark.slow
def test_add_a_metric(follow):
    """In files, tables, pages and rescored runs; what it says of a case is the same in all."""
    printed = follow("add-a-metric.md")
    assert "1 passed" in printed["python -m pytest -q test_volume_error.py"]
    evaluated = next(out for line, out in printed.items() if "evaluate" in line)
    assert re.search(r"volume error +1 +16\b", evaluated)
    assert "0 failed" in printed["topoeval run suite.toml"]
    line = "topoeval rescore results/before --plugin volume_error.py --metrics volume_error"
    assert "2 runs scored by volume_error, 0 had them, 0 could not be scored" in printed[line]
    for results in ("volumes", "before"):
        folder = Path("results", results, "report")
        assert "Volume error ↓" in (folder / "table.md").read_text(encoding="utf-8")
        pages = [page.read_text(encoding="utf-8") for page in folder.rglob("*.html")]
        assert any("Volume error" in page for page in pages)
    fresh, late = records("results/volumes"), records("results/before")
    found = fresh["cross_entropy"]
    assert found["cases"]["volume_error"] == late["cross_entropy"]["cases"]["volume_error"]
    assert found["metrics"]["volume_error"].startswith("1 of ")
    assert found["metrics"] == late["cross_entropy"]["metrics"]
