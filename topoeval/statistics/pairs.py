"""Every pair of methods: the paired difference, what it is worth, and Wilcoxon's test.

Two tests, for two questions. The t-test of the crossed means (`topoeval.statistics.crossed`) asks
whether new seeds and new cases would show the difference too; it decides tiers. Wilcoxon's signed
ranks (Biometrics Bulletin 1, 1945) ask no more of the run means than symmetry, but with n of them
no two-sided p is below 2 / 2^n: with 5 seeds nothing can be significant. Both are corrected over
all pairs by Holm (Scandinavian Journal of Statistics 6, 1979), which bounds the chance of a single
false claim in the whole family.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from topoeval.metrics import Metric
from topoeval.statistics.crossed import Crossed, Mean, crossed
from topoeval.statistics.estimate import LEAST_SEEDS, LEVEL
from topoeval.statistics.grid import ScoreGrid, direction, worst

# Up to here all signs are tried where ties leave no exact table; 2^12 = 4096 of them.
_ENUMERATED = 12

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Pairs:
    """All comparisons of a family.

    Parameters
    ----------
    table
        A row per pair: ``a``, ``b``; ``difference`` of a to b with ``low`` and ``high`` (95 % each,
        not corrected); ``runs`` that both have; ``p`` and ``p_holm`` of the crossed t-test;
        ``better``, the name of the one that is separated as better, else empty; ``wilcoxon_n``,
        ``wilcoxon_p``, ``wilcoxon_p_holm``. NaN where two methods cannot be compared.
    least_p
        Smallest corrected p that Wilcoxon's test could give with these runs.
    """

    table: pd.DataFrame
    least_p: float

    def separated(self) -> set[tuple[str, str]]:
        """Return ``(better, worse)`` of every pair that is separated."""
        found = self.table[self.table["better"] != ""]
        return {(row.better, row.b if row.better == row.a else row.a) for row in found.itertuples()}


def holm(p: Sequence[float] | Array) -> Array:
    """Correct p-values over their family; NaN, a test that was not made, stays NaN.

    Not statsmodels' `multipletests`, which collects the garbage of the whole process in each call:
    a third of a second beside a loaded torch, a hundred times in a report.

    >>> holm([0.01, 0.04, 0.03]).round(2)
    array([0.03, 0.06, 0.06])
    """
    values = np.asarray(p, dtype=float)
    order = np.argsort(values, kind="stable")[: np.count_nonzero(~np.isnan(values))]
    steps = values[order] * np.arange(len(order), 0, -1)
    corrected = np.full(values.shape, np.nan)
    corrected[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return corrected


def compare_pairs(found: Sequence[ScoreGrid], measure: Metric, level: float = LEVEL) -> Pairs:
    """Compare every two methods over the datasets given, each counting alike.

    Parameters
    ----------
    found
        One grid per dataset, over the same methods.
    measure
        Says which way is better.
    level
        Of intervals; pairs are separated where the corrected p is below ``1 - level``.

    Notes
    -----
    Two methods are compared on the seeds for which both have scores, and only if every dataset has
    two of these; they are tested, and may be separated, only with `LEAST_SEEDS`. A method with a
    failed run is never the better one: the seeds it survived flatter it. For Wilcoxon's test a
    failed run scores the worst end of the range.
    """
    methods = found[0].methods
    sign = 1 if direction(measure) == "higher" else -1
    faulty = {
        method
        for grid in found
        for method, failed in zip(methods, grid.failed.tolist(), strict=True)
        if any(failed)
    }
    names = list(combinations(range(len(methods)), 2))
    table = _differences(found, names, level)
    table["p_holm"] = holm(table["p"].to_numpy(dtype=float))
    lead = np.sign(table["difference"].to_numpy(dtype=float)) * sign
    better = np.where(lead > 0, table["a"], table["b"])
    sure = (table["p_holm"] < 1 - level).to_numpy() & ~np.isin(better, list(faulty))
    table["better"] = np.where(sure, better, "")
    table["wilcoxon_n"], table["wilcoxon_p"] = wilcoxon(_blocks(found, measure), names)
    table["wilcoxon_p_holm"] = holm(table["wilcoxon_p"].to_numpy(dtype=float))
    largest = int(table["wilcoxon_n"].max()) if len(table) else 0
    least = min(1.0, len(table) * 2.0 ** (1 - largest)) if largest else 1.0
    return Pairs(table, least)


def differences(
    found: Sequence[ScoreGrid], pairs: Sequence[tuple[int, int]]
) -> tuple[Crossed, ...] | None:
    """Return the paired differences per dataset of pairs that have their runs in common.

    None if the pairs cannot be compared: with fewer than two common seeds on some dataset.
    """
    first, second = pairs[0]
    left, right = np.array(pairs).T
    parts = []
    for grid in found:
        shared = grid.scored[first] & grid.scored[second]
        if shared.sum() < 2:
            return None
        values = grid.values[:, shared]
        parts.append(crossed(values[left] - values[right]))
    return tuple(parts)


def wilcoxon(blocks: Array, pairs: Sequence[tuple[int, int]]) -> tuple[NDArray[np.int64], Array]:
    """Test paired columns by Wilcoxon's signed ranks, exactly wherever that is possible.

    Parameters
    ----------
    blocks
        ``(blocks, methods)``: one run mean each, NaN where there is none.
    pairs
        Which columns to compare.

    Returns
    -------
    tuple
        Number of blocks that both columns have, and the two-sided p-values. Zero differences are
        split evenly (Demšar, JMLR 7, 2006). Exact by table without ties, by trying all signs with
        ties up to 12 blocks, by the normal approximation beyond.
    """
    n = np.zeros(len(pairs), dtype=np.int64)
    p = np.full(len(pairs), np.nan)
    if not pairs:
        return n, p
    left, right = np.array(pairs).T
    present = ~np.isnan(blocks)
    both = present[:, left] & present[:, right]
    n[:] = both.sum(0)
    with np.errstate(invalid="ignore"):
        # Two failures of the same kind are equal, infinite or not.
        equal = blocks[:, left] == blocks[:, right]
        difference = np.where(equal, 0.0, blocks[:, left] - blocks[:, right])
    # Where a score has no worst value a failure is infinitely worse: any rank above all others.
    difference = np.where(
        np.isinf(difference), np.sign(difference) * _beyond(difference), difference
    )
    patterns, which = np.unique(both, axis=1, return_inverse=True)
    for k, pattern in enumerate(patterns.T):
        if pattern.any():
            columns = np.flatnonzero(which.ravel() == k)
            p[columns] = _signed_ranks(difference[np.ix_(pattern, columns)])
    return n, p


def _beyond(values: Array) -> float:
    finite = np.abs(values[np.isfinite(values)])
    return 2 * float(finite.max(initial=0.5))


def _signed_ranks(difference: Array) -> Array:
    if len(difference) < 2:
        # One block has two signs, both as likely: it never speaks against equality.
        return np.ones(difference.shape[1])
    size = np.abs(difference).round(12)
    ordered = np.sort(size, axis=0)
    tied = (size == 0).any(0) | (np.diff(ordered, axis=0) == 0).any(0)
    p = np.full(difference.shape[1], np.nan)
    n = len(difference)
    for columns, exact in ((~tied, True), (tied, False)):
        if not columns.any():
            continue
        method: object = "exact" if exact else "approx"
        if not exact and n <= _ENUMERATED:
            method = stats.PermutationMethod(n_resamples=2**n)
        values = np.sign(difference[:, columns]) * size[:, columns]
        made = stats.wilcoxon(values, zero_method="zsplit", method=method, axis=0)
        # All differences 0: nothing speaks against equality.
        p[columns] = np.where((values == 0).all(0), 1.0, made.pvalue)
    return p


def _blocks(found: Sequence[ScoreGrid], measure: Metric) -> Array:
    return run_blocks(found, measure).to_numpy(dtype=float)


def run_blocks(found: Sequence[ScoreGrid], measure: Metric) -> pd.DataFrame:
    """Return run means, a row per dataset and seed, a column per method.

    Failed runs are at the worst end of the range; runs that were not measured are NaN.
    """
    frames = []
    for grid in found:
        means = grid.values.mean(-1) if grid.cases else np.full(grid.failed.shape, np.nan)
        means = np.where(grid.failed, worst(measure), means)
        index = pd.MultiIndex.from_product([[grid.dataset], grid.seeds], names=["dataset", "seed"])
        frames.append(pd.DataFrame(means.T, index=index, columns=list(grid.methods)))
    return pd.concat(frames)


def _differences(
    found: Sequence[ScoreGrid], pairs: Sequence[tuple[int, int]], level: float
) -> pd.DataFrame:
    """Compare every pair, those with the same runs in one go."""
    columns = ("difference", "low", "high", "runs", "p")
    values = np.full((len(pairs), len(columns)), np.nan)
    values[:, columns.index("runs")] = 0
    groups: dict[bytes, list[int]] = {}
    for place, (i, j) in enumerate(pairs):
        shared = np.concatenate([grid.scored[i] & grid.scored[j] for grid in found])
        groups.setdefault(shared.tobytes(), []).append(place)
    for places in groups.values():
        parts = differences(found, [pairs[place] for place in places])
        if parts is not None:
            mean = Mean(parts)
            runs = np.full(len(places), sum(part.seeds for part in parts))
            unknown = np.full(len(places), np.nan)
            low, high, p = unknown, unknown, unknown
            if min(part.seeds for part in parts) >= LEAST_SEEDS:
                (low, high), p = mean.interval(level), mean.p_value()
            values[places] = np.stack([mean.mean, low, high, runs, p], axis=1)
    methods = found[0].methods
    names = {"a": [methods[i] for i, _ in pairs], "b": [methods[j] for _, j in pairs]}
    table = pd.DataFrame(names, dtype="str").join(pd.DataFrame(values, columns=list(columns)))
    return table.astype({"runs": int})
