"""How often printed intervals hold the truth and equals get a star (docs/statistics.md).

    OMP_NUM_THREADS=1 python bench/micro/intervals.py [--draws 4000] [--families 1000]

Scores are drawn with known truth: seeds and cases crossed, with effects that methods share and
effects of each method's own. They are normal; skewed (exponentials of normals, the skewness of a
case's mean about 1.5, as of Betti errors in our records); right or wrong (a normal above its
threshold), two in three right or nine in ten. Four spreads each: a method's own seeds, own cases
and the rest alike, or one of them above the others. Printed as Markdown: the lowest and highest
coverage over the spreads, of a method's mean and of the difference of two equal methods; and the
share of families in which one of k methods that are like their base gets a star.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator

import numpy as np

from topoeval.statistics.crossed import Mean, crossed, with_two_more
from topoeval.statistics.pairs import holm

# Standard deviations of a method's own seeds, its own cases and the rest.
SPREADS = {
    "alike": (1.0, 1.0, 1.0),
    "seeds": (1.0, 0.1, 0.3),
    "cases": (0.1, 1.0, 0.3),
    "rest": (0.1, 0.1, 1.0),
}
SHAPES = ("normal", "skewed", "right or wrong, 2 in 3", "right or wrong, 9 in 10")
SEEDS, CASES = (5, 10), (18, 100)
_CHUNK = 500


def latent(
    rng: np.random.Generator, shape: tuple[int, ...], spread: tuple[float, float, float]
) -> np.ndarray:
    """Return ``(draws, methods, seeds, cases)`` normal scores with mean 0 for every method."""
    draws, k, seeds, cases = shape
    shared = 0.5 * rng.normal(size=(draws, 1, seeds, 1)) + 2 * rng.normal(size=(draws, 1, 1, cases))
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
        return np.exp(values / 5)
    if shape.startswith("right or wrong"):
        return (values > (-1 if shape.endswith("2 in 3") else -3)).astype(float)
    return values


def truth(shape: str, spread: tuple[float, float, float]) -> float:
    """Return the mean that scores have over all seeds and cases there could be."""
    scale = float(np.sqrt(0.25 + 4 + sum(one**2 for one in spread)))
    nodes, weights = np.polynomial.hermite_e.hermegauss(64)
    if shape.startswith("right or wrong"):
        # a step is no polynomial
        nodes = np.linspace(-8, 8, 160_001)
        weights = np.exp(-(nodes**2) / 2)
    return float(weights @ seen(scale * nodes, shape) / weights.sum())


def coverage(
    rng: np.random.Generator, shape: str, seeds: int, cases: int, draws: int
) -> tuple[list[float], list[float]]:
    """Return by spread how often the intervals of a mean and of a difference hold the truth."""
    of_mean, of_difference = [], []
    for spread in SPREADS.values():
        expected, hits = truth(shape, spread), np.zeros(2)
        for done in range(0, draws, _CHUNK):
            values = latent(rng, (min(_CHUNK, draws - done), 2, seeds, cases), spread)
            scores = seen(values, shape)
            own = with_two_more(scores[:, 0]) if shape.startswith("right") else scores[:, 0]
            difference = scores[:, 0] - scores[:, 1]
            for place, (table, mean) in enumerate(((own, expected), (difference, 0.0))):
                low, high = Mean((crossed(table),)).interval()
                hits[place] += ((low <= mean) & (mean <= high)).sum()
        of_mean.append(hits[0] / draws)
        of_difference.append(hits[1] / draws)
    return of_mean, of_difference


def false_stars(
    rng: np.random.Generator, shape: str, methods: int, seeds: int, cases: int, families: int
) -> float:
    """Return in which share of families a method that is like its base is called better."""
    wrong = 0
    for done in range(0, families, 50):
        size = (min(50, families - done), methods + 1, seeds, cases)
        scores = seen(latent(rng, size, SPREADS["alike"]), shape)
        mean = Mean((crossed(scores[:, 1:] - scores[:, :1]),))
        p, lead = mean.p_value(), mean.mean
        stars = np.array([holm(family) for family in p]) < 0.05
        wrong += int((stars & (lead > 0)).any(1).sum())
    return wrong / families


def rows(draws: int, families: int) -> Iterator[tuple[str, ...]]:
    """Yield the lines of the table."""
    rng = np.random.default_rng(0)
    yield ("scores", "seeds", "cases", "mean", "difference", "false stars, 5 methods", "28 methods")
    for shape in SHAPES:
        for seeds in SEEDS:
            for cases in CASES:
                spans = coverage(rng, shape, seeds, cases, draws)
                stars = (false_stars(rng, shape, k, seeds, cases, families) for k in (5, 28))
                yield (
                    shape, str(seeds), str(cases),
                    *(f"{100 * min(one):.1f} to {100 * max(one):.1f} %" for one in spans),
                    *(f"{100 * one:.1f} %" for one in stars),
                )  # fmt: skip


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=4000, help="tables per design and spread")
    parser.add_argument("--families", type=int, default=1000, help="families per design")
    options = parser.parse_args()
    clock = time.process_time()
    for number, row in enumerate(rows(options.draws, options.families)):
        print(f"| {' | '.join(row)} |", flush=True)
        if number == 0:
            print("|---" * len(row) + "|")
    print(f"\n{time.process_time() - clock:.0f} s of CPU time")


if __name__ == "__main__":
    main()
