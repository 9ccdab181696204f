"""What a repair costs and how near it comes to the cheapest one.

    python bench/micro/repair.py speed            CPU seconds of maps and volumes
    python bench/micro/repair.py optimum [MAPS [SEED]]   against every mask of 5x5 (2^25, a minute)
    python bench/micro/repair.py large [SIDE]     sheets with holes and small pieces; 512: 9 GiB
    python bench/micro/repair.py plain [SIDE]     beside cc3d's dust and scipy's fill_holes
    python bench/micro/repair.py sheets           sheets of 64^3 without wanted numbers

CPU time of one thread, each input in a process of its own, so that the peak of memory is its own.
The promise is a test: `TOPOEVAL_REPAIR_MAPS=10000 TOPOEVAL_REPAIR_VOLUMES=2000 pytest
tests/repair/test_promise.py -s`.
"""

from __future__ import annotations

import multiprocessing
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from topoeval import _native
from topoeval.repair import Options, repair, repair_batch


def smooth(shape: tuple[int, ...], sigma: float, rng: np.random.Generator) -> np.ndarray:
    """A probability map of blobs."""
    field = ndimage.gaussian_filter(rng.normal(size=shape).astype(np.float32), sigma)
    return (1 / (1 + np.exp(-4 * field / field.std() + 4))).astype(np.float32)


def sheets(side: int, noise: float, rng: np.random.Generator) -> np.ndarray:
    """A probability map of three parallel sheets, each with a hole, under smooth noise."""
    depth, y, x = np.ogrid[:side, :side, :side]
    away = np.full((side,) * 3, np.inf, np.float32)
    for layer in range(3):
        middle = side * (2 * layer + 1) / 6 + side / 24 * np.sin(2 * np.pi * (x + y) / side)
        flat = np.abs(depth - middle).astype(np.float32)
        column = side * (layer + 1) / 4
        hole = (side / 10 - np.hypot(y - column, x - column)).astype(np.float32)
        np.minimum(away, np.maximum(flat, hole + 3), out=away)
    field = ndimage.gaussian_filter(rng.standard_normal(away.shape, np.float32), 1.5)
    field *= noise / field.std()
    field += 1.5 * np.clip(3 - away, -3, 3)
    np.negative(field, out=field)
    np.exp(field, out=field)
    field += 1
    return np.reciprocal(field, out=field)


def resident(name: str) -> int:
    """VmRSS (now) or VmHWM (the most so far) of this process, in bytes (Linux)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(name))


def measured(call: Callable[[], Any]) -> tuple[Any, float, int]:
    """Result, CPU seconds, and by how many bytes the peak of memory grew."""
    Path("/proc/self/clear_refs").write_text("5")  # forgets the peak so far
    before = resident("VmRSS")
    began = time.process_time()
    result = call()
    return result, time.process_time() - began, resident("VmHWM") - before


def alone(work: Callable[..., None], *arguments: Any) -> None:
    """Run in a child process, to its end."""
    child = multiprocessing.get_context("spawn").Process(target=work, args=arguments)
    child.start()
    child.join()
    if child.exitcode != 0:
        sys.exit(f"{work.__name__}{arguments} ended with {child.exitcode}")


def smooth_case(shape: tuple[int, ...], sigma: float, count: int) -> None:
    """Maps of blobs, made one ball each."""
    rng = np.random.default_rng(0)
    images = np.stack([smooth(shape, sigma, rng) for _ in range(count)])
    wanted = (1,) + (0,) * (len(shape) - 1)
    results, seconds, grown = measured(lambda: repair_batch(images, wanted))
    edits = np.mean([len(one.edits) for one in results])
    met = np.mean([one.met for one in results])
    print(
        f"{shape}: {1000 * seconds / count:.2f} ms of CPU, {edits:.0f} edits, met {met:.2f}, "
        f"peak +{grown / images.size:.0f} bytes a voxel, {_result_bytes(results)}",
        flush=True,
    )


def _result_bytes(results: Any) -> str:
    held = sum(one.mask.nbytes + one.probabilities.nbytes for one in results)
    return f"of which the results {held / sum(one.mask.size for one in results):.0f}"


def speed() -> None:
    """CPU time of one thread."""
    for case in [
        ((64, 64), 6.0, 50),
        ((256, 256), 12.0, 10),
        ((512, 512), 8.0, 1),
        ((64, 64, 64), 4.0, 1),
        ((128, 128, 128), 5.0, 1),
        ((256, 256, 256), 8.0, 1),
        ((256, 256, 256), 4.7, 1),  # about 564 edits
    ]:
        alone(smooth_case, *case)


def large_case(side: int) -> None:
    """Three sheets with a hole each: (3, 3, 0) are the true numbers."""
    image = sheets(side, 1.6, np.random.default_rng(2))
    result, seconds, grown = measured(lambda: repair(image, (3, 3, 0)))
    kinds: dict[str, int] = {}
    for edit in result.edits:
        kinds[edit.kind] = kinds.get(edit.kind, 0) + 1
    print(
        f"sheets {side}^3: {seconds:.1f} s of CPU, {result.before} to {result.after}, met "
        f"{result.met}, {kinds}, peak +{grown / image.size:.0f} bytes a voxel, "
        f"{_result_bytes([result])}"
    )


def plain_case(side: int) -> None:
    """Small pieces deleted and cavities filled, the same by three ways."""
    import cc3d

    image = sheets(side, 1.6, np.random.default_rng(2))
    mask = image >= 0.5
    least = 50

    def peer() -> NDArray[np.bool_]:
        filled = ndimage.binary_fill_holes(mask)
        kept = cc3d.dust(filled.astype(np.uint8), threshold=least, connectivity=26)
        return kept.astype(bool)

    def ours() -> Any:
        options = Options(min_size=least, only=("delete", "fill"))
        return repair(mask, (None, None, 0), options=options)

    theirs, peer_seconds, peer_grown = measured(peer)
    result, seconds, grown = measured(ours)
    print(
        f"{side}^3, pieces below {least} voxels and all cavities: repair {seconds:.2f} s, "
        f"+{grown / mask.size:.0f} bytes a voxel; cc3d and scipy {peer_seconds:.2f} s, "
        f"+{peer_grown / mask.size:.0f}; ratio {seconds / peer_seconds:.2f}; voxels that differ "
        f"{int((result.mask != theirs).sum())}"
    )


def without_prior() -> None:
    """Betti error of noisy sheets: every edit below a limit of |logit|, no wanted numbers."""
    wanted = np.array((3, 3, 0))
    errors: dict[str, list[int]] = {}
    for seed in range(5):
        image = sheets(64, 1.65, np.random.default_rng(seed))
        for limit in (0.5, 1.0, 1.5, 2.0, 2.25, 2.5, 3.0):
            result = repair(image, None, options=Options(limit=limit))
            if limit == 0.5:
                found = int(np.abs(np.array(result.before) - wanted).sum())
                errors.setdefault("before", []).append(found)
            error = int(np.abs(np.array(result.after) - wanted).sum())
            errors.setdefault(f"limit {limit}", []).append(error)
    for name, values in errors.items():
        print(f"sheets 64^3, {name}: mean Betti error {np.mean(values):.1f}, {values}")


def optimum(maps: int, seed: int) -> None:
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
    rng = np.random.default_rng(seed)
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


def main(words: list[str]) -> None:
    """Run what is named."""
    name = words[0] if words else ""
    number = int(words[1]) if len(words) > 1 else None
    if name == "speed":
        speed()
    elif name == "optimum":
        optimum(number or 40, int(words[2]) if len(words) > 2 else 1)
    elif name == "large":
        alone(large_case, number or 512)
    elif name == "plain":
        alone(plain_case, number or 256)
    elif name == "sheets":
        without_prior()
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
