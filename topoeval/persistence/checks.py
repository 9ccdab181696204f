"""What every function on batches of images refuses, in one line each."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from topoeval.errors import UserError

BEYOND_FLOATS = "integers beyond 2^53 can be matched with their own dtype only, unframed"


def spatial_axes(shape: tuple[int, ...], given: int | None) -> int:
    """Return the spatial dimensions, 2 or 3, of a batch: as `given`, or from its shape."""
    if given is None:
        if len(shape) == 4:
            raise UserError(
                f"an input of shape {shape} is (B, C, H, W) or (B, D, H, W): "
                "say spatial_dims=2 or spatial_dims=3"
            )
        given = {3: 2, 5: 3}.get(len(shape))
    elif given not in (2, 3):
        raise UserError(f"spatial_dims must be 2 or 3, got {given!r}")
    if given not in (2, 3) or len(shape) not in (given + 1, given + 2):
        raise UserError(
            f"persistence takes (B, H, W), (B, C, H, W), (B, D, H, W) or (B, C, D, H, W), "
            f"got an input of shape {shape}"
            + (f" with spatial_dims={given}" if given is not None else "")
            + "; a single image needs a batch axis, x[None]"
        )
    return given


def check_dense(x: Any) -> None:
    """Refuse a tensor that does not hold all its values, as sparse ones and those on meta do."""
    # torch's own; a subclass of others may say so of its device and hold values all the same
    if getattr(x, "is_meta", False) and type(x).__module__.split(".")[0] == "torch":
        raise UserError("a tensor on the device meta has a shape and no values")
    if "strided" not in str(getattr(x, "layout", "strided")):
        raise UserError(f"takes dense tensors, got one of layout {x.layout}; x.to_dense()")


def check_nonempty(shape: Sequence[int]) -> None:
    """Refuse a batch with an axis of length 0."""
    if 0 in shape:
        raise UserError(f"persistence of an empty input of shape {tuple(shape)}")


def host_images(x: Any) -> NDArray[Any]:
    """Return an array in which every value lies where its type wants it.

    Raises
    ------
    UserError
        A masked array that hides a value: persistence has no image with missing voxels.
    """
    if isinstance(x, np.ma.MaskedArray) and np.ma.is_masked(x):
        hidden = np.count_nonzero(np.ma.getmaskarray(x))
        raise UserError(
            f"a masked array with {hidden} masked value(s); fill them first, x.filled(value)"
        )
    # fields of records may begin at any byte, which the engine and most libraries cannot read
    return np.require(np.asarray(x), requirements="A")


def checked_dims(dims: Sequence[int] | int | None, ndim: int) -> tuple[int, ...]:
    """Return homology dimensions sorted and once each; all by default."""
    if dims is None:
        return tuple(range(ndim))
    try:
        given = list(dims) if isinstance(dims, Iterable) else [dims]
        if any(isinstance(dim, bool | np.bool_) for dim in given):
            raise TypeError("a truth value is no dimension, though Python counts with it")
        checked = tuple(sorted({operator.index(dim) for dim in given}))
    except TypeError:
        raise UserError(
            f"dims must be whole numbers, some of {tuple(range(ndim))}, got {dims!r}"
        ) from None
    if not checked or checked[0] < 0 or checked[-1] >= ndim:
        raise UserError(
            f"dims must be some of {tuple(range(ndim))} for {ndim}D images, got {tuple(given)}"
        )
    return checked


def check_real_and_finite(values: NDArray[Any]) -> None:
    """Refuse complex numbers, NaN and infinities in ``(n_images, n_voxels)`` values."""
    if values.dtype.kind not in "fiub":
        raise UserError(f"persistence takes real numbers, got dtype {values.dtype}")
    if values.dtype.kind == "f" and values.dtype.itemsize > 8:
        raise UserError(
            f"persistence takes floats of 64 bits at most, got {values.dtype}; "
            "x.astype(numpy.float64) rounds them"
        )
    if values.dtype.kind == "f":
        finite = np.isfinite(values)
        if not finite.all():
            bad = values[~finite]
            what = "NaN" if np.isnan(bad).any() else "infinite"
            image = int(np.argmax(~finite.all(axis=1)))
            raise UserError(
                f"{bad.size} {what} value(s) in the input, first in image {image} of the batch; "
                "persistence needs finite numbers"
            )
