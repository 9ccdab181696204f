"""The table of results on a terminal."""

from __future__ import annotations

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from topoeval.report.caption import caption_lines
from topoeval.report.row import MethodRow
from topoeval.report.scored import BETTI_ERROR, CEILING, DICE, OWN, PRIOR
from topoeval.report.summary import Summary
from topoeval.report.table import MS, STAR, Cell, score
from topoeval.statistics import NOTHING


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
                *(_terminal_cell(score(measure)(row)) for measure in (DICE, BETTI_ERROR, OWN)),
                _terminal_prior(row),
                _terminal_time(row, letter),
            )
        pieces.append(table)
    notes = caption_lines(
        summary,
        datasets=False,
        base_is="named below each method with the difference of Betti errors",
    )
    if len(summary.machines) > 1:
        notes.append("Times are those of machine A; the page shows the others.")
    return Group(*pieces, *(Text(note, style="dim") for note in notes))


def _terminal_cell(cell: Cell) -> Text:
    value = f"{STAR} {cell.value}" if cell.star else cell.value
    text = Text(value, style="bold" if cell.star else "")
    return text.append(f"\n{cell.note}", style="dim") if cell.note else text


def _terminal_method(row: MethodRow) -> Text:
    text = Text(row.title)
    difference = row.differences[BETTI_ERROR.name]
    if row.base and difference.measured:
        less = difference.value(BETTI_ERROR.digits, signed=True)
        interval = difference.interval(BETTI_ERROR.digits, signed=True)
        text.append(f"\nless {row.base}: {less}\n{interval}".rstrip(), style="dim")
    if row.failures:
        note = f"\n{row.ok}/{row.total} runs ok; {row.failure_note}"
        text.append(note, style="red")
    return text


def _terminal_prior(row: MethodRow) -> Text:
    prior = score(PRIOR)(row)
    ceiling = row.estimates[CEILING.name]
    note = f"({ceiling.value()})" if ceiling.measured else ""
    return _terminal_cell(Cell(prior.value, note, prior.star))


def _terminal_time(row: MethodRow, letter: str) -> Text:
    times = row.times.get(letter)
    if times is not None and times.step.measured:
        return _terminal_cell(Cell(f"{times.step.scaled(MS).value(1)} ms", "per step"))
    if times is not None and times.per_case.measured:
        return _terminal_cell(Cell(f"{times.per_case.scaled(MS).value(1)} ms", "per case"))
    return Text(NOTHING)
