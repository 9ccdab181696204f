"""Logits or probabilities: the words MONAI uses, once for all our losses."""

from __future__ import annotations

import torch

from topoeval.errors import UserError


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
        low, high = torch.aminmax(input.detach())
        if low.isnan():
            raise UserError("NaN in the probabilities")
        if low < 0 or high > 1:
            raise UserError(
                f"probabilities outside [0, 1] ({low:.3g} to {high:.3g}); "
                "for logits pass sigmoid=True or softmax=True"
            )
        probabilities = input
    if not include_background:
        if input.shape[1] == 1:
            raise UserError("include_background=False leaves nothing of a one-channel input")
        probabilities = probabilities[:, 1:]
    return probabilities


def widened(input: torch.Tensor) -> torch.Tensor:
    """Return a map of at least single precision."""
    return input if input.dtype == torch.float64 else input.float()
