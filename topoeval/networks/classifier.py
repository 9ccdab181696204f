"""A small classifier of images."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn


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
