"""What a second thread gains the native engine: batches, and one large volume, in wall time.

    python bench/micro/native_threads.py [--threads 2] [--repeats 7]

Only on a machine that does nothing else.  The tables of one and many threads are compared row by
row; a difference ends the program.
"""

import argparse
import time

import numpy as np
from native_setup import KINDS, milliseconds

from topoeval import _native

BATCHES = {
    "8 x 512^2 noise": ("noise", (8, 512, 512)),
    "8 x 512^2 probability": ("probability", (8, 512, 512)),
    "4 x 64^3 noise": ("noise", (4, 64, 64, 64)),
    "4 x 64^3 probability": ("probability", (4, 64, 64, 64)),
    "one 128^3 noise": ("noise", (1, 128, 128, 128)),
}


def main():
    """Print a row for each batch."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=7)
    args = parser.parse_args()
    print(f"| batch | 1 thread | {args.threads} threads | |\n|---|---|---|---|")
    for name, (kind, (count, *shape)) in BATCHES.items():
        batch = np.stack(
            [KINDS[kind](np.random.default_rng(i), shape, np.float32) for i in range(count)]
        )

        def call(threads, batch=batch):
            dims = tuple(range(batch.ndim - 1))
            return _native.persistence(batch, "V", False, dims, 0.0, threads)

        for one, many in zip(call(1), call(args.threads), strict=True):
            np.testing.assert_array_equal(one, many)
        one, many = (
            milliseconds(lambda n=n: call(n), args.repeats, clock=time.perf_counter)
            for n in (1, args.threads)
        )
        print(f"| {name} | {one:.1f} ms | {many:.1f} ms | {one / many:.2f}x |", flush=True)


if __name__ == "__main__":
    main()
