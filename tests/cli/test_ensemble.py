"""`topoeval ensemble` as a user meets it: tables, documents, mistakes."""

import json
import math

import pandas as pd
import pytest

from tests.harness.runs.test_ensembles import SUITE, finished
from topoeval.csv_tables import read_csv
from topoeval.statistics import NOTHING

TEXTS = ["dataset", "method", "remedy", "base", "score", "verdict", "basis", "rests_on"]
ONE_TEST = SUITE.partition("[dataset.tests")[0].replace("test = 7", "test = 12")


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """A finished suite of two methods and three seeds."""
    return finished(tmp_path_factory.mktemp("ensemble"), ONE_TEST)[0].root


def same(one, other):
    """Whether two values are equal; what is missing is None in one and NaN in the other."""
    if isinstance(one, float) or isinstance(other, float):
        missing = [value is None or math.isnan(value) for value in (one, other)]
        return all(missing) if any(missing) else one == pytest.approx(other, rel=1e-12)
    return one == other


def test_document_and_files_are_the_table(call, results):
    """Every row of the document is one of the CSV, and stands in the Markdown, rounded."""
    status, out, err = call("ensemble", results, "--remedy", "edit", "--json")
    assert status == 0, err
    document = json.loads(out)
    table = read_csv((results / "ensemble.csv").read_bytes(), TEXTS)
    rows = document["rows"]
    assert len(rows) == len(table) == 4 * 3
    assert {row["score"] for row in rows} == {"dice", "betti_error", "matches_truth"}
    for row, expected in zip(rows, table.to_dict("records"), strict=True):
        assert row.keys() == expected.keys()
        assert all(same(row[name], expected[name]) for name in row), (row, expected)
    bases = {(row["method"], row["remedy"]): row["base"] for row in rows}
    assert bases == {
        ("Cross-entropy", ""): "",
        ("Dice + cross-entropy", ""): "Cross-entropy",
        ("Cross-entropy", "edit"): "Cross-entropy",
        ("Dice + cross-entropy", "edit"): "Dice + cross-entropy",
    }
    assert document["files"] == [str(results / f"ensemble.{end}") for end in ("md", "csv")]
    text = (results / "ensemble.md").read_text()
    for row in rows:
        title = f"{row['method']}, edit" if row["remedy"] else row["method"]
        cells = [title, row["base"] or NOTHING]
        cells.append(NOTHING if row["single"] is None else f"{row['single']:.3f}")
        cells.append(f"{row['ensemble']:.3f}")
        assert f"| {' | '.join(cells)} | " in text
        assert (row["p_holm"] is None) == (not row["base"])
    caption = " ".join(document["caption"])
    for words in ("about these networks and new cases", "its base is that mean alone", "p ≥ 0.5"):
        assert words in text
        assert words in caption


def test_the_table_is_printed_and_quiet_prints_nothing(call, results):
    """Methods can be chosen; the base of one that is chosen comes along."""
    part = ("ensemble", results, "-m", "dice_ce", "-d", "strokes", "--out", "part")
    status, out, err = call(*part)
    assert (status, err) == (0, "")
    flat = " ".join(out.split())
    assert "Betti error ↓, mean of 3 networks, 12 cases: better than their base " in flat
    assert "Cross-entropy" in flat
    assert "Tables: part/ensemble.md, part/ensemble.csv" in flat
    assert call("ensemble", results, "--quiet", "--out", results) == (0, "", "")
    table = pd.read_csv(results / "ensemble.csv")
    assert set(table["method"]) == {"Cross-entropy", "Dice + cross-entropy"}


def test_rows_of_a_remedy_are_not_lost_without_a_word(call, results):
    """It is named, with what keeps it; where --out names the folder it is replaced."""
    again = ("ensemble", results, "--quiet")
    assert call(*again, "--remedy", "edit", "--out", results)[0] == 0
    before = (results / "ensemble.csv").read_bytes()
    for asked in ((), ("--remedy", "keep_and_fill")):
        status, _, err = call(*again, *asked)
        assert (status, err.count("\n")) == (2, 1)
        assert "ensemble.csv has rows of edit, which this call would not make; add" in err
        assert f"--remedy 'edit', move it away, or say --out {results} to replace it" in err
        assert (results / "ensemble.csv").read_bytes() == before
    assert call(*again, "--remedy", "edit")[0] == 0
    assert (results / "ensemble.csv").read_bytes() == before
    assert call(*again, "--out", results)[0] == 0
    assert (results / "ensemble.csv").read_bytes() != before
    (results / "ensemble.csv").write_text("mine\n1\n")
    status, _, err = call(*again)
    assert (status, err.count("\n")) == (2, 1)
    assert "is no table of 'topoeval ensemble'; move it away" in err
    (results / "ensemble.csv").unlink()
    assert call(*again)[0] == 0


@pytest.mark.parametrize("part", [("-m", "cross_entropy"), ("-d", "strokes")])
def test_a_part_does_not_replace_the_tables_of_the_whole(call, results, tmp_path, part):
    """It is printed; --out says where its tables go, which is looked at first."""
    assert call("ensemble", results, "--quiet", "--out", results)[0] == 0
    before = {path: path.read_bytes() for path in results.glob("ensemble.*")}
    assert len(before) == 2
    status, out, _ = call("ensemble", results, *part)
    assert status == 0
    assert "it was printed and not written; --out FOLDER writes its tables" in out
    status, out, _ = call("ensemble", results, *part, "--json", "--out", tmp_path / "new" / "part")
    files = [tmp_path / "new" / "part" / f"ensemble.{end}" for end in ("md", "csv")]
    assert json.loads(out)["files"] == list(map(str, files))
    table = read_csv(files[1].read_bytes(), TEXTS)
    assert list(table["method"]) == [row["method"] for row in json.loads(out)["rows"]]
    assert json.loads(call("ensemble", results, *part, "--json")[1])["files"] == []
    assert {path: path.read_bytes() for path in results.glob("ensemble.*")} == before
    status, _, err = call("ensemble", results, *part, "--out", files[0])
    assert (status, err) == (2, f"topoeval: --out {files[0]} is a file; name a folder\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--method", "dice_c"], "no run has the method 'dice_c'; did you mean 'dice_ce'"),
        (["--dataset", "roads"], "no run has the dataset 'roads'"),
        (["--remedy", "edti"], "'edti'; did you mean 'edit'"),
        (["--remedy", "edit[settle=maybe]"], "takes true or false as settle, got 'maybe'"),
    ],
)
def test_mistakes_are_one_line(call, results, arguments, message):
    """With status 2, and the tables of an earlier call stay as they are."""
    (results / "ensemble.md").write_text("earlier")
    status, out, err = call("ensemble", results, *arguments)
    assert (status, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1
    assert (results / "ensemble.md").read_text() == "earlier"


def test_a_folder_without_records(call, tmp_path):
    """It says what makes them."""
    status, _, err = call("ensemble", tmp_path)
    assert status == 2
    assert err == f"topoeval: no records in {tmp_path}; topoeval run SUITE makes them\n"


def test_a_run_keeps_its_maps_where_it_is_asked_to(call, tmp_path):
    """A suite that keeps masks is refused in a line whose remedy then works."""
    suite = tmp_path / "small.toml"
    text = ONE_TEST.replace('keep_answers = "maps"\n', "").replace("[0, 1, 2]", "[0, 1]")
    suite.write_text(text.replace('"cross_entropy", "dice_ce"]', '"cross_entropy"]'))
    run = ("run", suite, "--executor", "inline", "--no-report", "--results", "out")
    assert call(*run)[0] == 0
    status, _, err = call("ensemble", "out")
    assert status == 2
    assert err.startswith("topoeval: strokes/cross_entropy/seed0 (and 1 more of its seeds): it ")
    assert err.count("\n") == 1
    assert not (tmp_path / "out" / "ensemble.md").exists()
    before = {path.name: path.stat().st_ino for path in (tmp_path / "out/records").iterdir()}
    assert call(*run, "--keep-maps", "--again")[0] == 0
    assert before.keys() == {path.name for path in (tmp_path / "out/records").iterdir()}
    status, out, err = call("ensemble", "out")
    assert status == 0, err
    assert "mean of 2 networks" in " ".join(out.split())


def test_the_prior_of_remedies_is_named(call, tmp_path):
    """Where it is not the dataset's own, in the caption of files and document."""
    text = ONE_TEST.replace("[0, 1, 2]", "[0, 1]").replace('"dice_ce"]', '"keep_and_fill"]')
    store, _ = finished(tmp_path, text.replace("metrics =", 'prior = "oracle"\nmetrics ='))
    status, out, err = call("ensemble", store.root, "--remedy", "edit", "--json")
    assert status == 0, err
    caption = json.loads(out)["caption"]
    assert "strokes, prior of remedies: oracle, each image's own Betti numbers." in caption
    assert any("case, as the methods of its runs had it; its base" in line for line in caption)
    assert "as the dataset gives it" not in (store.root / "ensemble.md").read_text()
