"""A network of one's own: two convolutions. `suite.toml` names it."""

from torch import nn

from topoeval.networks import NETWORKS, Architecture


def build(*, ndim, in_channels, out_channels, width=8):
    """Return a module from images ``(B, C, *spatial)`` to logits; `width` is its parameter."""
    convolution = {2: nn.Conv2d, 3: nn.Conv3d}[ndim]
    return nn.Sequential(
        convolution(in_channels, width, 5, padding=2),
        nn.ReLU(),
        convolution(width, out_channels, 5, padding=2),
    )


NETWORKS.register("two_layers", Architecture("two_layers", "Two convolutions", build))
