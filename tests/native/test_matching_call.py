"""The call of Betti matching: threads, dimensions, dtypes, strides, refusals and Ctrl-C."""

import os
import signal
import time

import numpy as np
import pytest

from topoeval import _native as native


def call(p, g, dims=(0, 1), comparison="union", threads=1, construction="V"):
    """Call the native function on batches, sublevel sets."""
    return native.betti_matching(p, g, construction, False, dims, comparison, threads)


@pytest.mark.parametrize("shape", [(7, 20, 21), (5, 6, 7, 8)])
def test_threads_change_nothing(shape):
    """Rows and their order do not depend on the number of threads, nor on earlier calls."""
    rng = np.random.default_rng(0)
    p, g = rng.random((2, *shape)).astype(np.float32)
    dims = tuple(range(len(shape) - 1))
    one = call(p, g, dims)
    call(p[:, :3], g[:, :3], dims)
    for threads in (2, 3, 16):
        for column, again in zip(one, call(p, g, dims, threads=threads), strict=True):
            assert column.dtype == np.int64
            np.testing.assert_array_equal(column, again)
    image, dim, *_ = one
    assert (np.diff(image) >= 0).all()
    assert (np.diff(dim)[np.diff(image) == 0] >= 0).all()


def test_dims_select():
    """Each dimension alone gives its rows of the whole."""
    rng = np.random.default_rng(1)
    p, g = rng.random((2, 1, 6, 7, 8))
    whole = np.stack(call(p, g, (0, 1, 2)), axis=1)
    for dim in range(3):
        alone = np.stack(call(p, g, (dim,)), axis=1)
        np.testing.assert_array_equal(alone, whole[whole[:, 1] == dim])
    assert not len(call(p, g, ())[0])


@pytest.mark.parametrize(
    "dtype", ["f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "?"]
)
def test_dtypes_agree(dtype):
    """Every dtype gives what float64 gives for the same numbers."""
    p, g = np.random.default_rng(2).integers(0, 2 if dtype == "?" else 100, (2, 2, 9, 10))
    for column, wide in zip(
        call(p.astype(dtype), g.astype(dtype)), call(np.float64(p), np.float64(g)), strict=True
    ):
        np.testing.assert_array_equal(column, wide)


def test_dtypes_mix():
    """A float32 map and a mask of bool are compared as numbers."""
    rng = np.random.default_rng(3)
    p, g = rng.random((2, 9, 10)).astype(np.float32), rng.random((2, 9, 10)) < 0.5
    for column, wide in zip(call(p, g), call(np.float64(p), np.float64(g)), strict=True):
        np.testing.assert_array_equal(column, wide)
    with pytest.raises(ValueError, match="one dtype"):
        call(p, g.astype(np.int64))


@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.uint32, np.uint64])
def test_whole_range_of_integers(dtype):
    """The least and the greatest integer are values like others, in one map or in both."""
    limits = np.iinfo(dtype)
    levels = np.array([limits.min, limits.min + 1, 5, limits.max - 1, limits.max], dtype=dtype)
    p, g = np.random.default_rng(4).integers(0, 5, (2, 1, 8, 9))
    for few in (p, p.clip(1, 3)):
        for column, plain in zip(call(levels[few], levels[g]), call(few, g), strict=True):
            np.testing.assert_array_equal(column, plain)


def test_strides_do_not_matter():
    """Views of any strides give what their copies give."""
    rng = np.random.default_rng(5)
    p, g = rng.random((2, 3, 8, 9, 10))
    for view in (
        lambda a: a[:, ::-1, :, ::-2],
        lambda a: a.transpose(0, 3, 1, 2),
        lambda a: np.asfortranarray(a),
        lambda a: np.broadcast_to(a[:, :1], a.shape),
    ):
        found = call(view(p), view(g), (0, 1, 2))
        for column, copied in zip(
            found, call(view(p).copy(), view(g).copy(), (0, 1, 2)), strict=True
        ):
            np.testing.assert_array_equal(column, copied)


@pytest.mark.parametrize("position", [0, 1])
@pytest.mark.parametrize("shape", [(2, 5, 6), (2, 4, 5, 6)])
def test_nan_is_refused(shape, position):
    """NaN has no place in a filtration."""
    maps = np.random.default_rng(6).random((2, *shape))
    maps[position][1].flat[7] = np.nan
    for threads in (1, 2):
        with pytest.raises(ValueError, match="NaN"):
            call(*maps, threads=threads)


def test_bad_arguments_are_named():
    """What is wrong is in the message."""
    p = np.zeros((2, 5, 6))
    with pytest.raises(ValueError, match=r"\(2, 5, 6\) and \(2, 6, 5\)"):
        call(p, np.zeros((2, 6, 5)))
    with pytest.raises(ValueError, match="'both'"):
        call(p, p, comparison="both")
    with pytest.raises(ValueError, match="'W'"):
        call(p, p, construction="W")
    with pytest.raises(ValueError, match="threads"):
        call(p, p, threads=0)
    with pytest.raises(ValueError, match="not 2"):
        call(p, p, dims=(2,))
    with pytest.raises(ValueError, match="float16, float32"):
        call(p.astype(complex), p.astype(complex))


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")
@pytest.mark.parametrize("threads", [1, 2])
def test_interrupt_ends_a_long_call(threads):
    """Ctrl-C is heard while the matching works, and the next call is as good as ever."""
    endless = np.broadcast_to(np.random.default_rng(7).random((128, 128)), (10**5, 128, 128))

    def interrupt(*_):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        begin = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            call(endless, endless, threads=threads)
        assert time.monotonic() - begin < 5
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert call(endless[:2], endless[:2], threads=threads)[0].max() == 1
