"""How often intervals hold the truth and tiers separate equals: the figures of docs/statistics.md.

    OMP_NUM_THREADS=1 python bench/micro/intervals.py [--draws 4000] [--families 2000]

Scores are drawn with known truth: seeds and cases crossed, with effects that methods share and
effects of each method's own; normal, skewed (exponentials of normals), or right and wrong (a
normal above its threshold). Printed as Markdown.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator

import numpy as np
from scipy import stats

from topoeval.statistics.bootstrap import percentile_interval, resampled_means
from topoeval.statistics.crossed import Mean, crossed
from topoeval.statistics.grid import Grid, known
from topoeval.statistics.pairs import compare_pairs

# Standard deviations of a method's own seeds, its own cases and the rest.
SPREADS = {
    "alike": (1.0, 1.0, 1.0),
    "seeds": (1.0, 0.1, 0.3),
    "cases": (0.1, 1.0, 0.3),
    "rest": (0.1, 0.1, 1.0),
}
MEASURE = known("dice")


def latent(
    rng: np.random.Generator, shape: tuple[int, int, int], spread: tuple[float, float, float]
) -> np.ndarray:
    """Return ``(methods, seeds, cases)`` normal scores with mean 0 for every method."""
    k, seeds, cases = shape
    shared = rng.normal(size=(1, seeds, 1)) + 2 * rng.normal(size=(1, 1, cases))
    own_seed, own_case, rest = spread
    return (
        shared
        + own_seed * rng.normal(size=(k, seeds, 1))
        + own_case * rng.normal(size=(k, 1, cases))
        + rest * rng.normal(size=shape)
    )


def seen(values: np.ndarray, shape: str) -> np.ndarray:
    """Turn normal scores into scores of another distribution."""
    if shape == "skewed":
        return np.exp(values / 2)
    return (values > -1).astype(float) if shape == "right or wrong" else values


def coverage(rng: np.random.Generator, draws: int) -> Iterator[tuple[str, ...]]:
    """Yield a row per design: coverage of the paired difference of two equal methods."""
    yield ("scores", "spread", "seeds", "cases", "t, crossed", "bootstrap", "n - 1", "t, pooled")
    designs = [("normal", name, s, 30) for name in SPREADS for s in (2, 3, 5, 8)]
    designs += [
        (shape, "alike", s, 60) for shape in ("skewed", "right or wrong") for s in (3, 5, 8)
    ]
    designs += [("normal", "alike", 5, 300), ("normal", "alike", 20, 30)]
    for shape, name, seeds, cases in designs:
        hits = np.zeros(4)
        for _ in range(draws):
            values = seen(latent(rng, (2, seeds, cases), SPREADS[name]), shape)
            difference = values[0] - values[1]
            ends = [Mean((crossed(difference),)).interval()]
            grid = Grid(
                "d", ("a",), tuple(range(seeds)), tuple(map(str, range(cases))),
                difference[None], np.zeros((1, seeds), bool), 0,
            )  # fmt: skip
            for fewer in (0, 1):
                drawn = resampled_means([grid], MEASURE, resamples=400, rng=rng, fewer=fewer)
                ends.append(percentile_interval(drawn[:, 0]))
            flat = difference.ravel()
            ends.append(stats.t.interval(0.95, len(flat) - 1, flat.mean(), stats.sem(flat)))
            hits += [low <= 0 <= high for low, high in ends]
        yield (shape, name, str(seeds), str(cases), *(f"{hit / draws:.1%}" for hit in hits))


def families(rng: np.random.Generator, draws: int) -> Iterator[tuple[str, ...]]:
    """Yield a row per design: families with a false claim, and how often a lead is found."""
    yield ("scores", "methods", "seeds", "cases", "false claims", "a lead of 2 sd of a seed found")
    designs = [("normal", k, s, 30) for k in (3, 6, 10) for s in (3, 5, 8)]
    designs += [(shape, 6, 5, 60) for shape in ("skewed", "right or wrong")]
    for shape, k, seeds, cases in designs:
        wrong = found = 0
        for _ in range(draws):
            values = latent(rng, (k, seeds, cases), SPREADS["alike"])
            wrong += bool(separated(seen(values, shape)))
            values[0] += 2.0
            lead = separated(seen(values, shape))
            found += sum(pair[0] == "0" for pair in lead) == k - 1
        rates = (f"{wrong / draws:.1%}", f"{found / draws:.0%}")
        yield (shape, str(k), str(seeds), str(cases), *rates)


def separated(values: np.ndarray) -> set[tuple[str, str]]:
    """Return the pairs that are separated."""
    k, seeds, cases = values.shape
    names, tests = tuple(map(str, range(k))), tuple(map(str, range(cases)))
    grid = Grid("d", names, tuple(range(seeds)), tests, values, np.zeros((k, seeds), bool), 0)
    return compare_pairs([grid], MEASURE).separated()


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=4000, help="tables per design")
    parser.add_argument("--families", type=int, default=2000, help="families per design")
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    clock = time.process_time()
    for title, rows in (
        (f"Coverage of 95 % intervals, {options.draws} draws", coverage(rng, options.draws)),
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
