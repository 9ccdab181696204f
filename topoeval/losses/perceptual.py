"""Features of a fixed convolutional network, compared between map and target."""

from __future__ import annotations

import math
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch.nn import functional as F

from topoeval.errors import UserError
from topoeval.losses.base import TargetLoss
from topoeval.losses.info import LossInfo

# The convolutions of VGG-19 up to conv3_4: place in torchvision's `features`, block and name.
_LAYERS = {
    0: (1, "conv1_1"),
    2: (1, "conv1_2"),
    5: (2, "conv2_1"),
    7: (2, "conv2_2"),
    10: (3, "conv3_1"),
    12: (3, "conv3_2"),
    14: (3, "conv3_3"),
    16: (3, "conv3_4"),
}
_COMPARED = ("conv1_2", "conv2_2", "conv3_4")


class PerceptualLoss(TargetLoss):
    r"""Distance between the features that a fixed network sees in map and target.

    Mosinska et al., CVPR 2018 (arXiv 1712.02190): with l_n the features of layer n of VGG-19 after
    its ReLU, of M_n channels and W_n x H_n places,

    .. math:: L = \sum_{n} \frac{1}{M_n W_n H_n} \sum_m \| l_n^m(P) - l_n^m(G) \|_2^2,
              \qquad n \in \{conv1\_2, conv2\_2, conv3\_4\}

    The paper's network is trained on ImageNet. By default the layers have VGG-19's layout and
    random weights from a fixed seed, so nothing is downloaded: Liu et al. (CVPR 2021, arXiv
    2103.10571) find the structure of such a network, not its training, to be what helps dense
    prediction. Trained weights come from a file of your own.

    The paper's refinement, in which the segmentation network is applied to its own output K times,
    belongs to a training and is not part of this loss.

    Parameters
    ----------
    weights
        None for seeded random filters; or the state dict of torchvision's VGG-19, or the path of a
        file in which `torch.save` put it.
    width
        Channels of the first block of random filters, doubled from block to block. VGG-19 has 64; a
        quarter costs a sixteenth.
    seed
        Of the random filters.
    include_background, sigmoid, softmax, reduction
        As in `topoeval.losses.base.MapLoss`.

    Examples
    --------
    >>> line = torch.zeros(1, 1, 8, 8)
    >>> line[..., 4, :] = 1
    >>> gap = line.clone()
    >>> gap[..., 4, 3] = 0
    >>> loss = PerceptualLoss()
    >>> float(loss(line, line)), bool(loss(gap, line) > 0)
    (0.0, True)
    """

    info: ClassVar[LossInfo] = LossInfo(
        name="perceptual",
        title="Perceptual (Mosinska)",
        departures=(
            "Filters are random unless weights are given. An odd side is pooled with "
            "its last row (ceil_mode), which the authors' network drops."
        ),
        fullgraph=True,
        ndims=(2,),
        needs_target=True,
        needs_prior=False,
        multiclass="each channel by itself",
        cost="expensive",
        minimum=0.0,
        citation="A. Mosinska et al., Beyond the Pixel-Wise Loss for Topology-Aware Delineation, "
        "CVPR 2018, arXiv 1712.02190",
        advice="Thin, line-like structures; a look at local shape and not at topology.",
    )

    def __init__(
        self,
        *,
        weights: str | Path | Mapping[str, torch.Tensor] | None = None,
        width: int = 16,
        seed: int = 0,
        **activation: Any,
    ) -> None:
        super().__init__(**activation)
        if width < 1:
            raise UserError(f"width must be at least 1, got {width}")
        self.weights = weights
        self.width = width
        self.seed = seed
        layers = _random(width, seed) if weights is None else _vgg19(weights)
        for name, (kernel, bias) in layers.items():
            # not in the state dict: a checkpoint of a training holds what was trained
            self.register_buffer(f"{name}_kernel", kernel, persistent=False)
            self.register_buffer(f"{name}_bias", bias, persistent=False)

    def per_class(
        self, input: torch.Tensor, target: torch.Tensor, prepared: Any = None
    ) -> dict[str, torch.Tensor]:
        """Return the distance at each compared layer, ``{"conv1_2": (B, C), ...}``."""
        probabilities, target = self.maps(input, target)
        batch, classes = probabilities.shape[:2]
        seen, wanted = (maps.flatten(0, 1)[:, None] for maps in (probabilities, target.detach()))
        distances = {}
        # both go through layer by layer: the target's features are needed no longer than that
        for block, name in _LAYERS.values():
            if name.endswith("_1") and block > 1:
                seen, wanted = (F.max_pool2d(x, 2, ceil_mode=True) for x in (seen, wanted))
            seen, wanted = self._layer(name, seen), self._layer(name, wanted)
            if name in _COMPARED:
                distance = (seen - wanted).float() if seen.dtype.itemsize < 4 else seen - wanted
                distances[name] = distance.square().mean((1, 2, 3)).reshape(batch, classes)
        return distances

    def _layer(self, name: str, features: torch.Tensor) -> torch.Tensor:
        kernel, bias = (self.get_buffer(f"{name}_{part}") for part in ("kernel", "bias"))
        return F.relu(F.conv2d(features, kernel.to(features), bias.to(features), padding=1))


def _random(width: int, seed: int) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """Return Gaussian filters that keep the scale of features from layer to layer (He et al.)."""
    generator = torch.Generator().manual_seed(seed)
    layers, channels = {}, 1
    for block, name in _LAYERS.values():
        out = width * 2 ** (block - 1)
        scale = math.sqrt(2 / (channels * 9))
        kernel = torch.randn((out, channels, 3, 3), generator=generator) * scale
        layers[name] = kernel, torch.zeros(out)
        channels = out
    return layers


def _vgg19(
    weights: str | Path | Mapping[str, torch.Tensor],
) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """Return the filters of a VGG-19 for one channel.

    The paper repeats a map in all three colours, which is the same as adding up the filters of the
    first layer over colours.
    """
    where = "the state dict"
    if not isinstance(weights, Mapping):
        where = str(weights)
        try:
            weights = torch.load(weights, map_location="cpu", weights_only=True)
        except (OSError, RuntimeError, pickle.UnpicklingError) as error:
            reason = str(error).splitlines()[0]
            raise UserError(f"weights {where!r} cannot be read: {reason}") from error
    layers, channels = {}, 3
    for place, (block, name) in _LAYERS.items():
        out = 64 * 2 ** (block - 1)
        pair = []
        for part, shape in (("weight", (out, channels, 3, 3)), ("bias", (out,))):
            key = f"features.{place}.{part}"
            value = weights.get(key) if isinstance(weights, Mapping) else None
            if value is None or tuple(value.shape) != shape:
                raise UserError(
                    f"{where} has no {key!r} of shape {shape}; expected the state dict of "
                    "torchvision.models.vgg19"
                )
            pair.append(value.detach().float())
        kernel, bias = pair
        layers[name] = (kernel.sum(1, keepdim=True) if channels == 3 else kernel), bias
        channels = out
    return layers
