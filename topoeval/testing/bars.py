"""Checks of a backend: what it says of itself, and which bars it gives.

Expected bars of small images come from `topoeval.testing.reference`, which reduces boundary
matrices by definition; those of larger ones from the engine of this package. No other library is
needed. Images hold values that float32 represents, so a backend that computes in float32 passes
too; the two checks that ask for more do not apply to one whose `Info.exact` is False.
"""

from __future__ import annotations

import functools
import itertools

import numpy as np

from topoeval.persistence.backends.base import Backend, Info
from topoeval.persistence.backends.native import Native
from topoeval.testing.comparison import (
    TOPOLOGIES,
    assert_reference,
    assert_same_bars,
    bars_of,
    blurred,
    describe,
    distinct_values,
    few_levels,
    supported_ndims,
    tasks,
)
from topoeval.testing.results import NotApplicable

# --- What the backend says about itself ---


def check_info_is_complete(backend: Backend) -> None:
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


def check_refuses_with_a_reason(backend: Backend) -> None:
    """`supports` returns None or one line, and refuses what `info` does not promise."""
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


def check_construction_is_read(backend: Backend) -> None:
    """Diagonal pixels are two components in the V-construction and one in T."""
    for ndim in supported_ndims(backend):
        image = np.zeros((1,) + (3,) * ndim)
        image[0][(0,) * ndim] = image[0][(1,) * ndim] = 1
        assert_reference(backend, np.concatenate([image, 1 - image]))


def check_direction_is_read(backend: Backend) -> None:
    """Bright is foreground in a superlevel filtration, dark in a sublevel one."""
    for ndim in supported_ndims(backend):
        image = np.zeros((1,) + (5,) * ndim)
        image[(0,) + (slice(1, 4),) * ndim] = 1
        image[(0,) + (2,) * ndim] = 0.25
        assert_reference(backend, image)


def check_border_is_read(backend: Backend) -> None:
    """A dark region cut by the edge is a hole in a framed image and none in a plain one."""
    for ndim in supported_ndims(backend):
        image = np.zeros((1,) + (4,) * ndim)
        image[:, 1] = 1
        image[:, 3, ..., 2] = 0.5
        assert_reference(backend, image)


def check_small_images(backend: Backend) -> None:
    """Random images have the bars of the definition, in every topology."""
    for ndim in supported_ndims(backend):
        shape = (2, 6, 6) if ndim == 2 else (2, 3, 3, 3)
        assert_reference(backend, distinct_values(shape, seed=1))


def check_anisotropic_shapes(backend: Backend) -> None:
    """No axis is taken for another."""
    for ndim in supported_ndims(backend):
        shapes = [(3, 9), (9, 3), (5, 7)] if ndim == 2 else [(2, 3, 5), (5, 3, 2), (3, 5, 2)]
        for shape in shapes:
            assert_reference(backend, distinct_values((2, *shape), seed=2))


def check_one_pixel_axes(backend: Backend) -> None:
    """Lines and single voxels are images, too."""
    for ndim in supported_ndims(backend):
        flat = [(1, 7), (7, 1), (1, 1)]
        flat_3d = [(1, 1, 5), (1, 5, 1), (5, 1, 1), (1, 1, 1), (1, 3, 4), (3, 1, 4), (3, 4, 1)]
        for shape in flat if ndim == 2 else flat_3d:
            assert_reference(backend, distinct_values((2, *shape), seed=3))
            assert_reference(backend, few_levels((2, *shape), 2, seed=3))


def check_thin_images(backend: Backend) -> None:
    """Axes of two voxels, where shortcuts of fast routes end."""
    for ndim in supported_ndims(backend):
        for shape in [(2, 2), (2, 6), (6, 2)] if ndim == 2 else [(2, 2, 2), (2, 2, 4), (4, 2, 2)]:
            assert_reference(backend, distinct_values((2, *shape), seed=4))


def check_larger_images(backend: Backend) -> None:
    """Noise and smooth images of some thousand voxels have the bars of the native engine."""
    if isinstance(backend, Native) and type(backend).compute is Native.compute:
        raise NotApplicable("it is the engine that others are compared with")
    for ndim in supported_ndims(backend):
        noise = distinct_values((2, 37, 52) if ndim == 2 else (2, 11, 13, 12), seed=5)
        smooth = functools.reduce(blurred, range(1, ndim + 1), noise)
        for topology, dims in tasks(backend, ndim):
            for images in (noise, smooth):
                expected = bars_of(Native(threads=1), images, topology, dims)
                found = bars_of(backend, images, topology, dims)
                assert_same_bars(found, expected, describe(topology, images))


def check_essential_classes(backend: Backend) -> None:
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


def check_constant_images(backend: Backend) -> None:
    """A constant image has the one bar that never dies, and in a frame a hole."""
    for ndim in supported_ndims(backend):
        assert_reference(backend, np.full((2,) + (4,) * ndim, 0.5))
        assert_reference(backend, np.zeros((1,) + (3,) * ndim))


def check_ties(backend: Backend) -> None:
    """Equal values neither drop bars nor add bars of length zero."""
    for ndim in supported_ndims(backend):
        for levels in (2, 3, 5):
            shape = (3, 6, 7) if ndim == 2 else (2, 3, 4, 4)
            assert_reference(backend, few_levels(shape, levels, seed=levels))


def check_saturated_half_precision(backend: Backend) -> None:
    """Probabilities of a sure network in float16: most are 0 or 1, many are equal."""
    for ndim in supported_ndims(backend):
        logits = np.random.default_rng(7).normal(0, 20, (2, 7, 8) if ndim == 2 else (2, 3, 4, 4))
        assert_reference(backend, (1 / (1 + np.exp(-logits))).astype(np.float16))


def check_dimension_subsets(backend: Backend) -> None:
    """Called for some of the dimensions, it returns the same bars of exactly those."""
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
