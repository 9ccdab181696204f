"""`topoeval leaderboard` on suites that were run in different ways, as a user meets it."""

import pandas as pd
import pytest

from tests.report.conftest import make_record, write_records
from topoeval.cli.report import chosen_yardsticks
from topoeval.errors import UserError
from topoeval.results.records import read

ON_CPU = "Cross-entropy [device=cpu]"


@pytest.fixture
def results(tmp_path):
    """Two suites: one ran its reference on two devices, the other has another method besides."""
    devices = [
        make_record(changes={"spec.device": device, "suite": "elsewhere"})
        for device in ("cpu", "cuda")
    ]
    write_records(tmp_path / "devices" / "records", devices)
    methods = [
        make_record(name, seed=seed, changes={"suite": "elsewhere"})
        for name in ("cross_entropy", "dice_ce")
        for seed in (0, 1)
    ]
    write_records(tmp_path / "methods" / "records", methods)
    return tmp_path


def test_a_reference_that_is_several_rows_is_named_for_the_suite_that_has_it(call, results):
    """Unnamed, suite and rows are said in one line; named, the other suites keep theirs."""
    out = results / "board"
    status, _, err = call("leaderboard", results, "--out", out)
    assert (status, err.count("\n")) == (2, 1)
    assert err.startswith("topoeval: devices: reference 'cross_entropy' is ambiguous on strokes")
    assert not out.exists()
    status, printed, err = call("leaderboard", results, "--out", out, "--reference", ON_CPU)
    assert status == 0, err
    assert f"devices: 2 runs, reference {ON_CPU}" in printed
    assert "methods: 4 runs, reference cross_entropy" in printed
    assert "Cross-entropy [device=cuda]" in (out / "devices" / "table.csv").read_text()


def test_of_several_references_a_suite_takes_the_first_that_it_has(results):
    """By the name of a method or the label of a row; a name that nobody has is a mistake."""
    records = {name: read(results / name / "records") for name in ("devices", "methods")}
    folders = {name: results / name for name in records}
    found = chosen_yardsticks(records, folders, ["dice_ce", ON_CPU])
    assert {name: one.reference for name, one in found.items()} == {
        "devices": ON_CPU,
        "methods": "dice_ce",
    }
    with pytest.raises(UserError, match=r"'dice_cee'.*did you mean 'dice_ce'"):
        chosen_yardsticks(records, folders, [ON_CPU, "dice_cee"])


def test_the_suite_decides_the_reference_everywhere(call, tmp_path):
    """Records of losses-2d have both methods; its file says which, and so do both commands."""
    runs = [
        make_record(name, seed=seed, changes={"suite": "losses-2d"})
        for name in ("cross_entropy", "dice_ce", "tversky")
        for seed in (0, 1)
    ]
    folder = tmp_path / "losses-2d"
    write_records(folder / "records", runs)
    assert call("report", folder)[0] == 0
    status, printed, _ = call("leaderboard", folder, "--out", tmp_path / "site", "--tables")
    assert (status, "reference dice_ce" in printed) == (0, True)
    tables = [
        path.read_text()
        for path in (
            folder / "report" / "table.csv",
            tmp_path / "site" / "losses-2d" / "table.csv",
            folder / "table.csv",
        )
    ]
    assert tables[0] == tables[1] == tables[2]
    bases = pd.read_csv(folder / "table.csv").set_index("method")["base"].fillna("")
    assert bases.to_dict() == {
        "cross_entropy": "Dice + cross-entropy",
        "dice_ce": "",
        "tversky": "Dice + cross-entropy",
    }
