"""DynUNet: nnU-Net's network, with deep supervision."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from topoeval.errors import UserError
from topoeval.networks.architecture import Architecture, halved_by


class DeepSupervised(nn.Module):
    """A DynUNet that returns a list of logits in training, the full resolution first.

    MONAI resamples the logits of lower levels to the full resolution, and stacks them.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: torch.Tensor) -> torch.Tensor | list[torch.Tensor]:
        """Return logits ``(B, C, *spatial)``, of every level while training."""
        logits: torch.Tensor = self.network(images)
        return list(logits.unbind(1)) if self.training else logits


def dynunet(
    *,
    ndim: int = 2,
    in_channels: int = 1,
    out_channels: int = 1,
    channels: Sequence[int] = (16, 32, 64),
    deep_supervision: int = 1,
    residual: bool = False,
    norm: str = "instance",
) -> nn.Module:
    """Return a DynUNet that returns logits.

    Parameters
    ----------
    channels
        Of each level; sides must be divisible by ``2 ** (len(channels) - 1)``.
    deep_supervision
        How many levels below the full resolution are supervised, at most ``len(channels) - 2``; 0
        for none.
    residual
        Residual blocks in place of plain ones.
    norm
        ``"instance"`` or ``"batch"``.
    """
    from monai.networks.nets import DynUNet

    levels = len(channels)
    if levels < 3 or min(channels) < 1:
        raise UserError(f"channels must be at least three positive numbers, got {list(channels)}")
    if not 0 <= deep_supervision <= levels - 2:
        raise UserError(
            f"deep_supervision must be 0 to {levels - 2} with {levels} levels, "
            f"got {deep_supervision}"
        )
    if norm not in ("instance", "batch"):
        raise UserError(f"norm must be instance or batch, got {norm!r}")
    network = DynUNet(
        spatial_dims=ndim,
        in_channels=in_channels,
        out_channels=out_channels,
        kernel_size=[3] * levels,
        strides=[1] + [2] * (levels - 1),
        upsample_kernel_size=[2] * (levels - 1),
        filters=list(channels),
        norm_name=(norm, {"affine": True}),
        deep_supervision=deep_supervision > 0,
        deep_supr_num=max(1, deep_supervision),
        res_block=residual,
    )
    return DeepSupervised(network) if deep_supervision else network


DYNUNET = Architecture(
    name="dynunet",
    title="DynUNet",
    build=dynunet,
    multiple=halved_by("channels"),
    citation="F. Isensee et al., nnU-Net, Nature Methods 18, 2021, arXiv 1904.08128; MONAI's "
    "DynUNet",
    advice="The network of nnU-Net: deep supervision trains it more surely.",
)
