"""The scores as metrics of MONAI and torchmetrics, for loops that speak their language.

Each wrapper only thresholds, scores case by case and keeps the values; `topoeval.metrics.score`
does the work, on the CPU.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from topoeval.errors import UnavailableError, UserError, naming_extra
from topoeval.metrics.metric import Settings
from topoeval.metrics.scores import score

with naming_extra("topoeval.metrics.wrappers"):
    import torch
    from monai.metrics import CumulativeIterationMetric

if TYPE_CHECKING:
    import torchmetrics

    TorchMetric = torchmetrics.Metric
else:
    try:
        from torchmetrics import Metric as TorchMetric
    except ImportError:  # an extra; the class below says so when it is made
        TorchMetric = torch.nn.Module

THRESHOLD = 0.5


def score_batch(
    prediction: torch.Tensor, target: torch.Tensor, column: str, settings: Settings
) -> torch.Tensor:
    """Score each channel of each image of a batch.

    Parameters
    ----------
    prediction, target
        ``(B, C, *spatial)`` of any dtype: a channel per class, foreground where the value is at
        least 0.5. Apply the sigmoid before, or one-hot encode; drop the background channel.
    column
        Name of a score (`topoeval.metrics.METRICS`).
    settings
        What the scores depend on.

    Returns
    -------
    ``(B, C)``, float32, on the device of the prediction.

    Raises
    ------
    UserError
        If the shapes differ or the column is unknown.
    """
    if prediction.shape != target.shape or prediction.ndim not in (4, 5):
        raise UserError(
            "prediction and target must have one shape (B, C, *spatial) in 2D or 3D, "
            f"got {tuple(prediction.shape)} and {tuple(target.shape)}"
        )
    masks = [(values.detach() >= THRESHOLD).cpu().numpy() for values in (prediction, target)]
    p, g = (mask.reshape(-1, *mask.shape[2:]) for mask in masks)
    values = [
        score(one, other, settings, [column])[column] for one, other in zip(p, g, strict=True)
    ]
    scores = torch.from_numpy(np.array(values, np.float32)).reshape(prediction.shape[:2])
    return scores.to(prediction.device)


class MonaiMetric(CumulativeIterationMetric):
    """A score as MONAI's `CumulativeIterationMetric`.

    Parameters
    ----------
    column
        Name of a score (`topoeval.metrics.METRICS`).
    settings
        What the scores depend on.

    Examples
    --------
    >>> metric = MonaiMetric("betti_error")
    >>> ring = torch.ones(1, 1, 3, 3)
    >>> ring[..., 1, 1] = 0
    >>> metric(y_pred=torch.ones(1, 1, 3, 3), y=ring)
    tensor([[1.]])
    >>> metric.aggregate()
    tensor(1.)
    """

    def __init__(self, column: str, settings: Settings = Settings()) -> None:  # noqa: B008
        super().__init__()
        self.column = column
        self.settings = settings

    def _compute_tensor(
        self, y_pred: torch.Tensor, y: torch.Tensor | None = None, **_: Any
    ) -> torch.Tensor:
        if y is None:
            raise UserError(f"{self.column} compares a prediction with a target; pass y")
        return score_batch(y_pred, y, self.column, self.settings)

    def aggregate(self) -> torch.Tensor:
        """Return the mean over all cases and classes so far."""
        buffer = self.get_buffer()  # type: ignore[no-untyped-call]
        if buffer is None:
            raise UserError(f"{self.column}: nothing to aggregate, no batch was scored")
        return torch.as_tensor(buffer).mean()


class TorchMetricsMetric(TorchMetric):
    """A score as a `torchmetrics.Metric`; needs the extra ``torchmetrics``.

    Parameters
    ----------
    column
        Name of a score (`topoeval.metrics.METRICS`).
    settings
        What the scores depend on.
    **options
        As `torchmetrics.Metric` takes them.

    Raises
    ------
    UnavailableError
        If torchmetrics is not installed.
    """

    full_state_update = False

    def __init__(
        self,
        column: str,
        settings: Settings = Settings(),  # noqa: B008
        **options: Any,
    ) -> None:
        if TorchMetric is torch.nn.Module:
            raise UnavailableError(
                'torchmetrics is not installed; pip install "topoeval[torchmetrics]"'
            )
        super().__init__(**options)
        self.column = column
        self.settings = settings
        # A MetricCollection lets metrics with equal states share them, so that a name must tell
        # what is scored. Sums, and no lists: a process without data has nothing to gather.
        text = repr(replace(settings, networks={}))
        key = f"{column}_{hashlib.sha256(text.encode()).hexdigest()[:16]}"
        self._sum, self._number = f"sum_{key}", f"number_{key}"
        for name in (self._sum, self._number):
            zero = torch.zeros((), dtype=torch.float64)
            self.add_state(name, default=zero, dist_reduce_fx="sum")

    def update(self, preds: torch.Tensor, target: torch.Tensor) -> None:
        """Score a batch ``(B, C, *spatial)``."""
        values = score_batch(preds, target, self.column, self.settings)
        setattr(self, self._sum, getattr(self, self._sum) + values.double().sum())
        setattr(self, self._number, getattr(self, self._number) + values.numel())

    def compute(self) -> torch.Tensor:
        """Return the mean over all cases and classes so far."""
        number = torch.as_tensor(getattr(self, self._number))
        if not number:
            raise UserError(f"{self.column}: nothing to compute, no batch was scored")
        return (torch.as_tensor(getattr(self, self._sum)) / number).float()
