"""What an interrupted repair left: it goes on where it stopped, and mixes nothing."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from topoeval.cli import app, repairing
from topoeval.repair import journal
from topoeval.repair.files import repair_order

LEFT = journal.NAME


def run(folder, *arguments):
    command = ["repair", folder / "in", "--out", folder / "out", "--jobs", 1, *arguments]
    return CliRunner().invoke(app, [*map(str, command)])


@pytest.fixture
def interrupted(tmp_path, monkeypatch):
    """Two masks of a ring and a dot; the command ends after the first."""
    mask = np.zeros((20, 20), np.uint8)
    mask[4:12, 4:12] = 1
    mask[7:9, 7:9] = 0
    mask[16, 16] = 1
    (tmp_path / "in").mkdir()
    for name in ("a", "b"):
        np.save(tmp_path / "in" / f"{name}.npy", mask)

    def once(order, *arguments, **options):
        if order.source.stem == "b":
            raise KeyboardInterrupt
        return repair_order(order, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(repairing, "repair_order", once)
        run(tmp_path, "--betti", "1,0")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [LEFT, "a.npy"]
    return tmp_path


def test_the_same_command_goes_on(interrupted):
    done = run(interrupted, "--betti", "1,0", "--report", interrupted / "edits.csv")
    assert done.exit_code == 0, done.output
    assert "1 of them were repaired by an earlier run" in done.output
    assert sorted(path.name for path in (interrupted / "out").iterdir()) == ["a.npy", "b.npy"]
    listed = (interrupted / "edits.csv").read_text()
    assert "a.npy,1,delete" in listed
    assert "b.npy,1,delete" in listed


@pytest.mark.parametrize("attribute", ["__version__", "REVISION"])
def test_another_version_takes_nothing_as_done(interrupted, monkeypatch, attribute):
    """Nor does it replace what is there without being told."""
    monkeypatch.setattr(journal, attribute, "another")
    assert "is there already; say --overwrite" in str(run(interrupted, "--betti", "1,0").exception)
    done = run(interrupted, "--betti", "1,0", "--overwrite")
    assert done.exit_code == 0, done.output
    assert "earlier run" not in done.output


def test_other_numbers_take_nothing_as_done(interrupted):
    assert "is there already; say --overwrite" in str(run(interrupted, "--betti", "1,1").exception)
    assert run(interrupted, "--betti", "1,1", "--overwrite").exit_code == 0
    first, second = (np.load(interrupted / "out" / f"{name}.npy") for name in "ab")
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("damage", ["classes", "rows", "sha256", "bytes", "list"])
def test_a_damaged_line_counts_for_nothing(interrupted, damage):
    """The file is repaired again."""
    left = interrupted / "out" / LEFT
    *_, last = left.read_text().splitlines()
    line = json.loads(last)
    if damage == "list":
        line["done"] = [1]
    elif damage != "bytes":
        line["done"][damage] = 3
    text = b"\xff\xfe\n" if damage == "bytes" else b""
    left.write_bytes(text + left.read_bytes().replace(last.encode(), json.dumps(line).encode()))
    done = run(interrupted, "--betti", "1,0")
    assert done.exit_code == 0, done.output
    assert ("earlier run" in done.output) == (damage == "bytes")
    assert "numbers met in 2" in done.output


def test_two_commands_at_once_do_not_mix(interrupted, monkeypatch):
    """While one writes into the folder, the other is refused, and nothing of it is written."""
    said = []

    def meanwhile(order, *arguments, **options):
        done = run(interrupted, "--betti", "1,1", "--overwrite")
        said.append(str(done.exception))
        return repair_order(order, *arguments, **options)

    monkeypatch.setattr(repairing, "repair_order", meanwhile)
    done = run(interrupted, "--betti", "1,0")
    assert done.exit_code == 0, done.output
    assert said == [
        f"another 'topoeval repair' writes into {interrupted / 'out'}; wait until it is done, or "
        "name another folder"
    ]
    first, second = (np.load(interrupted / "out" / f"{name}.npy") for name in "ab")
    np.testing.assert_array_equal(first, second)
    assert sorted(path.name for path in (interrupted / "out").iterdir()) == ["a.npy", "b.npy"]


def test_a_torn_line_is_dropped(interrupted):
    """As a failure of the power leaves it; what follows it is read."""
    left = interrupted / "out" / LEFT
    left.write_text(left.read_text()[:-30])
    done = run(interrupted, "--betti", "1,0")
    assert done.exit_code == 0, done.output
    assert "earlier run" not in done.output


@pytest.mark.parametrize("text", ['{"name": "a.npy"}', '{"name": 1}', "[]", '{"name": ["a.npy"]}'])
def test_lines_of_others_are_passed_over(interrupted, text):
    """They say of no file that this command wrote it."""
    (interrupted / "out" / LEFT).write_text(text + "\n")
    assert "is there already; say --overwrite" in str(run(interrupted, "--betti", "1,0").exception)
    assert run(interrupted, "--betti", "1,0", "--overwrite").exit_code == 0


def test_a_verdict_is_kept(interrupted):
    """The exit status is that of all files, those of the earlier run counted."""
    left = interrupted / "out" / LEFT
    text = left.read_text()
    assert '"met": true' in text
    left.write_text(text.replace('"met": true', '"met": false'))
    done = run(interrupted, "--betti", "1,0")
    assert done.exit_code == 1
    assert "numbers met in 1" in done.output
