"""Who pairs the minima: plain torch operations, or Triton kernels where they are known to work."""

from __future__ import annotations

import functools
import importlib.util
import os
import warnings
from collections.abc import Sequence

import torch
from torch import Tensor

from topoeval.persistence._parallel import plain
from topoeval.persistence._parallel.order import Sweep, sweeps, voxel_order, voxel_ranks
from topoeval.topology import Topology

_NUMBERS = 2**30  # of neighbours in a batch, beyond which the kernels' 32 bits could overflow


def pairs(
    order: Tensor, ranks: Tensor, spatial: Sequence[int], graphs: Sequence[Sweep]
) -> tuple[Tensor, Tensor]:
    """Return the node of each minimum, int64 ``(K,)``, and that of its death, int32; -1: none.

    By Triton kernels where `kernels_apply`, else by plain torch operations; the result is the same.
    """
    if kernels_apply(order.device, order.numel(), len(spatial)):
        from topoeval.persistence._parallel import fused

        return fused.pairs(ranks, spatial, graphs)
    return plain.pairs(order, ranks, spatial, graphs)


def kernels_apply(device: torch.device, n_voxels: int, ndim: int) -> bool:
    """Return whether Triton kernels are to be used.

    They are for tensors on CUDA and ROCm, where Triton is installed, unless the environment
    variable TOPOEVAL_TRITON is 0. The first call for a device and a number of dimensions tries them
    on a small image; if they do not compile there, or return anything but what plain torch does,
    one warning says so.
    """
    return (
        device.type == "cuda"
        and os.environ.get("TOPOEVAL_TRITON") != "0"
        and n_voxels * (3**ndim - 1) <= _NUMBERS
        and importlib.util.find_spec("triton") is not None
        and _kernels_work(device, ndim)
    )


@functools.cache
def _kernels_work(device: torch.device, ndim: int) -> bool:
    problem = _problem(device, ndim)
    if problem is not None:
        warnings.warn(
            f"Triton kernels are not used for {ndim}D images on {device}: {problem}; plain torch "
            "operations do their work (TOPOEVAL_TRITON=0 chooses that without a trial)",
            RuntimeWarning,
            stacklevel=2,
        )
    return problem is None


def _problem(device: torch.device, ndim: int) -> str | None:
    """Return what is wrong with the kernels on a device; None if they return what they should."""
    shape = (2, *(5, 6, 7)[:ndim])
    values = torch.arange(torch.Size(shape).numel(), device=device).reshape(2, -1) * 7919 % 31
    order = voxel_order(values, superlevel=False)
    ranks = voxel_ranks(order)
    graphs = sweeps(Topology(), range(ndim), ndim)  # one through faces and one through corners
    expected = plain.pairs(order, ranks, shape[1:], graphs)
    try:
        from topoeval.persistence._parallel import fused

        found = fused.pairs(ranks, shape[1:], graphs)
    except Exception as error:  # whatever compiler and driver may raise: it becomes the warning
        lines = [line for line in str(error).splitlines() if line.strip()]
        # a compiler names the place first and the reason last
        ends = dict.fromkeys((*lines[:1], *lines[-1:]))
        return f"{type(error).__name__}: {' ... '.join(ends)}"
    if all(map(torch.equal, found, expected)):
        return None
    return "their answer differs from that of plain torch operations"
