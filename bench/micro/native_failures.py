"""Failures in nested teams, many times over: ValueError or MemoryError, never an abort.

    python bench/micro/native_failures.py [REPEATS]

For persistence and Betti matching of two images and of two volumes, with 1 to 33 threads in turn:
REPEATS (1,000) calls with one NaN, and as many while memory runs out (Linux; up to 30 MiB
above what is in use). Each set runs in a process of its own. Status 1 if a process ends otherwise
or a call ends with anything else.
"""

import ctypes
import resource
import subprocess
import sys
import time

import numpy as np

from topoeval import _native

SHAPES = {"2D": (2, 40, 40), "3D": (2, 24, 24, 24)}
LARGER = {"2D": (2, 400, 400), "3D": (2, 28, 28, 28)}  # what needs memory
MOST_ROOM = {"2D": 30 * 2**20, "3D": 8 * 2**20}
MOST_THREADS = 33


def call(kind, batch, threads, construction):
    """One call of the engine."""
    dims = tuple(range(batch.ndim - 1))
    if kind == "persistence":
        return _native.persistence(batch, construction, False, dims, 0.0, threads)
    other = batch[..., ::-1]
    return _native.betti_matching(batch, other, construction, False, dims, "union", threads)


def nan(kind, values, repeats):
    """One NaN anywhere."""
    rng = np.random.default_rng(1)
    ends = {}
    for i in range(repeats):
        batch = values.copy()
        batch[tuple(rng.integers(side) for side in batch.shape)] = np.nan
        try:
            call(kind, batch, 1 + i % MOST_THREADS, "VT"[i % 2])
            end = "no error"
        except ValueError as error:
            end = "ValueError" if "NaN" in str(error) else f"ValueError: {error}"
        ends[end] = ends.get(end, 0) + 1
    return ends


def memory(kind, values, repeats):
    """The address space ends a little above what is used."""
    small = values[(slice(None),) + (slice(4),) * (values.ndim - 1)]
    call(kind, small, 1, "V")
    ends = {}
    trim = getattr(ctypes.CDLL(None), "malloc_trim", lambda _: None)
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    for i in range(repeats):
        threads = 1 + i % MOST_THREADS
        trim(0)  # what earlier calls left
        with open("/proc/self/statm") as statm:
            used = int(statm.read().split()[0]) * resource.getpagesize()
        # Every room with every number of threads, in an order that mixes them.
        room = int(i * 0.618034 % 1 * MOST_ROOM["2D" if values.ndim == 3 else "3D"])
        resource.setrlimit(resource.RLIMIT_AS, (used + room, hard))
        try:
            call(kind, values, threads, "VT"[i % 2])
            end = "done"
        except MemoryError:
            end = "MemoryError"
        finally:
            resource.setrlimit(resource.RLIMIT_AS, (hard, hard))
        ends[end] = ends.get(end, 0) + 1
    return ends


FAILURES = {"NaN": nan, "memory": memory}
ALLOWED = {"NaN": {"ValueError"}, "memory": {"MemoryError", "done"}}


def child(failure, kind, rank, repeats):
    """One set; prints how its calls ended."""
    shape = (LARGER if failure == "memory" else SHAPES)[rank]
    values = np.random.default_rng(0).random(shape, np.float32)
    ends = FAILURES[failure](kind, values, repeats)
    print(", ".join(f"{end} {count}" for end, count in sorted(ends.items())))
    if not ends.keys() <= ALLOWED[failure]:
        sys.exit(1)
    if failure == "memory" and "MemoryError" not in ends:
        sys.exit("memory never ran out: nothing was tried")


def main(words):
    """All sets in turn."""
    repeats = int(words[0]) if words else 1000
    wrong = 0
    for failure in FAILURES:
        if failure == "memory" and not sys.platform.startswith("linux"):
            print("memory: not tried, it needs /proc")
            continue
        for kind in ("persistence", "matching"):
            for rank in SHAPES:
                begin = time.monotonic()
                done = subprocess.run(
                    [sys.executable, __file__, "child", failure, kind, rank, str(repeats)],
                    capture_output=True,
                    text=True,
                )
                wrong += done.returncode != 0
                print(
                    f"{failure}, {kind}, {rank}, 1 to {MOST_THREADS} threads: "
                    f"{done.stdout.strip()}; status {done.returncode}, "
                    f"{time.monotonic() - begin:.0f} s {done.stderr.strip()[-300:]}",
                    flush=True,
                )
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    if sys.argv[1:2] == ["child"]:
        child(*sys.argv[2:5], int(sys.argv[5]))
    else:
        main(sys.argv[1:])
