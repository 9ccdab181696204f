"""The table as files: CSV in full precision, Markdown, LaTeX."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from pathlib import Path
from textwrap import wrap

import pandas as pd

from topoeval.csv_tables import to_csv as csv_of
from topoeval.report.caption import caption_lines
from topoeval.report.folder import write_text
from topoeval.report.gains import gains
from topoeval.report.gains import to_markdown as gains_to_markdown
from topoeval.report.row import MethodRow
from topoeval.report.scored import COMPARED
from topoeval.report.summary import Summary
from topoeval.report.table import STAR, Cell, columns, main_columns
from topoeval.results.rows import PARTS
from topoeval.statistics import UNMEASURED, Estimate

_TEX = {
    **{letter: f"\\{letter}" for letter in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
    "≥": r"$\geq$",
    "★": r"$\star$",
    "\N{EN DASH}": "--",
}


def to_frame(summary: Summary) -> pd.DataFrame:
    """Return the tidy table in full precision: means, interval ends and counts in own columns."""
    return pd.DataFrame([_tidy(row, summary) for row in summary.rows])


def to_csv(summary: Summary) -> str:
    """Return the tidy table as CSV; times in seconds, memory in bytes."""
    return csv_of(to_frame(summary))


def to_markdown(summary: Summary) -> str:
    """Return the printed table as Markdown, the caption below it."""
    chosen = columns(summary)
    headers = [f"{c.group}: {c.header}" if c.group else c.header for c in chosen]
    frame = pd.DataFrame(
        [
            [
                markdown_text(row.dataset),
                markdown_text(row.title),
                *(_md_cell(c.cell(row)) for c in chosen),
            ]
            for row in summary.rows
        ],
        columns=["Dataset", "Method", *map(markdown_text, headers)],
    )
    table = frame.to_markdown(index=False, disable_numparse=True)
    failed = [f"{row.title} on {row.dataset}: {row.failure_note}." for row in summary.rows
              if row.failures]  # fmt: skip
    notes = "\n".join(f"- {markdown_text(line)}" for line in [*caption_lines(summary), *failed])
    return f"{table}\n\n{notes}\n"


def write_tables(summary: Summary, folder: Path) -> None:
    """Write ``table.md``, ``table.csv`` and, where there are gains, ``gains.md`` into a folder."""
    write_text(folder / "table.md", to_markdown(summary))
    if found := gains(summary):
        write_text(folder / "gains.md", gains_to_markdown(found))
    write_text(folder / "table.csv", to_csv(summary))


def to_latex(summary: Summary) -> str:
    """Return the main columns as LaTeX, a table per dataset; it needs booktabs and graphicx.

    The caption names the dataset, and below the table stands what its numbers rest on: as part of
    the caption that would be longer than TeX can measure. What carries the star is bold too.
    """
    chosen = main_columns(summary)
    heads = " & ".join(["Method", *(_stacked(map(_tex, wrap(c.alone, 16))) for c in chosen)])
    notes = " ".join(_tex(_sentence(line)) for line in caption_lines(summary, datasets=False))

    def table(dataset: str) -> str:
        rows = "\n".join(
            " & ".join([_tex(row.title), *(_latex_cell(c.cell(row)) for c in chosen)]) + r" \\"
            for row in summary.of(dataset)
        )
        return (
            "\\begin{table}\n\\centering\n"
            f"\\caption{{{_tex(_sentence(summary.dataset_line(dataset)))}}}\n"
            "\\resizebox{\\ifdim\\width>\\linewidth\\linewidth\\else\\width\\fi}{!}{%\n"
            f"\\begin{{tabular}}{{l{'r' * len(chosen)}}}\n"
            f"\\toprule\n{heads} \\\\\n\\midrule\n{rows}\n\\bottomrule\n"
            "\\end{tabular}}\n\n"
            f"\\medskip\\parbox{{\\linewidth}}{{\\footnotesize {notes}}}\n"
            "\\end{table}\n"
        )

    tables = "\n".join(table(dataset) for dataset in summary.datasets)
    return f"% needs \\usepackage{{booktabs,graphicx}}\n{tables}"


def _sentence(line: str) -> str:
    return line if line.endswith(".") else f"{line}."


def _tidy(row: MethodRow, summary: Summary) -> dict[str, object]:
    tidy: dict[str, object] = {
        "dataset": row.dataset,
        "method": row.method,
        "title": row.arm,
        "role": row.role,
        "regime": row.regime,
        "topology": summary.conditions[row.dataset].topology,
        "runs_ok": row.ok,
        "runs_total": row.total,
        "cases": row.cases,
        "base": row.base,
        "same_as_base": row.same,
        "failures": row.failure_note,
    }
    for measure in row.metrics:
        tidy |= _tidy_estimate(measure.column_label, row.estimates[measure.name])
        if measure.direction:
            tidy[f"{measure.column_label}_star"] = measure.name in row.better
    for measure in COMPARED:
        tidy |= _tidy_estimate(f"{measure.column_label}_difference", row.differences[measure.name])
    for letter in summary.machines:
        suffix = f"_machine_{letter}" if len(summary.machines) > 1 else ""
        times = row.times[letter]
        tidy |= _tidy_estimate(f"step_s{suffix}", times.step)
        for part in PARTS:
            tidy[f"step_{part}_s{suffix}"] = times.parts.get(part, UNMEASURED).mean
        tidy |= _tidy_estimate(f"adaptation_s_per_case{suffix}", times.per_case)
    tidy["peak_rss_bytes"] = row.peak_bytes
    return tidy


def _tidy_estimate(name: str, estimate: Estimate) -> dict[str, object]:
    return {
        f"{name}_mean": estimate.mean,
        f"{name}_low": estimate.low,
        f"{name}_high": estimate.high,
        f"{name}_n": estimate.n,
    }


def _latex_cell(cell: Cell) -> str:
    value = rf"\textbf{{{_tex(cell.value)}}}$^\star$" if cell.star else _tex(cell.value)
    # An interval may break off below its value; a note of a failure is too long for a column.
    interval = re.fullmatch(r"\[[-+.\d, ]+\]|\((one seed|seeds [-+.\d, ]+)\)", cell.note)
    return _stacked([value, rf"\scriptsize {_tex(cell.note)}"]) if interval else value


def _stacked(lines: Iterable[str]) -> str:
    stack = r" \\ ".join(lines)
    return rf"\shortstack[r]{{{stack}}}"


def _tex(text: str) -> str:
    return "".join(_TEX.get(letter, letter) for letter in " ".join(text.split()))


def markdown_text(text: str) -> str:
    """Return a text of others for a table of Markdown: one line without markup of its own."""
    # Markdown passes HTML through, and a bar or a line break would end the cell.
    escaped = re.sub(r"([\\`*_\[\]|])", r"\\\1", html.escape(text, quote=False))
    return " ".join(escaped.split())


def _md_cell(cell: Cell) -> str:
    # The brackets of an interval stay as they are: what we write cannot be a link.
    note = cell.note if re.fullmatch(r"\[[-+.\d, ]+\]", cell.note) else markdown_text(cell.note)
    text = f"{cell.value} {note}".strip()
    return f"**{text}** {STAR}" if cell.star else text
