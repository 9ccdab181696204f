"""The induced matching of the barcodes of two maps: which of their bars are one feature."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Generic, Literal, get_args, overload

import numpy as np
from numpy.typing import NDArray

from topoeval.errors import UnavailableError, UserError
from topoeval.persistence.backends import automatic
from topoeval.persistence.backends.native import default_threads
from topoeval.persistence.barcode import Array, host_array
from topoeval.persistence.checks import (
    BEYOND_FLOATS,
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

Comparison = Literal["union", "intersection"]
MatchingBackend = Literal["auto", "native", "torch"]

NO_VOXEL = -1  # birth: with the frame; death: never
NO_BAR = -2  # the bar of this row has no partner


@dataclass(frozen=True, slots=True, eq=False)
class Matching(Generic[Array]):
    """All bars of two batches of maps, one row for a matched pair and for a bar without partner.

    The columns are int64, NumPy arrays or torch tensors on the device of p, of equal length, and
    grouped by image, then by dimension.

    Parameters
    ----------
    image
        Number of the pair of images in the batch; with channels ``b * C + c``.
    dim
        Homology dimension: 0 components, 1 loops (2D: holes), 2 cavities.
    p_birth, p_death, g_birth, g_death
        Flat row-major index, within its image, of the voxel at which the bar of p, of g, begins and
        ends. -1 (`NO_VOXEL`): born with the frame, or never dies. -2 (`NO_BAR`) in both columns of
        p or of g: there is no such bar, the other one is unmatched.
    batch_shape
        ``(B,)`` or ``(B, C)``.
    spatial_shape
        ``(H, W)`` or ``(D, H, W)``.
    topology
        How the maps were read.
    dims
        Dimensions that were computed.
    comparison
        What the two barcodes were matched through.
    """

    image: Array
    dim: Array
    p_birth: Array
    p_death: Array
    g_birth: Array
    g_death: Array
    batch_shape: tuple[int, ...]
    spatial_shape: tuple[int, ...]
    topology: Topology
    dims: tuple[int, ...]
    comparison: Comparison

    def __len__(self) -> int:
        return len(self.image)  # type: ignore[arg-type]

    @property
    def n_images(self) -> int:
        """Number of pairs of images, channels counted apart."""
        return int(np.prod(self.batch_shape))

    @property
    def matched(self) -> Array:
        """Boolean column: a bar of p and a bar of g."""
        columns: Any = self
        return (columns.p_birth != NO_BAR) & (columns.g_birth != NO_BAR)

    @property
    def only_p(self) -> Array:
        """Boolean column: a bar of p without partner."""
        columns: Any = self
        return columns.g_birth == NO_BAR

    @property
    def only_g(self) -> Array:
        """Boolean column: a bar of g without partner."""
        columns: Any = self
        return columns.p_birth == NO_BAR

    def rows(self, keep: Array) -> Matching[Array]:
        """Return the rows where the boolean column `keep` is true."""
        columns = {name: getattr(self, name)[keep] for name in _COLUMNS}
        return replace(self, **columns)

    def errors(self, p: Any, g: Any) -> NDArray[np.int64]:
        """Return ``(n_images, len(dims))``: the Betti matching error of two sets of masks.

        That is how many classes of the one mask and of the other have no partner: at least the
        difference of their Betti numbers. Classes are the bars that are alive in the mask: an empty
        image still has a component that never dies, and a full one a frame whose inside is a
        bar, and neither counts.

        Parameters
        ----------
        p, g
            Boolean, of the shape of the maps: the voxels that have entered the filtration, which
            for masks are the masks themselves (superlevel).
        """
        table = self.numpy()
        shape = (self.n_images, -1)
        p_alive = _alive(_host(p).reshape(shape), table.image, table.p_birth, table.p_death)
        g_alive = _alive(_host(g).reshape(shape), table.image, table.g_birth, table.g_death)
        alone = p_alive ^ g_alive
        counts = np.zeros((self.n_images, len(self.dims)), np.int64)
        column = np.searchsorted(np.asarray(self.dims), table.dim[alone])
        np.add.at(counts, (table.image[alone], column), 1)
        return counts

    def numpy(self) -> Matching[NDArray[np.int64]]:
        """Return the same table in NumPy."""
        columns: Any = self
        if isinstance(columns.image, np.ndarray):
            return columns
        return replace(columns, **{name: host_array(getattr(self, name)) for name in _COLUMNS})


@overload
def match(
    p: NDArray[Any],
    g: NDArray[Any],
    topology: Topology | str = ...,
    dims: Sequence[int] | int | None = ...,
    *,
    comparison: Comparison = ...,
    proper: bool = ...,
    spatial_dims: int | None = ...,
    threads: int | None = ...,
    backend: MatchingBackend = ...,
) -> Matching[NDArray[np.int64]]: ...


@overload
def match(
    p: torch.Tensor,
    g: torch.Tensor,
    topology: Topology | str = ...,
    dims: Sequence[int] | int | None = ...,
    *,
    comparison: Comparison = ...,
    proper: bool = ...,
    spatial_dims: int | None = ...,
    threads: int | None = ...,
    backend: MatchingBackend = ...,
) -> Matching[torch.Tensor]: ...


def match(
    p: Any,
    g: Any,
    topology: Topology | str = Topology(),  # noqa: B008  # frozen value, safe to share
    dims: Sequence[int] | int | None = None,
    *,
    comparison: Comparison = "union",
    proper: bool = False,
    spatial_dims: int | None = None,
    threads: int | None = None,
    backend: MatchingBackend = "auto",
) -> Matching[Any]:
    """Return the induced matching of the barcodes of two batches of maps, pair by pair.

    Stucki et al., ICML 2023 (arXiv 2211.15272), after Bauer and Lesnick 2015: p and g both map into
    their comparison, the union of their foregrounds; a bar of p and a bar of g match if the images
    of both are the same bar there.

    Parameters
    ----------
    p, g
        ``(B, *spatial)`` or ``(B, C, *spatial)``, 2D or 3D, of one shape; NumPy arrays or torch
        tensors of any real dtypes, finite.
    topology
        Construction, direction and border reading; or its text. The published code
        knows V and either direction. A framed border puts the same frame round p, g and their
        comparison.
    dims
        Homology dimensions, or one of them; all from 0 to d-1 by default.
    comparison
        ``"union"``: through the union of the foregrounds of p and g, ``max(p, g)`` in a superlevel
        filtration. ``"intersection"``: through their intersection, which maps into both.
    proper
        Match through bars of the image that have a length, so that matched bars overlap: the
        theorem's matching. Without it, the default, a pair that the image reduction makes of a
        birth and an earlier death counts too, as in the published code. Masks match alike either
        way.
    spatial_dims
        2 or 3. Needed for an input of four axes alone.
    threads
        Threads of the native engine over the batch; None takes as many as OMP_NUM_THREADS says,
        else all cores. The result does not depend on it.
    backend
        ``"native"``: our own engine, on the CPU. ``"torch"``: tensor operations on the device of p,
        for 2D; the matching is the same, rows of one image and dimension come in another order.
        ``"auto"``: for tensors on a CUDA or ROCm device ``torch`` in 2D, else ``native``.

    Raises
    ------
    UserError
        Shapes that differ, wrong rank, empty input, NaN or infinite values, unknown dimension,
        comparison or backend.
    UnavailableError
        Volumes with ``backend="torch"``.

    Examples
    --------
    Two components, of which one is found, and a third that is not there:

    >>> truth, found = np.zeros((2, 1, 5, 7))
    >>> truth[0, :2, :2] = truth[0, 3:, 5:] = 1
    >>> found[0, 1, 1] = found[0, 4, 0] = 0.9
    >>> matching = match(found, truth)
    >>> [int(rows.sum()) for rows in (matching.matched, matching.only_p, matching.only_g)]
    [1, 1, 1]
    >>> matching.errors(found > 0.5, truth > 0.5)
    array([[2, 0]])
    """
    torch = sys.modules.get("torch")  # a tensor cannot exist before torch is imported
    for x in (p, g):
        check_dense(x)
    p, g = (
        x if torch is not None and isinstance(x, torch.Tensor) else host_images(x) for x in (p, g)
    )
    device = None if isinstance(p, np.ndarray) else p.device
    if p.shape != g.shape:
        raise UserError(f"maps of shapes {tuple(p.shape)} and {tuple(g.shape)} cannot be matched")
    ndim = spatial_axes(tuple(p.shape), spatial_dims)
    batch_shape, spatial_shape = tuple(p.shape[:-ndim]), tuple(p.shape[-ndim:])
    check_nonempty(p.shape)
    topology = Topology.parse(topology)
    dims = checked_dims(dims, ndim)
    if comparison not in get_args(Comparison):
        raise UserError(f"comparison must be 'union' or 'intersection', got {comparison!r}")
    if threads is not None and threads < 1:
        raise UserError(f"threads must be at least 1, got {threads}")
    engine = _engine(backend, "cpu" if device is None else device.type, ndim)

    with span("persistence"):
        if engine == "torch":
            from topoeval.persistence import tensors

            p, g = (tensors.on_device(x, device).reshape(-1, *spatial_shape) for x in (p, g))
            table = tensors.matching(p, g, topology, dims, comparison == "union", proper)
            columns = list(table if device is not None else table.numpy())
        else:
            p, g = (x.reshape(-1, *spatial_shape) for x in _comparable(_host(p), _host(g)))
            columns = _columns(
                p,
                g,
                topology,
                dims,
                comparison,
                default_threads() if threads is None else threads,
                proper,
            )
            if torch is not None and device is not None:
                columns = [torch.from_numpy(column).to(device) for column in columns]
    return Matching(
        **dict(zip(_COLUMNS, columns, strict=True)),
        batch_shape=batch_shape,
        spatial_shape=spatial_shape,
        topology=topology,
        dims=dims,
        comparison=comparison,
    )


def _engine(backend: MatchingBackend, device: str, ndim: int) -> str:
    if backend == "auto":
        return automatic(device) if ndim == 2 else "native"
    if backend not in get_args(MatchingBackend):
        raise UserError(f"backend must be 'auto', 'native' or 'torch', got {backend!r}")
    if backend == "torch" and ndim != 2:
        raise UnavailableError("backend 'torch' matches 2D images only: use native for volumes")
    return backend


def _columns(
    p: NDArray[Any],
    g: NDArray[Any],
    topology: Topology,
    dims: Sequence[int],
    comparison: Comparison,
    threads: int,
    proper: bool,
) -> list[Any]:
    from topoeval import _native

    shape = p.shape[1:]
    if topology.framed:
        first = np.inf if topology.superlevel else -np.inf
        around = [(0, 0)] + [(1, 1)] * len(shape)
        p, g = (np.pad(x, around, constant_values=first) for x in _floats(p, g))
    image, dim, *ends = _native.betti_matching(
        p, g, topology.construction, topology.superlevel, list(dims), comparison, threads, proper
    )
    if topology.framed:
        voxels = np.full([side + 2 for side in shape], NO_VOXEL)
        voxels[(slice(1, -1),) * len(shape)] = np.arange(np.prod(shape)).reshape(shape)
        ends = [np.where(index < 0, index, voxels.reshape(-1)[index]) for index in ends]
    return [image, dim, *ends]


def _alive(
    entered: NDArray[np.bool_],
    image: NDArray[np.int64],
    birth: NDArray[np.int64],
    death: NDArray[np.int64],
) -> NDArray[np.bool_]:
    """Return which bars have begun and not ended where the voxels `entered` have entered."""
    if entered.dtype != np.bool_:
        raise UserError(f"errors are counted in boolean masks, got dtype {entered.dtype}")
    begun = (birth == NO_VOXEL) | ((birth >= 0) & entered[image, birth.clip(0)])
    return begun & ((death == NO_VOXEL) | ~entered[image, death.clip(0)])


def _host(x: Any) -> NDArray[Any]:
    torch = sys.modules.get("torch")
    return host_array(x) if torch is not None and isinstance(x, torch.Tensor) else np.asarray(x)


def _comparable(p: NDArray[Any], g: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return two arrays of one dtype that holds the values of both."""
    for x in (p, g):
        check_real_and_finite(x.reshape(len(x), -1))
    if p.dtype == g.dtype:
        native = p.dtype.newbyteorder("=")
        return p.astype(native, copy=False), g.astype(native, copy=False)
    return _floats(p, g)


def _floats(p: NDArray[Any], g: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    dtype = np.result_type(p, g, np.float16)
    wide = [x for x in (p, g) if x.dtype.kind in "iu" and x.dtype.itemsize == 8]
    if any(x.min() < -(2**53) or x.max() > 2**53 for x in wide):
        raise UserError(BEYOND_FLOATS)
    return p.astype(dtype, copy=False), g.astype(dtype, copy=False)


_COLUMNS = tuple(field.name for field in fields(Matching))[:6]
