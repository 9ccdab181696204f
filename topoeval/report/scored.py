"""Which metrics a report shows: a few always, and the others that its records have."""

from __future__ import annotations

from collections.abc import Collection

from topoeval.metrics import Metric, metric_of
from topoeval.metrics.catalogue import every_column

DICE = metric_of("dice")
BETTI_ERROR = metric_of("betti_error")
BETTI_ERRORS = tuple(metric_of(f"betti_error_{k}") for k in range(3))
# "Own" is the mask of the case itself; "prior" the Betti numbers its class is supposed to have.
OWN = metric_of("matches_truth")
PRIOR = metric_of("matches_prior")
CEILING = metric_of("truth_matches_prior")

# Shown as paired difference to the row's own base.
COMPARED = (OWN, BETTI_ERROR, DICE)
_ALWAYS = (DICE, BETTI_ERROR, *BETTI_ERRORS, OWN, PRIOR, CEILING)


def scored(columns: Collection[str]) -> tuple[Metric, ...]:
    """Return the metrics of a report on records with these columns.

    Metrics without a direction describe the data and are left out, except the prior's ceiling.

    >>> [metric.name for metric in scored(["mse", "b0"])][-2:]
    ['truth_matches_prior', 'mse']
    """
    further = [
        metric
        for name, metric in every_column().items()
        if name in columns and metric.direction and metric not in _ALWAYS
    ]
    return (*_ALWAYS, *further)
