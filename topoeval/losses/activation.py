"""Logits or probabilities, by MONAI's arguments, in one place for all losses."""

from __future__ import annotations

import torch

from topoeval.errors import UserError

TOLERANCE = 1e-5
"""How far outside [0, 1] a value is still rounding: a sum of softmax channels leaves it by 1e-7."""


def to_probabilities(
    input: torch.Tensor, *, sigmoid: bool, softmax: bool, include_background: bool
) -> torch.Tensor:
    """Return ``(B, C', *spatial)`` probabilities of at least single precision.

    Half precision is widened first: its 11 bits tie thousands of voxels, and sums of squares
    overflow.

    Raises
    ------
    UserError
        Wrong rank, values outside [0, 1] without an activation, or nothing left beside the
        background.
    """
    if input.ndim not in (4, 5):
        raise UserError(
            f"a loss takes (B, C, H, W) or (B, C, D, H, W), got shape {tuple(input.shape)}"
        )
    input = widened(input)
    if sigmoid:
        probabilities = torch.sigmoid(input)
    elif softmax:
        if input.shape[1] == 1:
            raise UserError("softmax over one channel is constant; use sigmoid=True")
        probabilities = torch.softmax(input, dim=1)
    else:
        probabilities = in_unit_interval(
            input, "probabilities", "for logits pass sigmoid=True or softmax=True"
        )
    if not include_background:
        if input.shape[1] == 1:
            raise UserError("include_background=False leaves nothing of a one-channel input")
        probabilities = probabilities[:, 1:]
    return probabilities


def in_unit_interval(values: torch.Tensor, what: str, remedy: str) -> torch.Tensor:
    """Return values that lie in [0, 1], those that leave it by rounding put back.

    The gradient of a value that is put back is as if it had not been: a voxel that is wrong with
    certainty must be pulled. Nothing is checked while `torch.compile` traces, which cannot branch
    on values; there all that leaves the interval is put back.

    Raises
    ------
    UserError
        Values farther outside than `TOLERANCE`, or NaN.
    """
    if torch.compiler.is_compiling():
        return values + (values.clamp(0, 1) - values).detach()
    if not values.numel():
        return values
    low, high = (float(end) for end in torch.aminmax(values.detach()))
    excess = max(-low, high - 1)
    if not excess <= TOLERANCE:
        raise UserError(
            f"{what} outside [0, 1]: {low:.9g} to {high:.9g}, {excess:.3g} too far; {remedy}"
        )
    return values if excess <= 0 else values + (values.clamp(0, 1) - values).detach()


def widened(input: torch.Tensor) -> torch.Tensor:
    """Return a map of at least single precision."""
    return input if input.dtype == torch.float64 else input.float()
