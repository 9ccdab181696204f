"""SegResNet: an asymmetric residual encoder and decoder with group normalisation."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from topoeval.errors import UserError
from topoeval.networks.architecture import Architecture, halved_by


def segresnet(
    *,
    ndim: int = 2,
    in_channels: int = 1,
    out_channels: int = 1,
    filters: int = 8,
    blocks_down: Sequence[int] = (1, 2, 2),
    blocks_up: Sequence[int] = (1, 1),
    dropout: float = 0.0,
) -> nn.Module:
    """Return a SegResNet that returns logits.

    Parameters
    ----------
    filters
        Of the first level, a multiple of 8 (the groups of its normalisation); each level doubles
        them.
    blocks_down, blocks_up
        Residual blocks of each level of encoder and decoder; the decoder has one level less.
    dropout
        Probability, before the first level.
    """
    from monai.networks.nets import SegResNet

    if filters < 8 or filters % 8:
        raise UserError(f"filters must be a multiple of 8, got {filters}")
    if len(blocks_up) != len(blocks_down) - 1:
        raise UserError(
            f"blocks_up must be one shorter than blocks_down, got {list(blocks_up)} and "
            f"{list(blocks_down)}"
        )
    return SegResNet(
        spatial_dims=ndim,
        init_filters=filters,
        in_channels=in_channels,
        out_channels=out_channels,
        blocks_down=tuple(blocks_down),
        blocks_up=tuple(blocks_up),
        dropout_prob=dropout or None,
    )


SEGRESNET = Architecture(
    name="segresnet",
    title="SegResNet",
    build=segresnet,
    multiple=halved_by("blocks_down"),
    citation="A. Myronenko, 3D MRI brain tumor segmentation using autoencoder regularization, "
    "BrainLes 2018, arXiv 1810.11654; MONAI's SegResNet",
    advice="Volumes and small batches: it normalises over groups of channels.",
)
