"""Tables of means of networks: what a method gains where several networks are averaged."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby

import numpy as np
from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from topoeval.report.formats import markdown_text
from topoeval.report.scored import COMPARED
from topoeval.report.table import STAR
from topoeval.results.ensembles import EnsembleRow
from topoeval.statistics import NOTHING
from topoeval.statistics.paired_cases import unseen_share

_WORSE = "▽"
_RESTS = "*"
Block = Sequence[EnsembleRow]


def blocks(rows: Iterable[EnsembleRow]) -> list[Block]:
    """Return the rows of each table: of one dataset and one score."""
    return [list(rows) for _, rows in groupby(rows, key=lambda row: (row.dataset, row.score))]


def sentence(block: Block) -> str:
    """Return what a table amounts to."""
    first = block[0]
    compared = [row for row in block if row.verdict]
    counts = [sum(row.verdict == word for row in compared) for word in ("better", "worse")]
    return (
        f"{first.dataset}, {first.metric.header}, mean of {first.seeds} networks, {first.cases} "
        f"cases: better than their base {counts[0]} of {len(compared)}, worse {counts[1]}"
    )


def caption(
    rows: Sequence[EnsembleRow],
    conditions: Mapping[str, str],
    priors: Mapping[str, str],
) -> list[str]:
    """Return what the tables mean, a statement a line.

    Parameters
    ----------
    rows
        Of all tables.
    conditions
        By dataset what its runs were measured under.
    priors
        By dataset where the prior of remedies comes from, of those where it is not the dataset's.
    """
    lines = [f"{dataset}: {text}." for dataset, text in conditions.items()]
    lines += [
        "Mean of networks: the mean of the probability maps of the networks of all seeds; a class "
        "is predicted where it is 0.5 or more. One network: the mean score of the same networks, "
        "each alone, from the same maps.",
        "Difference: the mean of a method's networks less that of its base's networks, paired by "
        "case, with the 95 % interval of two models on the same cases (Student's and bootstrap, "
        "the wider ends). It is about these networks and new cases: other seeds make other "
        "networks, and of those it says nothing.",
        f"{STAR} better, {_WORSE} worse at 5 % after Holm's correction over the rows of the "
        "dataset that have a base, for each score by itself.",
    ]
    if any(row.remedy for row in rows):
        given = "as the methods of its runs had it" if priors else "as the dataset gives it"
        lines.append(
            "A row with a remedy is the mean of the networks corrected by the prior of each test "
            f"case, {given}; its base is that mean alone."
        )
        lines += [f"{dataset}, prior of remedies: {words}." for dataset, words in priors.items()]
    if rests := dict.fromkeys(row.rests_on for row in rows if row.rests_on):
        lines.append(
            f"{_RESTS} One case makes most of the spread of the differences: {', '.join(rests)}."
        )
    fewest = min(row.cases for row in rows)
    if fewest:
        lines.append(
            f"What happens in fewer than {100 * unseen_share(fewest):.2g} % of all cases may be in "
            f"none of these {fewest}, and no interval knows of it."
        )
    return lines


def to_markdown(rows: Sequence[EnsembleRow], lines: Sequence[str]) -> str:
    """Return the tables of all datasets and scores, the caption below them."""
    return "\n".join([*_tables(rows), *(f"- {markdown_text(line)}" for line in lines)]) + "\n"


def to_terminal(rows: Sequence[EnsembleRow], lines: Sequence[str]) -> RenderableType:
    """Return tables for a terminal: of Dice, Betti error and accuracy, or of what there is."""
    shown = {metric.name for metric in COMPARED} & {row.score for row in rows}
    pieces: list[RenderableType] = []
    for block in blocks(row for row in rows if row.score in shown or not shown):
        table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
        table.add_column("Method", overflow="fold")
        table.add_column("Base", overflow="fold")
        for header in _heads(block)[2:]:
            table.add_column(header, justify="right", no_wrap=True)
        for row in block:
            style = "bold" if row.verdict == "better" else ""
            table.add_row(*(Text(cell, style=style) for cell in _cells(row)))
        # no title of the table, which would be as narrow as the table
        pieces += [Text(sentence(block), style="bold"), table]
    if further := sorted({row.score for row in rows} - shown) if shown else []:
        pieces.append(Text(f"Further scores in the files: {', '.join(further)}.", style="dim"))
    return Group(*pieces, *(Text(line, style="dim") for line in lines))


def _tables(rows: Iterable[EnsembleRow]) -> Iterator[str]:
    for block in blocks(rows):
        heads = _heads(block)
        yield f"{markdown_text(sentence(block))}.\n"
        yield f"| {' | '.join(heads)} |"
        yield "|---" * len(heads) + "|"
        for row in block:
            title, base, *numbers = _cells(row)
            cells = [markdown_text(title), markdown_text(base), *numbers]
            yield f"| {' | '.join(cells)} |"
        yield ""


def _heads(block: Block) -> list[str]:
    mean = f"Mean of {block[0].seeds}"
    return ["Method", "Base", "One network", mean, "Difference", "p (Holm)"]


def _cells(row: EnsembleRow) -> list[str]:
    digits = row.metric.digits
    return [
        row.title,
        row.base or NOTHING,
        _number(row.single, digits),
        _number(row.ensemble, digits),
        _difference(row),
        NOTHING if np.isnan(row.p_holm) else f"{row.p_holm:.2g}",
    ]


def _difference(row: EnsembleRow) -> str:
    if np.isnan(row.difference):
        return NOTHING
    digits = row.metric.digits
    text = _number(row.difference, digits, signed=True)
    if not np.isnan(row.low):
        low, high = (_number(end, digits, signed=True) for end in (row.low, row.high))
        text += f" [{low}, {high}]" + _RESTS * bool(row.rests_on)
    mark = {"better": f" {STAR}", "worse": f" {_WORSE}"}.get(row.verdict, "")
    return text + mark


def _number(value: float, digits: int, *, signed: bool = False) -> str:
    if np.isnan(value):
        return NOTHING
    # -0.0004 must not print as "-0.000"
    rounded = round(value, digits) + 0.0
    return f"{rounded:+.{digits}f}" if signed else f"{rounded:.{digits}f}"
