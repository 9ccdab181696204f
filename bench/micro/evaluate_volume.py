"""What ``topoeval evaluate`` costs on a volume like a CT: 512 x 512 x 200, five classes, 4 % full.

    python bench/micro/evaluate_volume.py                 # CPU seconds and peak of one process
    python bench/micro/evaluate_volume.py --groups        # each group of columns alone
    python bench/micro/evaluate_volume.py --memory 1.5G   # what is left out under a limit
    python bench/micro/evaluate_volume.py --crop          # a blob in a large volume, and cropped

Times are CPU seconds of user and system; peaks are those of the whole process, with the reading of
the two files.
"""

from __future__ import annotations

import argparse
import csv
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from topoeval.evaluate.columns import column_groups
from topoeval.limits import parse_memory
from topoeval.metrics import Settings, score
from topoeval.metrics.scores import MaskPair

SHAPE = (200, 512, 512)
CLASSES = 5
SHARE = 0.04


def volume(shape: tuple[int, ...] = SHAPE, seed: int = 0) -> tuple[NDArray[np.uint8], ...]:
    """Return prediction and truth: branching tubes of five classes, and the same with errors.

    The tubes are walks of balls of three to six voxels' radius until 4 % are foreground. The
    prediction misses stretches of them, is thinner in others, and has balls of its own.
    """
    rng = np.random.default_rng(seed)
    truth, prediction = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
    wanted, filled = SHARE * truth.size, 0
    while filled < wanted:
        name = np.uint8(rng.integers(1, CLASSES + 1))
        radius = rng.uniform(3, 6)
        place = rng.uniform(0.15, 0.85, len(shape)) * shape
        step = rng.normal(size=len(shape))
        broken = 0
        for _ in range(120):
            step = step / np.linalg.norm(step) + 0.15 * rng.normal(size=len(shape))
            place = place + step
            if np.any(place < radius) or np.any(place > np.array(shape) - radius - 1):
                break
            filled += _ball(truth, place, radius, name)
            broken = max(broken - 1, 0) if broken or rng.random() > 0.01 else 8
            if not broken:
                _ball(prediction, place, radius - rng.random(), name)
        if rng.random() < 0.1:
            _ball(prediction, rng.uniform(0.1, 0.9, len(shape)) * shape, 3, name)
    return prediction, truth


def _ball(
    labels: NDArray[np.uint8], centre: NDArray[np.float64], radius: float, name: np.uint8
) -> int:
    """Draw a ball and return how many voxels are new."""
    low = np.maximum(np.floor(centre - radius).astype(int), 0)
    high = np.minimum(np.ceil(centre + radius).astype(int) + 1, labels.shape)
    box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    axes = np.ogrid[box]
    inside = sum((axis - c) ** 2 for axis, c in zip(axes, centre, strict=True)) <= radius**2
    new = int(np.count_nonzero(labels[box][inside] == 0))
    labels[box][inside] = name
    return new


def whole(memory: int | None, metrics: tuple[str, ...] | None) -> None:
    """Score the pair as a user would, from files."""
    with tempfile.TemporaryDirectory() as folder:
        for side, labels in zip(("p", "g"), volume(), strict=True):
            np.save(Path(folder, f"{side}.npy"), labels)
        command = [sys.executable, "-m", "topoeval.cli", "evaluate", f"{folder}/p.npy"]
        command += [f"{folder}/g.npy", "--jobs", "1", "--out", f"{folder}/scores"]
        command += ["--metrics", ",".join(metrics)] if metrics else []
        command += ["--memory", str(memory)] if memory else []
        subprocess.run(command, check=False)
        with Path(folder, "scores", "cases.csv").open() as file:
            head, *rows = csv.reader(file)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    values = sum(text != "" for row in rows for text in row[2:])
    print(f"{SHAPE}: {values} values of {len(head) - 2} columns and {len(rows)} classes")
    spent, peak = used.ru_utime + used.ru_stime, used.ru_maxrss / 2**20
    print(f"{spent:.1f} CPU s, peak of the largest process {peak:.2f} GB")


def groups() -> None:
    """Score each group of columns alone, one class and all merged."""
    p, g = volume()
    for title, pair in (("class 1", (p == 1, g == 1)), ("merged", (p > 0, g > 0))):
        for names in column_groups(3, False, None):
            before, began = _peak(), time.process_time()
            score(*pair, columns=names)
            rose = _peak() - before
            print(f"{title}: {time.process_time() - began:6.2f} s, +{rose:.2f} GB  {names[0]} ...")


def crop(repeats: int = 5) -> None:
    """Score a blob of 40 voxels in a volume of 256^3, and cropped by hand with a margin of two.

    Values that follow from the size of the image by their definition differ and are named: the
    grid of patches, and partitions of which the background is a part.
    """
    p, g = np.zeros((2, 256, 256, 256), bool)
    p_blob, g_blob = (labels > 0 for labels in volume((40, 40, 40)))
    box = (slice(100, 140),) * 3
    p[box], g[box] = p_blob, g_blob
    small = tuple(np.pad(mask, 2) for mask in (p_blob, g_blob))
    began = time.process_time()
    for _ in range(repeats):
        pairs = MaskPair(p, g), MaskPair(*small)
    print(f"box of the pair, once: {(time.process_time() - began) / repeats * 1e3:.1f} ms")
    for names in column_groups(3, False, None):
        best, found = [], []
        for pair in pairs:
            times = []
            for _ in range(repeats):
                began = time.process_time()
                values = pair.score(Settings(patch=32), names)
                times.append(time.process_time() - began)
            best.append(min(times))
            found.append(values)
        differ = [name for name in names if not np.isclose(found[0][name], found[1][name])]
        print(f"{best[0] / best[1]:6.2f}x {best[1] * 1e3:8.1f} ms {names[0]} ... differ: {differ}")


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--groups", action="store_true", help="each group of columns alone")
    parser.add_argument("--crop", action="store_true", help="a small blob in a large volume")
    parser.add_argument("--memory", type=parse_memory, help="as of topoeval evaluate")
    parser.add_argument("--metrics", type=lambda text: tuple(text.split(",")))
    chosen = parser.parse_args()
    if chosen.groups:
        groups()
    elif chosen.crop:
        crop()
    else:
        whole(chosen.memory, chosen.metrics)


if __name__ == "__main__":
    main()
