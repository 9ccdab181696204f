"""Rows, marks and renderings of the table."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from rich.console import Console

from tests.report.conftest import ENVIRONMENT, make_record, write_records
from topoeval.errors import UserError
from topoeval.report import terminal_table
from topoeval.report.formats import to_csv, to_latex, to_markdown
from topoeval.report.row import Row
from topoeval.report.summary import Summary, summarise
from topoeval.report.table import BEST, main_columns
from topoeval.results.records import read


def summary_of(folder: Path, records: Sequence[dict[str, Any]], **options: str) -> Summary:
    """Write, read and reduce records."""
    return summarise(read(write_records(folder, records)), **options)


def row_of(summary: Summary, method: str) -> Row:
    """Find a method's row in a suite of one dataset."""
    return next(row for row in summary.rows if row.method == method)


def separated(methods: Sequence[str] = ("cross_entropy", "dice_ce"), seeds: int = 3) -> list[Any]:
    """Make runs in which every next method has a higher Dice, beyond the noise of seeds."""
    return [
        make_record(name, seed=s, dice=[0.5 + 0.2 * i + 0.01 * s + 0.003 * s * i] * 4)
        for i, name in enumerate(methods)
        for s in range(seeds)
    ]


def on_terminal(folder: Path, width: int = 100) -> str:
    """Print the table as a terminal would show it."""
    console = Console(width=width, file=io.StringIO(), color_system=None)
    console.print(terminal_table(folder))
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_row_holds_mean_over_cases_then_seeds(tmp_path: Path) -> None:
    """Two runs of mean 0.5 and 0.7, the second of more cases, average to 0.6."""
    runs = [
        make_record(seed=0, dice=[0.4, 0.6], right=[True, False]),
        make_record(seed=1, dice=[0.7] * 8, right=[True] * 8),
    ]
    row = row_of(summary_of(tmp_path, runs), "cross_entropy")
    assert row.estimates["dice"].mean == pytest.approx(0.6)
    assert row.estimates["matches_truth"].mean == pytest.approx(0.75)
    assert row.estimates["dice"].n == 2


def test_best_is_marked_where_separated(tmp_path: Path) -> None:
    """The better Dice carries the mark, in the row and in every rendering."""
    summary = summary_of(tmp_path, separated())
    assert "dice" in row_of(summary, "dice_ce").best
    assert "dice" not in row_of(summary, "cross_entropy").best
    assert f"** {BEST}" in to_markdown(summary)
    assert r"\textbf{0.71" in to_latex(summary)
    assert f"{BEST} 0.71" in on_terminal(tmp_path)


def test_best_is_not_marked_when_intervals_of_the_difference_hold_zero(tmp_path: Path) -> None:
    """Two seeds that disagree about the order separate nothing."""
    runs = [make_record(seed=s, dice=[0.6 + 0.1 * s] * 4) for s in range(2)]
    runs += [make_record("dice_ce", seed=s, dice=[0.68] * 4) for s in range(2)]
    summary = summary_of(tmp_path, runs)
    assert not any("dice" in row.best for row in summary.rows)
    rows = [line for line in to_markdown(summary).splitlines() if line.startswith("|")]
    assert BEST not in "".join(rows)


def test_single_seed_has_no_interval_and_no_best(tmp_path: Path) -> None:
    """However large, a lead in one seed is not marked."""
    summary = summary_of(tmp_path, separated(seeds=1))
    assert not any(row.best for row in summary.rows)
    assert "0.700 (one seed)" in to_markdown(summary)
    table = pd.read_csv(io.StringIO(to_csv(summary)))
    assert table["dice_low"].isna().all()
    assert table["dice_n"].tolist() == [1, 1]


def test_method_with_failed_runs_is_not_best(tmp_path: Path) -> None:
    """Winning on the seeds that survived is no win."""
    diverged = make_record("dice_ce", seed=3, status="diverged")
    summary = summary_of(tmp_path, [*separated(), diverged])
    row = row_of(summary, "dice_ce")
    assert (row.ok, row.total) == (3, 4)
    assert not row.best


def test_start_is_marked_and_does_not_compete(tmp_path: Path) -> None:
    """The common checkpoint comes first and cannot win, even with the best numbers."""
    summary = summary_of(tmp_path, separated(("cross_entropy", "dice_ce", "start")))
    assert summary.rows[0].title.endswith("(start)")
    assert not summary.rows[0].best
    assert "dice" in row_of(summary, "dice_ce").best


def test_difference_is_paired_by_seed(tmp_path: Path) -> None:
    """A constant lead over noisy seeds shows as a narrow difference; the reference has none."""
    summary = summary_of(tmp_path, separated())
    difference = row_of(summary, "dice_ce").differences["dice"]
    assert difference.mean == pytest.approx(0.203)
    assert difference.high - difference.low < 0.02
    assert not row_of(summary, "cross_entropy").differences["dice"].measured


def test_unknown_reference_names_the_nearest(tmp_path: Path) -> None:
    """A misspelt reference must not lead to a table without differences."""
    with pytest.raises(UserError, match="did you mean 'dice_ce'"):
        summary_of(tmp_path, separated(), reference="dice_cee")


def test_absent_default_reference_leaves_differences_out(tmp_path: Path) -> None:
    """A suite that is not finished can be reported."""
    summary = summary_of(tmp_path, separated(("dice_ce", "betti_prior_sup")))
    assert not any(row.differences["dice"].measured for row in summary.rows)
    assert "Difference" not in to_markdown(summary)
    assert "minus" not in to_latex(summary)


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("backend", ("cripser", "gudhi")),
        ("device", ("cpu", "cuda")),
        ("precision", ("bfloat16", "float32")),
    ],
)
def test_ambiguous_reference_is_refused(tmp_path: Path, key: str, values: tuple[str, str]) -> None:
    """With two variants of the reference nobody knows which is meant; both are offered."""
    records = [make_record(changes={f"spec.{key}": value}) for value in values]
    labels = [f"Cross-entropy [{key}={value}]" for value in values]
    with pytest.raises(UserError, match="ambiguous on strokes") as refused:
        summary_of(tmp_path, records)
    words = str(refused.value)
    assert f"{labels[0]!r} and {labels[1]!r}" in words
    assert words.endswith(f"topoeval report RESULTS --reference '{labels[0]}'")
    assert "\n" not in words
    for label in labels:
        summary = summary_of(tmp_path, records, reference=label)
        assert summary.reference_title(summary.datasets[0]) == label


def test_failures_are_rows_with_their_reason(tmp_path: Path) -> None:
    """A method whose runs all failed stays in every rendering."""
    failed = make_record("dice_ce", status="failed", error="Traceback\nRuntimeError: no hole")
    summary = summary_of(tmp_path, [make_record(), failed])
    note = "1 failed: RuntimeError: no hole"
    for text in (to_csv(summary), to_markdown(summary)):
        assert note in text
    assert "0/1" in to_latex(summary)
    assert "0/1 runs ok" in on_terminal(tmp_path)


def test_csv_has_full_precision(tmp_path: Path) -> None:
    """A third is not 0.333."""
    runs = [make_record(seed=s, dice=[1.0, 0.0, s / 10], right=[True] * 3) for s in range(2)]
    summary = summary_of(tmp_path, runs)
    table = pd.read_csv(io.StringIO(to_csv(summary)), dtype=str)
    assert float(table.loc[0, "dice_mean"]) == summary.rows[0].estimates["dice"].mean
    assert float(table.loc[0, "dice_high"]) == summary.rows[0].estimates["dice"].high


def test_columns_without_values_are_not_printed(tmp_path: Path) -> None:
    """Data without priors, digits or a third dimension show no empty columns."""
    markdown = to_markdown(summary_of(tmp_path, [make_record(prior=False)]))
    header = markdown.splitlines()[0]
    assert "own mask" in header
    assert not any(word in header for word in ("prior", "Digit", "b2"))


def test_third_dimension_is_printed_and_described(tmp_path: Path) -> None:
    """Volumes have cavities and six or twenty-six neighbours."""
    record = make_record(changes={"cases.b2": [0] * 4, "cases.betti_error_2": [0] * 4})
    for example in record["examples"]:
        example["shape"] = [1, 28, 28]
    markdown = to_markdown(summary_of(tmp_path, [record]))
    assert "b2" in markdown.splitlines()[0]
    assert "foreground 26, background 6" in markdown


def test_times_of_different_machines_do_not_share_a_column(tmp_path: Path) -> None:
    """Each machine has its own columns; a row is empty where it did not run."""
    other = make_record("dice_ce", changes={"environment": {**ENVIRONMENT, "cpu": "Another CPU"}})
    runs = [make_record(seed=0), make_record(seed=1), other]
    table = pd.read_csv(io.StringIO(to_csv(summary_of(tmp_path, runs))))
    assert table["step_s_machine_A_n"].tolist() == [2, 0]
    assert table["step_s_machine_B_n"].tolist() == [0, 1]
    assert "step_s_n" not in table.columns


def test_time_per_case_is_given_for_work_per_case_only(tmp_path: Path) -> None:
    """Training is not adaptation."""
    summary = summary_of(tmp_path, [make_record(), make_record("largest_component")])
    times = {row.method: row.times["A"] for row in summary.rows}
    assert times["largest_component"].per_case.mean == pytest.approx(12.3 / 4)
    assert not times["largest_component"].step.measured
    assert not times["cross_entropy"].per_case.measured


def test_terminal_table_fits_and_shows_what_matters(suite: Path) -> None:
    """In 100 columns nothing is cut and no line is longer."""
    printed = on_terminal(suite)
    assert max(len(line.rstrip()) for line in printed.splitlines()) <= 100
    assert "…" not in printed
    for word in ("Dice ↑", "Betti error ↓", "Betti accuracy ↑", "(ceiling)", "per step"):
        assert word in printed
    assert "T-construction (foreground 8, background 4), superlevel" in printed


def test_terminal_table_takes_no_markup_from_records(tmp_path: Path) -> None:
    """Square brackets in a title are text."""
    record = make_record("[bold]x[/nonsense]")
    write_records(tmp_path, [record])
    assert "[bold]x[/nonsense]" in on_terminal(tmp_path)


def test_markdown_survives_a_bar_in_a_title(tmp_path: Path) -> None:
    """A title cannot add a column or an element."""
    markdown = to_markdown(summary_of(tmp_path, [make_record("a|b <script>")]))
    row = markdown.splitlines()[2]
    assert r"a\|b &lt;script&gt;" in row
    assert row.replace(r"\|", "").count("|") == markdown.splitlines()[1].count("|")


def latex_rows(text: str) -> list[list[str]]:
    """Return the cells of the bodies of LaTeX tables."""
    bodies = re.findall(r"\\midrule(.*?)\\bottomrule", text, re.DOTALL)
    lines = [
        line.removesuffix(r" \\") for body in bodies for line in body.splitlines() if " & " in line
    ]
    return [re.split(r"(?<!\\) & ", line) for line in lines]


def test_latex_has_booktabs_and_a_row_per_method(suite: Path) -> None:
    """As many columns as the header says, rules of booktabs, none of its own."""
    summary = summarise(read(suite))
    text = to_latex(summary)
    width = re.search(r"\\begin\{tabular\}\{l(r+)\}", text)
    assert width is not None
    rows = latex_rows(text)
    assert len(rows) == len(summary.rows)
    assert {len(row) for row in rows} == {len(width[1]) + 1}
    assert {text.count(rf"\{rule}") for rule in ("toprule", "midrule", "bottomrule")} == {
        len(summary.datasets)
    }
    assert r"\hline" not in text


def test_latex_escapes_what_records_say(tmp_path: Path) -> None:
    """No title becomes a command, a column or a comment; arrows become symbols."""
    text = to_latex(summary_of(tmp_path, [make_record(r"50% & \input{x} a_b #1")]))
    assert r"50\% \& \textbackslash{}input\{x\} a\_b \#1 & \shortstack[r]{0.875" in text
    assert r"Dice $\uparrow$" in text
    assert text.isascii()


def test_latex_says_topology_and_hardware(tmp_path: Path) -> None:
    """A table in a paper keeps its conventions: what it shows above, what that rests on below."""
    above, _, below = to_latex(summary_of(tmp_path, [make_record()])).partition(r"\resizebox")
    assert "T-construction (foreground 8" in above
    for words in ("Example CPU", r"p $\geq$ 0.5", "torch 2.13.0"):
        assert words in below


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not on the path")
def test_latex_compiles(suite: Path, tmp_path: Path) -> None:
    """Without an error, and no table is larger than a page, with as many methods as we have."""
    records = [make_record(f"method {i}", dataset=name) for name in "ab" for i in range(24)]
    document = "\n".join(
        (
            r"\documentclass{article}\usepackage{booktabs,graphicx}\begin{document}",
            to_latex(summarise(read(suite))),
            to_latex(summary_of(tmp_path, records)),
            r"\end{document}",
        )
    )
    (tmp_path / "paper.tex").write_text(document, encoding="ascii")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    assert "too large" not in done.stdout


def test_main_columns_are_few_and_named_alone(suite: Path) -> None:
    """What a reader needs first fits a page; no header leans on a spanner."""
    names = [column.header for column in main_columns(summarise(read(suite)))]
    assert names == [
        "Runs ok",
        "Dice ↑",
        "Betti error ↓",
        "Betti accuracy ↑",
        "Prior accuracy ↑",
        "Betti accuracy minus cross_entropy",
        "ms per step ↓",
        "ms per case ↓",
    ]


def test_runs_of_several_commits_are_said_to_be(tmp_path: Path) -> None:
    """Numbers of two versions of the code share a table only with a warning below it."""
    one, two = make_record(), make_record("dice_ce", changes={"environment.topoeval.commit": "fff"})
    assert "2 versions of the code" in to_markdown(summary_of(tmp_path / "a", [one, two]))
    assert "versions of the code" not in to_markdown(summary_of(tmp_path / "b", [one]))


def test_time_of_what_a_run_builds_on_counts(tmp_path: Path) -> None:
    """Correcting a trained network costs its training, too; the common start is free."""
    start = make_record("start")
    base = make_record("cross_entropy", changes={"spec.parents": {"start": start["id"]}})
    post = make_record("betti_prior_post", changes={"spec.parents": {"start": base["id"]}})
    summary = summary_of(tmp_path, [start, base, post])
    chain = {row.method: row.times["A"].chain.mean for row in summary.rows}
    assert chain["cross_entropy"] == pytest.approx(12.3)
    assert chain["betti_prior_post"] == pytest.approx(2 * 12.3)
