"""Checks of a backend: its table, how images lie in memory, many images, calls and threads."""

from __future__ import annotations

import ctypes
import gc
import inspect
import itertools
import statistics
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from topoeval.errors import UnavailableError
from topoeval.persistence.backends.base import Backend, IndexTable, ValueTable
from topoeval.persistence.compute import compute
from topoeval.testing.comparison import (
    A_THIRD,
    assert_reference,
    assert_same_bars,
    assert_same_table,
    bars_of,
    describe,
    distinct_values,
    few_levels,
    reference_rows,
    rows_of_table,
    supported_ndims,
    tasks,
)
from topoeval.testing.results import NotApplicable

# --- The table ---


def check_table_is_well_formed(backend: Backend) -> None:
    """Four columns of one length, int64 (float64 values), grouped by image and dimension."""
    for ndim in supported_ndims(backend):
        images = few_levels((3,) + (5,) * ndim, 4, seed=9)
        for topology, dims in tasks(backend, ndim):
            table = backend.compute(images, topology, dims)
            kind = IndexTable if backend.info.gives_locations else ValueTable
            assert isinstance(table, kind), f"compute answers {type(table).__name__}, not " + (
                f"{kind.__name__}, though info.gives_locations is {backend.info.gives_locations}"
            )
            for name, column in table._asdict().items():
                dtype = np.float64 if name in ("birth", "death") else np.int64
                assert column.dtype == dtype, f"{name} is {column.dtype}, not {np.dtype(dtype)}"
                assert column.shape == table.image.shape, f"{name} has shape {column.shape}"
            order = np.lexsort((table.dim, table.image))
            grouped = bool((order == np.arange(len(order))).all())
            assert grouped, f"{topology}: rows are not grouped by image, then dimension"
            strange = sorted(set(table.dim.tolist()) - set(dims))
            assert not strange, f"{topology}: bars of dimensions {strange}, asked for {dims}"


def check_locations_hold_the_values(backend: Backend) -> None:
    """Each bar names the voxels of its birth and death, by row-major index in the image."""
    if not backend.info.gives_locations:
        raise NotApplicable("it gives values only")
    for ndim in supported_ndims(backend):
        shape = (2, 5, 8) if ndim == 2 else (2, 3, 4, 5)
        for images in (distinct_values(shape, seed=10), few_levels(shape, 3, seed=10)):
            size = images[0].size
            for topology, dims in tasks(backend, ndim):
                table = backend.compute(images, topology, dims)
                assert isinstance(table, IndexTable), "compute does not answer an IndexTable"
                for name in ("birth_index", "death_index"):
                    column = getattr(table, name)
                    outside = column[(column < -1) | (column >= size)]
                    what = describe(topology, images)
                    assert not len(outside), f"{what}: {name} {outside[:3]} of {size} voxels"
                assert_same_bars(
                    rows_of_table(table, images, topology),
                    reference_rows(images, topology, dims),
                    f"{describe(topology, images)}, values at the named voxels",
                )


# --- How the input lies in memory ---


def check_dtypes(backend: Backend) -> None:
    """The value of a voxel counts, not the type that holds it."""
    for ndim in supported_ndims(backend):
        values = few_levels((2, 6, 5) if ndim == 2 else (2, 3, 4, 3), 50, seed=11)
        for name in ("float16", "float32", "float64", "int8", "uint8", "int16", "int32", "int64"):
            assert_reference(backend, values.astype(name), A_THIRD)
        assert_reference(backend, values % 2 == 0, A_THIRD)


def check_float64_is_kept(backend: Backend) -> None:
    """Values that float32 cannot tell apart are different values."""
    if not backend.info.exact:
        raise NotApplicable("info.exact is False: it computes in less than float64")
    for ndim in supported_ndims(backend):
        order = distinct_values((2, 5, 6) if ndim == 2 else (2, 3, 4, 3), seed=12)
        assert_reference(backend, 1 + order * 2.0**-45, A_THIRD)


def check_large_integers(backend: Backend) -> None:
    """2^53 and 2^53 + 1 are one float64 but two values."""
    if not backend.info.exact:
        raise NotApplicable("info.exact is False: it computes in less than float64")
    for ndim in supported_ndims(backend):
        order = distinct_values((2, 5, 6) if ndim == 2 else (2, 3, 4, 3), seed=13).astype(np.int64)
        assert_reference(backend, 2**53 + order, A_THIRD)
        assert_reference(backend, -(2**53) - order, A_THIRD)
        assert_reference(backend, 2**63 + order.astype(np.uint64), A_THIRD)


def check_byte_order(backend: Backend) -> None:
    """Big-endian images, as files hold them."""
    for ndim in supported_ndims(backend):
        images = distinct_values((2, 6, 5) if ndim == 2 else (2, 3, 4, 3), seed=14)
        for name in (">f4", ">f8", ">i2", "<f4", "<i4"):
            assert_reference(backend, images.astype(name), A_THIRD)


def check_memory_layout(backend: Backend) -> None:
    """Fortran order, transposed, reversed and strided views: the image is what is seen."""
    for ndim in supported_ndims(backend):
        wide = distinct_values((2, 6, 10) if ndim == 2 else (2, 3, 4, 6), seed=15)
        axes = (0, *reversed(range(1, ndim + 1)))
        for images in (
            np.asfortranarray(wide),
            wide.transpose(axes),
            wide[:, ::-1],
            wide[..., ::2],
            wide[::-1],
        ):
            assert_reference(backend, images, A_THIRD)


def check_read_only_input(backend: Backend) -> None:
    """A read-only array is computed all the same."""
    for ndim in supported_ndims(backend):
        images = distinct_values((2,) + (4,) * ndim, seed=16)
        images.setflags(write=False)
        assert_reference(backend, images, A_THIRD)


def check_input_is_left_alone(backend: Backend) -> None:
    """The images are the same after the call as before."""
    for ndim in supported_ndims(backend):
        for dtype in (np.float64, np.float32):
            images = distinct_values((2,) + (4,) * ndim, seed=17).astype(dtype)
            before = images.copy()
            for topology, dims in tasks(backend, ndim):
                backend.compute(images, topology, dims)
                same = np.array_equal(images, before)
                assert same, f"{describe(topology, images)}: compute changed its input"


# --- Many images, many calls, many threads ---


def check_batch_is_its_images(backend: Backend) -> None:
    """What stands beside an image changes nothing in it, and bars keep to their image."""
    for ndim in supported_ndims(backend):
        images = distinct_values((5,) + (4,) * ndim, seed=18)
        images[1] = images[1, 0].mean()  # one without finite bars among those with
        for topology, dims in tasks(backend, ndim):
            batch = backend.compute(images, topology, dims)
            for number in range(len(images)):
                alone = backend.compute(images[number : number + 1], topology, dims)
                of_image = batch.image == number
                for name in alone._fields[1:]:
                    same = np.array_equal(getattr(batch, name)[of_image], getattr(alone, name))
                    what = f"{describe(topology, images)}: image {number}"
                    assert same, f"{what} has another {name} in the batch than alone"


def check_deterministic(backend: Backend) -> None:
    """The same images give the same table, row by row, each time."""
    for ndim in supported_ndims(backend):
        images = few_levels((2, 9, 9) if ndim == 2 else (2, 5, 5, 5), 3, seed=19)
        for topology, dims in tasks(backend, ndim):
            first = backend.compute(images, topology, dims)
            for _ in range(5):
                again = backend.compute(images, topology, dims)
                assert_same_table(again, first, f"{describe(topology, images)}, called again")


def check_threads_change_nothing(backend: Backend) -> None:
    """With one thread of its own or with several, the table is the same."""
    kind: Any = type(backend)
    if "threads" not in inspect.signature(kind).parameters:
        raise NotApplicable("it has no parameter `threads`")
    for ndim in supported_ndims(backend):
        images = few_levels((5, 24, 20) if ndim == 2 else (3, 9, 8, 10), 40, seed=20)
        for topology, dims in tasks(backend, ndim):
            one = kind(threads=1).compute(images, topology, dims)
            for threads in (2, 3):
                several = kind(threads=threads).compute(images, topology, dims)
                what = f"{describe(topology, images)}, threads={threads} against 1"
                assert_same_table(several, one, what)


def check_python_threads(backend: Backend) -> None:
    """Called from several Python threads at once, each gets the bars of its own images."""
    ndim = supported_ndims(backend)[0]
    topology, dims = tasks(backend, ndim)[0]
    shape = (2, 20, 20) if ndim == 2 else (2, 6, 6, 6)
    batches = [distinct_values(shape, seed=seed) for seed in range(24)]
    expected = [bars_of(backend, images, topology, dims) for images in batches]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)  # Python code inside a backend is interrupted, too
    try:
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(lambda images: bars_of(backend, images, topology, dims), batches))
    finally:
        sys.setswitchinterval(interval)
    for rows, own in zip(found, expected, strict=True):
        assert_same_bars(rows, own, f"{describe(topology, batches[0])}, four threads at once")


def check_leaks_nothing(backend: Backend) -> None:
    """2,000 calls leave the memory of the process as it was, to within 1 KiB a call."""
    ndim = supported_ndims(backend)[0]
    topology, dims = tasks(backend, ndim)[0]
    images = distinct_values((1, 16, 16) if ndim == 2 else (1, 6, 6, 6), seed=21)
    for _ in range(200):  # until caches and allocators have what they keep
        backend.compute(images, topology, dims)
    resident = [_resident()]
    for _ in range(5):
        for _ in range(400):
            backend.compute(images, topology, dims)
        resident.append(_resident())
    # The median: in one round the process may give back what was in use before.
    grown = statistics.median(after - before for before, after in itertools.pairwise(resident))
    assert grown < 400 * 2**10, f"{grown / 400 / 2**10:.1f} KiB more a call on {images.shape}"


def _resident() -> int:
    """Return the bytes of memory in use, free pages given back first where the system can."""
    import psutil

    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:  # else a leak would fill what earlier calls have freed, and not be seen
        trim(0)
    return int(psutil.Process().memory_info().rss)


def check_serves_compute(backend: Backend) -> None:
    """`persistence.compute` takes it; a tensor gets its gradient, or the reason why not."""
    import torch

    for ndim in supported_ndims(backend):
        images = distinct_values((2, 5, 6) if ndim == 2 else (2, 3, 4, 3), seed=22) / 64
        x = torch.from_numpy(images).requires_grad_()
        for topology, dims in tasks(backend, ndim):
            bars = compute(images, topology, dims, backend, spatial_dims=ndim)
            expected = reference_rows(images, topology, dims)
            assert_same_bars(
                bars.multiset(), expected, f"{describe(topology, images)}, through compute"
            )
            if backend.info.gives_locations:
                found = compute(x, topology, dims, backend, spatial_dims=ndim)
                x.grad = None
                found.birth[found.birth.isfinite()].sum().backward()  # type: ignore[no-untyped-call]
                n_finite = int(found.birth.isfinite().sum())
                total = 0.0 if x.grad is None else float(x.grad.sum())
                assert total == n_finite, f"{topology}: gradients of {n_finite} births sum {total}"
                continue
            reason = "none"
            try:
                compute(x, topology, dims, backend, spatial_dims=ndim)
            except UnavailableError as error:
                reason = str(error)
            assert "voxels" in reason, f"the reason why a tensor gets no gradient is {reason}"
