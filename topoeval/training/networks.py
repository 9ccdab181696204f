"""Networks, all MONAI's: the benchmark compares losses, not architectures.

Importing MONAI takes seconds, so only what builds a network does.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from topoeval.errors import UserError


def unet(
    *,
    ndim: int = 2,
    in_channels: int = 1,
    out_channels: int = 1,
    channels: Sequence[int] = (16, 32, 64),
    residual_units: int = 0,
    norm: str | None = None,
) -> nn.Module:
    """Return a U-Net that answers logits.

    Strided convolutions down, transposed convolutions up, ReLU. The defaults have the size of the
    seed's MNIST network (16 base filters, 3 levels, no normalisation); that one goes up by
    nearest-neighbour interpolation, which MONAI's does not offer.

    Each side of the input must be divisible by ``2 ** (len(channels) - 1)``.
    """
    from monai.networks.nets import UNet

    return UNet(
        spatial_dims=ndim,
        in_channels=in_channels,
        out_channels=out_channels,
        channels=tuple(channels),
        strides=(2,) * (len(channels) - 1),
        num_res_units=residual_units,
        norm=norm,  # type: ignore[arg-type]  # MONAI takes None for no normalisation
        act="RELU",
    )


def classifier(shape: Sequence[int], classes: int) -> nn.Module:
    """Return a small convolutional classifier of ``(B, C, *spatial)`` images, answering logits."""
    from monai.networks.nets import Classifier

    return Classifier(
        in_shape=tuple(shape),
        classes=classes,
        channels=(16, 32, 64),
        strides=(2, 2, 2),
        norm="batch",
        act="RELU",
    )


def resolve_device(name: str) -> torch.device:
    """Return the device called `name`; ``"auto"`` is CUDA where there is one.

    Raises
    ------
    UserError
        Another name, or CUDA where there is none.
    """
    if name not in ("auto", "cpu", "cuda"):
        raise UserError(f"device must be auto, cpu or cuda, got {name!r}")
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and not torch.cuda.is_available():
        raise UserError("device 'cuda' asked for, and torch finds no GPU here; use 'cpu' or 'auto'")
    return torch.device(name)
