"""The tensor half of `compute` and `match`; imported when the first tensor arrives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ParamSpec, TypeVar, cast

import numpy as np
import torch
from numpy.typing import NDArray

from topoeval.errors import UnavailableError, UserError
from topoeval.persistence.backends.base import IndexTable, TensorBackend, ValueTable
from topoeval.persistence.barcode import host_array
from topoeval.persistence.checks import BEYOND_FLOATS, check_real_and_finite
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
    _check(flat)
    return engine.compute_tensor(flat.reshape(-1, *spatial_shape), topology, dims)


def _check(flat: torch.Tensor) -> None:
    if flat.is_complex() or (flat.is_floating_point() and not flat.isfinite().all()):
        check_real_and_finite(host_array(flat))  # says which


def on_device(x: NDArray[Any] | torch.Tensor, device: torch.device | None) -> torch.Tensor:
    """Return a batch as a tensor without a gradient; None: on the host.

    Raises
    ------
    UserError
        An array of something else than real, finite numbers.
    """
    if isinstance(x, torch.Tensor):
        return x.detach().to(device or "cpu")
    check_real_and_finite(x.reshape(len(x), -1))
    if x.dtype.itemsize > 8:  # longer than any of torch
        x = x.astype(np.float64)
    # torch takes neither reversed axes nor foreign byte order, and warns of what is read-only
    own = np.require(x, x.dtype.newbyteorder("="), ["C", "W"])
    return torch.from_numpy(own).to(device or "cpu")


def matching(
    p: torch.Tensor,
    g: torch.Tensor,
    topology: Topology,
    dims: Sequence[int],
    union: bool,
    proper: bool,
) -> torch.Tensor:
    """Return int64 ``(6, n)``, the columns of `Matching`, on the device of ``(B, H, W)`` maps.

    Raises
    ------
    UserError
        Complex, NaN or infinite values, integers that have no common dtype.
    UnavailableError
        A single image of more than four hundred million pixels.
    """
    from topoeval.persistence._parallel import matching as parallel

    for x in (p, g):
        _check(x.flatten(1))
    p, g = _comparable(p, g, topology.framed)
    height, width = p.shape[1:]
    at_once = parallel.NODES_AT_ONCE // ((height + 4) * (width + 4))
    if at_once == 0:
        raise UnavailableError(
            f"backend 'torch' numbers pixels in 32 bits, which an image of {height} x {width} "
            "exceeds: use native"
        )
    tables = []
    parts = zip(torch.split(p, at_once), torch.split(g, at_once), strict=True)
    for number, (p_part, g_part) in enumerate(parts):
        found = parallel.matching(p_part, g_part, topology, dims, union, proper)
        found[0] += number * at_once
        tables.append(found)
    return torch.cat(tables, dim=1)


def _comparable(
    p: torch.Tensor, g: torch.Tensor, framed: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return two tensors of one dtype that holds the values of both: the one NumPy takes."""
    if p.dtype == g.dtype and not framed:
        return p, g
    for x in (p, g):
        if x.dtype in (torch.int64, torch.uint64):
            bits = x.contiguous().view(torch.int64)
            lowest = 0 if x.dtype == torch.uint64 else -(2**53)
            if bool(((bits < lowest) | (bits > 2**53)).any()):
                raise UserError(BEYOND_FLOATS)
    if p.dtype == g.dtype:
        return p, g
    samples = (host_array(torch.empty(0, dtype=x.dtype, device="cpu")) for x in (p, g))
    dtype = torch.from_numpy(np.empty(0, np.result_type(*samples, np.float16))).dtype
    return p.to(dtype), g.to(dtype)


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
