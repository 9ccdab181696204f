"""Standings of a suite as a page shows them: tiers, not an order that the data do not have.

Over several datasets methods are ranked by their error relative to the reference's, so that no
dataset decides alone. A method whose Dice is more than a point below its own base's on a dataset
stands below the line: a better topology has been paid for in overlap.

A suite is ranked by the main test of its datasets. What the same networks score on a further test
is no repetition: ranked together, one network would count as several. Each has standings apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from topoeval.metrics import Metric
from topoeval.records.parts import MAIN_TEST
from topoeval.report.drawing import Drawing
from topoeval.report.names import slug
from topoeval.report.ranking import draw_standings
from topoeval.report.scored import BETTI_ERROR, DICE
from topoeval.report.summary import Summary
from topoeval.results.records import Records
from topoeval.statistics import NOTHING, ScoreGrid, Standings, score_grids, standings_of

# What methods are ranked by: topology first, and the overlap that it may cost.
RANKED = (BETTI_ERROR, DICE)
DICE_BAR = 0.01
"""How much Dice a method may lose against its own base to be listed above the line."""


@dataclass(frozen=True, slots=True)
class Place:
    """A method's line in the standings; what is not known is a dash.

    ``below`` says by how much its Dice is below the bar, and where; it is empty above the line.
    """

    method: str
    tier: str
    value: str
    interval: str
    ranks: str
    schemes: tuple[str, str, str, str]
    runs: str
    failed: int
    below: str = ""


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
        A line per method, best first; those below the Dice bar last.
    figures
        Critical differences, stability, wins; of the main test alone.
    """

    measure: Metric
    test: str
    datasets: Sequence[str]
    found: Standings
    places: Sequence[Place]
    figures: Sequence[Drawing] = ()

    @property
    def header(self) -> str:
        """What the numbers are, with the arrow of their good direction."""
        if not self.found.is_relative:
            return self.measure.header
        arrow = "↓" if self.found.scored.direction == "lower" else "↑"
        what = "error" if self.measure.direction == "higher" else ""
        title = f"{self.measure.title} {what}".strip()
        return f"{title} relative to {self.found.reference or 'all'} {arrow}"

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
    if runs.empty:
        return
    arranged = score_grids(runs, records.cases, [measure.name for measure in RANKED])
    # As the pages have them: 4 lines before 12.
    datasets = [name for name in summary.datasets if name in arranged]
    bases = _common([summary.bases(name) for name in datasets])
    reference = summary.reference_title(datasets[0]) or ""
    for measure in RANKED:
        if not on_test.measured(measure):
            continue
        grids = _over_all_methods([arranged[name][measure.name] for name in datasets])
        found = standings_of(grids, measure, bases=bases, reference=reference)
        below = {} if measure is DICE else _below_the_bar(summary, datasets)
        yield Board(measure, test, datasets, found, _places(found, measure, below))


def _over_all_methods(found: Sequence[ScoreGrid]) -> list[ScoreGrid]:
    """Return the grids over the same methods; one that was not run on a dataset has no score."""
    methods = tuple(sorted({method for grid in found for method in grid.methods}))
    return [grid.over(methods) for grid in found]


def _common(bases: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Return the bases that are the same on every dataset that has the method."""
    methods = dict.fromkeys(method for own in bases for method in own)
    named = {method: {own[method] for own in bases if method in own} for method in methods}
    return {method: next(iter(names)) for method, names in named.items() if len(names) == 1}


def _below_the_bar(summary: Summary, datasets: Sequence[str]) -> dict[str, str]:
    """Return how far, and where, the Dice of a method is furthest below the bar."""
    lost: dict[str, tuple[float, str]] = {}
    for dataset in datasets:
        for arm, one in summary.standings[dataset][DICE.name].against_bases.items():
            if one.difference.measured and one.difference.mean < -DICE_BAR:
                lost[arm] = min(lost.get(arm, (0.0, "")), (one.difference.mean, dataset))
    return {
        arm: f"Dice {mean:+.{DICE.digits}f} to its base on {dataset}"
        for arm, (mean, dataset) in lost.items()
    }


def _places(found: Standings, measure: Metric, below: Mapping[str, str]) -> list[Place]:
    schemes = ("by_mean", "by_datasets", "by_cases", "by_tests")
    places = [
        Place(
            method=str(row["method"]),
            tier=_whole(row["tier"]),
            value=found.estimates[row["method"]].value(measure.digits),
            interval=found.estimates[row["method"]].interval(measure.digits),
            ranks=_span(row["rank_low"], row["rank_high"]),
            schemes=(*(_whole(row[scheme]) for scheme in schemes),),  # type: ignore[arg-type]
            runs=f"{row['runs']}/{row['runs'] + row['failed'] + row['absent']}",
            failed=int(row["failed"]),
            below=below.get(str(row["method"]), ""),
        )
        for _, row in found.table.iterrows()
    ]
    return sorted(places, key=lambda place: bool(place.below))


def _whole(value: object) -> str:
    return NOTHING if pd.isna(value) else str(int(value))  # type: ignore[call-overload]


def _span(low: object, high: object) -> str:
    first, last = _whole(low), _whole(high)
    return first if first == last else f"{first}{NOTHING}{last}"
