"""The tensor half of `compute`; imported when the first tensor arrives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from topoeval.persistence.backends.base import IndexTable, ValueTable

P = ParamSpec("P")
Result = TypeVar("Result")


@torch.compiler.disable  # type: ignore[untyped-decorator]  # torch ships it untyped
def untraced(function: Callable[P, Result], *args: P.args, **kwargs: P.kwargs) -> Result:
    """Call `function`; `torch.compile` compiles what comes before and after, not this."""
    return function(*args, **kwargs)


def needs_gradient(x: torch.Tensor) -> bool:
    """Return whether a gradient is to flow back to `x`."""
    return x.requires_grad and torch.is_grad_enabled()


def gather(
    flat: torch.Tensor, table: IndexTable | ValueTable, superlevel: bool
) -> dict[str, torch.Tensor | None]:
    """Return the columns of `Barcodes`, births and deaths gathered from ``(n_images, n_voxels)``.

    This is where gradients flow back to the voxels.
    """
    if not flat.is_floating_point():
        flat = flat.double()
    first, never = (torch.inf, -torch.inf) if superlevel else (-torch.inf, torch.inf)

    def there(column: NDArray[Any]) -> torch.Tensor:
        return torch.from_numpy(column).to(flat.device)

    def at(index: torch.Tensor, beyond: float) -> torch.Tensor:
        gathered = flat[image, index.clamp(min=0)]
        return torch.where(index < 0, torch.full_like(gathered, beyond), gathered)

    image, locations = there(table.image), None
    if isinstance(table, ValueTable):
        # in the dtype of the input before they move: some devices have no float64
        values = (torch.from_numpy(column).to(flat.dtype) for column in (table.birth, table.death))
        birth, death = (column.to(flat.device) for column in values)
    else:
        ends = there(np.stack([table.birth_index, table.death_index]))
        birth, death = at(ends[0], first), at(ends[1], never)
        locations = ends.T
    return {
        "image": image,
        "dim": there(table.dim),
        "birth": birth,
        "death": death,
        "locations": locations,
    }
