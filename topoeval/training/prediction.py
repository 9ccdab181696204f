"""What a trained network predicts."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from topoeval.training.classes import class_maps
from topoeval.training.precision import Arithmetic, Precision
from topoeval.training.views import ALONE, Views


@dataclass(frozen=True, slots=True)
class Window:
    """Pieces in which an image is predicted: MONAI's sliding windows, blended by a Gaussian.

    Parameters
    ----------
    size
        Voxels along each side; a smaller image is padded.
    overlap
        Of neighbouring windows, as a share of the size.
    """

    size: int
    overlap: float = 0.5


@torch.no_grad()
def predict(
    network: nn.Module,
    images: torch.Tensor,
    batch_size: int = 64,
    *,
    precision: Precision = "float32",
    softmax: bool = False,
    window: Window | None = None,
    views: Views = ALONE,
) -> torch.Tensor:
    """Return ``(N, C, *spatial)`` maps in [0, 1] in float32, computed batch by batch.

    A batch has at most `batch_size` images, all views of an image counted, and at least one image.

    A class is predicted where its map is 0.5 or more: sigmoid probabilities, or, if `softmax`,
    those of exclusive classes without their background; see `topoeval.training.classes.class_maps`.
    With a `window` the logits of its pieces are blended first. The map is the mean over all
    `views` of an image, mirrored or shifted ones, at as many times the cost.
    """
    network.eval()
    arithmetic = Arithmetic(precision, images.device.type)

    def logits(batch: torch.Tensor) -> torch.Tensor:
        if window is None:
            whole: torch.Tensor = arithmetic.logits(network, batch)
            return whole
        from monai.inferers.utils import sliding_window_inference

        blended = sliding_window_inference(
            batch,
            (window.size,) * (batch.ndim - 2),
            batch_size,
            lambda pieces: arithmetic.logits(network, pieces),
            overlap=window.overlap,
            mode="gaussian",
        )
        assert isinstance(blended, torch.Tensor)  # of one output it is one tensor
        return blended

    def answered(batch: torch.Tensor) -> torch.Tensor:
        if not views:
            return class_maps(logits(batch), softmax)
        seen = torch.split(views.of(batch), batch_size)
        answers = torch.cat([class_maps(logits(some), softmax) for some in seen])
        return views.mean(answers, exclusive=softmax)

    # answers of all views are held until their mean is taken: 56 of a volume
    together = max(1, batch_size // views.count(images.ndim - 2))
    return torch.cat([answered(batch) for batch in torch.split(images, together)])
