"""Scores of the same networks at the thresholds that their records have: half, Dice, topology."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from topoeval.report.scored import BETTI_ERROR, DICE
from topoeval.results.records import Records
from topoeval.statistics import Estimate, Standings, score_grids, standings_of

NAMES = ("half", "dice", "topology")
SHOWN = (DICE, BETTI_ERROR)

AtThresholds = Mapping[tuple[str, str], Estimate]
"""Estimates by the name of the threshold and of the score."""
ThresholdStandings = Mapping[str, Mapping[str, Mapping[str, Standings]]]
"""What the scores support, by the name of the threshold, dataset and score."""


def threshold_standings(
    records: Records, bases: Mapping[str, Mapping[str, str]]
) -> ThresholdStandings:
    """Return what the scores at each recorded threshold support; every run has its own value.

    Parameters
    ----------
    records
        What `topoeval.results.records.read` returns.
    bases
        By dataset and label of a row the label of its base, which has its own threshold too.
    """
    found: dict[str, dict[str, dict[str, Standings]]] = {}
    for name in NAMES:
        cases = {
            # in the order of the main test, whose cases have names
            identity: pd.DataFrame(record.thresholds[name].cases).assign(
                id=identity, case=record.cases["case"]
            )
            for identity, record in records.documents.items()
            if name in record.thresholds
        }
        runs = records.runs[records.runs["id"].isin(list(cases))]
        if runs.empty:
            continue
        table = pd.concat([cases[identity] for identity in runs["id"]])
        found[name] = {
            dataset: {
                metric.name: standings_of(
                    [grids[metric.name]], metric, bases=bases.get(dataset, {})
                )
                for metric in SHOWN
            }
            for dataset, grids in score_grids(runs, table, [one.name for one in SHOWN]).items()
        }
    return found


def estimates_at(found: ThresholdStandings, dataset: str, arm: str) -> AtThresholds:
    """Return the estimates of a row at each threshold that its runs recorded."""
    return {
        (name, score): one.estimates[arm]
        for name, datasets in found.items()
        for score, one in datasets.get(dataset, {}).items()
        if arm in one.estimates
    }
