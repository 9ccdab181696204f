"""collect, query, compare and submit from a shell's view."""

import json

import pytest

from tests.report.conftest import make_record, write_records
from topoeval.checksums import sealed


@pytest.fixture
def call(call, monkeypatch):
    """Run the command line, which keeps no tables."""
    monkeypatch.setenv("TOPOEVAL_CACHE", "")
    return call


def suite(folder, *, lead=0.0, commit="abc1234"):
    """Write runs of one method with four seeds."""
    changes = {"environment.topoeval.commit": commit}
    records = [
        make_record(
            seed=seed, changes=changes, right=[True] * 4,
            dice=[0.6 + lead + 0.01 * seed, 0.7 + lead, 0.65 + lead, 0.6 + lead],
        )
        for seed in range(4)
    ]  # fmt: skip
    for place, record in enumerate(records):
        record["cases"]["dice"][3] += 1e-4 * place * bool(lead)
    write_records(folder / "records", records)
    return folder


def test_query_answers_as_table_csv_and_json(call, tmp_path):
    """The same numbers in three forms; results is where it looks by default."""
    pytest.importorskip("duckdb")
    suite(tmp_path / "results" / "one")
    sql = "SELECT method, count(*) AS n, round(avg(dice), 3) AS dice FROM cases GROUP BY method"
    code, out, _ = call("query", sql)
    assert code == 0
    assert out.split() == ["method", "n", "dice", "cross_entropy", "16", "0.641"]
    _, out, _ = call("query", sql, tmp_path / "results", "--csv")
    assert out == "method,n,dice\ncross_entropy,16,0.641\n"
    _, out, _ = call("query", sql, "--json")
    assert json.loads(out) == [{"method": "cross_entropy", "n": 16, "dice": 0.641}]
    # lists and missing values are values, too
    code, out, _ = call("query", "SELECT [1, 2] AS pair, [] AS empty, NULL AS none, 0.5 AS half")
    assert code == 0
    assert out.split("\n")[1].split() == ["[1", "2]", "[]", "-", "0.5"]


def test_a_record_with_another_digit_is_named_and_not_counted(call, tmp_path):
    """By query, collect and compare; the others are (a record of today has a checksum)."""
    pytest.importorskip("duckdb")
    pytest.importorskip("pyarrow")
    records = [sealed(make_record(seed=seed, changes={"schema": 4})) for seed in range(3)]
    folder = write_records(tmp_path / "results" / "one" / "records", records)
    path = sorted(folder.glob("*.json"))[1]
    text = path.read_text()
    path.write_text(text.replace("0.85", "0.86", 1))
    assert path.read_text() != text
    for command in (
        ("query", "SELECT count(*) AS n FROM runs", "--csv"),
        ("collect", "results", "--out", "tables"),
        ("compare", "results/one", "results/one"),
    ):
        code, out, told = call(*command)
        assert code == 0, told
        assert path.name in told + out
        assert "another checksum" in told + out
    assert call(*("query", "SELECT count(*) AS n FROM runs", "--csv"))[1] == "n\n2\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["query", "SELECT dise FROM cases"], "query: Binder Error"),
        (["query", "SELECT 1", "nowhere"], "no results folder nowhere"),
        (["query", "SELECT 1", "--csv", "--json"], "not both"),
        (["collect", "nowhere"], "no results folder nowhere"),
        (["compare", "nowhere", "results"], "nowhere: no such folder"),
        (["submit"], "name a FOLDER to pack, or a bundle by --check"),
        (["submit", "--check", "no.zip"], "no bundle no.zip"),
    ],
)
def test_mistakes_are_one_line_and_status_2(call, tmp_path, arguments, message):
    """Each names the thing and what to do."""
    pytest.importorskip("duckdb")
    suite(tmp_path / "results" / "one")
    code, _, err = call(*arguments)
    assert code == 2
    assert message in err
    assert err.count("\n") == 1


def test_collect_says_what_it_wrote_and_that_versions_are_mixed(call, tmp_path):
    """The note goes to the errors, so that the output stays for programs."""
    pytest.importorskip("pyarrow")
    suite(tmp_path / "results" / "one")
    code, out, err = call("collect", "--out", "out")
    assert (code, err) == (0, "")
    assert "4 runs, 16 cases" in out
    suite(tmp_path / "results" / "two", commit="def5678")
    code, _, err = call("collect", "results", "--out", "out")
    assert code == 0
    assert "2 versions of the code" in err
    assert (tmp_path / "out" / "runs.parquet").is_file()


def test_compare_ends_with_1_only_where_it_is_asked_to(call, tmp_path):
    """A regression is printed in any case."""
    a, b = suite(tmp_path / "a", lead=0.0), suite(tmp_path / "b", lead=-0.1)
    code, out, _ = call("compare", a, b)
    assert code == 0
    assert "worse: Cross-entropy on strokes: dice" in out
    assert call("compare", a, b, "--fail-on-regression")[0] == 1
    assert call("compare", b, a, "--fail-on-regression")[0] == 0
    code, out, _ = call("compare", a, b, "--measure", "dice", "--csv")
    assert out.splitlines()[0].startswith("dataset,arm,measure,a,b,difference,low,high")
    assert len(out.splitlines()) == 2


def test_submit_packs_and_checks(call, tmp_path):
    """Packed, checked, and shown with its status and hash."""
    folder = tmp_path / "ours"
    folder.mkdir()
    (folder / "submission.toml").write_text('method = "m"\ndataset = "d"\ntopology = "T"\n')
    (folder / "scores.csv").write_text("case,dice\na,0.5\nb,0.7\n")
    code, out, _ = call("submit", folder)
    assert code == 0
    assert "unverified" in out
    assert "0.6" in out
    code, again, _ = call("submit", "--check", "ours.zip")
    assert code == 0
    assert again.splitlines()[1:] == out.splitlines()[1:]
