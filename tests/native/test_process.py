"""The native module as a guest in a Python process: signals, memory, forks, threads."""

import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest

from topoeval import _native as native
from topoeval.persistence import compute
from topoeval.persistence.backends.native import Native

posix_only = pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals and limits")
# A minute of work in a few bytes: one constant image, repeated without being copied.
ENDLESS = np.broadcast_to(np.float32(0), (10**5, 512, 512))


def pairs(batch, threads=1):
    """H0 and H1 of a batch."""
    return native.persistence(batch, "V", False, (0, 1), 0.0, threads)


@posix_only
@pytest.mark.parametrize("threads", [1, 3])
def test_interrupt_ends_a_long_call(threads):
    """Ctrl-C is heard while the engine works, and the next call is as good as ever."""

    def interrupt(*_):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        begin = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            pairs(ENDLESS, threads)
        assert time.monotonic() - begin < 5  # a second, on a machine with nothing else to do
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert len(pairs(ENDLESS[:3], threads)[0]) == 3


@posix_only
def test_python_runs_meanwhile():
    """The GIL is free during the call."""

    class EnoughError(Exception):
        pass

    def stop(*_):
        raise EnoughError

    before = signal.signal(signal.SIGALRM, stop)
    ticks = 0

    def tick():
        nonlocal ticks
        while ticks < 5:
            time.sleep(0.01)
            ticks += 1
        signal.raise_signal(signal.SIGALRM)

    other = threading.Thread(target=tick)
    try:
        other.start()
        with pytest.raises(EnoughError):
            pairs(ENDLESS)
    finally:
        other.join()
        signal.signal(signal.SIGALRM, before)
    assert ticks == 5


@posix_only
def test_memory_error():
    """An image that does not fit is MemoryError, and a smaller one then works."""
    script = """
        import resource
        import numpy as np
        from topoeval import _native

        def pairs(batch, threads):
            return _native.persistence(batch, "V", False, (0, 1), 0.0, threads)

        pairs(np.zeros((2, 8, 8)), 2)
        with open("/proc/self/statm") as statm:
            used = int(statm.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + (64 << 20),) * 2)
        for threads in (1, 2):
            try:
                pairs(np.broadcast_to(np.float32(0), (2, 20000, 20000)), threads)
            except MemoryError:
                print("refused")
        print(len(pairs(np.zeros((1, 8, 8)), 1)[0]))
    """
    if not sys.platform.startswith("linux"):
        pytest.skip("reads /proc")
    done = subprocess.run(
        [sys.executable, "-P", "-c", textwrap.dedent(script)], capture_output=True, text=True
    )
    assert done.stdout.split() == ["refused", "refused", "1"], done.stderr


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_child_processes(method):
    """A child works after its parent has, however it was started."""
    batch = np.random.default_rng(0).random((4, 30, 30))
    backend = Native(threads=2)
    here = compute(batch, backend=backend)
    # a function of the package, because a spawned child cannot import this test
    context = multiprocessing.get_context(method)
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        there = pool.submit(compute, batch, backend=backend).result(timeout=60)
    np.testing.assert_array_equal(there.birth_index, here.birth_index)
    np.testing.assert_array_equal(there.death_index, here.death_index)


def test_calls_from_many_threads():
    """Concurrent calls do not share what they work on."""
    batches = [np.random.default_rng(i).random((3, 40, 40)) for i in range(8)]
    alone = [pairs(batch) for batch in batches]
    results = [None] * len(batches)

    def work(i):
        for _ in range(5):
            results[i] = pairs(batches[i], threads=2)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(len(batches))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for mine, expected in zip(results, alone, strict=True):
        for a, b in zip(mine, expected, strict=True):
            np.testing.assert_array_equal(a, b)


def test_result_outlives_the_call():
    """Each array alone keeps the shared block of memory alive."""
    batch = np.random.default_rng(1).random((1, 200, 200))
    death = pairs(batch)[3]
    for _ in range(3):
        pairs(-batch)
    np.testing.assert_array_equal(death, pairs(batch)[3])
    death[0] = 7  # and it belongs to the caller
