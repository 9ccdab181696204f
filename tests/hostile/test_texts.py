"""Names of files, titles and messages of others, in every table and page that is written (D4)."""

import csv
import re

import numpy as np
import pytest
from PIL import Image

from tests.cli.conftest import call  # noqa: F401  # a fixture
from tests.report.conftest import make_record, write_records

NAMES = ["=HYPERLINK(A1)", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "esc\x1b[2Jape", "turned\u202egnp"]
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


@pytest.fixture
def masks(tmp_path):
    """Write truth and predictions of two models under evil names."""
    truth = np.zeros((24, 24), np.uint8)
    truth[4:20, 4:20] = 1
    truth[9:15, 9:15] = 0
    for place, side in enumerate(("truth", "one", "two")):
        (tmp_path / side).mkdir()
        for number, name in enumerate(NAMES):
            mask = truth.copy()
            mask[0, : place * (number + 1)] = 1
            Image.fromarray(mask).save(tmp_path / side / f"{name}.png")
    return tmp_path


def harmless(path):
    """Return the rows of a table after a look at each cell."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    for cell in (cell for row in rows for cell in row):
        if re.match("[=+@\t\r\n-].", cell):
            float(cell)  # a number is none
    return rows


def test_evaluate_and_compare(call, masks):  # noqa: F811
    """Tables hold no formula and say the names all the same; pages and terminal no control."""
    for model in ("one", "two"):
        command = ("evaluate", model, "truth", "--metrics", "dice", "--jobs", "1", "--html")
        status, shown, told = call(*command, "--out", f"out-{model}")
        assert (status, told) == (0, "")
        out = masks / f"out-{model}"
        tables = {path.name: harmless(path) for path in out.glob("*.csv")}
        assert sorted(tables) == ["cases.csv", "inputs.csv", "summary.csv"]
        assert "'=HYPERLINK(A1)" in [row[0] for row in tables["cases.csv"]]
        assert not CONTROL.search((out / "index.html").read_text(encoding="utf-8"))
        assert all(line.isprintable() for line in shown.split("\n"))
        # names are found again as they were
        again = call(*command, "--out", f"out-{model}")[1]
        assert f"{len(NAMES)} of them were scored by an earlier run" in again
    status, shown, told = call("compare", "out-one", "out-two", "--measure", "dice", "--out", "c")
    assert status == 0
    rows = harmless(masks / "c" / "scores.csv")
    assert "'=HYPERLINK(A1)" in {row[0] for row in rows}
    assert len(rows) == 1 + len(NAMES)
    assert all(line.isprintable() for line in (shown + told).split("\n"))


def test_audit_and_repair(call, masks):  # noqa: F811
    """The same of the tables of one folder."""
    status, shown, told = call("audit", "one", "--jobs", "1", "--html", "--out", "seen")
    assert (status, told) == (0, "")
    assert len(harmless(masks / "seen" / "cases.csv")) > len(NAMES)
    harmless(masks / "seen" / "table.csv")
    assert not CONTROL.search((masks / "seen" / "index.html").read_text(encoding="utf-8"))
    assert all(line.isprintable() for line in shown.split("\n"))
    status, shown, told = call(
        "repair", "one", "--betti", "1,1", "--out", "mended", "--report", "edits.csv"
    )
    assert told == ""
    assert "'=HYPERLINK(A1).png" in {row[0] for row in harmless(masks / "edits.csv")}
    assert all(line.isprintable() for line in shown.split("\n"))


def test_reports_and_queries(call, tmp_path, monkeypatch):  # noqa: F811
    """Titles of methods, datasets and errors of runs come from records, which others may send."""
    monkeypatch.setenv("TOPOEVAL_CACHE", "")
    evil = "=cmd\x1b[31m\u202e|x"
    records = [
        make_record(seed=seed, changes={"spec.method.title": evil, "spec.method.name": "+m"})
        for seed in range(2)
    ]
    records.append(make_record("dice_ce", status="failed", error=f"Error: {evil}"))
    write_records(tmp_path / "r" / "records", records)
    status, shown, told = call("report", "r", "--reference", "+m")
    assert status == 0, told
    harmless(next((tmp_path / "r").rglob("table.csv")))
    pages = [*(tmp_path / "r").rglob("*.html"), *(tmp_path / "r").rglob("*.svg")]
    assert len(pages) > 3
    for path in pages:
        assert not CONTROL.search(path.read_text(encoding="utf-8")), path
    assert all(line.isprintable() for line in (shown + told).split("\n"))
    pytest.importorskip("duckdb")
    sql = "SELECT method, '=1' AS a, -1.5 AS \"@b\" FROM runs LIMIT 1"
    status, shown, _ = call("query", sql, "r", "--csv")
    assert shown.splitlines() == ["method,a,'@b", "'+m,'=1,-1.5"]
    status, shown, _ = call("query", "SELECT DISTINCT title || chr(27) AS t FROM runs", "r")
    assert status == 0
    assert all(line.isprintable() for line in shown.split("\n"))


def test_a_bundle_says_who_made_it(call, tmp_path):  # noqa: F811
    """What `submit --check` prints of a bundle obeys nobody."""
    folder = tmp_path / "n"
    folder.mkdir()
    (folder / "submission.toml").write_text(
        'method = "o\\u001b[2Jurs"\ndataset = "d"\ntopology = "T"\nclasses = "1"\n'
    )
    (folder / "scores.csv").write_text("case,dice\n'=1,0.5\nNA,0.25\n")
    status, shown, told = call("submit", "n", "--out", "n.zip")
    assert (status, told) == (0, "")
    assert "o\\x1b[2Jurs on d" in shown
    assert all(line.isprintable() for line in shown.split("\n"))

    from topoeval.results.submission import check

    # a case may be called as pandas calls what is missing
    assert check(tmp_path / "n.zip").scores["case"].tolist() == ["=1", "NA"]
