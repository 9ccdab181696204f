"""How often intervals hold the truth and tiers separate equals: the figures of docs/statistics.md.

    OMP_NUM_THREADS=1 python bench/micro/intervals.py [--draws 10000] [--families 4000]

Scores are drawn with known truth: seeds and cases crossed, with effects that methods share and
effects of each method's own; normal, skewed (exponentials of normals), or right and wrong (a
normal above its threshold). Printed as Markdown.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from itertools import combinations

import numpy as np
from scipy import stats

from topoeval.metrics import metric_of
from topoeval.statistics.bootstrap import percentile_interval, resampled_means
from topoeval.statistics.crossed import Mean, crossed
from topoeval.statistics.grid import ScoreGrid
from topoeval.statistics.pairs import holm

# Standard deviations of a method's own seeds, its own cases and the rest.
SPREADS = {
    "alike": (1.0, 1.0, 1.0),
    "seeds": (1.0, 0.1, 0.3),
    "cases": (0.1, 1.0, 0.3),
    "rest": (0.1, 0.1, 1.0),
}
MEASURE = metric_of("dice")


def latent(
    rng: np.random.Generator, shape: tuple[int, ...], spread: tuple[float, float, float]
) -> np.ndarray:
    """Return ``(draws, methods, seeds, cases)`` normal scores with mean 0 for every method."""
    draws, k, seeds, cases = shape
    shared = rng.normal(size=(draws, 1, seeds, 1)) + 2 * rng.normal(size=(draws, 1, 1, cases))
    own_seed, own_case, rest = spread
    return (
        shared
        + own_seed * rng.normal(size=(draws, k, seeds, 1))
        + own_case * rng.normal(size=(draws, k, 1, cases))
        + rest * rng.normal(size=shape)
    )


def seen(values: np.ndarray, shape: str) -> np.ndarray:
    """Turn normal scores into scores of another distribution."""
    if shape == "skewed":
        return np.exp(values / 2)
    return (values > -1).astype(float) if shape == "right or wrong" else values


def coverage(rng: np.random.Generator, draws: int) -> Iterator[tuple[str, ...]]:
    """Yield a row per design: coverage of the paired difference of two equal methods."""
    yield (
        "scores", "spread", "seeds", "cases",
        "ours", "one t", "bootstrap", "bootstrap, n - 1", "pooled t",
    )  # fmt: skip
    designs = [("normal", name, s, 30) for name in SPREADS for s in (2, 3, 5, 8)]
    designs += [
        (shape, "alike", s, 60) for shape in ("skewed", "right or wrong") for s in (3, 5, 8)
    ]
    designs += [("normal", "alike", 5, 300), ("normal", "alike", 20, 30)]
    for shape, name, seeds, cases in designs:
        values = seen(latent(rng, (draws, 2, seeds, cases), SPREADS[name]), shape)
        difference = values[:, 0] - values[:, 1]
        mean = Mean((crossed(difference),))
        low, high = mean.interval()
        flat = difference.reshape(draws, -1)
        half = stats.t.ppf(0.975, flat.shape[1] - 1) * stats.sem(flat, axis=1)
        pooled = np.abs(flat.mean(1)) <= half
        resampled = [bootstrapped(difference[:500], fewer, rng) for fewer in (0, 1)]
        rates = [((low <= 0) & (high >= 0)).mean(), one_t(mean).mean(), *resampled, pooled.mean()]
        yield (shape, name, str(seeds), str(cases), *(f"{rate:.1%}" for rate in rates))


def one_t(mean: Mean) -> np.ndarray:
    """Return which intervals hold 0 if one t has Satterthwaite's freedom for the whole variance."""
    (by_seeds, of_seeds), (by_cases, of_cases) = mean.parts
    variance = by_seeds + by_cases
    freedom = variance**2 / (by_seeds**2 / of_seeds + by_cases**2 / of_cases)
    return np.abs(mean.mean) <= stats.t.ppf(0.975, freedom) * np.sqrt(variance)


def bootstrapped(difference: np.ndarray, fewer: int, rng: np.random.Generator) -> float:
    """Return the coverage of percentile intervals of 400 resamples."""
    hits = []
    for table in difference:
        drawn = resampled_means([grid(table[None])], MEASURE, resamples=400, rng=rng, fewer=fewer)
        low, high = percentile_interval(drawn[:, 0])
        hits.append(low <= 0 <= high)
    return float(np.mean(hits))


def grid(values: np.ndarray) -> ScoreGrid:
    """Return ``(methods, seeds, cases)`` scores as a grid."""
    k, seeds, cases = values.shape
    names, tests = tuple(map(str, range(k))), tuple(map(str, range(cases)))
    return ScoreGrid("d", names, tuple(range(seeds)), tests, values, np.zeros((k, seeds), bool), 0)


def families(rng: np.random.Generator, draws: int) -> Iterator[tuple[str, ...]]:
    """Yield a row per design: families with a false claim, and how often a lead is found."""
    yield ("scores", "methods", "seeds", "cases", "false claims", "a lead of 4 found")
    designs = [("normal", k, s, 30) for k in (3, 6, 10) for s in (3, 5, 8)]
    designs += [(shape, 6, 5, 60) for shape in ("skewed", "right or wrong")]
    for shape, k, seeds, cases in designs:
        wrong = found = 0
        for done in range(0, draws, 250):
            values = latent(rng, (min(250, draws - done), k, seeds, cases), SPREADS["alike"])
            wrong += separated(seen(values, shape)).any(1).sum()
            values[:, 0] += 4.0
            # combinations() begins with the pairs of the first method
            found += separated(seen(values, shape))[:, : k - 1].all(1).sum()
        rates = (f"{wrong / draws:.1%}", f"{found / draws:.0%}")
        yield (shape, str(k), str(seeds), str(cases), *rates)


def separated(values: np.ndarray) -> np.ndarray:
    """Return ``(draws, pairs)``: which pairs are separated, as `compare_pairs` decides it."""
    left, right = np.array(list(combinations(range(values.shape[1]), 2))).T
    p = Mean((crossed(values[:, left] - values[:, right]),)).p_value()
    return np.array([holm(family) for family in p]) < 0.05


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=10_000, help="tables per design")
    parser.add_argument("--families", type=int, default=4000, help="families per design")
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    clock = time.process_time()
    for title, rows in (
        (
            f"Coverage of 95 % intervals, {options.draws} draws (500 of the bootstraps)",
            coverage(rng, options.draws),
        ),
        (f"Tiers, {options.families} families", families(rng, options.families)),
    ):
        print(f"\n{title}\n")
        for number, row in enumerate(rows):
            print(f"| {' | '.join(row)} |", flush=True)
            if number == 0:
                print("|---" * len(row) + "|")
    print(f"\n{time.process_time() - clock:.0f} s of CPU time")


if __name__ == "__main__":
    main()
