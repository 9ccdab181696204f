"""U-Nets: plain, with residual units, with attention gates."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from topoeval.errors import UserError
from topoeval.networks.architecture import Architecture, halved_by


def unet(
    *,
    ndim: int = 2,
    in_channels: int = 1,
    out_channels: int = 1,
    channels: Sequence[int] = (16, 32, 64),
    residual_units: int = 0,
    norm: str | None = "instance",
) -> nn.Module:
    """Return a U-Net that returns logits.

    Strided convolutions down, transposed convolutions up, ReLU. With ``norm=None`` the defaults
    have the size of the seed's MNIST network (16 base filters, 3 levels, no normalisation); that
    one goes up by nearest-neighbour interpolation, which MONAI's does not offer.

    Parameters
    ----------
    channels
        Of each level. Each side of the input must be divisible by ``2 ** (len(channels) - 1)``.
    residual_units
        Residual units of each level; 0 for plain convolutions.
    norm
        ``"instance"``, ``"batch"``, or None.
    """
    from monai.networks.nets import UNet

    _check_channels(channels)
    if norm not in (None, "instance", "batch"):
        raise UserError(f"norm must be instance, batch or none, got {norm!r}")
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


def residual_unet(
    *,
    ndim: int = 2,
    in_channels: int = 1,
    out_channels: int = 1,
    channels: Sequence[int] = (16, 32, 64),
    residual_units: int = 2,
    norm: str | None = "instance",
) -> nn.Module:
    """Return a U-Net of residual units that returns logits; parameters as of `unet`."""
    return unet(
        ndim=ndim,
        in_channels=in_channels,
        out_channels=out_channels,
        channels=channels,
        residual_units=residual_units,
        norm=norm,
    )


def attention_unet(
    *,
    ndim: int = 2,
    in_channels: int = 1,
    out_channels: int = 1,
    channels: Sequence[int] = (16, 32, 64),
    dropout: float = 0.0,
) -> nn.Module:
    """Return a U-Net with attention gates that returns logits.

    MONAI's has batch normalisation, which is not a choice.
    """
    from monai.networks.nets import AttentionUnet

    _check_channels(channels)
    return AttentionUnet(
        spatial_dims=ndim,
        in_channels=in_channels,
        out_channels=out_channels,
        channels=tuple(channels),
        strides=(2,) * (len(channels) - 1),
        dropout=dropout,
    )


def _check_channels(channels: Sequence[int]) -> None:
    if len(channels) < 2 or min(channels) < 1:
        raise UserError(f"channels must be at least two positive numbers, got {list(channels)}")


UNET = Architecture(
    name="unet",
    title="U-Net",
    build=unet,
    multiple=halved_by("channels"),
    citation="O. Ronneberger et al., U-Net, MICCAI 2015, arXiv 1505.04597; MONAI's UNet",
    advice="The default: small, quick, known to everybody.",
)
RESIDUAL_UNET = Architecture(
    name="residual_unet",
    title="Residual U-Net",
    build=residual_unet,
    multiple=halved_by("channels"),
    citation="E. Kerfoot et al., Left-Ventricle Quantification Using Residual U-Net, STACOM 2018; "
    "MONAI's UNet",
    advice="Deeper than a U-Net of the same levels, at twice its time.",
)
ATTENTION_UNET = Architecture(
    name="attention_unet",
    title="Attention U-Net",
    build=attention_unet,
    multiple=halved_by("channels"),
    citation="O. Oktay et al., Attention U-Net, MIDL 2018, arXiv 1804.03999; MONAI's AttentionUnet",
    advice="Small structures in large images; normalises over the batch, so take batches of 8 or "
    "more.",
)
