"""Every method against its own base: the family that tables, stars and claims are made of.

A loss added to Dice is compared with Dice alone, a correction with the network that it corrects.
With k methods that have a base there are k comparisons, corrected together by Holm (Scandinavian
Journal of Statistics 6, 1979): the chance of one false star in the family is at most 5 %. The
k (k - 1) / 2 pairs of `topoeval.statistics.pairs` are another, larger family; they decide tiers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from topoeval.metrics import Metric
from topoeval.statistics.crossed import Mean, crossed
from topoeval.statistics.estimate import LEAST_SEEDS, LEVEL, UNMEASURED, Estimate
from topoeval.statistics.grid import ScoreGrid, direction
from topoeval.statistics.pairs import holm


@dataclass(frozen=True, slots=True)
class AgainstBase:
    """A method compared with its base by one score.

    Parameters
    ----------
    base
        Label of the base.
    difference
        Method minus base over the seeds that both have, paired by seed and case; its interval is
        for itself, not corrected.
    p, p_holm
        Of the difference, alone and in its family; NaN with fewer than `LEAST_SEEDS` seeds.
    better, worse
        Whether the method is separated as better, or as worse, than its base in its family. A
        method with a failed run is never better: the seeds that it survived flatter it.
    same
        Whether it has the same value as its base in every case of every run.
    """

    base: str
    difference: Estimate
    p: float = np.nan
    p_holm: float = np.nan
    better: bool = False
    worse: bool = False
    same: bool = False


def against_bases(
    found: Sequence[ScoreGrid],
    measure: Metric,
    bases: Mapping[str, str],
    level: float = LEVEL,
) -> dict[str, AgainstBase]:
    """Compare methods with their bases over the datasets given, each counting alike.

    Parameters
    ----------
    found
        One grid per dataset, over the same methods.
    measure
        Says which way is better, and the range that intervals are cut at.
    bases
        Label of the base by label of the method; methods without one are not compared.
    level
        Of intervals; the family's chance of a false claim is ``1 - level``.

    Returns
    -------
    dict
        By method, of those whose base is there; a difference is unmeasured where the two have no
        seed in common on some dataset.
    """
    methods = found[0].methods
    pairs = {
        method: (methods.index(method), methods.index(base))
        for method, base in bases.items()
        if method in methods and base in methods and base != method
    }
    made: dict[str, AgainstBase] = {}
    groups: dict[bytes, list[str]] = {}
    for method, (i, j) in pairs.items():
        shared = np.concatenate([grid.scored[i] & grid.scored[j] for grid in found])
        groups.setdefault(shared.tobytes(), []).append(method)
    for names in groups.values():
        left, right = np.array([pairs[name] for name in names]).T
        differences = []
        for grid in found:
            shared = grid.scored[left[0]] & grid.scored[right[0]]
            values = grid.values[:, shared]
            differences.append(values[left] - values[right])
        for name, one in zip(names, _compared(differences, measure, level), strict=True):
            made[name] = AgainstBase(bases[name], *one)
    return _decided({name: made[name] for name in pairs}, found, measure, level)


def _compared(
    differences: Sequence[NDArray[np.float64]], measure: Metric, level: float
) -> list[tuple[Estimate, float, float, bool, bool, bool]]:
    """Return the arguments of an `AgainstBase` but the base, for pairs with the same runs."""
    count = len(differences[0])
    seeds = [table.shape[1] for table in differences]
    if not all(seeds) or not all(table.shape[2] for table in differences):
        return [(UNMEASURED, np.nan, np.nan, False, False, False)] * count
    same = np.all([(table == 0).all((1, 2)) for table in differences], axis=0)
    means = np.mean([table.mean((1, 2)) for table in differences], axis=0)
    if min(seeds) < LEAST_SEEDS:
        by_seed = differences[0].mean(2).tolist() if len(differences) == 1 else [()] * count
        return [
            (
                Estimate(float(means[k]), np.nan, np.nan, sum(seeds), tuple(by_seed[k])),
                np.nan, np.nan, False, False, bool(same[k]),
            )
            for k in range(count)
        ]  # fmt: skip
    mean = Mean(tuple(crossed(table) for table in differences))
    (low, high), p = mean.interval(level), mean.p_value()
    widest = measure.high - measure.low
    return [
        (
            Estimate(float(means[k]), float(low[k]), float(high[k]), sum(seeds)).within(
                -widest, widest
            ),
            float(p[k]), np.nan, False, False, bool(same[k]),
        )
        for k in range(count)
    ]  # fmt: skip


def _decided(
    made: Mapping[str, AgainstBase],
    found: Sequence[ScoreGrid],
    measure: Metric,
    level: float,
) -> dict[str, AgainstBase]:
    """Correct the p-values over the family and say which differences are decided."""
    corrected = holm([one.p for one in made.values()])
    sign = 1 if direction(measure) == "higher" else -1
    methods = found[0].methods
    decided = {}
    for (name, one), p_holm in zip(made.items(), corrected.tolist(), strict=True):
        sure = p_holm < 1 - level
        gain = sign * one.difference.mean
        failed = any(grid.failed[methods.index(name)].any() for grid in found)
        decided[name] = AgainstBase(
            base=one.base,
            difference=one.difference,
            p=one.p,
            p_holm=p_holm,
            better=sure and gain > 0 and not failed,
            worse=sure and gain < 0,
            same=one.same,
        )
    return decided
