"""What a metric accepts: numpy arrays and, without importing torch, its tensors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from topoeval.errors import UserError


@runtime_checkable
class Tensor(Protocol):
    """The part of `torch.Tensor` that leads back to numpy."""

    def detach(self) -> Any:
        """Return a tensor outside the graph."""


Array = NDArray[Any] | Tensor


def as_numpy(values: Array) -> NDArray[Any]:
    """Return the values as a numpy array; a tensor leaves its graph and its device.

    Raises
    ------
    UserError
        A masked array that hides a value: whether it counts is the caller's say.
    """
    if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):
        hidden = np.count_nonzero(np.ma.getmaskarray(values))
        raise UserError(
            f"a masked array with {hidden} masked value(s); fill them first, x.filled(value)"
        )
    if isinstance(values, Tensor):
        if getattr(values, "is_sparse", False):
            raise UserError("a mask is a dense tensor, got a sparse one; mask.to_dense()")
        return np.asarray(values.detach().cpu().numpy())
    return np.asarray(values)


def as_mask(values: Array) -> NDArray[np.bool_]:
    """Return a boolean array, or refuse: where a grey value becomes foreground is the caller's say.

    Raises
    ------
    UserError
        For any other dtype.
    """
    mask = as_numpy(values)
    if mask.dtype != np.bool_:
        raise UserError(
            f"a mask must be boolean, got {mask.dtype}; of a probability map: values >= 0.5, of a "
            "label map one class: labels == class"
        )
    return mask


def leading_axes(values: NDArray[Any], spatial_dims: int | None) -> int:
    """Return how many axes precede the spatial ones; ``None`` reads the array as one image.

    Raises
    ------
    UserError
        If the array has fewer than ``spatial_dims`` axes, or a spatial axis of length zero.
    """
    spatial = values.ndim if spatial_dims is None else spatial_dims
    if not 1 <= spatial <= values.ndim:
        raise UserError(f"spatial_dims={spatial} does not fit an array of shape {values.shape}")
    lead = values.ndim - spatial
    if 0 in values.shape[lead:]:
        raise UserError(f"an image needs at least one voxel, got shape {values.shape}")
    return lead


def check_no_colours(mask: NDArray[Any]) -> None:
    """Refuse an array that may be a picture with colours where a volume would be read.

    Raises
    ------
    UserError
        If the last of three axes is as long as a picture has channels, and the others are at least
        eight times as long: a volume of 3 slices is not told from a picture by its shape.
    """
    if mask.ndim == 3 and mask.shape[-1] in (3, 4) and min(mask.shape[:2]) >= 8 * mask.shape[-1]:
        raise UserError(
            f"a mask of shape {mask.shape} may be a picture with {mask.shape[-1]} channels; take "
            "one of them, mask[..., 0], or say spatial_dims=3 if it is a volume"
        )


def check_same_shape(prediction: NDArray[Any], target: NDArray[Any]) -> None:
    """Refuse pairs that numpy would broadcast into a wrong result.

    Raises
    ------
    UserError
        If the shapes differ.
    """
    if prediction.shape != target.shape:
        raise UserError(
            f"prediction and target must have one shape, got {prediction.shape} and {target.shape}"
        )


def case_pairs(
    prediction: Array, target: Array, spatial_dims: int | None
) -> tuple[tuple[int, ...], Iterator[tuple[NDArray[np.bool_], NDArray[np.bool_]]]]:
    """Return the leading shape of two stacks of masks, and their pairs one after another.

    Raises
    ------
    UserError
        If a mask is not boolean, the shapes differ, or an image has no voxel.
    """
    p, g = as_mask(prediction), as_mask(target)
    check_same_shape(p, g)
    lead = leading_axes(p, spatial_dims)
    shape, spatial = p.shape[:lead], p.shape[lead:]
    pairs = zip(p.reshape(-1, *spatial), g.reshape(-1, *spatial), strict=True)
    return shape, pairs


def surrounded(images: NDArray[np.bool_], value: bool, even: bool = False) -> NDArray[np.bool_]:
    """Lay one voxel of ``value`` round every image of a ``(B, *spatial)`` stack.

    With `even`, odd sides get a second one at their end.
    """
    sides = [side + 2 + (even and side % 2) for side in images.shape[1:]]
    # not numpy.pad, which takes twice the time
    padded = (
        np.full((len(images), *sides), value) if value else np.zeros((len(images), *sides), bool)
    )
    padded[(slice(None), *(slice(1, side + 1) for side in images.shape[1:]))] = images
    return padded
