"""The barcodes of a batch as one flat table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from topoeval.errors import UnavailableError, UserError
from topoeval.notebook import table
from topoeval.topology import Topology

if TYPE_CHECKING:
    import torch

# Bars of each dimension that a notebook shows.
_SHOWN = 5
# numpy.ndarray or torch.Tensor; torch is never imported here
Array = TypeVar("Array")


@dataclass(frozen=True, slots=True, eq=False)
class Barcodes(Generic[Array]):
    """All bars of a batch of images, one row each, grouped by image, then by dimension.

    The columns are NumPy arrays or torch tensors on one device, as the input was; with torch input
    ``birth`` and ``death`` are gathered from it, so gradients flow back to the voxels.

    Parameters
    ----------
    image
        int64 number of the image in the batch; with channels ``b * C + c``.
    dim
        int64 homology dimension: 0 components, 1 loops (2D: holes), 2 cavities.
    birth, death
        Values at which the feature appears and disappears, in the dtype of the input. In a
        superlevel filtration ``birth > death``. A class that never dies has death -inf
        (superlevel) or inf (sublevel); one born with the frame has birth inf or -inf.
    locations
        int64 ``(n, 2)``: flat row-major index, within its image, of the voxel of birth and of that
        of death; -1 where `birth` or `death` is infinite. Among voxels of equal value any one may
        be named. None from a backend that gives values only.
    batch_shape
        ``(B,)`` or ``(B, C)``.
    spatial_shape
        ``(H, W)`` or ``(D, H, W)``.
    topology
        How the images were read.
    dims
        Dimensions that were computed.
    """

    image: Array
    dim: Array
    birth: Array
    death: Array
    locations: Array | None
    batch_shape: tuple[int, ...]
    spatial_shape: tuple[int, ...]
    topology: Topology
    dims: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.image)  # type: ignore[arg-type]

    def _repr_html_(self) -> str:
        """Return the number of bars and the longest of each dimension, for notebooks."""
        bars: Any = self.numpy()
        finite = [ends[np.isfinite(ends)] for ends in (bars.birth, bars.death)]
        values = np.concatenate(finite).astype(np.float64)
        low, high = (values.min(), values.max()) if len(values) else (0.0, 1.0)
        lengths = np.asarray(bars.lengths(low, high), np.float64)
        rows: list[tuple[object, ...]] = []
        for dim in self.dims:
            (of,) = np.nonzero(bars.dim == dim)
            for row in of[np.argsort(-lengths[of], kind="stable")][:_SHOWN]:
                ends = (f"{bars.birth[row]:.6g}", f"{bars.death[row]:.6g}")
                rows.append((int(bars.image[row]), dim, *ends, f"{lengths[row]:.6g}"))
            if len(of) > _SHOWN:
                rows.append(("...", dim, f"{len(of) - _SHOWN} shorter bars", "", ""))
        shape = " x ".join(map(str, self.spatial_shape))
        counted = f"{len(self)} bars of {self.n_images} image{'s' * (self.n_images != 1)} {shape}"
        caption = f"{counted}, {self.topology.describe(len(self.spatial_shape))}"
        return table(("image", "dimension", "birth", "death", "length"), rows, caption)

    @property
    def n_images(self) -> int:
        """Number of images, channels counted apart."""
        return int(np.prod(self.batch_shape))

    @property
    def birth_index(self) -> Array:
        """Column of `locations`: the voxel of birth."""
        return self._voxel(0)

    @property
    def death_index(self) -> Array:
        """Column of `locations`: the voxel of death."""
        return self._voxel(1)

    @property
    def essential(self) -> Array:
        """Boolean column: the class never dies."""
        columns: Any = self
        return abs(columns.death) == np.inf

    def select(
        self, images: Array | Sequence[int] | None = None, *, dim: int | None = None
    ) -> Barcodes[Array]:
        """Return the bars of some images, of one dimension, or of both.

        Parameters
        ----------
        images
            Numbers of images, ``(n,)`` or ``(n, C)``, in any order, repeated at will; they become
            images 0, 1, ... of a batch of that shape. All images, as they are, by default.
        dim
            Homology dimension to keep; all by default.

        Raises
        ------
        UserError
            No such image or dimension.

        Examples
        --------
        The bars of a training batch, from those of a whole data set:

        >>> from topoeval.persistence import compute
        >>> bars = compute(np.arange(12.0).reshape(3, 2, 2))
        >>> bars.select([2, 0]).multiset()
        [(0.0, 0.0, 11.0, -inf), (1.0, 0.0, 3.0, -inf)]
        """
        table = self if images is None else self._select_images(images)
        if dim is None:
            return table
        if dim not in self.dims:
            raise UserError(f"no bars of dimension {dim}; computed: {self.dims}")
        keep: Any = table.dim == dim
        return replace(table._map(lambda column: column[keep]), dims=(dim,))

    @staticmethod
    def concatenate(tables: Sequence[Barcodes[Array]]) -> Barcodes[Array]:
        """Return one table for the images of several, numbered on from one table to the next.

        Raises
        ------
        UserError
            Nothing to concatenate, or tables of different channels, spatial shape, topology or
            dimensions.

        Examples
        --------
        >>> from topoeval.persistence import compute
        >>> bars = compute(np.arange(12.0).reshape(3, 2, 2))
        >>> parts = [bars.select([0]), bars.select([1, 2])]
        >>> Barcodes.concatenate(parts).multiset() == bars.multiset()
        True
        """
        if not tables:
            raise UserError("no barcodes to concatenate")
        first = tables[0]
        for field in ("spatial_shape", "topology", "dims"):
            found = {str(getattr(table, field)) for table in tables}
            if len(found) > 1:
                raise UserError(f"barcodes differ in {field}: {' and '.join(sorted(found))}")
        channels = {table.batch_shape[1:] for table in tables}
        if len(channels) > 1:
            shapes = " and ".join(str(table.batch_shape) for table in tables)
            raise UserError(f"barcodes differ in channels: batches of shape {shapes}")
        if len({table.locations is None for table in tables}) > 1:
            raise UserError("barcodes with voxels and barcodes of values only do not mix")
        xp: Any = _namespace(first.image)
        rows = {
            name: xp.concatenate([getattr(table, name) for table in tables])
            for name in _COLUMNS
            if getattr(first, name) is not None
        }
        offsets = np.cumsum([0, *(table.n_images for table in tables[:-1])]).tolist()
        images: list[Any] = [table.image for table in tables]
        rows["image"] = xp.concatenate(
            [image + offset for image, offset in zip(images, offsets, strict=True)]
        )
        batch_shape = (sum(table.batch_shape[0] for table in tables), *first.batch_shape[1:])
        return replace(first, **rows, batch_shape=batch_shape)

    def _voxel(self, end: int) -> Array:
        columns: Any = self
        if columns.locations is None:
            raise UnavailableError(
                "these bars are values without voxels, as their backend gives none: use native"
            )
        return columns.locations[:, end]

    def _map(self, function: Callable[[Any], Any]) -> Barcodes[Any]:
        """Return the table with `function` applied to each column."""
        columns = {name: getattr(self, name) for name in _COLUMNS}
        there = {name: function(column) for name, column in columns.items() if column is not None}
        return replace(self, **there)

    def _select_images(self, images: Any) -> Barcodes[Array]:
        image: Any = self.image
        xp: Any = _namespace(image)
        if xp is np:
            images = np.asarray(images)
            whole = images.dtype.kind in "iu" or images.size == 0
        else:
            images = xp.as_tensor(images, device=image.device)
            whole = not (images.is_floating_point() or images.dtype == xp.bool)
            whole = whole or images.numel() == 0
        if not whole or images.ndim not in (1, 2):
            raise UserError(
                f"images must be whole numbers of shape (n,) or (n, C), "
                f"got {images.dtype} of shape {tuple(images.shape)}"
            )
        chosen = images.reshape(-1)
        beyond = chosen[(chosen < 0) | (chosen >= self.n_images)]
        if len(beyond):
            raise UserError(f"no image {int(beyond[0])} in a batch of {self.n_images}")
        # Rows are grouped by image: those of one image are a range, found by bisection, so that
        # picking a batch costs nothing that grows with the data set.
        first = xp.searchsorted(image, chosen, side="left")
        count = xp.searchsorted(image, chosen, side="right") - first
        numbers = (count >= 0).cumsum(0) - 1
        numbers = numbers.repeat(count) if xp is np else numbers.repeat_interleave(count)
        place = (numbers >= 0).cumsum(0) - 1
        rows = place + (first - (count.cumsum(0) - count))[numbers]
        return replace(
            self._map(lambda column: column[rows]), image=numbers, batch_shape=tuple(images.shape)
        )

    def lengths(self, low: float = 0.0, high: float = 1.0) -> Array:
        """Return the distance from birth to death, infinite ends moved into the value range.

        That range is `low` to `high`; 0 to 1 for probabilities. This is where an essential
        class becomes the bar (birth, 0) of a probability map.
        """
        columns: Any = self
        ends = columns.birth.clip(low, high) - columns.death.clip(low, high)
        return abs(ends)

    def betti_numbers(self, threshold: float) -> NDArray[np.int64]:
        """Return ``(n_images, len(dims))``: bars alive at `threshold`.

        That is the Betti numbers of ``x >= threshold`` (superlevel) or ``x <= threshold``.
        """
        table = self.numpy()
        if self.topology.superlevel:
            alive = (table.birth >= threshold) & (table.death < threshold)
        else:
            alive = (table.birth <= threshold) & (table.death > threshold)
        counts = np.zeros((self.n_images, len(self.dims)), np.int64)
        column = np.searchsorted(np.asarray(self.dims), table.dim[alive])
        np.add.at(counts, (table.image[alive], column), 1)
        return counts

    def numpy(self) -> Barcodes[NDArray[Any]]:
        """Return the same table in NumPy, detached from any graph."""
        columns: Any = self
        if isinstance(columns.image, np.ndarray):
            return columns
        return columns._map(host_array)

    def multiset(self) -> list[tuple[float, ...]]:
        """Return the sorted rows (image, dim, birth, death): what all backends must agree on."""
        table = self.numpy()
        columns: Sequence[NDArray[Any]] = (table.image, table.dim, table.birth, table.death)
        # "+ 0.0" makes -0.0 and 0.0 one value, as they are in the filtration
        return sorted(zip(*((column + 0.0).tolist() for column in columns), strict=True))


def _namespace(column: object) -> Any:
    """Return the module whose functions take `column`: numpy or torch."""
    if isinstance(column, np.ndarray):
        return np
    import torch

    return torch


def host_array(tensor: torch.Tensor) -> NDArray[Any]:
    """Return a tensor's values as a NumPy array, sharing memory where that is possible."""
    # a view of a conjugate keeps its values negated or conjugated until it is asked for them
    host = tensor.detach().resolve_conj().resolve_neg().cpu()
    # NumPy has no bfloat16; float32 holds its values exactly
    return (host.float() if str(host.dtype) == "torch.bfloat16" else host).numpy()


_COLUMNS = tuple(field.name for field in fields(Barcodes))[:5]
