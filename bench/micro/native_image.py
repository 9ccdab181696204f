"""The native 2D engine against cripser and gudhi, in CPU time.

    python bench/micro/native_image.py [--sizes 128 512] [--constructions V T] [--worst]

One process, one thread each, medians.  CPU time of the process, because the machines this
runs on are shared and because cripser's 2D code starts threads of its own.  cripser and
gudhi get float64 prepared beforehand, the native engine float32 (what a network returns).

A row of single images is measured over several of its kind, one call each, up to 64 of them: a
processor learns the branches of one image that comes again and again by heart, and no user has
that.  The rows named "again" show by how much.
"""

import argparse
import platform

import cripser
import numpy as np
from gudhi.sklearn.cubical_persistence import CubicalPersistence
from native_setup import KINDS, milliseconds, smooth, steady_milliseconds

from topoeval import _native


def serpentine(side):
    """One corridor through the whole image, with walls between its turns."""
    image = np.full((side, side), 2.0 * side * side)
    corridor = np.arange(side // 2 * (side + 1), dtype=float).reshape(side // 2, side + 1)
    for turn, steps in enumerate(corridor):
        row = steps[:side] if turn % 2 == 0 else steps[:side][::-1]
        image[2 * turn] = row
        image[2 * turn + 1, -1 if turn % 2 == 0 else 0] = steps[side]
    return image


def worst_cases(side):
    """Yield inputs that long gradient paths and ties make hard."""
    rng = np.random.default_rng(0)
    spots = np.where(rng.random((side, side)) < 0.01, rng.random((side, side)), 0.5)
    yield "noise", rng.random((side, side))
    yield "serpentine", serpentine(side)
    yield "inverted serpentine", -serpentine(side)
    yield "sparse spots", spots
    yield (
        "saturated",
        np.clip(smooth(rng, spots.shape, float) + 0.1 * rng.normal(size=spots.shape), 0, 1),
    )
    yield "constant", np.zeros((side, side))
    yield "checkerboard", np.indices((side, side)).sum(0) % 2
    yield "binary 50 %", rng.random((side, side)) < 0.5
    yield "ramp", np.add.outer(np.arange(side), np.arange(side)) + rng.random((side, side))


def ours(batch, construction):
    """Make the call that the table times."""
    return _native.persistence(batch, construction, False, (0, 1), 0.0, 1)


def native_time(batches, construction):
    """Time the native engine: milliseconds a call, each batch once in turn."""
    cycle = steady_milliseconds(lambda: [ours(batch, construction) for batch in batches])
    return cycle / len(batches)


def row(name, batches, construction, repeats):
    """One line of the table: milliseconds of a call with one batch."""
    batches32 = [batch.astype(np.float32) for batch in batches]
    images = [np.ascontiguousarray(image) for batch in batches for image in batch]
    compute = cripser.computePH if construction == "V" else cripser.computePH_T
    rectangle = CubicalPersistence([0, 1])
    calls = len(batches)

    native = native_time(batches32, construction)
    peer = milliseconds(lambda: [compute(a, maxdim=1) for a in images], repeats) / calls
    values_only = milliseconds(lambda: rectangle.fit_transform(images), repeats) / calls
    pixels = batches[0].size
    print(
        f"| {name} | {construction} | {native:.3f} | {1e6 * native / pixels:.1f} "
        f"| {peer:.2f} ({peer / native:.1f}x) | {values_only:.2f} ({values_only / native:.1f}x) |",
        flush=True,
    )


def batches_of(kind, size):
    """As many single images as make a million pixels, up to 64."""
    count = min(64, max(1, 2**20 // size**2))
    make = KINDS[kind]
    return [make(np.random.default_rng([size, i]), (1, size, size), float) for i in range(count)]


def main():
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="*", default=[128, 512, 2048])
    parser.add_argument("--constructions", nargs="*", default=["V", "T"])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--no-batch", action="store_true")
    parser.add_argument("--worst", action="store_true", help="hard inputs, native engine alone")
    args = parser.parse_args()

    print(f"{platform.processor() or platform.machine()}, cripser {cripser.__version__}")
    if args.worst:
        print("| 1024^2 | V ms | T ms |\n|---|---|---|")
        for name, image in worst_cases(1024):
            batch = np.asarray(image, dtype=np.float32)[None]
            times = " | ".join(f"{native_time([batch], c):.1f}" for c in "VT")
            print(f"| {name} | {times} |", flush=True)
        return
    print("| input | | native ms | ns/pixel | cripser ms | gudhi rectangle ms |")
    print("|---|---|---|---|---|---|")
    for size in args.sizes:
        for kind in KINDS:
            batches = batches_of(kind, size)
            for construction in args.constructions:
                row(f"{size}^2 {kind}", batches, construction, args.repeats)
                if size < 256 and kind == "noise":
                    row(f"{size}^2 {kind}, again", batches[:1], construction, args.repeats)
    if not args.no_batch:
        for kind, make in KINDS.items():
            batch = np.stack([make(np.random.default_rng(i), (64, 64), float) for i in range(32)])
            for construction in args.constructions:
                row(f"32 x 64^2 {kind}", [batch], construction, args.repeats)


if __name__ == "__main__":
    main()
