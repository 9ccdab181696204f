"""Scores of the same networks at the thresholds that their records have: half, Dice, topology."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from topoeval.report.scored import BETTI_ERROR, DICE
from topoeval.results.records import Records
from topoeval.statistics import Estimate, score_grids, standings_of

NAMES = ("half", "dice", "topology")
SHOWN = (DICE, BETTI_ERROR)

AtThresholds = Mapping[tuple[str, str], Estimate]
"""Estimates by the name of the threshold and of the score."""


def threshold_estimates(records: Records) -> dict[tuple[str, str], AtThresholds]:
    """Return by dataset and label of a row its estimates at each threshold that was recorded."""
    found: dict[tuple[str, str], dict[tuple[str, str], Estimate]] = {}
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
        for dataset, grids in score_grids(runs, table, [one.name for one in SHOWN]).items():
            for metric in SHOWN:
                made = standings_of([grids[metric.name]], metric, bases={})
                for arm, estimate in made.estimates.items():
                    found.setdefault((dataset, arm), {})[name, metric.name] = estimate
    return {key: dict(values) for key, values in found.items()}
