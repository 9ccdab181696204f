"""What metrics cost: ratios to plain labellings by cc3d, and one evaluation from end to end.

    pytest bench/micro/test_metrics.py

Ratios are of CPU time, both sides in turn in one process, minima over rounds; they go into the
``extra_info`` of each benchmark, and nothing here asserts them.
"""

import time

import cc3d
import numpy as np
import PIL.Image
import pytest
from scipy.ndimage import gaussian_filter

from topoeval.evaluate import evaluate
from topoeval.metrics import (
    betti_matching_error,
    betti_numbers,
    boundary_distances,
    cldice,
    score,
)
from topoeval.topology import Topology

ROUNDS = 15


def smooth(shape, seed=0):
    """Thresholded Gaussian-filtered noise: what a segmentation looks like."""
    return gaussian_filter(np.random.default_rng(seed).normal(size=shape), 4) > 0


def noise(shape, seed=0):
    """As many components as there can be."""
    return np.random.default_rng(seed).random(shape) < 0.5


def cpu_ratio(call, reference):
    """Ratio of the least CPU times of two calls, taken in turn."""
    times = ([], [])
    for _ in range(ROUNDS):
        for one, into in zip((call, reference), times, strict=True):
            began = time.process_time()
            one()
            into.append(time.process_time() - began)
    return min(times[0]) / min(times[1])


@pytest.mark.parametrize("kind", [smooth, noise])
@pytest.mark.parametrize("construction", ["V", "T"])
@pytest.mark.parametrize("shape", [(512, 512), (128, 128, 128)], ids=["512^2", "128^3"])
def test_betti_numbers(benchmark, shape, construction, kind):
    """Against one labelling of the foreground and one of the background."""
    topology = Topology(construction)
    mask = kind(shape)
    background = ~mask
    ndim = len(shape)
    connectivities = (
        topology.foreground_connectivity(ndim),
        topology.background_connectivity(ndim),
    )

    def two_labellings():
        for image, connectivity in zip((mask, background), connectivities, strict=True):
            cc3d.connected_components(image, connectivity=connectivity, return_N=True)

    def count():
        return betti_numbers(mask, topology)

    benchmark.extra_info["ratio_to_two_labellings"] = round(cpu_ratio(count, two_labellings), 3)
    benchmark(count)


@pytest.mark.parametrize(
    "function",
    [
        lambda p, g: betti_matching_error(p, g, Topology()),
        cldice,
        lambda p, g: boundary_distances(p, g).hausdorff(95),
        score,
    ],
    ids=["betti_matching_error", "cldice", "hd95", "all"],
)
def test_scores_of_a_pair(benchmark, function):
    """A 512 x 512 pair."""
    benchmark(function, smooth((512, 512)), smooth((512, 512), seed=1))


# wall time, and not that of the parent process alone, which the other benches count
@pytest.mark.benchmark(timer=time.perf_counter)
@pytest.mark.parametrize("jobs", [1, 2])
def test_evaluate(benchmark, tmp_path, jobs):
    """200 pairs of 512 x 512 PNG, all scores, start of the processes included."""
    cases = 200
    for side in ("p", "g"):
        (tmp_path / side).mkdir()
    for number in range(cases):
        truth = gaussian_filter(np.random.default_rng(number).normal(size=(512, 512)), 4)
        wrong = truth + 0.3 * gaussian_filter(
            np.random.default_rng(cases + number).normal(size=(512, 512)), 4
        )
        for side, field in (("p", wrong), ("g", truth)):
            picture = PIL.Image.fromarray(np.uint8(255) * (field > 0))
            picture.save(tmp_path / side / f"{number:03}.png")
    found = benchmark.pedantic(evaluate, (tmp_path / "p", tmp_path / "g"), {"jobs": jobs}, rounds=1)
    assert len(found.cases) == cases
    benchmark.extra_info["pairs_per_s"] = round(cases / benchmark.stats.stats.min, 2)
