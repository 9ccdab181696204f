"""Soft skeletons: what opening takes away, scale by scale."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import torch

from topoeval.errors import UserError

# Voxels below which starting threads costs more than they save.
_WORTH_A_THREAD = 1 << 16

_Pick = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def soft_skeleton(maps: torch.Tensor, iterations: int) -> torch.Tensor:
    r"""Return the soft skeletons of maps in [0, 1].

    With erosion by the cross of face neighbours, :math:`I_0 = I`, :math:`I_{j+1} = erode(I_j)`, and
    dilation by the full cube,

    .. math:: S = 1 - \prod_{j=0}^{k} (1 - \delta_j), \qquad
              \delta_j = \max(0, I_j - dilate(I_{j+1}))

    which is the recursion S + ReLU(delta - S delta) of Shit et al., CVPR 2021 (arXiv 2003.07311),
    multiplied out: neither factor is ever negative.

    Parameters
    ----------
    maps
        ``(B, C, *spatial)`` in [0, 1], 2D or 3D, any device.
    iterations
        k; at least the largest radius in voxels, or thicker parts have no skeleton.

    Returns
    -------
    Same shape, in [0, 1]. On masks it is a subset of the mask, and has gaps: it does not keep the
    topology (`topoeval.digital.thinning` does).

    Raises
    ------
    UserError
        If `iterations` is negative or the rank is wrong.

    Notes
    -----
    Nothing but the input is kept for the backward pass, which erodes anew; first derivatives only.
    Among equal values the gradient goes to the first along each axis.

    Examples
    --------
    >>> bar = torch.zeros(1, 1, 5, 7)
    >>> bar[..., 1:4, 1:6] = 1
    >>> soft_skeleton(bar, 1)[0, 0, 2].tolist()
    [0.0, 0.0, 1.0, 1.0, 1.0, 0.0, 0.0]
    """
    if iterations < 0:
        raise UserError(f"iterations must not be negative, got {iterations}")
    if maps.ndim not in (4, 5):
        raise UserError(
            f"a soft skeleton is of (B, C, H, W) or (B, C, D, H, W), got {tuple(maps.shape)}"
        )
    skeleton: torch.Tensor = _SoftSkeleton.apply(maps, iterations)  # type: ignore[no-untyped-call]
    return skeleton


class _SoftSkeleton(torch.autograd.Function):
    """The product and its derivative, by hand.

    On a CPU the engine calculates both (`native/digital/soft_skeleton.hpp`). Elsewhere, and in a
    compiled graph, it is torch: pooling layers keep eight bytes of indices for each voxel and
    window, the extremum of shifted views does not.
    """

    @staticmethod
    def forward(ctx: Any, maps: torch.Tensor, iterations: int) -> torch.Tensor:
        ctx.save_for_backward(maps)
        ctx.iterations = iterations
        if _is_for_the_engine(maps):
            return _by_engine("soft_skeleton", maps, iterations=iterations)
        return _skeleton(maps, iterations)

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor, None]:
        # `once_differentiable` is not enough: `autograd.grad` passes by the node that would raise
        if torch.is_grad_enabled():
            raise RuntimeError("the soft skeleton has first derivatives only (create_graph=True)")
        (maps,) = ctx.saved_tensors
        if _is_for_the_engine(maps):
            gradient = "soft_skeleton_gradient"
            return _by_engine(gradient, maps, grad, iterations=ctx.iterations), None
        return _gradient(maps, grad, ctx.iterations), None


def _is_for_the_engine(maps: torch.Tensor) -> bool:
    if torch.compiler.is_compiling() or maps.device.type != "cpu" or not maps.numel():
        return False
    # an inf or a NaN goes where torch takes it
    return maps.dtype in (torch.float32, torch.float64) and bool(maps.sum().isfinite())


def _by_engine(function: str, *maps: torch.Tensor, iterations: int) -> torch.Tensor:
    """Apply a function of the engine to maps ``(B, C, *spatial)`` as maps of their own."""
    from topoeval import _native

    images = [one.detach().flatten(0, 1).contiguous().numpy() for one in maps]
    threads = torch.get_num_threads() if maps[0].numel() >= _WORTH_A_THREAD else 1
    result = getattr(_native, function)(*images, iterations=iterations, threads=threads)
    return torch.from_numpy(result).reshape(maps[0].shape)


def _skeleton(maps: torch.Tensor, iterations: int) -> torch.Tensor:
    """Return the soft skeletons of maps on any device."""
    rest = torch.ones_like(maps)
    for _ in range(iterations + 1):
        eroded = _erode(maps)
        rest *= _kept(maps, eroded)
        maps = eroded
    return 1 - rest


def _gradient(maps: torch.Tensor, grad: torch.Tensor, iterations: int) -> torch.Tensor:
    """Return the gradient by the maps, from that by their soft skeletons."""
    scales, kept, before = [maps], [], [grad]
    for _ in range(iterations + 1):
        scales.append(_erode(scales[-1]))
        kept.append(_kept(*scales[-2:]))
        before.append(before[-1] * kept[-1])
    after = torch.ones_like(maps)
    to_eroded = torch.zeros_like(maps)
    for j in range(iterations, -1, -1):
        to_delta = torch.where(kept[j] < 1, before[j] * after, 0)
        after *= kept[j]
        to_eroded -= _back_through_dilation(scales[j + 1], to_delta)
        to_eroded = to_delta + _back_through_erosion(scales[j], scales[j + 1], to_eroded)
    return to_eroded


def _kept(maps: torch.Tensor, eroded: torch.Tensor) -> torch.Tensor:
    """Return 1 - delta of one scale."""
    return 1 - (maps - _dilations(eroded)[-1]).relu_()


def _erode(maps: torch.Tensor) -> torch.Tensor:
    eroded = maps.clone()
    for axis in range(2, maps.ndim):
        _extend(eroded, maps, axis, torch.minimum)
    return eroded


def _dilations(maps: torch.Tensor) -> list[torch.Tensor]:
    """Return the maps dilated along no axis, along the first, ..., along all."""
    dilated = [maps]
    for axis in range(2, maps.ndim):
        dilated.append(dilated[-1].clone())
        _extend(dilated[-1], dilated[-2], axis, torch.maximum)
    return dilated


def _extend(extremum: torch.Tensor, maps: torch.Tensor, axis: int, pick: _Pick) -> None:
    """Take the neighbours before and after along an axis into the extremum, in place."""
    for step in (-1, 1):
        here, there = _shifted(extremum, maps, axis, step)
        here.copy_(pick(here, there))


def _back_through_erosion(
    maps: torch.Tensor, eroded: torch.Tensor, grad: torch.Tensor
) -> torch.Tensor:
    steps = [(2, 0), *product(range(2, maps.ndim), (-1, 1))]
    return _back_through_extremum(maps, eroded, grad, steps)


def _back_through_dilation(maps: torch.Tensor, grad: torch.Tensor) -> torch.Tensor:
    dilated = _dilations(maps)
    for axis in range(maps.ndim - 1, 1, -1):
        steps = [(axis, step) for step in (-1, 0, 1)]
        grad = _back_through_extremum(dilated[axis - 2], dilated[axis - 1], grad, steps)
    return grad


def _back_through_extremum(
    maps: torch.Tensor, extremum: torch.Tensor, grad: torch.Tensor, steps: list[tuple[int, int]]
) -> torch.Tensor:
    """Give the gradient of each extremum to the first voxel that has its value."""
    result, rest = torch.zeros_like(grad), grad.clone()
    for axis, step in steps:
        value, candidate = _shifted(extremum, maps, axis, step)
        left, receiver = _shifted(rest, result, axis, step)
        # 0 where they are equal, else 1: five times faster than a comparison and a choice
        passed = (value - candidate).sign_().abs_() * left
        receiver += left - passed
        left.copy_(passed)
    return result


def _shifted(
    here: torch.Tensor, there: torch.Tensor, axis: int, step: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the voxels with a neighbour a step away along an axis, and those neighbours."""
    length = here.shape[axis] - abs(step)
    return (
        here.narrow(axis, max(0, -step), length),
        there.narrow(axis, max(0, step), length),
    )
