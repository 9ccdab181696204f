"""Batched, differentiable persistent homology of images and volumes."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import NDArray

from topoeval.persistence.backends import Backend, resolve
from topoeval.persistence.backends.base import IndexTable, TensorBackend, ValueTable
from topoeval.persistence.barcode import Barcodes, host_array
from topoeval.persistence.checks import (
    check_dense,
    check_nonempty,
    check_real_and_finite,
    checked_dims,
    host_images,
    spatial_axes,
)
from topoeval.timing import span
from topoeval.topology import Topology

if TYPE_CHECKING:
    import torch


@overload
def compute(
    x: NDArray[Any],
    topology: Topology | str = ...,
    dims: Sequence[int] | int | None = ...,
    backend: str | Backend = ...,
    *,
    spatial_dims: int | None = ...,
) -> Barcodes[NDArray[Any]]: ...


@overload
def compute(
    x: torch.Tensor,
    topology: Topology | str = ...,
    dims: Sequence[int] | int | None = ...,
    backend: str | Backend = ...,
    *,
    spatial_dims: int | None = ...,
) -> Barcodes[torch.Tensor]: ...


def compute(
    x: Any,
    topology: Topology | str = Topology(),  # noqa: B008  # frozen value, safe to share
    dims: Sequence[int] | int | None = None,
    backend: str | Backend = "auto",
    *,
    spatial_dims: int | None = None,
) -> Barcodes[Any]:
    """Return the barcodes of a batch of images.

    Parameters
    ----------
    x
        ``(B, *spatial)`` or ``(B, C, *spatial)``, 2D or 3D, NumPy array or torch tensor of any real
        dtype, finite. Tensors may be on any device and require a gradient.
    topology
        Construction, direction and border reading; or its text, as ``"T-superlevel-plain"``.
    dims
        Homology dimensions, or one of them; all from 0 to d-1 by default.
    backend
        Name of a backend, or a backend with settings of its own, as ``Native(threads=1)``.
        ``"auto"``: ``torch`` for tensors on a CUDA or ROCm device, else the native engine.
    spatial_dims
        2 or 3. Needed for an input of four axes alone, which is either a batch of images with
        channels or a batch of volumes without.

    Raises
    ------
    UserError
        Wrong rank, empty input, NaN or infinite values, unknown backend or dimension.
    UnavailableError
        The backend is not installed or cannot compute this; or `x` requires a gradient and the
        backend gives values only.

    Examples
    --------
    A bright ring, its hole a little brighter than the outside:

    >>> import numpy as np
    >>> ring = np.zeros((1, 5, 5))
    >>> ring[0, 1:4, 1:4] = 1.0
    >>> ring[0, 2, 2] = 0.25
    >>> bars = compute(ring, Topology("T"))
    >>> bars.multiset()
    [(0.0, 0.0, 1.0, -inf), (0.0, 1.0, 1.0, 0.25)]
    >>> bars.betti_numbers(threshold=0.5)
    array([[1, 1]])
    """
    torch = sys.modules.get("torch")  # a tensor cannot exist before torch is imported
    check_dense(x)
    if torch is None or not isinstance(x, torch.Tensor):
        x = host_images(x)
    elif torch.compiler.is_compiling():
        from topoeval.persistence.tensors import untraced

        return untraced(_compute, x, topology, dims, backend, spatial_dims)
    return _compute(x, topology, dims, backend, spatial_dims)


def _compute(
    x: Any,
    topology: Topology | str,
    dims: Sequence[int] | int | None,
    backend: str | Backend,
    spatial_dims: int | None,
) -> Barcodes[Any]:
    ndim = spatial_axes(tuple(x.shape), spatial_dims)
    batch_shape, spatial_shape = tuple(x.shape[:-ndim]), tuple(x.shape[-ndim:])
    check_nonempty(x.shape)
    topology = Topology.parse(topology)
    dims = checked_dims(dims, ndim)

    flat = x.reshape(-1, math.prod(spatial_shape))
    with span("persistence"):
        if isinstance(x, np.ndarray):
            engine = resolve(backend, ndim, topology, dims)
            table = _table(engine, flat, spatial_shape, topology, dims)
            columns: dict[str, Any] = _gather(flat, table, topology.superlevel)
        else:
            from topoeval.persistence import tensors

            device, gradient = x.device.type, tensors.needs_gradient(x)
            engine = resolve(backend, ndim, topology, dims, device=device, locations=gradient)
            if isinstance(engine, TensorBackend):
                ends = tensors.table(engine, flat, spatial_shape, topology, dims)
                columns = tensors.gather(flat, ends, topology.superlevel)
            else:
                table = _table(engine, host_array(flat), spatial_shape, topology, dims)
                columns = tensors.gather(flat, table, topology.superlevel)
    return Barcodes(
        **columns,
        batch_shape=batch_shape,
        spatial_shape=spatial_shape,
        topology=topology,
        dims=dims,
    )


def _table(
    engine: Backend,
    flat: NDArray[Any],
    spatial_shape: tuple[int, ...],
    topology: Topology,
    dims: tuple[int, ...],
) -> IndexTable | ValueTable:
    check_real_and_finite(flat)
    return engine.compute(flat.reshape(-1, *spatial_shape), topology, dims)


def _gather(
    flat: NDArray[Any], table: IndexTable | ValueTable, superlevel: bool
) -> dict[str, NDArray[Any] | None]:
    if flat.dtype.kind != "f":  # integers have no infinity
        flat = flat.astype(np.float64)
    locations = None
    if isinstance(table, ValueTable):
        birth, death = (column.astype(flat.dtype) for column in (table.birth, table.death))
    elif flat.dtype.isnative and flat.dtype.itemsize <= 8:
        from topoeval import _native

        (birth, death), locations = _native.gather_bars(
            flat, table.image, table.birth_index, table.death_index, superlevel
        )
    else:  # foreign byte order, or more than double precision
        first, never = (np.inf, -np.inf) if superlevel else (-np.inf, np.inf)
        image, birth_index, death_index = table.image, table.birth_index, table.death_index
        birth = np.where(birth_index < 0, first, flat[image, birth_index]).astype(flat.dtype)
        death = np.where(death_index < 0, never, flat[image, death_index]).astype(flat.dtype)
        locations = np.stack([birth_index, death_index]).T  # each column in one piece
    return {
        "image": table.image,
        "dim": table.dim,
        "birth": birth,
        "death": death,
        "locations": locations,
    }
