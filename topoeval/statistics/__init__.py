"""What scores of several seeds and cases support: intervals, tests, tiers, ranks.

`standings` computes most of them at once; the rest are its parts.
"""

from topoeval.statistics.against_base import AgainstBase
from topoeval.statistics.bootstrap import Stability, percentile_interval, resampled_means
from topoeval.statistics.critical_difference import CriticalDifference, critical_difference
from topoeval.statistics.crossed import crossed_interval
from topoeval.statistics.estimate import (
    LEAST_SEEDS,
    LEVEL,
    NOTHING,
    UNMEASURED,
    Estimate,
    mean_interval,
)
from topoeval.statistics.grid import ScoreGrid, grids, score_grids, score_table
from topoeval.statistics.pairs import Pairs, compare_pairs, holm
from topoeval.statistics.power import Power
from topoeval.statistics.standings import Standings, standings, standings_of

__all__ = [
    "LEAST_SEEDS",
    "LEVEL",
    "NOTHING",
    "UNMEASURED",
    "AgainstBase",
    "CriticalDifference",
    "Estimate",
    "Pairs",
    "Power",
    "ScoreGrid",
    "Stability",
    "Standings",
    "compare_pairs",
    "critical_difference",
    "crossed_interval",
    "grids",
    "holm",
    "mean_interval",
    "percentile_interval",
    "resampled_means",
    "score_grids",
    "score_table",
    "standings",
    "standings_of",
]
