"""The tensor half of `compute`; imported when the first tensor arrives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ParamSpec, TypeVar, cast

import numpy as np
import torch

from topoeval.persistence.backends.base import IndexTable, TensorBackend, ValueTable
from topoeval.persistence.barcode import host_array
from topoeval.persistence.checks import check_real_and_finite
from topoeval.topology import Topology

P = ParamSpec("P")
Result = TypeVar("Result")


def untraced(function: Callable[P, Result], *args: P.args, **kwargs: P.kwargs) -> Result:
    """Call `function`; `torch.compile` compiles what comes before and after, not this."""
    # not as a decorator: that would load the compiler with this module, a second and more
    disabled = torch.compiler.disable(function)  # type: ignore[no-untyped-call]
    return cast(Result, disabled(*args, **kwargs))


def needs_gradient(x: torch.Tensor) -> bool:
    """Return whether a gradient is to flow back to `x`."""
    return x.requires_grad and torch.is_grad_enabled()


def table(
    engine: TensorBackend,
    flat: torch.Tensor,
    spatial_shape: Sequence[int],
    topology: Topology,
    dims: Sequence[int],
) -> torch.Tensor:
    """Return int64 ``(4, n)`` on the device of ``(n_images, n_voxels)``, which stay there.

    Raises
    ------
    UserError
        Complex, NaN or infinite values.
    """
    flat = flat.detach()
    if flat.is_complex() or (flat.is_floating_point() and not flat.isfinite().all()):
        check_real_and_finite(host_array(flat))  # says which
    return engine.compute_tensor(flat.reshape(-1, *spatial_shape), topology, dims)


def gather(
    flat: torch.Tensor, table: torch.Tensor | IndexTable | ValueTable, superlevel: bool
) -> dict[str, torch.Tensor | None]:
    """Return the columns of `Barcodes`, births and deaths gathered from ``(n_images, n_voxels)``.

    This is where gradients flow back to the voxels. A table on the host goes to the device in one
    piece.
    """
    if not flat.is_floating_point():
        flat = flat.double()
    first, never = (torch.inf, -torch.inf) if superlevel else (-torch.inf, torch.inf)
    if isinstance(table, ValueTable):
        image, dim = torch.from_numpy(np.stack(table[:2])).to(flat.device)
        # in the dtype of the input before they move: some devices have no float64
        values = torch.from_numpy(np.stack(table[2:])).to(flat.dtype).to(flat.device)
        return {
            "image": image,
            "dim": dim,
            "birth": values[0],
            "death": values[1],
            "locations": None,
        }
    if isinstance(table, IndexTable):
        table = torch.from_numpy(np.stack(table)).to(flat.device)
    image, dim, *ends = table

    def at(index: torch.Tensor, beyond: float) -> torch.Tensor:
        gathered = flat[image, index.clamp(min=0)]
        return torch.where(index < 0, torch.full_like(gathered, beyond), gathered)

    return {
        "image": image,
        "dim": dim,
        "birth": at(ends[0], first),
        "death": at(ends[1], never),
        "locations": table[2:].T,
    }
