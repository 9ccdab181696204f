"""Networks, all MONAI's: the benchmark compares losses, not architectures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from monai.networks.nets import Classifier, UNet
from torch import nn

Device = Literal["auto", "cpu", "cuda"]


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
    return UNet(  # type: ignore[no-any-return]
        spatial_dims=ndim,
        in_channels=in_channels,
        out_channels=out_channels,
        channels=tuple(channels),
        strides=(2,) * (len(channels) - 1),
        num_res_units=residual_units,
        norm=norm,
        act="RELU",
    )


def classifier(shape: Sequence[int], classes: int) -> nn.Module:
    """Return a small convolutional classifier of ``(B, C, *spatial)`` images, answering logits."""
    return Classifier(  # type: ignore[no-any-return]
        in_shape=tuple(shape),
        classes=classes,
        channels=(16, 32, 64),
        strides=(2, 2, 2),
        norm="batch",
        act="RELU",
    )


def resolve_device(name: Device) -> torch.device:
    """Return the device called `name`; ``"auto"`` is CUDA where there is one."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)
