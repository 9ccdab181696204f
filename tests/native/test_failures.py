"""Failures in nested teams of threads: the cause comes out, whichever thread met it first."""

import os
import signal
import subprocess
import sys
import textwrap
import threading

import numpy as np
import pytest

from topoeval import _native as native

DIMS = {2: (0, 1), 3: (0, 1, 2)}
posix_only = pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals and limits")


def persistence(batch, threads, construction="V"):
    """All pairs of a batch."""
    return native.persistence(batch, construction, False, DIMS[batch.ndim - 1], 0.0, threads)


def matching(batch, threads, construction="V"):
    """A batch matched with its mirror image."""
    dims = DIMS[batch.ndim - 1]
    other = batch[..., ::-1]
    return native.betti_matching(batch, other, construction, False, dims, "union", threads)


@pytest.mark.parametrize("call", [persistence, matching])
@pytest.mark.parametrize("construction", ["V", "T"])
@pytest.mark.parametrize("shape", [(2, 40, 40), (2, 24, 24, 24)])
def test_nan_in_any_item(call, construction, shape):
    """One NaN anywhere is a ValueError, with any number of threads for two items."""
    rng = np.random.default_rng(0)
    values = rng.random(shape, np.float32)
    for threads in range(1, 34):
        for item in range(2):
            batch = values.copy()
            batch[(item, *(rng.integers(side) for side in shape[1:]))] = np.nan
            with pytest.raises(ValueError, match="NaN"):
                call(batch, threads, construction)


@pytest.mark.parametrize("call", ["persistence", "betti_matching", "match_masks"])
@posix_only
def test_memory_runs_out_anywhere(call):
    """Wherever memory ends, threads inside items or not, it is a MemoryError, never an abort."""
    if not sys.platform.startswith("linux"):
        pytest.skip("reads /proc")
    script = f"""
        import resource
        import numpy as np
        from topoeval import _native

        values = np.random.default_rng(0).random((2, 28, 28, 28), np.float32)
        def run(threads):
            if {call!r} == "persistence":
                _native.persistence(values, "V", False, (0, 1, 2), 0.0, threads)
            elif {call!r} == "match_masks":
                _native.match_masks(values < 0.5, values < 0.6, "V", False, "union", threads)
            else:
                _native.betti_matching(
                    values, values[::-1], "V", False, (0, 1, 2), "union", threads
                )

        _native.persistence(values[:, :4, :4, :4], "V", False, (0, 1, 2), 0.0, 1)
        with open("/proc/self/statm") as statm:
            used = int(statm.read().split()[0]) * resource.getpagesize()
        seen = set()
        for threads in (1, 4, 9):
            for megabytes in range(1, 30, 4) if threads == 1 else np.arange(0.25, 30, 0.25):
                resource.setrlimit(resource.RLIMIT_AS, (used + int(megabytes * 2**20), -1))
                try:
                    run(threads)
                    seen.add("done")
                except MemoryError:
                    seen.add("MemoryError")
        print(*sorted(seen))
    """
    done = subprocess.run(
        [sys.executable, "-P", "-c", textwrap.dedent(script)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() in (["MemoryError", "done"], ["MemoryError"]), done.stderr


@posix_only
def test_interrupt_of_nested_teams():
    """Ctrl-C is heard while threads work inside the items of a batch."""
    batch = np.random.default_rng(0).random((2, 128, 128, 128), np.float32)

    def interrupt(*_):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        with pytest.raises(KeyboardInterrupt):  # the whole would take seconds
            persistence(batch, 8)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("dtype", [np.float32, np.int32, np.int64])
@pytest.mark.parametrize("shape", [(1, 120, 120), (1, 20, 20, 20)])
def test_input_written_to_meanwhile(dtype, shape):
    """An array that another thread writes to is read once, value by value: the call ends."""
    rng = np.random.default_rng(0)
    limits = (0, 2) if dtype == np.float32 else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    values = rng.integers(*limits, shape, endpoint=True, dtype=np.int64).astype(dtype)
    going = True

    def scribble():
        while going:
            np.copyto(values, values[:, ::-1].copy())
            values[..., :: rng.integers(2, 9)] = limits[rng.integers(2)]

    writer = threading.Thread(target=scribble)
    writer.start()
    try:
        for _ in range(12):
            for threads in (1, 4):
                image, *_ = persistence(values, threads)
                assert image.size > 0
                matching(values, threads)
    finally:
        going = False
        writer.join()
