"""What a metric accepts: numpy arrays and, without importing torch, its tensors."""

from __future__ import annotations

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
    """Return the values as a numpy array; a tensor leaves its graph and its device."""
    if isinstance(values, Tensor):
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
        raise UserError(f"a mask must be boolean, got {mask.dtype}; threshold it: values >= 0.5")
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


def check_same_shape(prediction: NDArray[Any], target: NDArray[Any]) -> None:
    """Refuse pairs that numpy would broadcast into a wrong answer.

    Raises
    ------
    UserError
        If the shapes differ.
    """
    if prediction.shape != target.shape:
        raise UserError(
            f"prediction and target must have one shape, got {prediction.shape} and {target.shape}"
        )
