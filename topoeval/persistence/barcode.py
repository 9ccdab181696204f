"""The barcodes of a batch as one flat table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from topoeval.topology import Topology

if TYPE_CHECKING:
    import torch

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
    birth_index, death_index
        int64 flat row-major index of the voxel within its image; -1 where `birth` or `death` is
        infinite. Among voxels of equal value any one may be named.
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
    birth_index: Array
    death_index: Array
    batch_shape: tuple[int, ...]
    spatial_shape: tuple[int, ...]
    topology: Topology
    dims: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.image)  # type: ignore[arg-type]

    @property
    def n_images(self) -> int:
        """Number of images, channels counted apart."""
        return int(np.prod(self.batch_shape))

    @property
    def essential(self) -> Array:
        """Boolean column: the class never dies."""
        columns: Any = self
        return columns.death_index < 0

    def select(self, *, image: int | None = None, dim: int | None = None) -> Barcodes[Array]:
        """Return the rows of one image, of one dimension, or of both."""
        columns: Any = self
        keep = columns.image >= 0
        if image is not None:
            keep = keep & (columns.image == image)
        if dim is not None:
            keep = keep & (columns.dim == dim)
        rows = {name: getattr(columns, name)[keep] for name in _COLUMNS}
        return replace(self, **rows)

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
        rows = {name: host_array(getattr(columns, name)) for name in _COLUMNS}
        return replace(columns, **rows)

    def multiset(self) -> list[tuple[float, ...]]:
        """Return the sorted rows (image, dim, birth, death): what all backends must agree on."""
        table = self.numpy()
        columns: Sequence[NDArray[Any]] = (table.image, table.dim, table.birth, table.death)
        # "+ 0.0" makes -0.0 and 0.0 one value, as they are in the filtration
        return sorted(zip(*((column + 0.0).tolist() for column in columns), strict=True))


def host_array(tensor: torch.Tensor) -> NDArray[Any]:
    """Return a tensor's values as a NumPy array, sharing memory where that is possible."""
    host = tensor.detach().cpu()
    # NumPy has no bfloat16; float32 holds its values exactly
    return (host.float() if str(host.dtype) == "torch.bfloat16" else host).numpy()


_COLUMNS = tuple(field.name for field in fields(Barcodes))[:6]
