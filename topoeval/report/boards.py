"""Standings of a suite as a page shows them: tiers, not an order that the data do not have.

A suite is ranked by the main test of its datasets. What the same networks answer on a further test
is no repetition: ranked together, one network would count as several. Each has standings apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from topoeval.records.parts import MAIN_TEST
from topoeval.report.drawing import Drawing
from topoeval.report.measures import BETTI_ERROR, DICE, Measure
from topoeval.report.names import slug
from topoeval.report.ranking import draw_standings
from topoeval.report.summary import Summary
from topoeval.results.records import Records
from topoeval.statistics import NOTHING, Standings, score_table, standings

# What methods are ranked by: topology first, and the overlap that it may cost.
RANKED = (BETTI_ERROR, DICE)


@dataclass(frozen=True, slots=True)
class Place:
    """A method's line in the standings; what is not known is a dash."""

    method: str
    tier: str
    value: str
    interval: str
    ranks: str
    schemes: tuple[str, str, str]
    runs: str
    failed: int


@dataclass(frozen=True, eq=False)
class Board:
    """Standings by one score on one test, over all datasets of a suite that have it.

    Parameters
    ----------
    measure
        The score.
    test
        Name of the test.
    datasets
        Labels of the datasets, in the order of the pages.
    found
        What the statistics say.
    places
        A line per method, best first.
    figures
        Critical differences, stability, wins; of the main test alone.
    """

    measure: Measure
    test: str
    datasets: Sequence[str]
    found: Standings
    places: Sequence[Place]
    figures: Sequence[Drawing] = ()

    @property
    def tiers(self) -> int:
        """How many tiers there are."""
        tiers = self.found.table["tier"].dropna()
        return int(tiers.max()) if len(tiers) else 0

    @property
    def verdict(self) -> str:
        """What the order amounts to, in a sentence."""
        ranked = int(self.found.table["tier"].notna().sum())
        if ranked < 2:
            return "Fewer than two methods have a score on every dataset: nothing is ranked."
        best = self.found.separated_best
        if best is not None:
            return f"{best} is separated from all {ranked - 1} others."
        if self.tiers == 1:
            return f"No two of the {ranked} methods are separated: all share the first tier."
        first = int((self.found.table["rank_low"] == 1).sum())
        return f"{first} of {ranked} methods may be the best: none of them is separated as worse."


def boards(records: Records, summary: Summary) -> list[Board]:
    """Rank the methods of a suite on the main test, by each of `RANKED` that was measured.

    The common start takes no part: it had fewer epochs.
    """
    return [
        replace(
            board,
            figures=draw_standings(
                board.found,
                board.measure.title,
                slug(board.measure.title),
                "\n".join(summary.conventions(board.datasets)),
            ),
        )
        for board in _ranked(records, summary, MAIN_TEST)
    ]


def further_boards(records: Records, summary: Summary) -> dict[str, list[Board]]:
    """Rank the methods of a suite on each further test by itself; by its name, without figures."""
    names = sorted({row.test for row in summary.rows if not row.is_main})
    return {name: list(_ranked(records, summary, name)) for name in names}


def _ranked(records: Records, summary: Summary, test: str) -> Iterator[Board]:
    runs = records.runs[(records.runs["role"] != "start") & (records.runs["test"] == test)]
    on_test = replace(summary, rows=tuple(row for row in summary.rows if row.test == test))
    for measure in RANKED:
        if runs.empty or not on_test.measured(measure):
            continue
        found = standings(score_table(runs, records.cases, measure.key), measure.key)
        # As the pages have them: 4 lines before 12.
        datasets = [name for name in summary.datasets if name in found.datasets]
        yield Board(measure, test, datasets, found, _places(found, measure))


def _places(found: Standings, measure: Measure) -> list[Place]:
    return [
        Place(
            method=str(row["method"]),
            tier=_whole(row["tier"]),
            value=found.estimates[row["method"]].value(measure.digits),
            interval=found.estimates[row["method"]].interval(measure.digits),
            ranks=_span(row["rank_low"], row["rank_high"]),
            schemes=(_whole(row["by_mean"]), _whole(row["by_cases"]), _whole(row["by_tests"])),
            runs=f"{row['runs']}/{row['runs'] + row['failed'] + row['absent']}",
            failed=int(row["failed"]),
        )
        for _, row in found.table.iterrows()
    ]


def _whole(value: object) -> str:
    return NOTHING if pd.isna(value) else str(int(value))  # type: ignore[call-overload]


def _span(low: object, high: object) -> str:
    first, last = _whole(low), _whole(high)
    return first if first == last else f"{first}{NOTHING}{last}"
