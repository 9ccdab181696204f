"""Networks by name: MONAI's, and one's own.

A network is an `Architecture`: a card, and the function that builds it. Third parties add theirs
through the entry-point group ``topoeval.networks``; docs/add-a-network.md shows how. Importing this
package imports neither torch nor MONAI.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from topoeval.networks.architecture import Architecture, Builder
from topoeval.registry import Registry

if TYPE_CHECKING:
    from torch import nn

BUILTIN = {
    "attention_unet": "topoeval.networks.unets:ATTENTION_UNET",
    "dynunet": "topoeval.networks.dynunet:DYNUNET",
    "residual_unet": "topoeval.networks.unets:RESIDUAL_UNET",
    "segresnet": "topoeval.networks.segresnet:SEGRESNET",
    "unet": "topoeval.networks.unets:UNET",
}
"""Name to ``"module:attribute"`` of the networks that come with topoeval."""


def _validate(plugin: object) -> None:
    if not isinstance(plugin, Architecture):
        raise TypeError(f"a network is a topoeval.networks.Architecture, got {type(plugin)}")


NETWORKS: Registry[Architecture] = Registry(
    "network", BUILTIN, group="topoeval.networks", validate=_validate
)

__all__ = ["BUILTIN", "NETWORKS", "Architecture", "Builder", "build"]


def build(
    name: str, *, ndim: int = 2, in_channels: int = 1, out_channels: int = 1, **params: Any
) -> nn.Module:
    """Return a new network that returns logits ``(B, out_channels, *spatial)``.

    A network with deep supervision returns a list of them in training mode, the best first.

    Parameters
    ----------
    name
        One of `NETWORKS`.
    ndim
        Spatial dimensions of the images, 2 or 3.
    in_channels, out_channels
        Channels of the images, and of the logits.
    params
        The network's own, as its card lists them.

    Raises
    ------
    UserError
        An unknown network or parameter, a value that it does not take, a dimension that it does not
        have.

    Examples
    --------
    >>> import torch
    >>> network = build("unet", channels=(4, 8))
    >>> network(torch.zeros(1, 1, 16, 16)).shape
    torch.Size([1, 1, 16, 16])
    """
    return NETWORKS.load(name).network(ndim, in_channels, out_channels, params)


def output_shape(
    name: str, shape: Sequence[int], out_channels: int, params: dict[str, Any]
) -> tuple[int, ...]:
    """Return the shape of the logits of two images of ``shape``, ``(C, *spatial)``, in training.

    The network runs once without values (torch's device ``meta``), which takes milliseconds.

    Raises
    ------
    UserError
        The network does not take such images; the message says which sides it takes.
    """
    return NETWORKS.load(name).output_shape(shape, out_channels, params)
