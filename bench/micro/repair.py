"""What a repair costs and how near it comes to the cheapest one.

    python bench/micro/repair.py speed            CPU seconds of maps and volumes
    python bench/micro/repair.py optimum [MAPS]   against every mask of 5x5 (2^25, about a minute)

The promise is a test: `TOPOEVAL_REPAIR_MAPS=10000 TOPOEVAL_REPAIR_VOLUMES=2000 pytest
tests/repair/test_promise.py -s`.
"""

from __future__ import annotations

import resource
import sys
import time

import numpy as np
from scipy import ndimage

from topoeval import _native
from topoeval.repair import Options, repair, repair_batch


def smooth(shape: tuple[int, ...], sigma: float, rng: np.random.Generator) -> np.ndarray:
    """A probability map of blobs."""
    field = ndimage.gaussian_filter(rng.normal(size=shape).astype(np.float32), sigma)
    return (1 / (1 + np.exp(-4 * field / field.std() + 4))).astype(np.float32)


def speed() -> None:
    """CPU time of one thread."""
    rng = np.random.default_rng(0)
    for shape, sigma, count, wanted in [
        ((64, 64), 6.0, 50, (1, 0)),
        ((256, 256), 12.0, 10, (1, 0)),
        ((512, 512), 8.0, 1, (1, 0)),
        ((64, 64, 64), 4.0, 1, (1, 0, 0)),
        ((128, 128, 128), 5.0, 1, (1, 0, 0)),
        ((256, 256, 256), 8.0, 1, (1, 0, 0)),
    ]:
        images = np.stack([smooth(shape, sigma, rng) for _ in range(count)])
        base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        began = time.process_time()
        results = repair_batch(images, wanted)
        spent = (time.process_time() - began) / count
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - base
        edits = np.mean([len(one.edits) for one in results])
        met = np.mean([one.met for one in results])
        print(
            f"{shape}: {1000 * spent:.2f} ms of CPU, {edits:.0f} edits, met {met:.2f}, "
            f"peak +{peak * 1024 / images.size:.0f} bytes a voxel",
            flush=True,
        )


def optimum(maps: int) -> None:
    """Sum of |logit| of the flips, width 1, no thickening, against the cheapest mask there is."""
    side = 5
    voxels = side * side
    numbers = np.empty(2**voxels, dtype=np.uint8)
    chunk = 2**20
    for start in range(0, 2**voxels, chunk):
        codes = np.arange(start, start + chunk, dtype=np.uint32)
        bits = (codes[:, None] >> np.arange(voxels, dtype=np.uint32) & 1).astype(np.uint8)
        found = _native.betti_numbers(bits.reshape(-1, side, side), "T", False, 1)
        numbers[start : start + chunk] = found[:, 0] * 16 + found[:, 1]
    rng = np.random.default_rng(1)
    ratios, unmet = [], 0
    for _ in range(maps):
        image = rng.random((side, side)).astype(np.float32)
        clipped = np.clip(image, 1e-4, 1 - 1e-4)
        price = np.abs(np.log(clipped / (1 - clipped)))
        flat = price.ravel()
        sums = np.zeros(1)
        mask = (image >= 0.5).ravel()
        for place in range(voxels):
            low, high = (flat[place], 0.0) if mask[place] else (0.0, flat[place])
            sums = np.concatenate([sums + low, sums + high])
        for wanted in [(1, 0), (1, 1), (2, 0), (2, 1), (0, 0)]:
            best = sums[numbers == wanted[0] * 16 + wanted[1]].min()
            if best == 0:
                continue
            result = repair(image, wanted, options=Options(width=1, radius=0))
            if not result.met:
                unmet += 1
                continue
            cost = float(price[result.mask != (image >= 0.5)].sum())
            ratios.append(cost / best)
    values = np.array(ratios)
    print(
        f"{len(values) + unmet} problems, {unmet} not met; optimal in "
        f"{(values < 1.001).mean():.3f}, ratio of costs mean {values.mean():.3f}, "
        f"median {np.median(values):.3f}"
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["speed"]:
        speed()
    elif sys.argv[1:2] == ["optimum"]:
        optimum(int(sys.argv[2]) if len(sys.argv) > 2 else 40)
    else:
        sys.exit(__doc__)
