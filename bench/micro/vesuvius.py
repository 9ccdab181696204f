"""The Vesuvius score on generated sheets: equal to its peers, and what both cost.

    python bench/micro/vesuvius.py                    # 20 pairs of 64^3 to 160^3, octant by octant
    python bench/micro/vesuvius.py --pairs 4 --largest 96
    python bench/micro/vesuvius.py --large 320        # one pair: CPU and peak, ours and the peers

The peers are the compiled Betti-Matching-3D of the topolosses wheel, the package surface-distance
and scikit-image: ``pip install --no-deps topolosses surface-distance``. The large pair is scored in
a process of its own each time; memory is the growth of its peak by the score (Linux).
"""

from __future__ import annotations

import argparse
import importlib.util
import itertools
import multiprocessing
import time
from collections.abc import Callable
from multiprocessing.connection import Connection

import cc3d
import numpy as np
from native_masks import growth, sheets
from numpy.typing import NDArray
from skimage.metrics import variation_of_information

from topoeval.metrics.sheets import feature_counts, vesuvius_scores
from topoeval.persistence.backends import betti_matching

Mask = NDArray[np.bool_]
WEIGHTS = np.array([0.34, 0.33, 0.33])


def octants(side: int) -> list[tuple[slice, ...]]:
    """Return the eight halves of a cube along each axis."""
    halves = (slice(0, side // 2), slice(side // 2, side))
    return list(itertools.product(halves, repeat=3))


def peer_counts(p: Mask, g: Mask) -> NDArray[np.int64]:
    """Return features of prediction and truth and the matched ones by Betti-Matching-3D."""
    # it takes sublevel sets; loaded as the backend loads it, once in a process
    found = betti_matching._library().compute_matching(-p.astype(float), -g.astype(float))
    rows = []
    for k in range(3):
        both, of_p, of_g = (
            len(getattr(found, f"input{side}_{kind}_birth_coordinates")[k])
            for side, kind in ((1, "matched"), (1, "unmatched"), (2, "unmatched"))
        )
        rows.append((both + of_p, both + of_g, both))
    return np.array(rows).T


def peer_topology(p: Mask, g: Mask) -> float:
    """Return the topology part, octant by octant."""
    counts = sum(peer_counts(p[part], g[part]) for part in octants(len(p)))
    predicted, true, matched = counts
    with np.errstate(divide="ignore", invalid="ignore"):
        f1 = np.where(true > 0, 2 * matched / (predicted + true), 0.5 / (predicted + 0.5))
    there = predicted + true > 0
    return float(np.average(f1[there], weights=WEIGHTS[there])) if there.any() else 1.0


def peer_surface(p: Mask, g: Mask) -> float:
    """Return the surface part by surface-distance."""
    import surface_distance

    found = surface_distance.compute_surface_distances(g, p, (1.0, 1.0, 1.0))
    return float(surface_distance.compute_surface_dice_at_tolerance(found, 2.0))


def peer_partition(p: Mask, g: Mask) -> float:
    """Return the partition part by scikit-image."""
    either = p | g
    labels = [cc3d.connected_components(m, connectivity=26)[either] for m in (g, p)]
    return float(1 / (1 + 0.3 * variation_of_information(*labels).sum()))


def peer_score(p: Mask, g: Mask) -> float:
    """Return the score by the three peers."""
    return (
        0.30 * peer_topology(p, g) + 0.35 * peer_surface(p, g) + 0.35 * peer_partition(p, g)
    )  # fmt: skip


def our_score(p: Mask, g: Mask) -> float:
    """Return the score as the contest has it."""
    return vesuvius_scores(p, g)["vesuvius"]


def whole_score(p: Mask, g: Mask) -> float:
    """Return the score without octants."""
    return vesuvius_scores(p, g, octants=False)["vesuvius"]


def compare(pairs: int, largest: int) -> None:
    """Compare the parts on pairs of growing side."""
    has_surface = importlib.util.find_spec("surface_distance") is not None
    equal = total = 0
    off, spent = [0.0, 0.0], [0.0, 0.0]
    for number, side in enumerate(np.linspace(64, largest, pairs).round().astype(int)):
        p, g = sheets(int(side), seed=number)
        for part in octants(len(p)):
            a, b = (np.ascontiguousarray(mask[part]) for mask in (p, g))
            began = time.process_time()
            theirs = peer_counts(a, b)
            between = time.process_time()
            found = feature_counts(a, b, "V")
            spent[0] += between - began
            spent[1] += time.process_time() - between
            ours = np.array([found.predicted, found.true, found.matched])
            total += 1
            equal += np.array_equal(ours, theirs)
            if not np.array_equal(ours, theirs):
                print(f"pair {number}, side {side}: ours less peer {(ours - theirs).tolist()}")
        print(f"pair {number}, side {side}: {equal} of {total} octants equal so far", flush=True)
        parts = vesuvius_scores(p, g)
        off[1] = max(off[1], abs(parts["vesuvius_partition"] - peer_partition(p, g)))
        if has_surface:
            off[0] = max(off[0], abs(parts["vesuvius_surface"] - peer_surface(p, g)))
    print(f"{pairs} pairs: counts of {equal} of {total} octants equal")
    print(f"matching: {spent[1]:.1f} CPU s, the peer {spent[0]:.1f}")
    print(f"surface off by at most {off[0]:.1e}" if has_surface else "no surface-distance here")
    print(f"partition off by at most {off[1]:.1e}")


def large(side: int) -> None:
    """Measure one pair, each way in a process of its own."""
    found = {}
    ways = {"ours, octants": our_score, "ours, whole": whole_score, "peers, octants": peer_score}
    print(f"| {side}^3 | CPU s | peak GB | score |\n|---|---|---|---|")
    for name, way in ways.items():
        here, there = multiprocessing.get_context("spawn").Pipe()
        child = multiprocessing.get_context("spawn").Process(
            target=measure, args=(way, side, there)
        )
        child.start()
        there.close()
        try:
            spent, peak, score = found[name] = here.recv()
        except EOFError:
            raise SystemExit(f"{name}: its process died, perhaps out of memory") from None
        finally:
            child.join()
        print(f"| {name} | {spent:.1f} | {peak:.2f} | {score:.6f} |", flush=True)
    ours, theirs = found["ours, octants"], found["peers, octants"]
    print(f"ours by octants: {ours[0] / theirs[0]:.3f} of the peers' CPU, ", end="")
    print(f"{ours[1] / theirs[1]:.3f} of their memory")


def measure(way: Callable[[Mask, Mask], float], side: int, to: Connection) -> None:
    """Send CPU seconds, growth of the peak in GB and the score of one way."""
    p, g = sheets(side)
    way(*(np.ascontiguousarray(mask[:32, :32, :32]) for mask in (p, g)))  # imports
    score: list[float] = []
    began = time.process_time()
    grew = growth(lambda: score.append(way(p, g)))
    to.send((time.process_time() - began, grew / 1e9, score[0]))


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=20)
    parser.add_argument("--largest", type=int, default=160, help="largest side of the pairs")
    parser.add_argument("--large", type=int, help="side of one pair, to measure")
    chosen = parser.parse_args()
    if chosen.large:
        large(chosen.large)
    else:
        compare(chosen.pairs, chosen.largest)


if __name__ == "__main__":
    main()
