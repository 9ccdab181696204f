"""The native 3D engine against cripser, in CPU time.

    python bench/micro/native_volume.py [--sizes 32 64 128] [--constructions V T]
    python bench/micro/native_volume.py --worst      # hard inputs, 96^3
    python bench/micro/native_volume.py --large 256  # time and memory, native engine alone

One process, one thread each, medians.  CPU time of the process, because the machines this
runs on are shared.  cripser gets float64 prepared beforehand, the native engine float32
(what a network returns).
"""

import argparse
import platform
import time
from pathlib import Path

import cripser
import numpy as np
from native_setup import KINDS, milliseconds, steady_milliseconds

from topoeval import _native


def serpentine(side):
    """One corridor through the whole volume, with walls between its turns."""
    volume = np.full((side,) * 3, 4.0 * side**3)
    step = 0
    for z in range(0, side, 2):
        rows = range(0, side, 2)
        for turn, y in enumerate(rows if z % 4 == 0 else reversed(rows)):
            steps = np.arange(step, step + side)
            volume[z, y] = steps if turn % 2 == 0 else steps[::-1]
            step += side
    return volume


def worst_cases(side):
    """Yield inputs that long gradient paths, ties or long chains make hard."""
    rng = np.random.default_rng(0)
    shape = (side,) * 3
    ramp = np.indices(shape).sum(0)
    spots = np.where(rng.random(shape) < 0.01, rng.random(shape), 0.5)
    yield "noise", rng.random(shape)
    for percent in (30, 50, 80):
        yield f"binary {percent} %", rng.random(shape) < percent / 100
    yield "3 levels", rng.integers(0, 3, shape)
    yield "10 levels", rng.integers(0, 10, shape)
    yield "ramp + noise", ramp + rng.random(shape)
    yield "ramp + 10 noise", ramp + 10 * rng.random(shape)
    yield "saturated", np.clip(KINDS["probability"](rng, shape, np.float32), 0, 1)
    yield "constant", np.zeros(shape)
    yield "sparse spots", spots
    yield "sparse pits", 1 - spots
    yield "serpentine", serpentine(side)
    yield "inverted serpentine", -serpentine(side)
    yield "checkerboard", ramp % 2


def volume_of(kind, side):
    """One volume of a kind, as the tables measure it."""
    return KINDS[kind](np.random.default_rng(0), (side,) * 3, np.float32)


def ours(volume, construction):
    """Make the native call that the tables time."""
    return _native.persistence(volume[None], construction, False, (0, 1, 2), 0.0, 1)


def native_time(volume, construction):
    """Time the native engine."""
    return steady_milliseconds(lambda: ours(volume, construction))


def memory(name):
    """Read VmRSS (now) or VmHWM (the most so far) from /proc/self/status, in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name):
            return 1024 * int(line.split()[1])
    return 0


def against_cripser(sizes, constructions):
    """Print the table of ratios."""
    print("| volume | construction | native ms | ns/voxel | cripser ms |\n|---|---|---|---|---|")
    for side in sizes:
        for kind in KINDS:
            volume = volume_of(kind, side)
            volume64 = volume.astype(np.float64)
            for construction in constructions:
                native = native_time(volume, construction)
                compute = cripser.computePH if construction == "V" else cripser.computePH_T
                repeats = 5 if side <= 64 else 1
                peer = milliseconds(lambda c=compute, v=volume64: c(v, maxdim=2), repeats)
                print(
                    f"| {side}^3 {kind} | {construction} | {native:.2f} "
                    f"| {1e6 * native / volume.size:.1f} | {peer:.1f} ({peer / native:.1f}x) |",
                    flush=True,
                )


def main():
    """Print the table that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="*", default=[32, 64, 128])
    parser.add_argument("--constructions", nargs="*", default=["V", "T"])
    parser.add_argument("--worst", action="store_true", help="hard inputs, native engine alone")
    parser.add_argument("--large", type=int, help="one volume of each kind: time and memory")
    parser.add_argument("--kinds", nargs="*", default=list(KINDS))
    args = parser.parse_args()

    print(f"{platform.processor() or platform.machine()}, cripser {cripser.__version__}")
    if args.worst:
        print("| 96^3 | V ms | T ms |\n|---|---|---|")
        for name, volume in worst_cases(96):
            volume32 = np.asarray(volume, dtype=np.float32)
            times = " | ".join(f"{native_time(volume32, c):.1f}" for c in "VT")
            print(f"| {name} | {times} |", flush=True)
    elif args.large:
        print("| volume | CPU s | bytes/voxel beyond input and result |\n|---|---|---|")
        for kind in args.kinds:
            volume = volume_of(kind, args.large)
            before, begin = memory("VmRSS"), time.process_time()
            # Elsewhere, or as root: the peak includes what building the volume took.
            reset = Path("/proc/self/clear_refs")
            reset.write_text("5")
            found = ours(volume, "V")
            seconds = time.process_time() - begin
            own = sum(column.nbytes for column in found)
            extra = (memory("VmHWM") - before - own) / volume.size
            print(f"| {args.large}^3 {kind} | {seconds:.2f} | {extra:.1f} |", flush=True)
    else:
        against_cripser(args.sizes, args.constructions)


if __name__ == "__main__":
    main()
