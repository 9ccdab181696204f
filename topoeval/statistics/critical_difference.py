"""Friedman's test and Nemenyi's critical difference (Demšar, JMLR 7, 2006, section 3.2.2).

Mean ranks over blocks, and how far two of them must lie apart. Blocks are pairs of dataset and seed
here: a claim about these datasets, not about datasets in general.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from topoeval.errors import UserError
from topoeval.metrics import Metric
from topoeval.statistics.grid import direction
from topoeval.statistics.ranks import rank


@dataclass(frozen=True, eq=False)
class CriticalDifference:
    """What a critical-difference diagram shows.

    Parameters
    ----------
    mean_ranks
        By method, best first.
    difference
        The critical difference; two mean ranks closer than this are not separated.
    groups
        Largest sets of methods that are not separated, best first: the bars of the diagram. A
        method that is separated from all others is in none.
    p
        Of Friedman's test that all methods are equal. Above ``alpha`` no pair is to be claimed.
    pairs
        Nemenyi's p-value of every two methods.
    blocks, dropped
        Blocks that were used, and those left out because some method was not measured there.
    alpha
        Level of the diagram.
    """

    mean_ranks: pd.Series
    difference: float
    groups: tuple[tuple[str, ...], ...]
    p: float
    pairs: pd.DataFrame
    blocks: int
    dropped: int
    alpha: float

    def text(self) -> str:
        """Return the diagram's caption."""
        left_out = f" ({self.dropped} incomplete ones left out)" if self.dropped else ""
        return (
            f"Friedman test over {self.blocks} blocks of dataset and seed{left_out}: "
            f"p = {self.p:.2g}; Nemenyi critical difference of mean ranks at "
            f"{self.alpha:g}: {self.difference:.2f}"
        )


def critical_value(methods: int, alpha: float = 0.05) -> float:
    """Return the quantile of the studentised range, infinite degrees of freedom, over root 2.

    >>> round(critical_value(4), 3)
    2.569
    """
    return float(stats.studentized_range.ppf(1 - alpha, methods, np.inf) / math.sqrt(2))


def nemenyi(methods: int, blocks: int, alpha: float = 0.05) -> float:
    """Return the critical difference of mean ranks.

    >>> round(nemenyi(4, 14), 2)
    1.25
    """
    return critical_value(methods, alpha) * math.sqrt(methods * (methods + 1) / (6 * blocks))


def critical_difference(
    blocks: pd.DataFrame, measure: Metric, alpha: float = 0.05
) -> CriticalDifference | None:
    """Compute the diagram from run means.

    Parameters
    ----------
    blocks
        A row per block, a column per method; infinite for a failure without a worst score. Blocks
        with NaN are left out and counted.
    measure
        Says which way is better.
    alpha
        Level of the critical difference.

    Returns
    -------
    CriticalDifference or None
        None with fewer than three methods or two complete blocks: there is nothing to test.
    """
    import scikit_posthocs

    if not 0 < alpha < 1:
        raise UserError(f"alpha is a level between 0 and 1, got {alpha}")
    complete = blocks.dropna(axis=0)
    if complete.shape[1] < 3 or len(complete) < 2:
        return None
    # Ranks of ranks are the ranks: what follows need not know of infinities and directions.
    ranks = rank(
        complete.to_numpy(dtype=float),
        higher_is_better=direction(measure) == "higher",
        ties="average",
    )
    mean_ranks = pd.Series(ranks.mean(0), index=complete.columns).sort_values(kind="stable")
    # Ties everywhere leave Friedman's statistic undefined; nothing speaks against equality.
    tied = bool((ranks == ranks[:, :1]).all())
    p = 1.0 if tied else float(stats.friedmanchisquare(*ranks.T).pvalue)
    pairs = scikit_posthocs.posthoc_nemenyi_friedman(ranks)
    pairs.index = pairs.columns = complete.columns
    difference = nemenyi(complete.shape[1], len(complete), alpha)
    return CriticalDifference(
        mean_ranks=mean_ranks,
        difference=difference,
        groups=_groups(mean_ranks, difference),
        p=p,
        pairs=pairs,
        blocks=len(complete),
        dropped=len(blocks) - len(complete),
        alpha=alpha,
    )


def _groups(mean_ranks: pd.Series, difference: float) -> tuple[tuple[str, ...], ...]:
    names, values = list(mean_ranks.index), mean_ranks.to_numpy()
    groups: list[tuple[str, ...]] = []
    reached = 0
    for first, value in enumerate(values):
        last = int(np.searchsorted(values, value + difference, side="left"))
        # One that ends where an earlier one ended is a part of it.
        if last > reached and last - first > 1:
            groups.append(tuple(names[first:last]))
        reached = max(reached, last)
    return tuple(groups)
