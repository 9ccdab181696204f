"""What scores of several seeds and cases support: intervals, tests, tiers, ranks.

`standings` answers most questions at once; the rest are its parts.
"""

from topoeval.statistics.bootstrap import Stability, percentile_interval, resampled_means
from topoeval.statistics.critical_difference import CriticalDifference, critical_difference
from topoeval.statistics.crossed import crossed_interval
from topoeval.statistics.estimate import (
    LEVEL,
    NOTHING,
    UNMEASURED,
    Estimate,
    mean_interval,
    paired_difference,
    run_means,
    separated_best,
)
from topoeval.statistics.grid import Grid, grids, score_table
from topoeval.statistics.pairs import Pairs, compare_pairs, holm
from topoeval.statistics.power import Power
from topoeval.statistics.standings import Standings, standings

__all__ = [
    "LEVEL",
    "NOTHING",
    "UNMEASURED",
    "CriticalDifference",
    "Estimate",
    "Grid",
    "Pairs",
    "Power",
    "Stability",
    "Standings",
    "compare_pairs",
    "critical_difference",
    "crossed_interval",
    "grids",
    "holm",
    "mean_interval",
    "paired_difference",
    "percentile_interval",
    "resampled_means",
    "run_means",
    "score_table",
    "separated_best",
    "standings",
]
