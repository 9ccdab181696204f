"""Renderings of the table, and its marks in them."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console

from tests.report.conftest import (
    ENVIRONMENT,
    make_record,
    row_of,
    separated,
    summary_of,
    write_records,
)
from topoeval.report import terminal_table
from topoeval.report.formats import to_csv, to_latex, to_markdown
from topoeval.report.summary import summarise
from topoeval.report.table import STAR, columns, main_columns
from topoeval.results.records import read
from topoeval.statistics import NOTHING


def on_terminal(folder: Path, width: int = 100) -> str:
    """Print the table as a terminal would show it."""
    console = Console(width=width, file=io.StringIO(), color_system=None)
    console.print(terminal_table(folder))
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_a_score_better_than_the_base_has_a_star(tmp_path: Path) -> None:
    """In the row and in every rendering; the base itself has none."""
    summary = summary_of(tmp_path, separated())
    assert "dice" in row_of(summary, "dice_ce").better
    assert "dice" not in row_of(summary, "cross_entropy").better
    assert f"** {STAR}" in to_markdown(summary)
    assert r"\textbf{0.72" in to_latex(summary)
    assert f"{STAR} 0.72" in on_terminal(tmp_path)


def test_no_star_where_the_interval_of_the_difference_holds_zero(tmp_path: Path) -> None:
    """Seeds that disagree about the order separate nothing."""
    runs = [make_record(seed=s, dice=[0.6 + 0.1 * (s % 2)] * 4) for s in range(6)]
    runs += [make_record("dice_ce", seed=s, dice=[0.66] * 4) for s in range(6)]
    summary = summary_of(tmp_path, runs)
    assert not any("dice" in row.better for row in summary.rows)
    rows = [line for line in to_markdown(summary).splitlines() if line.startswith("|")]
    assert STAR not in "".join(rows)


def test_single_seed_has_no_interval_and_no_best(tmp_path: Path) -> None:
    """However large, a lead in one seed is not marked."""
    summary = summary_of(tmp_path, separated(seeds=1))
    assert not any(row.better for row in summary.rows)
    assert "0.700 (one seed)" in to_markdown(summary)
    table = pd.read_csv(io.StringIO(to_csv(summary)))
    assert table["dice_low"].isna().all()
    assert table["dice_n"].tolist() == [1, 1]


def test_absent_default_reference_leaves_differences_out(tmp_path: Path) -> None:
    """A suite that is not finished can be reported."""
    summary = summary_of(tmp_path, separated(("dice_ce", "betti_prior_sup")))
    assert not any(row.differences["dice"].measured for row in summary.rows)
    assert "Difference" not in to_markdown(summary)
    assert "minus" not in to_latex(summary)


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
    runs = [make_record(seed=s, dice=[1.0, 0.0, s / 10], right=[True] * 3) for s in range(5)]
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


def test_terminal_table_fits_and_shows_what_matters(suite: Path) -> None:
    """In 100 columns nothing is cut and no line is longer."""
    printed = on_terminal(suite)
    assert max(len(line.rstrip()) for line in printed.splitlines()) <= 100
    assert "…" not in printed
    for word in ("Dice ↑", "Betti error ↓", "Betti accuracy ↑", "(ceiling)", "per step"):
        assert word in printed
    assert re.search(r"less [A-Z]", printed)
    assert "named below each method" in printed
    assert "column Base" not in printed
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
    for words in ("T-construction (foreground 8", r"p $\geq$ 0.5"):
        assert words in above
    for words in ("Example CPU", "torch 2.13.0"):
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
        "Base",
        "Betti accuracy minus base",
        "ms per step ↓",
        "ms per case ↓",
    ]


def test_runs_of_several_commits_are_said_to_be(tmp_path: Path) -> None:
    """Numbers of two versions of the code share a table only with a warning below it."""
    one, two = make_record(), make_record("dice_ce", changes={"environment.topoeval.commit": "fff"})
    assert "2 versions of the code" in to_markdown(summary_of(tmp_path / "a", [one, two]))
    assert "versions of the code" not in to_markdown(summary_of(tmp_path / "b", [one]))


def test_scores_at_each_recorded_threshold_are_columns(tmp_path: Path) -> None:
    """Half, by Dice and by topology, where records have them; a dash where one has not."""
    at = {
        # as the harness writes them: in the order of the main test's cases, without their names
        name: {"value": value, "cases": {"dice": dice, "betti_error": [1, 2, 0, 1]}}
        for name, value, dice in (("half", 0.5, [0.5] * 4), ("dice", 0.4, [0.6, 0.8, 0.7, 0.7]))
    }
    runs = [make_record(changes={"thresholds": at}), make_record("dice_ce")]
    summary = summary_of(tmp_path, runs)
    heads = [f"{column.group}: {column.header}" for column in columns(summary)]
    assert "Dice by threshold: half" in heads
    assert "Dice by threshold: topology" not in heads
    shown = columns(summary)[heads.index("Dice by threshold: dice")]
    rows = (row_of(summary, "cross_entropy"), row_of(summary, "dice_ce"))
    assert [shown.cell(row).value for row in rows] == ["0.700", NOTHING]


def test_columns_of_metrics_that_are_not_loaded_are_named(tmp_path: Path) -> None:
    """A report made without the plug-in says what it leaves out, and how to have it."""
    record = make_record(changes={"metrics": {"dice": 1, "volume_error": "volume.py abc"}})
    record["cases"]["volume_error"] = [1, 2, 3, 4]
    table = to_markdown(summary_of(tmp_path, [record]))
    assert r"Not in this table: volume\_error, of metrics that are not loaded here" in table
    assert "--plugin" in table


def test_a_column_that_several_revisions_scored_is_told(tmp_path: Path) -> None:
    """Its mean is of two definitions; one revision needs no line."""
    runs = [
        make_record(seed=seed, changes={"metrics": {"dice": 1, "cldice": revision}})
        for seed, revision in enumerate((1, 2, 2))
    ]
    table = to_markdown(summary_of(tmp_path, runs))
    told = "cldice was scored by several revisions of its metric, runs by revision: 1 (1), 2 (2)"
    assert told in table
    assert "dice was scored by several" not in table.replace("cldice was", "")
