"""The table of results: as a file of full precision, as Markdown, as HTML, on a terminal."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from dataclasses import dataclass

import great_tables
import pandas as pd
from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from topoeval.report.caption import caption_lines
from topoeval.report.measures import (
    BETTI_ERROR,
    BETTI_ERRORS,
    CEILING,
    COMPARED,
    DICE,
    DIGIT,
    MEASURES,
    MSE,
    OWN,
    PRIOR,
    Measure,
)
from topoeval.report.summary import Row, Summary
from topoeval.results.rows import PARTS
from topoeval.statistics.estimate import NOTHING, UNMEASURED, Estimate

BEST = "★"
_MS, _MIB = 1e3, 2.0**-20


@dataclass(frozen=True, slots=True)
class Cell:
    """A value, the smaller print after it, and whether it is marked best."""

    value: str
    note: str = ""
    best: bool = False


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the printed table: spanner above, header, and how to fill it."""

    group: str
    header: str
    cell: Callable[[Row], Cell]


def columns(summary: Summary) -> list[Column]:
    """Choose the printed columns: those that some row has values for."""
    chosen = [Column("", "Runs ok", lambda row: Cell(f"{row.ok}/{row.total}", row.failure_note))]
    groups = (
        ("", (DICE,)),
        ("Betti error", (BETTI_ERROR, *BETTI_ERRORS)),
        ("Betti accuracy", (OWN, PRIOR, CEILING)),
    )
    short = {BETTI_ERROR: "sum ↓", OWN: "own mask ↑", PRIOR: "prior ↑", CEILING: "ceiling"}
    short |= {measure: f"b{k} ↓" for k, measure in enumerate(BETTI_ERRORS)}
    for group, measures in groups:
        chosen += [
            Column(group, short.get(measure, measure.header), _score(measure))
            for measure in measures
            if summary.measured(measure)
        ]
    chosen += [
        Column(f"Difference to {summary.reference}", measure.header, _difference(measure))
        for measure in COMPARED
        if any(row.differences[measure.key].measured for row in summary.rows)
    ]
    chosen += [
        Column("", measure.header, _score(measure))
        for measure in (MSE, DIGIT)
        if summary.measured(measure)
    ]
    for letter in summary.machines:
        suffix = f", machine {letter}" if len(summary.machines) > 1 else ""
        chosen += _time_columns(summary, letter, suffix)
    if any(row.peak_bytes > 0 for row in summary.rows):
        chosen.append(Column("", "Peak memory, MiB ↓", _memory))
    return chosen


def to_frame(summary: Summary) -> pd.DataFrame:
    """Return the tidy table in full precision: means, interval ends and counts in own columns."""
    return pd.DataFrame([_tidy(row, summary) for row in summary.rows])


def to_csv(summary: Summary) -> str:
    """Return the tidy table as CSV; times in seconds, memory in bytes."""
    text: str = to_frame(summary).to_csv(index=False, lineterminator="\n")
    return text


def to_markdown(summary: Summary) -> str:
    """Return the printed table as Markdown, the caption below it."""
    chosen = columns(summary)
    headers = [f"{c.group}: {c.header}" if c.group else c.header for c in chosen]
    frame = pd.DataFrame(
        [
            [_md(row.dataset), _md(row.title), *(_md_cell(c.cell(row)) for c in chosen)]
            for row in summary.rows
        ],
        columns=["Dataset", "Method", *map(_md, headers)],
    )
    table = frame.to_markdown(index=False, disable_numparse=True)
    notes = "\n".join(f"- {_md(line)}" for line in caption_lines(summary))
    return f"{table}\n\n{notes}\n"


def to_html(summary: Summary) -> str:
    """Return the printed table as HTML without styles; the page's style sheet dresses it."""
    chosen = columns(summary)
    names = [f"c{i}" for i in range(len(chosen))]
    frame = pd.DataFrame(
        [
            [row.dataset, html.escape(row.title), *(_html_cell(c.cell(row)) for c in chosen)]
            for row in summary.rows
        ],
        columns=["dataset", "method", *names],
    )
    table = (
        great_tables.GT(frame, rowname_col="method", groupname_col="dataset", id="results")
        # Cells are escaped above; a formatter's answer is the one thing great_tables prints as is.
        .fmt(fns=str, columns=["method", *names])
        .cols_label(
            {
                n: great_tables.html(html.escape(c.header))
                for n, c in zip(names, chosen, strict=True)
            }
        )
        .tab_stubhead("Method")
    )
    for group in dict.fromkeys(c.group for c in chosen if c.group):
        members = [n for n, c in zip(names, chosen, strict=True) if c.group == group]
        table = table.tab_spanner(great_tables.html(html.escape(group)), columns=members)
    return re.sub(r"<style>.*?</style>", "", table.as_raw_html(), flags=re.DOTALL).strip()


def to_terminal(summary: Summary) -> RenderableType:
    """Return tables for a terminal of 100 columns, one per dataset, interval below value."""
    pieces: list[RenderableType] = []
    letter = next(iter(summary.machines), "")
    for dataset in summary.datasets:
        table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), pad_edge=False, width=100)
        table.title = Text(summary.dataset_line(dataset), style="bold")
        table.title_justify = "left"
        table.add_column("Method", ratio=1, min_width=20)
        for header in (DICE.header, BETTI_ERROR.header, OWN.header):
            table.add_column(header, justify="right", no_wrap=True)
        table.add_column("Prior acc. ↑\n(ceiling)", justify="right", no_wrap=True)
        table.add_column("Time ↓", justify="right", no_wrap=True)
        for row in summary.of(dataset):
            table.add_row(
                _terminal_method(row),
                *(_terminal_cell(_score(measure)(row)) for measure in (DICE, BETTI_ERROR, OWN)),
                _terminal_prior(row),
                _terminal_time(row, letter),
            )
        pieces.append(table)
    notes = caption_lines(summary, datasets=False)
    if len(summary.machines) > 1:
        notes.append("Times are those of machine A; the page shows the others.")
    return Group(*pieces, *(Text(note, style="dim") for note in notes))


def _score(measure: Measure) -> Callable[[Row], Cell]:
    def cell(row: Row) -> Cell:
        estimate = row.estimates[measure.key]
        # What nobody can win is a property of the data and does not vary with the seed.
        interval = estimate.interval(measure.digits) if measure.better else ""
        return Cell(estimate.value(measure.digits), interval, measure.key in row.best)

    return cell


def _difference(measure: Measure) -> Callable[[Row], Cell]:
    def cell(row: Row) -> Cell:
        estimate = row.differences[measure.key]
        return Cell(
            estimate.value(measure.digits, signed=True),
            estimate.interval(measure.digits, signed=True),
        )

    return cell


def _time_columns(summary: Summary, letter: str, suffix: str) -> list[Column]:
    spanner = f"Time per step, ms{suffix} ↓"
    times = [row.times[letter] for row in summary.rows]
    chosen = []
    if any(time.step.measured for time in times):
        chosen.append(
            Column(spanner, "total", lambda row: _milliseconds(row.times[letter].step, spread=True))
        )
    for part in PARTS:
        if any(part in time.parts for time in times):

            def cell(row: Row, part: str = part) -> Cell:
                return _milliseconds(row.times[letter].parts.get(part, UNMEASURED))

            chosen.append(Column(spanner, part, cell))
    if any(time.per_case.measured for time in times):
        chosen.append(
            Column(
                "",
                f"Adaptation, ms per case{suffix} ↓",
                lambda row: _milliseconds(row.times[letter].per_case, spread=True),
            )
        )
    return chosen


def _milliseconds(seconds: Estimate, *, spread: bool = False) -> Cell:
    estimate = seconds.scaled(_MS)
    return Cell(estimate.value(1), estimate.interval(1) if spread else "")


def _memory(row: Row) -> Cell:
    return Cell(f"{row.peak_bytes * _MIB:.0f}" if row.peak_bytes > 0 else NOTHING)


def _tidy(row: Row, summary: Summary) -> dict[str, object]:
    tidy: dict[str, object] = {
        "dataset": row.dataset,
        "method": row.method,
        "title": row.arm,
        "role": row.role,
        "regime": row.regime,
        "topology": summary.topologies[row.dataset],
        "runs_ok": row.ok,
        "runs_total": row.total,
        "cases": row.cases,
        "failures": row.failure_note,
    }
    for measure in MEASURES:
        tidy |= _tidy_estimate(measure.name, row.estimates[measure.key])
        if measure.better:
            tidy[f"{measure.name}_best"] = measure.key in row.best
    for measure in COMPARED:
        tidy |= _tidy_estimate(f"{measure.name}_difference", row.differences[measure.key])
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


def _md(text: str) -> str:
    # Markdown passes HTML through, and a bar or a line break would end the cell.
    escaped = re.sub(r"([\\`*_\[\]|])", r"\\\1", html.escape(text, quote=False))
    return " ".join(escaped.split())


def _md_cell(cell: Cell) -> str:
    # The brackets of an interval stay as they are: what we write cannot be a link.
    note = cell.note if re.fullmatch(r"\[[-+.\d, ]+\]", cell.note) else _md(cell.note)
    text = f"{cell.value} {note}".strip()
    return f"**{text}** {BEST}" if cell.best else text


def _html_cell(cell: Cell) -> str:
    value = html.escape(cell.value)
    if cell.best:
        value = f'<strong title="separated from all others">{value} {BEST}</strong>'
    note = f' <span class="interval">{html.escape(cell.note)}</span>' if cell.note else ""
    return f"{value}{note}"


def _terminal_cell(cell: Cell) -> Text:
    value = f"{BEST} {cell.value}" if cell.best else cell.value
    text = Text(value, style="bold" if cell.best else "")
    return text.append(f"\n{cell.note}", style="dim") if cell.note else text


def _terminal_method(row: Row) -> Text:
    text = Text(row.title)
    if row.failures:
        note = f"\n{row.ok}/{row.total} runs ok; {row.failure_note}"
        text.append(note, style="red")
    return text


def _terminal_prior(row: Row) -> Text:
    prior = _score(PRIOR)(row)
    ceiling = row.estimates[CEILING.key]
    note = f"({ceiling.value()})" if ceiling.measured else ""
    return _terminal_cell(Cell(prior.value, note, prior.best))


def _terminal_time(row: Row, letter: str) -> Text:
    times = row.times.get(letter)
    if times is not None and times.step.measured:
        return _terminal_cell(Cell(f"{times.step.scaled(_MS).value(1)} ms", "per step"))
    if times is not None and times.per_case.measured:
        return _terminal_cell(Cell(f"{times.per_case.scaled(_MS).value(1)} ms", "per case"))
    return Text(NOTHING)
