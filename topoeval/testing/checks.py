"""The checks: one function each, the backend its only argument.

Expected bars of small images come from `topoeval.testing.reference`, which reduces boundary
matrices by definition; those of larger ones from the engine of this package. No other library is
needed. Images hold values that float32 represents, so a backend that computes in float32 passes
too; the two checks that ask for more do not apply to one whose `Info.exact` is False.
"""

from __future__ import annotations

import functools
import gc
import inspect
import itertools
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unittest import SkipTest

import numpy as np

from topoeval.errors import UnavailableError
from topoeval.persistence.backends.base import Backend, IndexTable, Info, ValueTable
from topoeval.persistence.backends.native import Native
from topoeval.persistence.compute import compute
from topoeval.testing.comparison import (
    A_THIRD,
    TOPOLOGIES,
    assert_reference,
    assert_same_bars,
    assert_same_table,
    bars_of,
    blurred,
    describe,
    distinct_values,
    few_levels,
    reference_rows,
    rows_of_table,
    supported_ndims,
    tasks,
)

CHECKS: list[Callable[[Backend], None]] = []


def _check(function: Callable[[Backend], None]) -> Callable[[Backend], None]:
    CHECKS.append(function)
    return function


# --- What the backend says about itself ---


@_check
def info_is_complete(backend: Backend) -> None:
    """`info` describes the backend in words and numbers that can be printed and compared."""
    info = backend.info
    assert isinstance(info, Info), f"info is {type(info).__name__}, not Info"
    for field in ("name", "title", "package", "licence", "threads", "citation"):
        text = getattr(info, field)
        assert isinstance(text, str), f"info.{field} is {text!r}, not text"
        assert text.strip(), f"info.{field} is empty"
        assert "\n" not in text, f"info.{field} is more than one line"
    for field, allowed in (("ndims", (2, 3)), ("constructions", ("V", "T")), ("dims", (0, 1, 2))):
        given = getattr(info, field)
        assert given, f"info.{field} is empty"
        assert set(given) <= set(allowed), f"info.{field} is {given}, not some of {allowed}"
    for field in ("gives_locations", "exact", "releases_gil"):
        assert isinstance(getattr(info, field), bool), f"info.{field} is not a bool"


@_check
def refuses_with_a_reason(backend: Backend) -> None:
    """`supports` answers None or one line, and refuses what `info` does not promise."""
    subsets = [None, (0,), (1,), (2,), (0, 1)]
    for ndim, topology, dims in itertools.product((2, 3, 4), TOPOLOGIES, subsets):
        reason = backend.supports(ndim, topology, dims)
        asked = f"supports({ndim}, {topology}, {dims})"
        assert reason is None or isinstance(reason, str), f"{asked} is {reason!r}"
        if reason is not None:
            assert reason.strip(), f"{asked} gives an empty reason"
            assert "\n" not in reason, f"{asked} gives more than one line"
        elif backend.info.refusal(ndim, topology, dims) is not None:
            raise AssertionError(f"{asked} is None, though info does not promise it")
    assert any(tasks(backend, ndim) for ndim in (2, 3)), "it supports nothing that info promises"


# --- The bars ---


@_check
def construction_is_read(backend: Backend) -> None:
    """Diagonal pixels are two components in the V-construction and one in T."""
    for ndim in supported_ndims(backend):
        image = np.zeros((1,) + (3,) * ndim)
        image[0][(0,) * ndim] = image[0][(1,) * ndim] = 1
        assert_reference(backend, np.concatenate([image, 1 - image]))


@_check
def direction_is_read(backend: Backend) -> None:
    """Bright is foreground in a superlevel filtration, dark in a sublevel one."""
    for ndim in supported_ndims(backend):
        image = np.zeros((1,) + (5,) * ndim)
        image[(0,) + (slice(1, 4),) * ndim] = 1
        image[(0,) + (2,) * ndim] = 0.25
        assert_reference(backend, image)


@_check
def border_is_read(backend: Backend) -> None:
    """A dark region cut by the edge is a hole in a framed image and none in a plain one."""
    for ndim in supported_ndims(backend):
        image = np.zeros((1,) + (4,) * ndim)
        image[:, 1] = 1
        image[:, 3, ..., 2] = 0.5
        assert_reference(backend, image)


@_check
def small_images(backend: Backend) -> None:
    """Random images have the bars of the definition, in every topology."""
    for ndim in supported_ndims(backend):
        shape = (2, 6, 6) if ndim == 2 else (2, 3, 3, 3)
        assert_reference(backend, distinct_values(shape, seed=1))


@_check
def anisotropic_shapes(backend: Backend) -> None:
    """No axis is taken for another."""
    for ndim in supported_ndims(backend):
        shapes = [(3, 9), (9, 3), (5, 7)] if ndim == 2 else [(2, 3, 5), (5, 3, 2), (3, 5, 2)]
        for shape in shapes:
            assert_reference(backend, distinct_values((2, *shape), seed=2))


@_check
def one_pixel_axes(backend: Backend) -> None:
    """Lines and single voxels are images, too."""
    for ndim in supported_ndims(backend):
        flat = [(1, 7), (7, 1), (1, 1)]
        flat_3d = [(1, 1, 5), (1, 5, 1), (5, 1, 1), (1, 1, 1), (1, 3, 4), (3, 1, 4), (3, 4, 1)]
        for shape in flat if ndim == 2 else flat_3d:
            assert_reference(backend, distinct_values((2, *shape), seed=3))
            assert_reference(backend, few_levels((2, *shape), 2, seed=3))


@_check
def thin_images(backend: Backend) -> None:
    """Axes of two voxels, where shortcuts of fast routes end."""
    for ndim in supported_ndims(backend):
        for shape in [(2, 2), (2, 6), (6, 2)] if ndim == 2 else [(2, 2, 2), (2, 2, 4), (4, 2, 2)]:
            assert_reference(backend, distinct_values((2, *shape), seed=4))


@_check
def larger_images(backend: Backend) -> None:
    """Noise and smooth images of some thousand voxels have the bars of the native engine."""
    if isinstance(backend, Native) and type(backend).compute is Native.compute:
        raise SkipTest("it is the engine that others are compared with")
    for ndim in supported_ndims(backend):
        noise = distinct_values((2, 37, 52) if ndim == 2 else (2, 11, 13, 12), seed=5)
        smooth = functools.reduce(blurred, range(1, ndim + 1), noise)
        for topology, dims in tasks(backend, ndim):
            for images in (noise, smooth):
                expected = bars_of(Native(threads=1), images, topology, dims)
                found = bars_of(backend, images, topology, dims)
                assert_same_bars(found, expected, describe(topology, images))


@_check
def essential_classes(backend: Backend) -> None:
    """Each image has one class that never dies, of dimension 0, born first."""
    for ndim in supported_ndims(backend):
        images = distinct_values((3,) + (4,) * ndim, seed=6)
        for topology, dims in tasks(backend, ndim):
            if 0 not in dims:
                continue
            extreme = np.max if topology.superlevel else np.min
            never = -np.inf if topology.superlevel else np.inf
            expected = [
                (number, 0, -never if topology.framed else float(extreme(image)), never)
                for number, image in enumerate(images)
            ]
            rows = bars_of(backend, images, topology, dims)
            found = [row for row in rows if row[3] == never]
            assert_same_bars(found, expected, f"{topology}, classes that never die")


@_check
def constant_images(backend: Backend) -> None:
    """A constant image has the one bar that never dies, and in a frame a hole."""
    for ndim in supported_ndims(backend):
        assert_reference(backend, np.full((2,) + (4,) * ndim, 0.5))
        assert_reference(backend, np.zeros((1,) + (3,) * ndim))


@_check
def ties(backend: Backend) -> None:
    """Equal values neither drop bars nor add bars of length zero."""
    for ndim in supported_ndims(backend):
        for levels in (2, 3, 5):
            shape = (3, 6, 7) if ndim == 2 else (2, 3, 4, 4)
            assert_reference(backend, few_levels(shape, levels, seed=levels))


@_check
def saturated_half_precision(backend: Backend) -> None:
    """Probabilities of a sure network in float16: most are 0 or 1, many are equal."""
    for ndim in supported_ndims(backend):
        logits = np.random.default_rng(7).normal(0, 20, (2, 7, 8) if ndim == 2 else (2, 3, 4, 4))
        assert_reference(backend, (1 / (1 + np.exp(-logits))).astype(np.float16))


@_check
def dimension_subsets(backend: Backend) -> None:
    """Asked for some dimensions, it answers the same bars of exactly those."""
    for ndim in supported_ndims(backend):
        images = distinct_values((2, 7, 6) if ndim == 2 else (2, 4, 4, 5), seed=8)
        for topology, dims in tasks(backend, ndim):
            rows = bars_of(backend, images, topology, dims)
            for size in range(1, len(dims) + 1):
                for subset in itertools.combinations(dims, size):
                    expected = [row for row in rows if row[1] in subset]
                    found = bars_of(backend, images, topology, subset)
                    assert_same_bars(
                        found, expected, f"{describe(topology, images)}, dims {subset}"
                    )


# --- The table ---


@_check
def table_is_well_formed(backend: Backend) -> None:
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


@_check
def locations_hold_the_values(backend: Backend) -> None:
    """Each bar names the voxels of its birth and death, by row-major index in the image."""
    if not backend.info.gives_locations:
        raise SkipTest("it gives values only")
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


@_check
def dtypes(backend: Backend) -> None:
    """The value of a voxel counts, not the type that holds it."""
    for ndim in supported_ndims(backend):
        values = few_levels((2, 6, 5) if ndim == 2 else (2, 3, 4, 3), 50, seed=11)
        for name in ("float16", "float32", "float64", "int8", "uint8", "int16", "int32", "int64"):
            assert_reference(backend, values.astype(name), A_THIRD)
        assert_reference(backend, values % 2 == 0, A_THIRD)


@_check
def float64_is_kept(backend: Backend) -> None:
    """Values that float32 cannot tell apart are different values."""
    if not backend.info.exact:
        raise SkipTest("info.exact is False: it computes in less than float64")
    for ndim in supported_ndims(backend):
        order = distinct_values((2, 5, 6) if ndim == 2 else (2, 3, 4, 3), seed=12)
        assert_reference(backend, 1 + order * 2.0**-45, A_THIRD)


@_check
def large_integers(backend: Backend) -> None:
    """2^53 and 2^53 + 1 are one float64 but two values."""
    if not backend.info.exact:
        raise SkipTest("info.exact is False: it computes in less than float64")
    for ndim in supported_ndims(backend):
        order = distinct_values((2, 5, 6) if ndim == 2 else (2, 3, 4, 3), seed=13).astype(np.int64)
        assert_reference(backend, 2**53 + order, A_THIRD)
        assert_reference(backend, -(2**53) - order, A_THIRD)
        assert_reference(backend, 2**63 + order.astype(np.uint64), A_THIRD)


@_check
def byte_order(backend: Backend) -> None:
    """Big-endian images, as files hold them."""
    for ndim in supported_ndims(backend):
        images = distinct_values((2, 6, 5) if ndim == 2 else (2, 3, 4, 3), seed=14)
        for name in (">f4", ">f8", ">i2", "<f4", "<i4"):
            assert_reference(backend, images.astype(name), A_THIRD)


@_check
def memory_layout(backend: Backend) -> None:
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


@_check
def read_only_input(backend: Backend) -> None:
    """A read-only array is computed all the same."""
    for ndim in supported_ndims(backend):
        images = distinct_values((2,) + (4,) * ndim, seed=16)
        images.setflags(write=False)
        assert_reference(backend, images, A_THIRD)


@_check
def input_is_left_alone(backend: Backend) -> None:
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


@_check
def batch_is_its_images(backend: Backend) -> None:
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


@_check
def deterministic(backend: Backend) -> None:
    """The same images give the same table, row by row, each time."""
    for ndim in supported_ndims(backend):
        images = few_levels((2, 9, 9) if ndim == 2 else (2, 5, 5, 5), 3, seed=19)
        for topology, dims in tasks(backend, ndim):
            first = backend.compute(images, topology, dims)
            for _ in range(5):
                again = backend.compute(images, topology, dims)
                assert_same_table(again, first, f"{describe(topology, images)}, called again")


@_check
def threads_change_nothing(backend: Backend) -> None:
    """With one thread of its own or with several, the table is the same."""
    kind: Any = type(backend)
    if "threads" not in inspect.signature(kind).parameters:
        raise SkipTest("it has no parameter `threads`")
    for ndim in supported_ndims(backend):
        images = few_levels((5, 24, 20) if ndim == 2 else (3, 9, 8, 10), 40, seed=20)
        for topology, dims in tasks(backend, ndim):
            one = kind(threads=1).compute(images, topology, dims)
            for threads in (2, 3):
                several = kind(threads=threads).compute(images, topology, dims)
                what = f"{describe(topology, images)}, threads={threads} against 1"
                assert_same_table(several, one, what)


@_check
def python_threads(backend: Backend) -> None:
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


@_check
def leaks_nothing(backend: Backend) -> None:
    """1,000 calls leave the memory of the process as it was, to within 1 KiB a call."""
    import psutil

    ndim = supported_ndims(backend)[0]
    topology, dims = tasks(backend, ndim)[0]
    images = distinct_values((1, 16, 16) if ndim == 2 else (1, 6, 6, 6), seed=21)
    process = psutil.Process()
    for _ in range(200):  # until caches and allocators have what they keep
        backend.compute(images, topology, dims)
    gc.collect()
    before = process.memory_info().rss
    for _ in range(1000):
        backend.compute(images, topology, dims)
    gc.collect()
    grown = process.memory_info().rss - before
    assert grown < 2**20, f"{grown / 2**20:.1f} MiB more after 1,000 calls on {images.shape}"


@_check
def serves_compute(backend: Backend) -> None:
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
